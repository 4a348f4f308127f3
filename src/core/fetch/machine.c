#include "core/fetch/machine.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/bound.h"
#include "core/base/buf.h"
#include "core/record/view.h"

/*
 * Design notes
 * - One function for each state takes in what the driver did; each ends in exactly one enter().
 * - Every way back to LOAD passes a pause, but for the one longer lease; leases, lost swaps and the
 *   time of settling are bounded. So no store, however broken, makes this spin.
 * - What the lease, the pending outcome and the reason are is data beside the state, never a second
 *   state: see the header.
 */

#define SHORT_HOLD_MS 5000 /* a hold after an error that is shorter is waited out */
#define PAUSE_MIN_MS 10    /* before the record is looked at again; doubles */
#define PAUSE_MAX_MS 200
#define STORE_AGAIN_MS 1000 /* a store that failed is left alone so long */
#define STORE_WAIT_MS 4000  /* a refused token waits so long for a store that fails */
#define SLOW_SWAP_MS 3000   /* a swap that took longer has used up too much of its lease */
#define EXTRA_MAX_MS 30000
#define LOOK_RESERVE_MS 1000 /* between the request's deadline and the lease's end */
#define CANCEL_GRACE_MS 100  /* the transport's own time limit comes first */
#define TRIES_MAX 3
#define CONFLICTS_MAX 20
#define SERVER_JITTER_MAX_MS 5000           /* so that clients do not move together */
#define SERVER_WAIT_MAX_MS INT64_C(3600000) /* a server that says more is asked then */

static bool is_central(const struct itr_machine *m)
{
    return m->setup.origin == ITR_FROM_SERVER;
}

static bool is_memory(const struct itr_machine *m)
{
    return m->setup.origin == ITR_FROM_MEMORY;
}

static void copy_text(char *to, size_t size, const char *from)
{
    (void)snprintf(to, size, "%s", from != NULL ? from : "");
}

/* ---- state ---- */

static bool is_settling(const struct itr_machine *m)
{
    return m->state == ITR_MACHINE_SETTLE_LOAD || m->state == ITR_MACHINE_SETTLE_SWAP ||
           m->state == ITR_MACHINE_SETTLE_PAUSE;
}

/* The only place that assigns the state, so that what is true in it is checked on every change. */
static void enter(struct itr_machine *m, enum itr_machine_state state)
{
    m->state = state;
    assert(is_settling(m) == m->has_pending);
    assert(is_central(m)
               ? state == ITR_MACHINE_IDLE || state == ITR_MACHINE_PAUSE || state == ITR_MACHINE_ASK
               : state != ITR_MACHINE_ASK);
    assert((state != ITR_MACHINE_ACQUIRE && state != ITR_MACHINE_CONNECT &&
            state != ITR_MACHINE_LOOK && state != ITR_MACHINE_SEND) ||
           m->has_lease);
    assert(state != ITR_MACHINE_IDLE || !m->has_lease);
}

static void forget_reason(struct itr_machine *m)
{
    m->held_fence = 0;
    m->refused_fence = 0;
    m->asked = false;
    itr_wipe(m->held, sizeof m->held);
    itr_wipe(m->refused, sizeof m->refused);
}

static void forget_lease(struct itr_machine *m)
{
    m->has_lease = false;
    m->lease_is_unsure = false;
    itr_wipe(m->lease_refused, sizeof m->lease_refused);
}

static void forget_pending(struct itr_machine *m)
{
    m->has_pending = false;
    itr_wipe(m->pending_text, sizeof m->pending_text);
}

/* Leaves nothing of a token in memory. */
static void rest(struct itr_machine *m)
{
    forget_reason(m);
    forget_lease(m);
    forget_pending(m);
    itr_wipe(&m->record, sizeof m->record);
    itr_wipe(&m->next, sizeof m->next);
    enter(m, ITR_MACHINE_IDLE);
}

static void pause_for(struct itr_machine *m, int64_t now, int64_t ms, enum itr_machine_state state)
{
    assert(ms > 0);
    m->pause_until_mono_ms = m->ending ? now : now + ms;
    enter(m, state);
}

/* Looks again later, and each time later still; `until_ms` from now at the latest. */
static void look_later(struct itr_machine *m, int64_t now, int64_t until_ms)
{
    int64_t ms = itr_min64(m->pause_ms, until_ms);

    m->pause_ms = itr_min64(m->pause_ms * 2, PAUSE_MAX_MS);
    pause_for(m, now, ms, ITR_MACHINE_PAUSE);
}

