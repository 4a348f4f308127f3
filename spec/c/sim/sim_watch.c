#include "sim/sim_watch.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/bound.h"
#include "core/record/sound.h"
#include "core/record/view.h"
#include "sim/sim_chaos.h"
#include "sim/sim_world.h"

#define LEASE_MAX_MS (660 * SIM_SECOND)  /* the longest that any record may hold */
#define LEASE_EXTRA_MS (40 * SIM_SECOND) /* more than token_timeout: at most */
#define BORN_LATE_MS 1500
#define ACCESSES_MAX 60
#define PAUSE_MAX_MS SIM_SECOND           /* P6: a fetch pauses, */
#define HELD_BACK_MAX_MS (5 * SIM_SECOND) /* ... one that asks a central server, */
#define NETWORK_MAX_MS 400 /* ... a call is on its way to the gateway and back, twice, */
#define FETCH_EXTRA_MS (10 * SIM_SECOND)  /* ... and a fetch pauses and uses the store, in all */
#define RECOVERY_MS SIM_HOUR              /* P10, after the last fault */
#define RECOVERY_LIMIT_MS (30 * SIM_HOUR) /* where a daily limit may be used up */
#define LIMIT_ENOUGH 24                   /* P4b: such a daily limit is not used up by failures */
#define LIMIT_ENOUGH_SAME 36              /* ... where the gateway gives a living token again */

void sim_book_clear(struct sim_book *b)
{
    struct sim_lease *l;

    while ((l = b->leases) != NULL) {
        b->leases = l->next;
        free(l);
    }
}

void sim_watch_break(struct sim_world *w, const char *fmt, ...)
{
    va_list args;

    if (w->watch.broken[0] != '\0')
        return; /* the first counts */
    va_start(args, fmt);
    (void)vsnprintf(w->watch.broken, sizeof w->watch.broken, fmt, args);
    va_end(args);
}

/* ---- reasons to fetch, and excuses ---- */

void sim_watch_reason(struct sim_store *s)
{
    s->book.quiet_until_ms = 0;
}

void sim_watch_fault(struct sim_world *w)
{
    struct itr_list *n;

    w->watch.trouble_ms = w->now_ms;
    sim_watch_reason(&w->store);
    for (n = itr_list_first(&w->stores); n != NULL; n = itr_list_next(&w->stores, n))
        sim_watch_reason(&ITR_CONTAINER(n, struct sim_private_store, node)->store);
}

void sim_watch_hit(struct sim_process *p)
{
    struct sim_lease *l;

    sim_watch_fault(p->world);
    for (l = p->store->book.leases; l != NULL && l->life == p->life && l->process == p; l = l->next)
        l->hit = true;
}

static bool upset_since(const struct sim_store *s, const struct sim_lease *l)
{
    return s->upsets != l->upsets;
}

static bool is_private(const struct sim_process *p)
{
    return p->store != &p->world->store;
}

/* ---- the count: P2, P4 ---- */

/* What old's count must become by what happened to the leases. A fetch counts on the day of its
 * lease; settled on a later one, there too. */
static void check_count(struct sim_world *w, struct sim_store *s, const char *owner,
                        const struct itr_record *old, const struct itr_record *next)
{
    const struct sim_lease *l = s->book.current; /* what stood in old */
    bool is_own = l != NULL && strcmp(old->owner, owner) == 0;
    bool is_acquired = next->owner[0] != '\0';
    bool is_counted = l != NULL && old->day == next->day; /* in what next's count began with */
    int expected = old->day == next->day ? old->fetches : 0;

    if (is_acquired)
        expected += is_own && is_counted && !l->sent ? 0 : 1;
    else if (is_own && next->lease_fence == old->lease_fence)
        expected += l->sent == is_counted ? 0 : l->sent ? 1 : -1;
    else
        expected = -1; /* the store forgot: what was sent is counted, if it is new there */
    if (expected >= 0 && next->fetches != expected)
        sim_watch_break(w, "P2: %d fetches are counted, not %d", next->fetches, expected);
}

