#include "sim/sim_chaos.h"

#include "core/base/bound.h"

/* Per mille of the events of a process that fetches, of all others, and of accesses of the store.
 */
#define STRIKES_FETCH 15
#define STRIKES_ELSE 1
#define STRIKES_NEAR 25

bool sim_chaos_is_on(const struct sim_world *w, unsigned what)
{
    return (w->options.chaos & what) != 0 && w->now_ms < w->began_ms + w->options.chaos_ms;
}

/* ---- processes ---- */

/* For seconds, for just about as long as its lease, or for longer than any. */
static void stop(struct sim_process *p)
{
    struct sim_world *w = p->world;
    int64_t lease_ms = p->habits.setup.rules.lease_ms, ms;

    switch (sim_random_within(&w->random, 0, 2)) {
    case 0:
        ms = sim_world_delay(w, SIM_SECOND, 10 * SIM_SECOND);
        break;
    case 1:
        ms = sim_world_delay(w, lease_ms - 500, lease_ms + 1000);
        break;
    default:
        ms = sim_world_delay(w, lease_ms, 4 * lease_ms);
        break;
    }
    SIM_TRACE(w, "%d: is stopped for %d ms", p->id, (int)ms);
    sim_watch_hit(p);
    p->stopped_until_ms = w->now_ms + ms;
}

static void end_child(struct sim_world *w, const struct sim_event *e)
{
    (void)w;
    sim_process_end(e->process);
}

/* Forks; the child may fork again and end, or the parent ends: then it is a daemon. */
static void fork_process(struct sim_process *p)
{
    struct sim_world *w = p->world;
    struct sim_process *child = sim_process_fork(p);

    if (child == NULL)
        return;
    sim_watch_fault(w);
    child->replaced = false;
    if (sim_random_chance(&w->random, 500) && sim_process_fork(child) != NULL)
        sim_process_end(child);
    if (sim_random_chance(&w->random, 300))
        sim_process_end(p);
    else
        sim_world_soon(w, child, 0, sim_world_delay(w, 0, SIM_HOUR), end_child, NULL);
}

static const unsigned fates[] = {SIM_KILL, SIM_STOP, SIM_END, SIM_FORK};

static void meet_fate(struct sim_process *p)
{
    unsigned fate = fates[sim_random_within(&p->world->random, 0, 3)];

    if (!sim_process_lives(p) || !sim_chaos_is_on(p->world, fate))
        return;
    if (fate == SIM_KILL)
        sim_process_kill(p);
    else if (fate == SIM_STOP)
        stop(p);
    else if (fate == SIM_END)
        sim_process_end(p);
    else
        fork_process(p);
}

bool sim_chaos_strikes(struct sim_process *p)
{
    struct sim_world *w = p->world;
    uint64_t life = p->life;

    if (!sim_chaos_is_on(w, SIM_KILL | SIM_STOP | SIM_END | SIM_FORK) ||
        !sim_random_chance(&w->random, p->busy ? STRIKES_FETCH : STRIKES_ELSE))
        return false;
    meet_fate(p);
    return p->life != life || p->stopped_until_ms > w->now_ms;
}

static void strike(struct sim_world *w, const struct sim_event *e)
{
    (void)w;
    meet_fate(e->process);
}

void sim_chaos_near_access(struct sim_process *p)
{
    struct sim_world *w = p->world;

    if (sim_chaos_is_on(w, SIM_KILL | SIM_STOP | SIM_END | SIM_FORK) &&
        sim_random_chance(&w->random, STRIKES_NEAR))
        sim_world_soon(w, p, 0, sim_world_delay(w, 0, 100), strike, NULL);
}

/* ---- store, gateway ---- */

static int64_t until(struct sim_world *w, int64_t longest_ms)
{
    return itr_min64(w->now_ms + sim_world_delay(w, SIM_SECOND, longest_ms),
                     w->began_ms + w->options.chaos_ms);
}