/* ---- what the record is asked ---- */

static struct itr_record_self self_of(const struct itr_machine *m)
{
    return (struct itr_record_self){&m->setup.rules, m->name, m->last_fence, m->sent_fence};
}

static struct itr_reason reason_of(const struct itr_machine *m)
{
    struct itr_reason why = {
        .held_fence = m->held_fence, .refused_fence = m->refused_fence, .asked = m->asked};

    why.refused = m->refused[0] != '\0' ? m->refused : NULL;
    return why;
}

static void note_count(struct itr_machine *m, const struct itr_record *r)
{
    m->has_count = true;
    m->count = r->fetches;
    m->count_day = r->day;
    m->count_store_ms = m->store_now_ms;
    m->count_mono_ms = m->loaded_mono_ms;
}

/* A lease in a process's own memory that came into ours with a fork is nobody's: the parent settles
 * it in its own. Owner names end in their process's id. */
static bool is_of_a_dead_parent(const struct itr_machine *m, const char *owner)
{
    const char *dash = strrchr(owner, '-');
    char *end;

    if (!is_memory(m) || dash == NULL)
        return false;
    return strtoll(dash + 1, &end, 10) != m->pid && *end == '\0';
}

static void take_load(struct itr_machine *m, int64_t now, const struct itr_machine_done *d)
{
    m->record = *d->record;
    m->bytes_id = d->bytes_id;
    m->store_now_ms = itr_record_now(d->store_now_ms);
    m->loaded_mono_ms = now;
    if (is_of_a_dead_parent(m, m->record.owner))
        m->record.owner[0] = '\0';
    note_count(m, &m->record);
}

/* What the record just loaded says of our lease: it stands; or it is gone, unless its swap may
 * still come. */
static void find_lease(struct itr_machine *m)
{
    if (strcmp(m->record.owner, m->name) == 0) {
        m->has_lease = true;
        m->lease_is_unsure = false;
        m->lease_fence = m->record.lease_fence;
        m->lease_end_mono_ms = m->loaded_mono_ms + m->record.lease_end_ms - m->store_now_ms;
    } else if (!m->lease_is_unsure || m->bytes_id != m->lease_bytes_id) {
        forget_lease(m);
    }
}

/* ---- the result ---- */

static int64_t local_hold_ms(const struct itr_machine *m, int64_t now)
{
    return itr_max64(0, m->local_until_mono_ms - now);
}

/* The record's token as a view has it: its times may be from the future. */
static void give_token(struct itr_machine *m, const struct itr_record *r,
                       enum itr_token_origin origin)
{
    struct itr_machine_result *out = &m->result;
    struct itr_record v;

    itr_record_view(r, m->store_now_ms, &v);
    out->has_token = true;
    copy_text(out->text, sizeof out->text, v.text);
    out->fence = v.fence;
    out->times = itr_record_token_times(&v, m->store_now_ms, m->loaded_mono_ms,
                                        m->setup.rules.token_ttl_ms, m->seed);
    out->origin = origin;
    itr_wipe(&v, sizeof v);
}

/* Starts the result of this fetch. */
static struct itr_machine_result *new_result(struct itr_machine *m)
{
    assert(!m->has_result); /* it was taken, and wiped then */
    m->has_result = true;
    return &m->result;
}

/* A token that was refused, and of which the fence alone is known: is it the record's? */
static void find_refused(struct itr_machine *m)
{
    if (m->refused[0] == '\0' && m->refused_fence == m->record.fence)
        copy_text(m->refused, sizeof m->refused, m->record.text);
}

/* The best token that the record had, for want of a better one. */
static void give_known_token(struct itr_machine *m)
{
    if (m->record.fence > m->held_fence && strcmp(m->record.text, m->refused) != 0)
        give_token(m, &m->record, m->setup.origin);
}

static void new_error(struct itr_machine *m, const struct itr_error *e, int64_t retry_after_ms)
{
    struct itr_machine_result *out = new_result(m);

    out->error = *e;
    out->retry_after_ms = retry_after_ms;
    give_known_token(m);
}

static void settle(struct itr_machine *m, enum itr_record_outcome_is is, const struct itr_error *e,
                   int64_t now, enum itr_machine_then then);

