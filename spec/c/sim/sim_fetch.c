#include "sim/sim_fetch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim/sim_world.h"

/* As in src/core/token_fetch.c. */
#define FIRST_LOOK_MS 10
#define LONGEST_LOOK_MS 200
#define STORE_AGAIN_MS 1000
#define SHORT_HOLD_MS 5000
#define LEASE_EXTRA_MS 5000
#define SETTLE_AGAIN_MS 1000

static void load_and_decide(struct sim_world *w, const struct sim_event *e);
static void load_and_settle(struct sim_world *w, const struct sim_event *e);

static void soon(struct sim_process *p, int64_t in_ms,
                 void (*happen)(struct sim_world *, const struct sim_event *))
{
    sim_world_soon(p->world, p, in_ms, happen, NULL);
}

/* The way to the store, or back. */
static int64_t hop_ms(struct sim_process *p)
{
    return sim_world_delay(p->world, 0, 3);
}

static int64_t at_most(int64_t value, int64_t bound)
{
    return value < bound ? value : bound;
}

/* ---- the end ---- */

static void forget(struct sim_fetch *f)
{
    itr_token_release(f->held);
    itr_token_release(f->refused);
    f->held = f->refused = NULL;
    f->request = NULL;
    f->late = f->awaits = false;
}

void sim_fetch_clear(struct sim_process *p)
{
    forget(&p->fetch);
    memset(&p->fetch, 0, sizeof p->fetch);
}

static void end_failed(struct sim_process *p, const struct itr_error *e, int64_t retry_after_ms)
{
    SIM_TRACE(p->world, "%d: no token: %s", p->id, e->kind == ITR_OK ? "no reason" : e->text);
    forget(&p->fetch);
    sim_process_fetch_failed(p, p->fetch.generation, e, retry_after_ms > 0 ? retry_after_ms : 0);
    sim_process_thread_free(p);
}

static void end_store_failed(struct sim_process *p)
{
    struct itr_error e;

    itr_error_set(&e, ITR_STORE, "the store failed");
    end_failed(p, &e, STORE_AGAIN_MS);
}

static struct itr_token *to_token(struct sim_process *p, const struct itr_token_record *r,
                                  enum itr_token_origin origin)
{
    const struct sim_fetch *f = &p->fetch;
    int64_t ttl = f->wish.rules->token_ttl_ms;
    int64_t jitter = itr_token_record_jitter_ms(r, p->seed);
    int64_t age = f->store_now_ms - r->born_ms;
    int64_t refresh = at_most(r->refresh_ms - jitter - f->store_now_ms, ttl);
    int64_t end = at_most(r->end_ms - f->store_now_ms, ttl);
    struct itr_token_times times;

    times.born_mono_ms = f->mono_ms - (age > 0 ? age : 0);
    times.refresh_mono_ms = f->mono_ms + at_most(refresh, end);
    times.end_mono_ms = f->mono_ms + end;
    return itr_token_new(r->text, strlen(r->text), r->fence, times, origin);
}

static void end_with(struct sim_process *p, const struct itr_token_record *r,
                     enum itr_token_origin origin)
{
    struct itr_token *t = to_token(p, r, origin);

    SIM_TRACE(p->world, "%d: has %s, fence %" PRIu64, p->id, r->text, r->fence);
    sim_process_fetched(p, p->fetch.generation, t);
    if (p->fetch.late)
        return;
    forget(&p->fetch);
    sim_process_thread_free(p);
}

/* ---- the record ---- */

static bool load(struct sim_process *p)
{
    struct sim_fetch *f = &p->fetch;
    struct sim_world *w = p->world;

    if (!sim_store_load(&w->store, w->now_ms, &f->bytes))
        return false;
    sim_store_read(&f->bytes, &f->record);
    f->store_now_ms = sim_store_now(&w->store, w->now_ms);
    f->mono_ms = w->now_ms;
    return true;
}

static enum sim_swapped swap(struct sim_process *p)
{
    struct sim_fetch *f = &p->fetch;
    struct sim_world *w = p->world;
    enum sim_swapped s = sim_store_swap(&w->store, w->now_ms, &f->bytes, &f->next);

    if (s != SIM_SWAP_DONE)
        return s;
    sim_watch_swapped(w, &f->bytes);
    if (!sim_world_is_chaotic(w, SIM_STORE_FAILS) || !sim_random_chance(&w->random, 20))
        return s;
    /* Done, and nobody knows: an error, or a repeat that finds another value there. */
    SIM_TRACE(w, "%d: the answer of this swap is lost", p->id);
    sim_watch_fault(w);
    return sim_random_chance(&w->random, 500) ? SIM_SWAP_FAILED : SIM_SWAP_CONFLICT;
}