/* A lease is gone that nobody settled. */
static void lapse(struct sim_world *w, struct sim_store *s, struct sim_lease *l)
{
    bool excused = l->hit || l->late || s->troubles != l->troubles || s != &w->store;

    l->over = true;
    if (l->sent)
        return;
    w->watch.wasted++;
    if (!excused)
        sim_watch_break(w, "P2: the lease %" PRIu64 " of %d lapsed unsent, for no cause", l->fence,
                        l->process->id);
}

static void check_limit(struct sim_process *p, const struct sim_lease *l)
{
    struct sim_book *b = &p->store->book;
    int64_t limit = p->habits.setup.rules.daily_limit;

    if (l->day != b->day) {
        b->day = l->day;
        b->sent_today = 0;
        b->upsets = p->store->upsets;
    }
    b->sent_today++;
    if (limit > 0 && b->upsets == p->store->upsets && b->sent_today > limit)
        sim_watch_break(p->world, "P4: %d requests on one day", b->sent_today);
}

/* ---- the lease: P1c, P2 ---- */

/* A token of p that came and is still to be stored: nobody has fetched since, and it is good. */
static bool has_unstored(const struct sim_process *p, const struct itr_record *old)
{
    return p->unstored != 0 && old->fence < p->unstored_fence &&
           old->lease_fence <= p->unstored_fence && p->world->now_ms < p->unstored_until_ms &&
           p->store->upsets == 0;
}

static void acquire(struct sim_world *w, struct sim_store *s, struct sim_process *p, uint64_t life,
                    const struct itr_record *old, const struct itr_record *next)
{
    struct sim_lease *l = calloc(1, sizeof *l);

    if (l == NULL)
        abort();
    if (p->life == life && has_unstored(p, old))
        sim_watch_break(w, "P1d: %d fetches beside a token that is still to be stored", p->id);
    if (next->lease_fence <= s->book.highest && s->upsets == 0)
        sim_watch_break(w, "P2: the fence %" PRIu64 " is used again", next->lease_fence);
    if (next->lease_end_ms > sim_store_now(s, w->now_ms) + LEASE_MAX_MS && s->upsets == 0)
        sim_watch_break(w, "P5: the lease of %d is too long", p->id);
    l->process = p;
    l->life = life;
    l->fence = next->lease_fence;
    l->end_ms = next->lease_end_ms;
    l->day = next->day;
    l->in_past = itr_max64(s->past_until_ms, s->emptied_ms) + 10 * SIM_SECOND > w->now_ms;
    /* Begun in the future: the clock was stepped between the load and this swap. */
    l->upsets = next->lease_begin_ms > sim_store_now(s, w->now_ms) ? -1 : s->upsets;
    l->troubles = s->troubles;
    l->hit = p->life != life || p->stopped_until_ms + SIM_MINUTE > w->now_ms ||
             s->slow_until_ms > w->now_ms;
    l->next = s->book.leases;
    s->book.leases = s->book.current = l;
    s->book.highest = (uint64_t)itr_max64((int64_t)s->book.highest, (int64_t)l->fence);
}

static void check_lease(struct sim_world *w, struct sim_store *s, struct sim_process *p,
                        uint64_t life, const char *owner, const struct itr_record *old,
                        const struct itr_record *next)
{
    struct sim_lease *l = s->book.current;
    int64_t left = old->lease_end_ms - sim_store_now(s, w->now_ms);
    bool is_own = strcmp(old->owner, owner) == 0;

    if (l != NULL && !is_own && s == &w->store && left > 0 && left <= LEASE_MAX_MS &&
        !upset_since(s, l))
        sim_watch_break(w, "P1c: %d replaced the lease of %d before its end", p->id,
                        l->process->id);
    if (l != NULL && !is_own)
        lapse(w, s, l);
    else if (l != NULL)
        l->over = true;
    s->book.current = NULL;
    if (next->owner[0] != '\0')
        acquire(w, s, p, life, old, next);
    else if (!upset_since(s, &(struct sim_lease){.upsets = 0}) && !is_own)
        sim_watch_break(w, "P2: %d settled a lease that did not stand", p->id);
}

/* ---- the token: P3, P7 ---- */

static struct sim_lease *lease_of(struct sim_store *s, uint64_t fence)
{
    struct sim_lease *l = s->book.leases;