/* The result is there: nothing may be left behind but a lease, which is given back. */
static void clean(struct itr_machine *m, int64_t now)
{
    struct itr_error none;

    itr_error_clear(&none);
    forget_reason(m);
    if (m->has_lease)
        settle(m, ITR_OUTCOME_NOT_SENT, &none, now, ITR_MACHINE_REST);
    else
        rest(m);
}

static void give_error(struct itr_machine *m, int64_t now, const struct itr_error *e,
                       int64_t retry_after_ms)
{
    new_error(m, e, retry_after_ms);
    clean(m, now);
}

static void give_end(struct itr_machine *m, int64_t now)
{
    struct itr_error e;

    (void)itr_error_set(&e, ITR_TIMEOUT, "the process ends");
    give_error(m, now, &e, STORE_AGAIN_MS);
}

static void give_store(struct itr_machine *m, int64_t now, const char *text)
{
    struct itr_error e;

    (void)itr_error_set(&e, ITR_STORE, "%s", text);
    give_error(m, now, &e, STORE_AGAIN_MS);
}

/* ---- settling ---- */

static void settle(struct itr_machine *m, enum itr_record_outcome_is is, const struct itr_error *e,
                   int64_t now, enum itr_machine_then then)
{
    assert(m->has_lease);
    m->has_pending = true;
    m->pending = is;
    m->pending_error = *e;
    m->answered_mono_ms = now;
    m->then = then;
    m->conflicts = 0;
    m->pause_ms = PAUSE_MIN_MS;
    enter(m, ITR_MACHINE_SETTLE_LOAD);
}

static void settle_unsent(struct itr_machine *m, int64_t now, enum itr_status kind,
                          const char *text, enum itr_machine_then then)
{
    struct itr_error e;

    (void)itr_error_set(&e, kind, "%s", text);
    settle(m, ITR_OUTCOME_NOT_SENT, &e, now, then);
}

static enum itr_record_settled settle_in(struct itr_machine *m, const struct itr_record *r)
{
    struct itr_record_self self = self_of(m);
    struct itr_record_outcome o = {0};

    o.is = m->pending;
    o.text = m->pending_text;
    o.error = m->pending_error;
    o.after_refusal = m->lease_refused[0] != '\0';
    o.asked = m->lease_asked;
    o.age_ms = itr_max64(0, m->loaded_mono_ms - m->answered_mono_ms);
    return itr_record_settle(r, m->store_now_ms, &self, m->lease_fence, &o, &m->next);
}

/* How long the record holds the next fetch back. */
static int64_t held_ms(const struct itr_machine *m, const struct itr_record *r)
{
    struct itr_record_self self = self_of(m);
    struct itr_reason why = reason_of(m);
    struct itr_error e;

    return itr_record_held_until(r, m->store_now_ms, &self, &why, &e) - m->store_now_ms;
}

/* The result of the pending outcome; r: the record it was stored in. */
static void new_outcome_result(struct itr_machine *m, int64_t now, const struct itr_record *r)
{
    if (m->pending == ITR_OUTCOME_TOKEN) {
        (void)new_result(m);
        give_token(m, r, ITR_FROM_GATEWAY);
    } else {
        new_error(m, &m->pending_error, itr_max64(held_ms(m, r), local_hold_ms(m, now)));
    }
}

/* The same, and it could not be stored: as the record known last would have it, in which our lease
 * stands, or nobody's. */
static void new_unsettled_result(struct itr_machine *m, int64_t now)
{
    enum itr_record_settled settled;

    if (m->pending != ITR_OUTCOME_TOKEN) {
        new_error(m, &m->pending_error, itr_max64(STORE_AGAIN_MS, local_hold_ms(m, now)));
        return;
    }
    settled = settle_in(m, &m->record);
    assert(settled == ITR_SETTLED);
    (void)settled;
    (void)new_result(m);
    give_token(m, &m->next, ITR_FROM_GATEWAY);
}

static void go_on(struct itr_machine *m, int64_t now, enum itr_machine_then then)
{
    if (then == ITR_MACHINE_REST)
        rest(m);
    else
        look_later(m, now, PAUSE_MAX_MS);
}

static void settled(struct itr_machine *m, int64_t now, const struct itr_record *r)
{
    enum itr_machine_then then = m->then;

    note_count(m, r);
    if (then == ITR_MACHINE_GIVE)
        new_outcome_result(m, now, r);
    forget_pending(m);
    forget_lease(m);
    if (then == ITR_MACHINE_GIVE)
        clean(m, now);
    else
        go_on(m, now, then);
}