static void set_local_hold(struct sim_fetch *f)
{
    int64_t left = f->local_retry_mono_ms - f->mono_ms;

    f->wish.local_error = left > 0 ? &f->local_error : NULL;
    f->wish.local_retry_ms = left > 0 ? f->store_now_ms + left : 0;
}

/* ---- settle ---- */

static void note_local(struct sim_process *p)
{
    struct sim_fetch *f = &p->fetch;

    if (f->outcome.is != ITR_OUTCOME_NOT_SENT) {
        f->local_failures = 0;
        f->local_retry_mono_ms = 0;
        return;
    }
    f->local_failures++;
    f->local_retry_mono_ms =
        p->world->now_ms + itr_token_record_backoff_ms(f->local_failures, f->outcome.random);
    f->local_error = f->outcome.error;
}

static int64_t held_ms(struct sim_process *p)
{
    struct sim_fetch *f = &p->fetch;
    struct itr_error why;
    bool after_refusal;

    set_local_hold(f);
    return itr_token_record_held_until(&f->next, f->store_now_ms, &f->wish, &why, &after_refusal) -
           f->store_now_ms;
}

/* The token could not be stored: it is used all the same, and storing is tried again. */
static void end_unsettled(struct sim_process *p)
{
    struct sim_fetch *f = &p->fetch;
    struct itr_token_record nothing = {0}, next;

    f->mono_ms = p->world->now_ms;
    f->store_now_ms = sim_store_now(&p->world->store, p->world->now_ms);
    if (itr_token_record_settle(&nothing, f->store_now_ms, &f->wish, f->lease_fence, &f->outcome,
                                &next) != ITR_SETTLED)
        sim_watch_break(p->world, "a record of nothing took no token");
    f->late = true;
    SIM_TRACE(p->world, "%d: its token could not be stored", p->id);
    end_with(p, &next, ITR_FROM_GATEWAY);
    soon(p, SETTLE_AGAIN_MS, load_and_settle);
}

enum settled { SETTLED, NOT_OURS, NOT_STORED };

static void settled_late(struct sim_process *p, enum settled s)
{
    if (s == NOT_STORED && !p->fetch_wanted) {
        soon(p, SETTLE_AGAIN_MS, load_and_settle);
        return;
    }
    forget(&p->fetch);
    sim_process_thread_free(p);
}

static void finish(struct sim_process *p, enum settled s)
{
    struct sim_fetch *f = &p->fetch;

    if (f->late) {
        settled_late(p, s);
        return;
    }
    if (s == NOT_OURS || f->fenced) {
        SIM_TRACE(p->world, "%d: the lease is another's by now", p->id);
        soon(p, hop_ms(p), load_and_decide);
        return;
    }
    f->attempted = true;
    if (f->blind) {
        end_store_failed(p);
        return;
    }
    note_local(p);
    if (f->outcome.is != ITR_OUTCOME_TOKEN)
        end_failed(p, &f->outcome.error, s == SETTLED ? held_ms(p) : 0);
    else if (s == SETTLED)
        end_with(p, &f->next, ITR_FROM_GATEWAY);
    else
        end_unsettled(p);
}

static void swap_settled(struct sim_world *w, const struct sim_event *e)
{
    switch (swap(e->process)) {
    case SIM_SWAP_DONE:
        SIM_TRACE(w, "%d: settled", e->process->id);
        finish(e->process, SETTLED);
        break;
    case SIM_SWAP_CONFLICT:
        soon(e->process, hop_ms(e->process), load_and_settle);
        break;
    case SIM_SWAP_FAILED:
        finish(e->process, NOT_STORED);
        break;
    }
}

/* The mistake without_fence: whoever holds the lease, the outcome is written over what stands there. */
static enum itr_record_settled settle_unfenced(struct sim_fetch *f)
{
    memcpy(f->record.owner, f->owner, sizeof f->record.owner);
    f->record.lease_fence = f->lease_fence;
    (void)itr_token_record_settle(&f->record, f->store_now_ms, &f->wish, f->lease_fence,
                                  &f->outcome, &f->next);
    if (f->next.lease_fence < f->next.fence)
        f->next.lease_fence = f->next.fence;
    return ITR_SETTLED;
}