    while (l != NULL && l->fence != fence)
        l = l->next;
    return l;
}

static void check_token(struct sim_world *w, struct sim_store *s, const struct itr_record *old,
                        const struct itr_record *next)
{
    size_t before = sim_gateway_serial(old->text), after = sim_gateway_serial(next->text);
    bool is_ordered = s->upsets == 0 && s == &w->store;
    const struct sim_lease *l;

    if (before != 0 && after == 0)
        sim_watch_break(w, "P3: the record lost its token");
    if (is_ordered && after < before)
        sim_watch_break(w, "P3: the older token %zu replaced %zu", after, before);
    /* Where there is no higher one, all begins anew. */
    if (old->lease_fence < ITR_RECORD_FENCE_MAX &&
        (next->fence < old->fence || next->lease_fence < old->lease_fence))
        sim_watch_break(w, "P3: fence %" PRIu64 " replaced %" PRIu64, next->fence, old->fence);
    if (next->fence == old->fence || (l = lease_of(s, next->fence)) == NULL)
        return;
    if (l->answered_ms == 0)
        sim_watch_break(w, "P3: a token is stored that never came");
    if (next->born_ms > l->answered_ms + s->stepped_ms + BORN_LATE_MS && s->upsets == 0)
        sim_watch_break(w, "P7: a token was born %d ms after its answer came",
                        (int)(next->born_ms - l->answered_ms - s->stepped_ms));
    if (after == l->process->unstored)
        l->process->unstored = 0;
}

/* Somebody whose token is not older by its fence will not take this one. */
static bool is_anybody_ahead(const struct sim_world *w, uint64_t fence)
{
    int i;

    for (i = 0; i < w->options.processes; i++) {
        const struct itr_token *t = w->processes[i].state.cache.token;

        if (t != NULL && t->fence >= fence)
            return true;
    }
    return false;
}

/* A token came into the record: before the first process finds it due, nothing is a reason. */
static void be_quiet(struct sim_world *w, struct sim_store *s, const struct itr_record *r)
{
    int64_t jitter_ms = r->refresh_ms < r->end_ms ? (r->end_ms - r->refresh_ms) / 6 + 1 : 0;
    int64_t left = r->refresh_ms - jitter_ms - sim_store_now(s, w->now_ms);
    bool is_good = sim_gateway_accepts(&w->gateway, w->now_ms, sim_gateway_serial(r->text));
    int i;

    for (i = 0; i < w->options.processes; i++) {
        const struct sim_habits *h = &w->processes[i].habits;

        left = w->processes[i].doubted || w->processes[i].asked
                   ? 0
                   : itr_min64(left, h->setup.rules.token_ttl_ms);
    }
    s->book.quiet_until_ms = is_good && left > 0 && s->upsets == 0 && !is_anybody_ahead(w, r->fence)
                                 ? w->now_ms + left
                                 : 0;
}

void sim_watch_swapped(struct sim_world *w, struct sim_store *s, struct sim_process *p,
                       uint64_t life, bool late, const char *owner, const struct itr_record *old,
                       const struct itr_record *next)
{
    SIM_TRACE(w, "store: %d: fence %" PRIu64 "->%" PRIu64 ", owner %s, %d fetches, token %s", p->id,
              old->lease_fence, next->lease_fence, next->owner, next->fetches, next->text);
    check_count(w, s, owner, old, next);
    check_lease(w, s, p, life, owner, old, next);
    if (s->book.current != NULL)
        s->book.current->late = late;
    check_token(w, s, old, next);
    if (next->fence != old->fence)
        be_quiet(w, s, next);
}

/* ---- requests: P1 ---- */

struct sim_lease *sim_watch_sends(struct sim_process *p)
{
    struct sim_world *w = p->world;
    struct sim_store *s = p->store;
    int64_t now = sim_store_now(s, w->now_ms);
    struct sim_lease *l = lease_of(s, p->state.machine.lease_fence), *stands = s->book.current;