/* Another's lease or a higher fence stands there: ours counts for nothing any more. */
static void dropped(struct itr_machine *m, int64_t now)
{
    forget_pending(m);
    forget_lease(m);
    go_on(m, now, m->then);
}

/* Nothing is to be gained by storing the outcome from here on. */
static bool pending_is_over(const struct itr_machine *m, int64_t now)
{
    if (m->pending == ITR_OUTCOME_TOKEN)
        return now >= m->answered_mono_ms + m->setup.rules.token_ttl_ms;
    return now >= m->lease_end_mono_ms;
}

/* The result is given; storing is tried again. */
static void settle_behind(struct itr_machine *m, int64_t now)
{
    m->then = ITR_MACHINE_REST;
    forget_reason(m);
    if (m->ending || pending_is_over(m, now))
        rest(m);
    else
        pause_for(m, now, STORE_AGAIN_MS, ITR_MACHINE_SETTLE_PAUSE);
}

/* Nothing can be done without the store, but a refused token is worth a little patience. */
static bool waits_for_store(const struct itr_machine *m, int64_t now)
{
    return m->refused[0] != '\0' && now - m->began_mono_ms < STORE_WAIT_MS && !m->ending;
}

static void settle_failed(struct itr_machine *m, int64_t now, const struct itr_error *e)
{
    if (m->then == ITR_MACHINE_DECIDE && waits_for_store(m, now)) {
        pause_for(m, now, STORE_AGAIN_MS, ITR_MACHINE_SETTLE_PAUSE);
        return;
    }
    if (m->then == ITR_MACHINE_GIVE)
        new_unsettled_result(m, now);
    else if (m->then == ITR_MACHINE_DECIDE)
        new_error(m, e, STORE_AGAIN_MS);
    settle_behind(m, now);
}

/* Nothing of ours is in the record; the swap that was lost may still put it there. */
static void settled_unsure(struct itr_machine *m, int64_t now)
{
    assert(m->then != ITR_MACHINE_GIVE); /* nothing can be sent under such a lease */
    if (m->then == ITR_MACHINE_DECIDE) { /* decide knows a lease of our name */
        forget_pending(m);
        look_later(m, now, PAUSE_MAX_MS);
        return;
    }
    settle_behind(m, now);
}

static void on_settle_load(struct itr_machine *m, int64_t now, const struct itr_machine_done *d)
{
    if (d->is == ITR_DONE_LOAD_FAILED) {
        settle_failed(m, now, d->error);
        return;
    }
    take_load(m, now, d);
    switch (settle_in(m, &m->record)) {
    case ITR_NOT_OURS:
        dropped(m, now);
        break;
    case ITR_SETTLED:
        enter(m, ITR_MACHINE_SETTLE_SWAP);
        break;
    case ITR_SETTLED_BEFORE:
        if (m->lease_is_unsure && m->bytes_id == m->lease_bytes_id)
            settled_unsure(m, now);
        else
            settled(m, now, &m->record);
        break;
    }
}

static void on_settle_swap(struct itr_machine *m, int64_t now, const struct itr_machine_done *d)
{
    struct itr_error busy;

    switch (d->is) {
    case ITR_DONE_SWAPPED:
        settled(m, now, &m->next);
        break;
    case ITR_DONE_CONFLICT:
        if (++m->conflicts < CONFLICTS_MAX) {
            pause_for(m, now, itr_min64(INT64_C(1) << (m->conflicts - 1), PAUSE_MAX_MS),
                      ITR_MACHINE_SETTLE_PAUSE);
            break;
        }
        m->conflicts = 0;
        (void)itr_error_set(&busy, ITR_STORE,
                            "the token store is too busy: others changed the "
                            "record each time before we could");
        settle_failed(m, now, &busy);
        break;
    default:
        settle_failed(m, now, d->error);
        break;
    }
}

/* ---- deciding ---- */

static void store_failed(struct itr_machine *m, int64_t now, const struct itr_error *e)
{
    if (waits_for_store(m, now))
        pause_for(m, now, STORE_AGAIN_MS, ITR_MACHINE_PAUSE);
    else if (m->ending)
        give_end(m, now);
    else
        give_error(m, now, e, STORE_AGAIN_MS);
}

