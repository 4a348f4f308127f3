#include "sim/sim_settle.h"

#include <inttypes.h>
#include <string.h>

#include "sim/sim_access.h"
#include "sim/sim_world.h"

/* As in src/core/token_fetch.c and source.c. */
#define STORE_AGAIN_MS 1000
#define SETTLE_AGAIN_MS 1000

static void load_and_settle(struct sim_world *w, const struct sim_event *e);

/* ---- the end ---- */

void sim_settle_failed(struct sim_process *p, const struct itr_error *e, int64_t retry_after_ms)
{
    SIM_TRACE(p->world, "%d: no token: %s", p->id, e->kind == ITR_OK ? "no reason" : e->text);
    sim_fetch_over(&p->fetch);
    sim_process_fetch_failed(p, p->fetch.generation, e, retry_after_ms > 0 ? retry_after_ms : 0);
    sim_process_thread_free(p);
}

void sim_settle_store_failed(struct sim_process *p)
{
    struct itr_error e;

    itr_error_set(&e, ITR_STORE, "the store failed");
    sim_settle_failed(p, &e, STORE_AGAIN_MS);
}

static int64_t at_most(int64_t value, int64_t bound)
{
    return value < bound ? value : bound;
}

static struct itr_token *to_token(struct sim_process *p, const struct itr_record *r,
                                  enum itr_token_origin origin)
{
    const struct sim_fetch *f = &p->fetch;
    int64_t ttl = f->wish.rules->token_ttl_ms;
    int64_t jitter = itr_record_jitter_ms(r, p->seed);
    int64_t age = f->store_now_ms - r->born_ms;
    int64_t refresh = at_most(r->refresh_ms - jitter - f->store_now_ms, ttl);
    int64_t end = at_most(r->end_ms - f->store_now_ms, ttl);
    struct itr_token_times times;

    times.born_mono_ms = f->mono_ms - (age > 0 ? age : 0);
    times.refresh_mono_ms = f->mono_ms + at_most(refresh, end);
    times.end_mono_ms = f->mono_ms + end;
    return itr_token_new(r->text, strlen(r->text), r->fence, times, origin);
}

void sim_settle_with(struct sim_process *p, const struct itr_record *r,
                     enum itr_token_origin origin)
{
    struct itr_token *t = to_token(p, r, origin);

    SIM_TRACE(p->world, "%d: has %s, fence %" PRIu64, p->id, r->text, r->fence);
    sim_process_fetched(p, p->fetch.generation, t);
    if (p->fetch.late)
        return;
    sim_fetch_over(&p->fetch);
    sim_process_thread_free(p);
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
        p->world->now_ms + itr_record_backoff_ms(f->local_failures, f->outcome.random);
    f->local_error = f->outcome.error;
}

static int64_t held_ms(struct sim_process *p)
{
    struct sim_fetch *f = &p->fetch;
    struct itr_error why;
    bool after_refusal;

    sim_access_local_hold(f);
    return itr_record_held_until(&f->next, f->store_now_ms, &f->wish, &why, &after_refusal) -
           f->store_now_ms;
}

/* The token could not be stored: it is used all the same, and storing is tried again. */
static void end_unsettled(struct sim_process *p)
{
    struct sim_fetch *f = &p->fetch;
    struct itr_record nothing = {0}, next;

    f->mono_ms = p->world->now_ms;
    f->store_now_ms = sim_store_now(&p->world->store, p->world->now_ms);
    if (itr_record_settle(&nothing, f->store_now_ms, &f->wish, f->lease_fence, &f->outcome,
                          &next) != ITR_SETTLED)
        sim_watch_break(p->world, "a record of nothing took no token");
    f->late = true;
    SIM_TRACE(p->world, "%d: its token could not be stored", p->id);
    sim_settle_with(p, &next, ITR_FROM_GATEWAY);
    sim_access_soon(p, SETTLE_AGAIN_MS, load_and_settle);
}

enum settled { SETTLED, NOT_OURS, NOT_STORED };

static void settled_late(struct sim_process *p, enum settled s)
{
    if (s == NOT_STORED && !p->fetch_wanted) {
        sim_access_soon(p, SETTLE_AGAIN_MS, load_and_settle);
        return;
    }
    sim_fetch_over(&p->fetch);
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
        sim_fetch_decide(p);
        return;
    }
    f->attempted = true;
    if (f->blind) {
        sim_settle_store_failed(p);
        return;
    }
    note_local(p);
    if (f->outcome.is != ITR_OUTCOME_TOKEN)
        sim_settle_failed(p, &f->outcome.error, s == SETTLED ? held_ms(p) : 0);
    else if (s == SETTLED)
        sim_settle_with(p, &f->next, ITR_FROM_GATEWAY);
    else
        end_unsettled(p);
}

static void swap_settled(struct sim_world *w, const struct sim_event *e)
{
    switch (sim_access_swap(e->process)) {
    case SIM_SWAP_DONE:
        SIM_TRACE(w, "%d: settled", e->process->id);
        finish(e->process, SETTLED);
        break;
    case SIM_SWAP_CONFLICT:
        sim_access_soon(e->process, sim_access_hop_ms(e->process), load_and_settle);
        break;
    case SIM_SWAP_FAILED:
        finish(e->process, NOT_STORED);
        break;
    }
}

/* The mistake without_fence: whoever holds the lease, the outcome is written over what stands
 * there. */
static enum itr_record_settled settle_unfenced(struct sim_fetch *f)
{
    memcpy(f->record.owner, f->owner, sizeof f->record.owner);
    f->record.lease_fence = f->lease_fence;
    (void)itr_record_settle(&f->record, f->store_now_ms, &f->wish, f->lease_fence, &f->outcome,
                            &f->next);
    if (f->next.lease_fence < f->next.fence)
        f->next.lease_fence = f->next.fence;
    return ITR_SETTLED;
}

static enum itr_record_settled settle(struct sim_process *p)
{
    struct sim_fetch *f = &p->fetch;
    enum itr_record_settled s = itr_record_settle(&f->record, f->store_now_ms, &f->wish,
                                                  f->lease_fence, &f->outcome, &f->next);

    return s == ITR_NOT_OURS && p->world->options.without_fence ? settle_unfenced(f) : s;
}

static void load_and_settle(struct sim_world *w, const struct sim_event *e)
{
    struct sim_process *p = e->process;

    (void)w;
    if (!sim_access_load(p))
        finish(p, NOT_STORED);
    else if (settle(p) == ITR_NOT_OURS)
        finish(p, NOT_OURS);
    else
        sim_access_soon(p, sim_access_hop_ms(p), swap_settled);
}

void sim_settle_outcome(struct sim_process *p)
{
    sim_access_soon(p, sim_access_hop_ms(p), load_and_settle);
}