static enum itr_record_settled settle(struct sim_process *p)
{
    struct sim_fetch *f = &p->fetch;
    enum itr_record_settled s = itr_token_record_settle(&f->record, f->store_now_ms, &f->wish,
                                                        f->lease_fence, &f->outcome, &f->next);

    return s == ITR_NOT_OURS && p->world->options.without_fence ? settle_unfenced(f) : s;
}

static void load_and_settle(struct sim_world *w, const struct sim_event *e)
{
    struct sim_process *p = e->process;

    (void)w;
    if (!load(p))
        finish(p, NOT_STORED);
    else if (settle(p) == ITR_NOT_OURS)
        finish(p, NOT_OURS);
    else
        soon(p, hop_ms(p), swap_settled);
}

/* ---- the request ---- */

static void conclude(struct sim_process *p, enum itr_record_outcome_is is, enum itr_status kind,
                     const char *text)
{
    struct sim_fetch *f = &p->fetch;

    f->outcome = (struct itr_record_outcome){0};
    f->outcome.is = is;
    f->outcome.text = f->text;
    if (is != ITR_OUTCOME_TOKEN)
        itr_error_set(&f->outcome.error, kind, "%s", text);
    f->outcome.refused = f->wish.refused;
    f->outcome.random = sim_random_next(&p->world->random);
    soon(p, hop_ms(p), load_and_settle);
}

/* True for what comes first of answer and deadline. */
static bool is_awaited(struct sim_fetch *f, const struct sim_request *r)
{
    bool awaited = f->request == r && f->awaits;

    if (awaited)
        f->awaits = false;
    return awaited;
}

static void answered(struct sim_world *w, const struct sim_event *e)
{
    struct sim_process *p = e->process;
    const struct sim_request *r = e->arg;
    bool is_limit = r->answer == ITR_OUTCOME_LIMIT;

    if (!is_awaited(&p->fetch, r))
        return;
    p->fetch.text[0] = '\0';
    if (r->answer == ITR_OUTCOME_TOKEN)
        sim_gateway_text(r->serial, p->fetch.text);
    SIM_TRACE(w, "%d: the answer is %s", p->id, p->fetch.text[0] ? p->fetch.text : "an error");
    conclude(p, r->answer, is_limit ? ITR_QUOTA : ITR_API, is_limit ? "code 40004" : "code 500");
}

static void timed_out(struct sim_world *w, const struct sim_event *e)
{
    if (!is_awaited(&e->process->fetch, e->arg))
        return;
    SIM_TRACE(w, "%d: no answer in time", e->process->id);
    conclude(e->process, ITR_OUTCOME_FAILED, ITR_TIMEOUT, "no answer in time");
}

/* At the gateway, which executes it whatever became of the process. */
static void arrive(struct sim_world *w, const struct sim_event *e)
{
    struct sim_request *r = e->arg;
    int64_t back_ms = sim_world_delay(w, 20, 200);

    r->answer = ITR_OUTCOME_TOKEN;
    if (w->now_ms < w->gateway.fails_until_ms)
        r->answer = ITR_OUTCOME_FAILED;
    else if (w->now_ms < w->gateway.limit_until_ms)
        r->answer = ITR_OUTCOME_LIMIT;
    else
        r->serial = sim_gateway_issue(&w->gateway, w->now_ms);
    SIM_TRACE(w, "gateway: %d gets token %zu", r->process->id, r->serial);
    if (r->answer != ITR_OUTCOME_TOKEN)
        sim_watch_reason(w);
    if (sim_world_is_chaotic(w, SIM_LOSE_ANSWERS) && sim_random_chance(&w->random, 150)) {
        sim_watch_fault(w);
        back_ms = sim_world_delay(
            w, 0, 2 * w->options.rules.lease_ms); /* late; lost, if after the deadline */
    }
    if (r->life == r->process->life)
        sim_world_soon(w, r->process, back_ms, answered, r);
}

static void look_and_send(struct sim_world *w, const struct sim_event *e)
{
    struct sim_process *p = e->process;
    struct sim_fetch *f = &p->fetch;

    if (!is_awaited(f, e->arg))
        return;
    if (!w->options.without_look) {
        f->blind = !load(p);
        f->fenced = !f->blind && !itr_token_record_is_ours(&f->record, f->store_now_ms, f->owner,
                                                           f->lease_fence);
    }
    if (f->blind || f->fenced) {
        conclude(p, ITR_OUTCOME_NOT_SENT, ITR_NETWORK, "held back before the first byte");
        return;
    }
    f->awaits = true;
    SIM_TRACE(w, "%d: asks the gateway", p->id);
    sim_watch_sent(w, e->arg);
    sim_world_outside(w, NULL, sim_world_delay(w, 10, 150), arrive, e->arg);
}