/* Waited out if it is short and comes of an error, else the result. */
static void hold(struct itr_machine *m, int64_t now, const struct itr_error *e, int64_t ms)
{
    if (e->kind != ITR_OK && ms < SHORT_HOLD_MS && m->tries == 0)
        look_later(m, now, ms);
    else
        give_error(m, now, e, ms);
}

static void acquire(struct itr_machine *m, int64_t now, const struct itr_record *next)
{
    m->next = *next;
    m->has_lease = true;
    m->lease_fence = next->lease_fence;
    m->last_fence = next->lease_fence;
    m->lease_bytes_id = m->bytes_id;
    m->lease_end_mono_ms = m->loaded_mono_ms + next->lease_end_ms - m->store_now_ms;
    m->acquire_mono_ms = now;
    copy_text(m->lease_refused, sizeof m->lease_refused, m->refused);
    m->lease_asked = m->asked;
    enter(m, ITR_MACHINE_ACQUIRE);
}

static void may_acquire(struct itr_machine *m, int64_t now, const struct itr_record *next)
{
    int64_t left = local_hold_ms(m, now);

    if (left > 0)
        hold(m, now, &m->local_error, left);
    else if (m->tries >= TRIES_MAX)
        give_store(m, now, "the token store does not keep what is written to it, or is too slow");
    else
        acquire(m, now, next);
}

static void on_load(struct itr_machine *m, int64_t now, const struct itr_machine_done *d)
{
    struct itr_record_self self = self_of(m);
    struct itr_reason why;
    struct itr_record_verdict v;

    if (d->is == ITR_DONE_LOAD_FAILED) {
        store_failed(m, now, d->error);
        return;
    }
    take_load(m, now, d);
    find_lease(m);
    if (m->ending) {
        give_end(m, now);
        return;
    }
    find_refused(m);
    why = reason_of(m);
    itr_record_decide(&m->record, m->store_now_ms, &self, &why, &v);
    switch (v.is) {
    case ITR_VERDICT_TAKE:
        (void)new_result(m);
        give_token(m, &m->record, m->setup.origin);
        clean(m, now);
        break;
    case ITR_VERDICT_WAIT:
        look_later(m, now, v.until_ms - m->store_now_ms);
        break;
    case ITR_VERDICT_HOLD:
        hold(m, now, &v.error, v.until_ms - m->store_now_ms);
        break;
    case ITR_VERDICT_ACQUIRE:
        may_acquire(m, now, &v.next);
        break;
    }
    itr_wipe(&v.next, sizeof v.next);
}

/* ---- the lease and the request ---- */

/* The lease is in the record. A slow store has used up too much of it: it is taken once more, and
 * longer. */
static void acquired(struct itr_machine *m, int64_t now)
{
    int64_t took_ms = now - m->acquire_mono_ms;

    m->conflicts = 0;
    m->lease_is_unsure = false;
    note_count(m, &m->next);
    if (m->ending) {
        settle_unsent(m, now, ITR_TIMEOUT, "the process ends", ITR_MACHINE_GIVE);
    } else if (took_ms > SLOW_SWAP_MS && !m->took_longer) {
        m->took_longer = true;
        m->setup.rules.lease_ms -= m->extra_ms;
        m->extra_ms = itr_min64(took_ms, EXTRA_MAX_MS);
        m->setup.rules.lease_ms += m->extra_ms;
        enter(m, ITR_MACHINE_LOAD);
    } else {
        m->tries++;
        m->deadline_mono_ms = now + m->setup.token_timeout_ms;
        enter(m, ITR_MACHINE_CONNECT);
    }
}

static void on_acquire(struct itr_machine *m, int64_t now, uint64_t random,
                       const struct itr_machine_done *d)
{
    switch (d->is) {
    case ITR_DONE_SWAPPED:
        acquired(m, now);
        break;
    case ITR_DONE_CONFLICT:
        forget_lease(m);
        if (++m->conflicts >= CONFLICTS_MAX)
            give_store(m, now,
                       "the token store is too busy: others changed the record each time "
                       "before we could");
        else
            look_later(m, now, PAUSE_MIN_MS + (int64_t)(random % (uint64_t)m->pause_ms));
        break;
    default:
        m->lease_is_unsure = true;
        store_failed(m, now, d->error);
        break;
    }
}

