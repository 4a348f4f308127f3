#include "sim/sim_chaos.h"

#include "sim/sim_world.h"

/* Per mille of the events of a process that fetches, and of all others. */
#define STRIKES_FETCH 15
#define STRIKES_ELSE 1

/* ---- processes ---- */

static void start_again(struct sim_world *w, const struct sim_event *e)
{
    SIM_TRACE(w, "%d: starts", ((struct sim_process *)e->arg)->id);
    sim_process_start(w, e->arg);
}

static void kill_process(struct sim_world *w, struct sim_process *p)
{
    SIM_TRACE(w, "%d: is killed", p->id);
    sim_process_kill(p);
    sim_world_soon(w, NULL, sim_world_delay(w, 0, SIM_MINUTE), start_again, p);
}

/* For seconds, for just about as long as its lease, or for longer than any. */
static int64_t draw_sleep_ms(struct sim_world *w)
{
    int64_t lease_ms = w->options.rules.lease_ms;

    switch (sim_random_within(&w->random, 0, 2)) {
    case 0:
        return sim_world_delay(w, SIM_SECOND, 10 * SIM_SECOND);
    case 1:
        return sim_world_delay(w, lease_ms - 500, lease_ms + 1000);
    default:
        return sim_world_delay(w, lease_ms, 4 * lease_ms);
    }
}

static void stop_process(struct sim_world *w, struct sim_process *p)
{
    int64_t ms = draw_sleep_ms(w);

    SIM_TRACE(w, "%d: is stopped for %d ms", p->id, (int)ms);
    p->stopped_until_ms = w->now_ms + ms;
}

bool sim_chaos_strikes(struct sim_world *w, struct sim_process *p, const struct sim_event *e)
{
    bool kills = sim_world_is_chaotic(w, SIM_KILL), stops = sim_world_is_chaotic(w, SIM_STOP);
    struct sim_event later = *e;

    if (!kills && !stops)
        return false;
    if (!sim_random_chance(&w->random, p->thread_out ? STRIKES_FETCH : STRIKES_ELSE))
        return false;
    w->watch.trouble_ms = w->now_ms;
    if (kills && (!stops || sim_random_chance(&w->random, 400))) {
        kill_process(w, p);
        return true;
    }
    stop_process(w, p);
    later.at_ms = p->stopped_until_ms;
    sim_queue_put(&w->queue, later);
    return true;
}

/* ---- store, gateway ---- */

static int64_t until(const struct sim_world *w, int64_t ms)
{
    int64_t end_ms = w->began_ms + w->options.chaos_ms;

    return w->now_ms + ms < end_ms ? w->now_ms + ms : end_ms;
}

static void step_clock(struct sim_world *w)
{
    static const int64_t by_ms[] = {SIM_SECOND, 20 * SIM_SECOND, SIM_HOUR, SIM_DAY};
    int64_t ms = by_ms[sim_random_within(&w->random, 0, 3)];

    if (sim_random_chance(&w->random, 500))
        ms = -ms;
    SIM_TRACE(w, "store: clock stepped by %d s", (int)(ms / 1000));
    sim_store_step(&w->store, ms);
}

static void fail_store(struct sim_world *w)
{
    w->store.fails_until_ms = until(w, sim_world_delay(w, SIM_SECOND, 2 * SIM_MINUTE));
    SIM_TRACE(w, "store: fails");
}

static void forget_all(struct sim_world *w)
{
    sim_store_forget(&w->store);
    SIM_TRACE(w, "store: forgets");
}

static void revoke(struct sim_world *w)
{
    sim_gateway_revoke(&w->gateway, w->now_ms);
    SIM_TRACE(w, "gateway: all tokens revoked");
}

static void rival_fetches(struct sim_world *w)
{
    SIM_TRACE(w, "rival: fetches token %zu", sim_gateway_issue(&w->gateway, w->now_ms));
}

static void fail_endpoint(struct sim_world *w)
{
    int64_t until_ms = until(w, sim_world_delay(w, SIM_SECOND, SIM_HOUR));

    if (sim_random_chance(&w->random, 500))
        w->gateway.fails_until_ms = until_ms;
    else
        w->gateway.limit_until_ms = until_ms;
    SIM_TRACE(w, "gateway: the token endpoint fails");
}

static void ask(struct sim_world *w)
{
    struct sim_process *p =
        &w->processes[sim_random_within(&w->random, 0, w->options.processes - 1)];

    if (p->life % 2 == 0 || p->stopped_until_ms > w->now_ms)
        return; /* dead, or stopped */
    SIM_TRACE(w, "%d: client:refresh()", p->id);
    sim_process_refresh(p);
}

static const struct {
    enum sim_chaos what;
    void (*happen)(struct sim_world *w);
} faults[] = {
    {SIM_STEP, step_clock}, {SIM_STORE_FAILS, fail_store}, {SIM_FORGET, forget_all},
    {SIM_REVOKE, revoke},   {SIM_RIVAL, rival_fetches},    {SIM_TROUBLE, fail_endpoint},
    {SIM_ASK, ask},
};

static void next_fault(struct sim_world *w, const struct sim_event *e)
{
    size_t i = (size_t)sim_random_within(&w->random, 0, sizeof faults / sizeof faults[0] - 1);

    (void)e;
    if (w->now_ms >= w->began_ms + w->options.chaos_ms)
        return;
    sim_world_soon(w, NULL, sim_random_poisson_ms(&w->random, w->options.chaos_every_ms),
                   next_fault, NULL);
    if (!sim_world_is_chaotic(w, faults[i].what))
        return;
    sim_watch_fault(w);
    faults[i].happen(w);
}

void sim_chaos_start(struct sim_world *w)
{
    if (w->options.chaos_every_ms > 0)
        sim_world_soon(w, NULL, sim_random_poisson_ms(&w->random, w->options.chaos_every_ms),
                       next_fault, NULL);
}