    if (l == NULL || l->process != p || l->life != p->life) {
        sim_watch_break(w, "P1: %d asks the gateway without a lease", p->id);
        return NULL;
    }
    if (l->sent)
        sim_watch_break(w, "P1: %d asks the gateway twice with one lease", p->id);
    if ((stands != l || now >= l->end_ms) && !upset_since(s, l)) {
        bool is_live = stands != NULL && stands != l && now < stands->end_ms;

        sim_watch_break(w, "P1: %d asks the gateway while the lease is %s", p->id,
                        is_live ? "another's" : "over");
    }
    if (w->now_ms < s->book.quiet_until_ms && !is_private(p))
        sim_watch_break(w, "P1e: %d asks the gateway without a reason", p->id);
    check_limit(p, l);
    l->sent = true;
    p->sent = l;
    w->watch.sent++;
    return l;
}

void sim_watch_answered(struct sim_process *p, struct sim_lease *l)
{
    struct sim_store *s = p->store;
    struct sim_lease *mine = p->sent;
    int64_t now = sim_store_now(s, p->world->now_ms);

    if (!mine->hit && !upset_since(s, mine) && now > mine->end_ms)
        sim_watch_break(p->world, "P1b: %d awaited a request past its lease", p->id);
    if (l == NULL)
        return;
    l->answered_ms = p->world->now_ms;
    if (l->grant.is == ITR_OUTCOME_TOKEN) {
        p->unstored = l->grant.serial;
        p->unstored_fence = l->fence;
        p->unstored_until_ms = p->world->now_ms + p->habits.setup.rules.token_ttl_ms;
    }
}

void sim_watch_refused(struct sim_process *p, const struct sim_call *c)
{
    const struct itr_record *r = sim_store_read(p->store, &p->store->value);

    p->world->watch.refused++;
    if (strcmp(r->text, c->token->text) == 0 || r->fence < c->token->fence)
        sim_watch_reason(p->store); /* of an earlier token it is none: the record has a newer one */
}

/* ---- processes: P3, P5, P8, P11 ---- */

void sim_watch_accesses(struct sim_process *p)
{
    int64_t second = p->world->now_ms / SIM_SECOND;

    if (p->second != second)
        p->accesses = 0;
    p->second = second;
    if (++p->accesses > ACCESSES_MAX)
        sim_watch_break(p->world, "P8: %d asks the store %d times in a second", p->id, p->accesses);
}

/* The lease of p that stands, if nothing but p itself can be the cause of what comes of it. */
static const struct sim_lease *its_lease(const struct sim_process *p)
{
    const struct sim_lease *l = p->store->book.current;
    bool is_its = l != NULL && l->process == p && l->life == p->life && !is_private(p);

    if (!is_its || l->hit || l->troubles != p->store->troubles ||
        sim_store_now(p->store, p->world->now_ms) >= l->end_ms)
        return NULL;
    return l;
}

/* ---- nobody waits longer than its rule: P6 ---- */

static void check_waits(struct sim_process *p)
{
    const struct itr_machine *m = &p->state.machine;
    const struct itr_list *n;
    bool is_fetching = m->state != ITR_MACHINE_IDLE && p->state.cache.state != ITR_CACHE_HELD &&
                       p->state.cache.state != ITR_CACHE_NONE;

    for (n = itr_list_first(&p->calls); n != NULL; n = itr_list_next(&p->calls, n)) {
        const struct sim_call *c = ITR_CONTAINER(n, struct sim_call, node);

        if (c->waits && !is_fetching)
            sim_watch_break(p->world, "P6: a call of %d waits for no fetch", p->id);
    }
}

static void check_pause(struct sim_process *p)
{
    const struct itr_machine *m = &p->state.machine;
    int64_t now = sim_process_mono(p);
    int64_t most = m->setup.origin == ITR_FROM_SERVER ? HELD_BACK_MAX_MS : PAUSE_MAX_MS;

    if ((m->state == ITR_MACHINE_PAUSE || m->state == ITR_MACHINE_SETTLE_PAUSE) &&
        m->pause_until_mono_ms > now + most)
        sim_watch_break(p->world, "P6: %d pauses for %d ms", p->id,
                        (int)(m->pause_until_mono_ms - now));
    if ((m->state == ITR_MACHINE_CONNECT || m->state == ITR_MACHINE_SEND ||
         m->state == ITR_MACHINE_ASK) &&
        m->deadline_mono_ms > now + m->setup.token_timeout_ms)
        sim_watch_break(p->world, "P6: the request of %d may take %d ms", p->id,
                        (int)(m->deadline_mono_ms - now));
}