static void note_local(struct itr_machine *m, int64_t now, uint64_t random,
                       const struct itr_error *e)
{
    m->local_failures++;
    m->local_until_mono_ms = now + itr_record_backoff_ms(m->local_failures, random);
    m->local_error = *e;
}

static void note_no_local(struct itr_machine *m)
{
    m->local_failures = 0;
    m->local_until_mono_ms = 0;
}

/* The request has ended, with whatever outcome. */
static void answered(struct itr_machine *m, int64_t now, uint64_t random,
                     const struct itr_record_outcome *o)
{
    if (o->is == ITR_OUTCOME_NOT_SENT) {
        m->sent_fence = 0;
        if (m->ending) {
            settle_unsent(m, now, ITR_TIMEOUT, "the process ends", ITR_MACHINE_GIVE);
            return;
        }
        note_local(m, now, random, &o->error);
    } else {
        note_no_local(m);
    }
    copy_text(m->pending_text, sizeof m->pending_text, o->is == ITR_OUTCOME_TOKEN ? o->text : NULL);
    settle(m, o->is, &o->error, now, ITR_MACHINE_GIVE);
}

/* The next byte would be the request's first. */
static void connected(struct itr_machine *m, int64_t now)
{
    if (m->ending)
        settle_unsent(m, now, ITR_TIMEOUT, "the process ends", ITR_MACHINE_GIVE);
    else
        enter(m, ITR_MACHINE_LOOK);
}

static void on_connect(struct itr_machine *m, int64_t now, uint64_t random,
                       const struct itr_machine_done *d)
{
    if (d->is == ITR_DONE_ANSWERED)
        answered(m, now, random, d->outcome);
    else
        connected(m, now);
}

/* Connected again: the gateway refused the request unread, and it is to be sent once more. */
static void on_send(struct itr_machine *m, int64_t now, uint64_t random,
                    const struct itr_machine_done *d)
{
    if (d->is == ITR_DONE_ANSWERED) {
        answered(m, now, random, d->outcome);
        return;
    }
    m->sent_fence = 0;
    connected(m, now);
}

/* The last moment at which the gateway may be left alone: what the request's deadline leaves of the
 * lease is counted from before the load, so it is never less. */
static void look_says_ours(struct itr_machine *m, int64_t now, int64_t called_mono_ms)
{
    int64_t lease_left_ms = m->record.lease_end_ms - m->store_now_ms;

    m->deadline_mono_ms =
        itr_min64(m->deadline_mono_ms, called_mono_ms + lease_left_ms - LOOK_RESERVE_MS);
    if (m->deadline_mono_ms <= now) {
        settle_unsent(m, now, ITR_STORE, "the token store is too slow", ITR_MACHINE_DECIDE);
        return;
    }
    m->sent_fence = m->lease_fence;
    enter(m, ITR_MACHINE_SEND);
}

static void on_look(struct itr_machine *m, int64_t now, const struct itr_machine_done *d)
{
    if (d->is == ITR_DONE_LOAD_FAILED) {
        settle(m, ITR_OUTCOME_NOT_SENT, d->error, now,
               waits_for_store(m, now) ? ITR_MACHINE_DECIDE : ITR_MACHINE_GIVE);
        return;
    }
    take_load(m, now, d);
    if (m->ending) {
        settle_unsent(m, now, ITR_TIMEOUT, "the process ends", ITR_MACHINE_GIVE);
    } else if (itr_record_lease_stands(&m->record, m->store_now_ms, m->name, m->lease_fence)) {
        look_says_ours(m, now, d->called_mono_ms);
    } else {
        find_lease(m);
        look_later(m, now, PAUSE_MAX_MS);
    }
}

/* ---- the central server ---- */

static void may_ask(struct itr_machine *m, int64_t now)
{
    int64_t left = local_hold_ms(m, now);

    if (m->ending) {
        give_end(m, now);
    } else if (left >= SHORT_HOLD_MS) {
        give_error(m, now, &m->local_error, left);
    } else if (left > 0) {
        pause_for(m, now, left, ITR_MACHINE_PAUSE);
    } else {
        m->deadline_mono_ms = now + m->setup.token_timeout_ms;
        m->ask_tells_refused = m->refused[0] != '\0';
        enter(m, ITR_MACHINE_ASK);
    }
}

/* Refresh comes a little later than the server's own, at most half the way from there to the end.
 */
