#include "sim/sim_fetch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim/sim_access.h"
#include "sim/sim_settle.h"
#include "sim/sim_world.h"

/* As in src/core/token_fetch.c. */
#define FIRST_LOOK_MS 10
#define LONGEST_LOOK_MS 200
#define SHORT_HOLD_MS 5000
#define LEASE_EXTRA_MS 5000

void sim_fetch_over(struct sim_fetch *f)
{
    itr_token_release(f->held);
    itr_token_release(f->refused);
    f->held = f->refused = NULL;
    f->request = NULL;
    f->late = f->awaits = false;
}

void sim_fetch_clear(struct sim_process *p)
{
    sim_fetch_over(&p->fetch);
    memset(&p->fetch, 0, sizeof p->fetch);
}

static void load_and_decide(struct sim_world *w, const struct sim_event *e);

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
    sim_settle_outcome(p);
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
        f->blind = !sim_access_load(p);
        f->fenced =
            !f->blind && !itr_record_is_ours(&f->record, f->store_now_ms, f->owner, f->lease_fence);
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
    switch (sim_access_swap(p)) {
    case SIM_SWAP_DONE:
        SIM_TRACE(w, "%d: has the lease, fence %" PRIu64, p->id, p->fetch.lease_fence);
        connect_gateway(p);
        break;
    case SIM_SWAP_CONFLICT:
        sim_fetch_decide(p);
        break;
    case SIM_SWAP_FAILED:
        sim_settle_store_failed(p);
        break;
    }
}

static int64_t at_most(int64_t value, int64_t bound)
{
    return value < bound ? value : bound;
}

static void look_later(struct sim_process *p, int64_t until_ms)
{
    struct sim_fetch *f = &p->fetch;
    int64_t ms = at_most(f->look_ms, until_ms - f->store_now_ms);

    sim_access_soon(p, ms > 0 ? ms : 1, load_and_decide);
    f->look_ms = at_most(f->look_ms * 2, LONGEST_LOOK_MS);
}

static void hold(struct sim_process *p, const struct itr_record_verdict *v)
{
    int64_t ms = v->until_ms - p->fetch.store_now_ms;

    if (v->error.kind != ITR_OK && !v->after_refusal && ms < SHORT_HOLD_MS && !p->fetch.attempted)
        look_later(p, v->until_ms);
    else
        sim_settle_failed(p, &v->error, ms);
}

static void load_and_decide(struct sim_world *w, const struct sim_event *e)
{
    struct sim_process *p = e->process;
    struct sim_fetch *f = &p->fetch;
    struct itr_record_verdict v;

    (void)w;
    if (!sim_access_load(p)) {
        sim_settle_store_failed(p);
        return;
    }
    sim_access_local_hold(f);
    itr_record_decide(&f->record, f->store_now_ms, &f->wish, &v);
    switch (v.is) {
    case ITR_VERDICT_TAKE:
        sim_settle_with(p, &f->record, ITR_FROM_REDIS);
        break;
    case ITR_VERDICT_WAIT:
        sim_watch_waits(p, v.until_ms - f->store_now_ms);
        look_later(p, v.until_ms);
        break;
    case ITR_VERDICT_HOLD:
        sim_watch_held(p, v.until_ms - f->store_now_ms);
        hold(p, &v);
        break;
    case ITR_VERDICT_ACQUIRE:
        f->next = v.next;
        sim_access_soon(p, sim_access_hop_ms(p), swap_lease);
        break;
    }
}

void sim_fetch_decide(struct sim_process *p)
{
    sim_access_soon(p, sim_access_hop_ms(p), load_and_decide);
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
    sim_fetch_decide(p);
}