static void check_call(struct sim_process *p, const struct sim_call *c)
{
    int64_t took_ms = p->world->now_ms - c->began_ms;

    if (p->stopped_until_ms < c->began_ms && took_ms > p->habits.call_ms + NETWORK_MAX_MS)
        sim_watch_break(p->world, "P6: a call of %d took %d ms", p->id, (int)took_ms);
}

/* The lease of one who died is waited for, then its own or another's request is. */
static int64_t fetch_max_ms(const struct sim_world *w)
{
    int64_t lease_ms = 0, request_ms = 0;
    int i;

    for (i = 0; i < w->options.processes; i++) {
        const struct itr_machine_setup *s = &w->processes[i].habits.setup;

        lease_ms = itr_max64(lease_ms, s->rules.lease_ms);
        request_ms = itr_max64(request_ms, s->token_timeout_ms);
    }
    return lease_ms + request_ms + FETCH_EXTRA_MS;
}

void sim_watch_fetch_begins(struct sim_process *p)
{
    p->fetch_began_ms = p->world->now_ms;
    p->fetch_troubles = p->store->troubles;
}

static void check_fetch(struct sim_process *p)
{
    const struct sim_world *w = p->world;
    int64_t took_ms = w->now_ms - p->fetch_began_ms;

    if (p->fetch_began_ms != 0 && p->store->troubles == p->fetch_troubles &&
        w->watch.trouble_ms < p->fetch_began_ms && took_ms > fetch_max_ms(w))
        sim_watch_break(p->world, "P6: a fetch of %d took %d ms", p->id, (int)took_ms);
    p->fetch_began_ms = 0;
}

void sim_watch_process(struct sim_process *p)
{
    const struct itr_token *t = p->state.cache.token;
    const struct sim_lease *l = its_lease(p);
    uint64_t fence = t != NULL ? t->fence : 0;

    /* Who looks at a store that was lost takes a newer token with a lower fence; so does a client
     * of a central server over such a store, once its own token was refused. */
    if (fence < p->seen_fence &&
        ((p->habits.look_every_ms == 0 && (t == NULL || t->origin != ITR_FROM_SERVER)) ||
         p->store->upsets == 0))
        sim_watch_break(p->world, "P3: %d threw its token away", p->id);
    if (fence != p->seen_fence)
        p->tried = sim_process_mono(p) >= t->end_mono_ms;
    p->seen_fence = fence;
    check_waits(p);
    check_pause(p);
    if (l != NULL && !(l->late && l->in_past) &&
        !itr_machine_is_owed(&p->state.machine, sim_process_mono(p)))
        sim_watch_break(p->world, "P5: nobody owes the lease of %d", p->id);
}

void sim_watch_ended(struct sim_process *p)
{
    int64_t waited = p->world->now_ms - itr_max64(p->ending_ms, p->stopped_until_ms);
    const struct sim_lease *l = its_lease(p);

    if (l != NULL && !l->late)
        sim_watch_break(p->world, "P5: %d ended and left its lease", p->id);
    if (waited > p->habits.setup.token_timeout_ms + LEASE_EXTRA_MS)
        sim_watch_break(p->world, "P11: %d waited %d ms for its end", p->id, (int)waited);
}

/* ---- calls: P3, P4b, P9, P10 ---- */

void sim_watch_given(struct sim_process *p, const struct itr_token_ask *ask,
                     struct itr_cache_step step)
{
    const struct itr_token *t = p->state.cache.token;
    bool is_plain = ask->refused == NULL && ask->refused_fence == 0 && !ask->refresh;

    if (t != NULL && ((ask->refused != NULL && itr_token_same(t, ask->refused)) ||
                      ask->refused_fence == t->fence))
        p->doubted = true;
    if (step.give == ITR_GIVE_WAIT && (ask->refresh || ask->min_valid_ms > 0))
        p->asked = true;
    if (is_plain && t != NULL && sim_process_mono(p) >= t->end_mono_ms && p->tried && !p->doubted &&
        step.give == ITR_GIVE_WAIT)
        sim_watch_break(p->world, "P9: %d waits past the end, though a fetch was tried", p->id);
}