static struct itr_token_times served_times(const struct itr_machine *m, int64_t now,
                                           uint64_t random, const struct itr_server_grant *g)
{
    int64_t life_ms = itr_min64(g->expires_in_ms, m->setup.rules.token_ttl_ms);
    int64_t refresh_ms = itr_min64(g->refresh_in_ms, life_ms);
    int64_t jitter_ms = itr_min64(SERVER_JITTER_MAX_MS, (life_ms - refresh_ms) / 2);

    refresh_ms += (int64_t)(random % (uint64_t)(jitter_ms + 1));
    return (struct itr_token_times){now, now + refresh_ms, now + life_ms};
}

static void served_token(struct itr_machine *m, int64_t now, uint64_t random,
                         const struct itr_machine_done *d)
{
    struct itr_machine_result *out = new_result(m);

    out->has_token = true;
    copy_text(out->text, sizeof out->text, d->text);
    out->fence = d->grant->fence;
    out->times = served_times(m, now, random, d->grant);
    out->origin = ITR_FROM_SERVER;
    clean(m, now);
}

static void on_ask(struct itr_machine *m, int64_t now, uint64_t random,
                   const struct itr_machine_done *d)
{
    struct itr_error e;

    if (d->grant == NULL && m->ending) {
        give_end(m, now);
    } else if (d->grant == NULL) {
        note_local(m, now, random, d->error);
        if (d->server_wait_ms >= 0)
            m->local_until_mono_ms = now + itr_min64(d->server_wait_ms, SERVER_WAIT_MAX_MS);
        give_error(m, now, d->error, local_hold_ms(m, now));
    } else if (m->refused[0] != '\0' && d->grant->fence <= m->refused_fence &&
               !m->ask_tells_refused) {
        may_ask(m, now); /* the refusal came after the server was asked */
    } else if (m->refused[0] != '\0' && strcmp(d->text, m->refused) == 0) {
        note_no_local(m);
        (void)itr_error_set(&e, ITR_TOKEN,
                            "the gateway rejected the token, and the token server %.120s has no "
                            "newer one",
                            m->setup.server);
        give_error(m, now, &e, SHORT_HOLD_MS);
    } else {
        note_no_local(m);
        served_token(m, now, random, d);
    }
}

/* ---- events ---- */

void itr_machine_on(struct itr_machine *m, int64_t now_mono_ms, uint64_t random,
                    const struct itr_machine_done *done)
{
    if (done->is == ITR_DONE_NO_DRIVER) {
        give_error(m, now_mono_ms, done->error, 0);
        return;
    }
    switch (m->state) {
    case ITR_MACHINE_LOAD:
        on_load(m, now_mono_ms, done);
        break;
    case ITR_MACHINE_PAUSE:
        if (is_central(m))
            may_ask(m, now_mono_ms);
        else if (m->ending)
            give_end(m, now_mono_ms);
        else
            enter(m, ITR_MACHINE_LOAD);
        break;
    case ITR_MACHINE_ACQUIRE:
        on_acquire(m, now_mono_ms, random, done);
        break;
    case ITR_MACHINE_CONNECT:
        on_connect(m, now_mono_ms, random, done);
        break;
    case ITR_MACHINE_LOOK:
        on_look(m, now_mono_ms, done);
        break;
    case ITR_MACHINE_SEND:
        on_send(m, now_mono_ms, random, done);
        break;
    case ITR_MACHINE_SETTLE_LOAD:
        on_settle_load(m, now_mono_ms, done);
        break;
    case ITR_MACHINE_SETTLE_SWAP:
        on_settle_swap(m, now_mono_ms, done);
        break;
    case ITR_MACHINE_SETTLE_PAUSE:
        enter(m, ITR_MACHINE_SETTLE_LOAD);
        break;
    case ITR_MACHINE_ASK:
        on_ask(m, now_mono_ms, random, done);
        break;
    case ITR_MACHINE_IDLE:
        assert(false);
        break;
    }
}

static void merge(struct itr_machine *m, const struct itr_reason *why)
{
    m->held_fence = why->held_fence;
    copy_text(m->held, sizeof m->held, why->held);
    m->asked |= why->asked;
    if (why->refused != NULL) {
        copy_text(m->refused, sizeof m->refused, why->refused);
        m->refused_fence = why->refused_fence;
    } else if (m->refused[0] == '\0' && why->refused_fence != 0) {
        m->refused_fence = why->refused_fence;
    }
}