static void calm_swaps(struct sim_world *w, const struct sim_event *e)
{
    (void)e;
    w->store.lost_per_mille = w->store.late_per_mille = 0;
}

static void upset_swaps(struct sim_world *w, int *per_mille)
{
    *per_mille = (int)sim_world_delay(w, 50, 1000);
    sim_world_soon(w, NULL, 0, sim_world_delay(w, SIM_SECOND, 5 * SIM_MINUTE), calm_swaps, NULL);
}

static void step_clock(struct sim_world *w)
{
    static const int64_t by_ms[] = {500, SIM_SECOND, 20 * SIM_SECOND, SIM_HOUR, SIM_DAY};
    int64_t ms = by_ms[sim_world_delay(w, 0, 4)];

    sim_store_step(&w->store, sim_random_chance(&w->random, 500) ? ms : -ms);
}

static void trouble_endpoint(struct sim_world *w)
{
    static const int64_t longest_ms[] = {SIM_MINUTE, 10 * SIM_MINUTE, SIM_HOUR, 8 * SIM_HOUR};

    w->gateway.endpoint = (enum sim_endpoint)sim_world_delay(w, SIM_FAILS, SIM_FLAPS);
    w->gateway.endpoint_until_ms = until(w, longest_ms[sim_world_delay(w, 0, 3)]);
}

static void ask(struct sim_world *w)
{
    struct sim_process *p = &w->processes[sim_world_delay(w, 0, w->options.processes - 1)];

    if (sim_process_lives(p))
        sim_process_call(p, SIM_REFRESH, 0);
}

static void cause(struct sim_world *w, unsigned what)
{
    struct sim_store *s = &w->store;

    SIM_TRACE(w, "chaos: %#x", what);
    switch (what) {
    case SIM_ASK:
        ask(w);
        break;
    case SIM_AWAY:
        s->away_until_ms = until(w, 2 * SIM_MINUTE);
        break;
    case SIM_EMPTY:
        sim_store_empty(s, w->now_ms);
        break;
    case SIM_PAST:
        s->past_until_ms = until(w, 30 * SIM_SECOND);
        break;
    case SIM_STEP:
        step_clock(w);
        break;
    case SIM_SLOW:
        s->slow_ms = sim_world_delay(w, SIM_SECOND, 9 * SIM_SECOND);
        s->slow_until_ms = until(w, 5 * SIM_MINUTE);
        break;
    case SIM_LOST:
        upset_swaps(w, &s->lost_per_mille);
        break;
    case SIM_LATE:
        upset_swaps(w, &s->late_per_mille);
        break;
    case SIM_ENDPOINT:
        trouble_endpoint(w);
        break;
    case SIM_REVOKE:
        sim_gateway_revoke(&w->gateway, w->now_ms);
        break;
    case SIM_RIVAL:
        (void)sim_gateway_issue(&w->gateway, w->now_ms, false);
        break;
    default:
        break;
    }
}

static void next_fault(struct sim_world *w, const struct sim_event *e)
{
    unsigned what = 1U << sim_world_delay(w, 0, 15);

    (void)e;
    if (w->now_ms >= w->began_ms + w->options.chaos_ms)
        return;
    sim_world_soon(w, NULL, 0, sim_random_poisson_ms(&w->random, w->options.chaos_every_ms),
                   next_fault, NULL);
    if (!sim_chaos_is_on(w, what))
        return;
    sim_watch_fault(w);
    cause(w, what);
}

void sim_chaos_start(struct sim_world *w)
{
    if (w->options.chaos_every_ms > 0)
        sim_world_soon(w, NULL, 0, sim_random_poisson_ms(&w->random, w->options.chaos_every_ms),
                       next_fault, NULL);
    sim_world_soon(w, NULL, 0, w->options.chaos_ms, calm_swaps, NULL);
}

/* ---- fleets ---- */

static int64_t draw(struct sim_random *r, const int64_t *from, int n)
{
    return from[sim_random_within(r, 0, n - 1)];
}