static void not_connected(struct sim_world *w, const struct sim_event *e)
{
    (void)w;
    if (is_awaited(&e->process->fetch, e->arg))
        conclude(e->process, ITR_OUTCOME_NOT_SENT, ITR_NETWORK, "no connection");
}

/* The request's deadline is counted from here, after the swap. */
static void connect_gateway(struct sim_process *p)
{
    struct sim_world *w = p->world;
    struct sim_fetch *f = &p->fetch;
    bool fails = sim_world_is_chaotic(w, SIM_LOSE_ANSWERS) && sim_random_chance(&w->random, 100);

    f->fenced = f->blind = false;
    f->awaits = true;
    f->request = sim_watch_acquired(p);
    if (fails)
        sim_watch_fault(w);
    sim_world_soon(w, p, sim_world_delay(w, 10, 200), fails ? not_connected : look_and_send,
                   f->request);
    sim_world_soon(w, p, w->options.rules.lease_ms - LEASE_EXTRA_MS, timed_out, f->request);
}

/* ---- decide ---- */

static void swap_lease(struct sim_world *w, const struct sim_event *e)
{
    struct sim_process *p = e->process;

    p->fetch.lease_fence = p->fetch.next.lease_fence;
    switch (swap(p)) {
    case SIM_SWAP_DONE:
        SIM_TRACE(w, "%d: has the lease, fence %" PRIu64, p->id, p->fetch.lease_fence);
        connect_gateway(p);
        break;
    case SIM_SWAP_CONFLICT:
        soon(p, hop_ms(p), load_and_decide);
        break;
    case SIM_SWAP_FAILED:
        end_store_failed(p);
        break;
    }
}

static void look_later(struct sim_process *p, int64_t until_ms)
{
    struct sim_fetch *f = &p->fetch;
    int64_t ms = at_most(f->look_ms, until_ms - f->store_now_ms);

    soon(p, ms > 0 ? ms : 1, load_and_decide);
    f->look_ms = at_most(f->look_ms * 2, LONGEST_LOOK_MS);
}

static void hold(struct sim_process *p, const struct itr_record_verdict *v)
{
    int64_t ms = v->until_ms - p->fetch.store_now_ms;

    if (v->error.kind != ITR_OK && !v->after_refusal && ms < SHORT_HOLD_MS && !p->fetch.attempted)
        look_later(p, v->until_ms);
    else
        end_failed(p, &v->error, ms);
}

static void load_and_decide(struct sim_world *w, const struct sim_event *e)
{
    struct sim_process *p = e->process;
    struct sim_fetch *f = &p->fetch;
    struct itr_record_verdict v;

    (void)w;
    if (!load(p)) {
        end_store_failed(p);
        return;
    }
    set_local_hold(f);
    itr_token_record_decide(&f->record, f->store_now_ms, &f->wish, &v);
    switch (v.is) {
    case ITR_VERDICT_TAKE:
        end_with(p, &f->record, ITR_FROM_REDIS);
        break;
    case ITR_VERDICT_WAIT:
        look_later(p, v.until_ms);
        break;
    case ITR_VERDICT_HOLD:
        hold(p, &v);
        break;
    case ITR_VERDICT_ACQUIRE:
        f->next = v.next;
        soon(p, hop_ms(p), swap_lease);
        break;
    }
}

void sim_fetch_begin(struct sim_process *p)
{
    struct sim_fetch *f = &p->fetch;

    f->generation = p->cache.generation;
    f->held = itr_token_retain(p->cache.token);
    f->refused = p->refused; /* the fetch now owns it */
    f->look_ms = FIRST_LOOK_MS;
    f->attempted = f->fenced = f->blind = f->awaits = false;
    (void)snprintf(f->owner, sizeof f->owner, "%d-%" PRIu64 "-%" PRIu64, p->id, p->life,
                   ++f->count);
    f->wish = (struct itr_record_wish){0};
    f->wish.rules = &p->world->options.rules;
    f->wish.owner = f->owner;
    f->wish.held_fence = f->held != NULL ? f->held->fence : 0;
    f->wish.refused = f->refused != NULL ? f->refused->text : NULL;
    f->wish.asked = p->asked;
    p->refused = NULL;
    p->asked = p->fetch_wanted = false;
    soon(p, hop_ms(p), load_and_decide);
}