void itr_machine_begin(struct itr_machine *m, int64_t now_mono_ms, const struct itr_reason *why)
{
    bool is_new = m->state == ITR_MACHINE_IDLE || (is_settling(m) && m->then == ITR_MACHINE_REST);

    merge(m, why);
    if (!is_new)
        return;
    m->began_mono_ms = now_mono_ms;
    m->tries = 0;
    m->took_longer = false;
    if (is_settling(m)) {
        m->then = ITR_MACHINE_DECIDE;
        if (m->state == ITR_MACHINE_SETTLE_PAUSE)
            m->pause_until_mono_ms = now_mono_ms;
        return;
    }
    m->conflicts = 0;
    m->pause_ms = PAUSE_MIN_MS;
    m->pause_until_mono_ms = now_mono_ms;
    enter(m, is_central(m) || m->ending ? ITR_MACHINE_PAUSE : ITR_MACHINE_LOAD);
}

void itr_machine_end(struct itr_machine *m, int64_t now_mono_ms)
{
    m->ending = true;
    m->pause_until_mono_ms = now_mono_ms;
}

bool itr_machine_take_result(struct itr_machine *m, struct itr_machine_result *out)
{
    if (!m->has_result)
        return false;
    *out = m->result;
    m->has_result = false;
    itr_wipe(&m->result, sizeof m->result);
    return true;
}

/* ---- questions ---- */

bool itr_machine_cancels(const struct itr_machine *m, int64_t now_mono_ms)
{
    switch (m->state) {
    case ITR_MACHINE_CONNECT:
    case ITR_MACHINE_ASK:
        return m->ending;
    case ITR_MACHINE_SEND:
        return (m->ending && is_memory(m)) || now_mono_ms >= m->deadline_mono_ms + CANCEL_GRACE_MS;
    default:
        return false;
    }
}

bool itr_machine_is_owed(const struct itr_machine *m, int64_t now_mono_ms)
{
    return m->has_lease && !is_memory(m) && now_mono_ms < m->lease_end_mono_ms;
}

void itr_machine_note_count(struct itr_machine *m, const struct itr_record *view,
                            int64_t store_now_ms, int64_t now_mono_ms)
{
    m->has_count = true;
    m->count = view->fetches;
    m->count_day = view->day;
    m->count_store_ms = store_now_ms;
    m->count_mono_ms = now_mono_ms;
}

int64_t itr_machine_fetches_today(const struct itr_machine *m, int64_t now_mono_ms)
{
    int64_t store_now_ms = m->count_store_ms + now_mono_ms - m->count_mono_ms;

    if (is_central(m))
        return -1;
    return m->has_count && m->count_day == itr_record_day(store_now_ms) ? m->count : 0;
}

const char *itr_machine_state_name(enum itr_machine_state s)
{
    static const char *const names[] = {"idle",        "load",         "pause", "acquire",
                                        "connect",     "look",         "send",  "settle_load",
                                        "settle_swap", "settle_pause", "ask"};

    return (size_t)s < sizeof names / sizeof names[0] ? names[s] : "?";
}

/* ---- lifetime ---- */

static void start_over(struct itr_machine *m, uint64_t random, int64_t pid)
{
    struct itr_machine_setup setup = m->setup;

    setup.rules.lease_ms -= m->extra_ms;
    itr_machine_init(m, &setup, random, pid);
}

void itr_machine_init(struct itr_machine *m, const struct itr_machine_setup *setup, uint64_t random,
                      int64_t pid)
{
    struct itr_machine_setup kept = *setup;

    memset(m, 0, sizeof *m);
    m->setup = kept;
    m->pid = pid;
    m->seed = random;
    (void)snprintf(m->name, sizeof m->name, "%016" PRIx64 "-%" PRId64, random, pid);
    enter(m, ITR_MACHINE_IDLE);
}

void itr_machine_fork(struct itr_machine *m, uint64_t random, int64_t pid)
{
    itr_machine_clear(m);
    start_over(m, random, pid);
}

void itr_machine_clear(struct itr_machine *m)
{
    itr_wipe(&m->record, sizeof m->record);
    itr_wipe(&m->next, sizeof m->next);
    itr_wipe(m->pending_text, sizeof m->pending_text);
    itr_wipe(m->held, sizeof m->held);
    itr_wipe(m->refused, sizeof m->refused);
    itr_wipe(m->lease_refused, sizeof m->lease_refused);
    itr_wipe(&m->result, sizeof m->result);
}