void sim_watch_fetch_ended(struct sim_process *p)
{
    check_fetch(p);
    p->tried = true;
    p->doubted = p->asked = false;
}

/* True if all of the fleet have the same rules, and these leave what a day of fetches needs. */
static bool limit_is_enough(const struct sim_world *w)
{
    const struct itr_record_rules *first = &w->processes[0].habits.setup.rules;
    int i;

    for (i = 0; i < w->options.processes; i++) {
        const struct itr_record_rules *r = &w->processes[i].habits.setup.rules;

        if (r->daily_limit != first->daily_limit || r->token_ttl_ms < 2 * SIM_HOUR ||
            w->options.life_ms < r->token_ttl_ms)
            return false;
    }
    return first->daily_limit == 0 ||
           first->daily_limit >= (w->options.kind == SIM_SAME ? LIMIT_ENOUGH_SAME : LIMIT_ENOUGH);
}

/* Not where tokens live shorter than token_ttl says, where answers go on being misread, or where
 * processes with memory:, or who ask for a fetch again and again, end each other's tokens: each
 * costs a refusal, and the fetches that these cause are held back. */
static bool must_be_right(const struct sim_process *p, const struct itr_error *e)
{
    const struct sim_world *w = p->world;
    const struct sim_options *o = &w->options;
    int64_t recovery_ms = RECOVERY_MS, longest_ms = 0;
    bool asks = false;
    int i;

    for (i = 0; i < o->processes; i++) {
        const struct sim_habits *h = &w->processes[i].habits;

        longest_ms = itr_max64(longest_ms, h->setup.rules.token_ttl_ms);
        if (h->setup.origin == ITR_FROM_SERVER && w->store.upsets > 0)
            return false; /* fences of a store that lost its value and its time may be too low */
        if (h->misreads || h->setup.origin == ITR_FROM_MEMORY)
            return false;
        asks |= h->refresh_per_mille > 0 || h->min_valid_ms > 0;
        if (h->setup.rules.daily_limit > 0)
            recovery_ms = RECOVERY_LIMIT_MS;
    }
    if (e->kind == ITR_TOKEN && asks && o->kind == SIM_OVERWRITE)
        return false;
    return o->chaos != 0 && o->life_ms >= longest_ms &&
           (limit_is_enough(w) ||
            (e->kind != ITR_QUOTA && p->habits.setup.origin != ITR_FROM_SERVER)) &&
           w->now_ms > w->began_ms + o->chaos_ms + recovery_ms;
}

void sim_watch_call_over(struct sim_process *p, const struct sim_call *c, const struct itr_error *e)
{
    struct sim_world *w = p->world;
    const struct itr_token *t = p->state.cache.token;

    check_call(p, c);
    w->watch.calls++;
    if (w->now_ms - c->began_ms > w->watch.longest_ms)
        w->watch.longest_ms = (long)(w->now_ms - c->began_ms);
    if (e == NULL)
        return;
    SIM_TRACE(w, "%d: a call failed: %s", p->id, e->text);
    w->watch.failed++;
    w->watch.told += strstr(e->text, "another program") != NULL;
    (void)snprintf(w->watch.last_error, sizeof w->watch.last_error, "%s", e->text);
    if (must_be_right(p, e))
        sim_watch_break(w, "P10: long after the last fault a call of %d failed: %s", p->id,
                        e->text);
    if (e->kind == ITR_QUOTA && strstr(e->text, "daily_limit") != NULL && limit_is_enough(w) &&
        p->store->upsets == 0 && (w->options.chaos & ~(unsigned)SIM_GATEWAY) == 0)
        sim_watch_break(w, "P4b: daily_limit is used up: %s", e->text);
    if (!c->doubts && t != NULL && !p->habits.misreads &&
        sim_gateway_accepts(&w->gateway, w->now_ms, sim_gateway_serial(t->text)) && !p->doubted)
        sim_watch_break(w, "P3: a call of %d failed beside a good token: %s", p->id, e->text);
}