/* Makes this process unlike the others. */
static void draw_habits(struct sim_random *r, struct sim_habits *h)
{
    static const int64_t timeouts[] = {2, 10, 10, 30, 60, 600};
    static const int64_t lives[] = {30, 60, 120, 120};
    static const int64_t limits[] = {0, 24, 50, 200};
    static const int64_t intervals[] = {0, 1, 30, 30, 600};

    h->setup.token_timeout_ms = draw(r, timeouts, 6) * SIM_SECOND;
    h->setup.rules.lease_ms = h->setup.token_timeout_ms + 5 * SIM_SECOND;
    h->setup.rules.token_ttl_ms = draw(r, lives, 4) * SIM_MINUTE;
    h->setup.rules.daily_limit = draw(r, limits, 4);
    h->setup.rules.min_refresh_interval_ms = draw(r, intervals, 5) * SIM_SECOND;
    h->script = sim_random_chance(r, 300);
    h->refresh_per_mille = sim_random_chance(r, 200) ? (int)sim_random_within(r, 1, 1000) : 0;
    h->min_valid_ms = sim_random_chance(r, 100) ? sim_random_within(r, 0, 2 * SIM_HOUR) : 0;
    h->misreads = sim_random_chance(r, 50);
    h->keeps_earlier = sim_random_chance(r, 300);
    h->call_every_ms = sim_random_within(r, 10 * SIM_SECOND, 10 * SIM_MINUTE);
}

/* Mostly few processes: they are fast, and meet often enough. */
static void draw_options(struct sim_random *r, struct sim_options *o)
{
    static const int64_t most[] = {2, 5, 5, 12, 40};
    static const int64_t lives[] = {SIM_HOUR, 2 * SIM_HOUR, 2 * SIM_HOUR, 2 * SIM_HOUR, SIM_DAY};

    o->processes = (int)sim_random_within(r, 1, draw(r, most, 5));
    o->kind = (enum sim_gateway_kind)sim_random_within(r, 0, 2);
    o->life_ms = draw(r, lives, 5);
    o->habits.poisson = sim_random_chance(r, 500);
    o->habits.script = sim_random_chance(r, 100);
    o->habits.call_every_ms = sim_random_within(r, 10 * SIM_SECOND, 10 * SIM_MINUTE);
    o->habits.setup.rules.daily_limit =
        sim_random_chance(r, 300) ? sim_random_within(r, 24, 200) : 0;
    o->chaos = (unsigned)(sim_random_next(r) & sim_random_next(r) & SIM_ALL);
    if (sim_random_chance(r, 100))
        o->chaos = SIM_ALL;
    if (sim_random_chance(r, 100))
        o->chaos &= SIM_GATEWAY;
    o->chaos_every_ms = sim_random_within(r, 10 * SIM_SECOND, SIM_HOUR);
    o->chaos_ms = 12 * SIM_HOUR;
    o->run_ms = o->chaos_ms + (o->habits.setup.rules.daily_limit > 0 ? 32 : 5) * SIM_HOUR;
}

struct sim_world *sim_chaos_draw(uint64_t seed)
{
    struct sim_options o = sim_options_default();
    struct sim_random r = {seed * 7919};
    struct sim_world *w;
    bool mixed = sim_random_chance(&r, 400), central = sim_random_chance(&r, 100);
    int i;

    o.seed = seed;
    draw_options(&r, &o);
    if (sim_random_chance(&r, 100))
        o.habits.setup.origin = ITR_FROM_MEMORY;
    if ((w = sim_world_new(&o)) == NULL)
        return NULL;
    for (i = 0; i < o.processes; i++) {
        if (mixed)
            draw_habits(&r, &w->processes[i].habits);
        if (central && i > 0)
            w->processes[i].habits.setup.origin = ITR_FROM_SERVER;
    }
    if (central) {
        w->processes[0].habits.script = false;
        w->processes[0].habits.look_every_ms = sim_random_within(&r, 0, 2) * SIM_SECOND;
    }
    return w;
}
