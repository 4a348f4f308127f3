#include "sim/sim_draw.h"

/* Mostly few processes: they are fast, and hit each other often enough. */
static int draw_processes(struct sim_random *r)
{
    static const int most[] = {2, 5, 5, 12, 40};

    return (int)sim_random_within(r, 1, most[sim_random_within(r, 0, 4)]);
}

/* The gateway's idea of a token's life is mostly ours. */
static int64_t draw_life_ms(struct sim_random *r)
{
    static const int64_t lives[] = {SIM_HOUR, 2 * SIM_HOUR, 2 * SIM_HOUR, 2 * SIM_HOUR, SIM_DAY};

    return lives[sim_random_within(r, 0, 4)];
}

struct sim_options sim_draw(uint64_t seed)
{
    struct sim_options o = sim_options_default();
    struct sim_random r = {seed * 7919};
    bool is_limited = sim_random_chance(&r, 300);

    o.seed = seed;
    o.processes = draw_processes(&r);
    o.kind = (enum sim_gateway_kind)sim_random_within(&r, 0, 2);
    o.life_ms = draw_life_ms(&r);
    o.poisson = sim_random_chance(&r, 500);
    o.call_every_ms = sim_random_within(&r, 10 * SIM_SECOND, 10 * SIM_MINUTE);
    o.rules.daily_limit = is_limited ? sim_random_within(&r, 30, 200) : 0;
    o.chaos = (unsigned)(sim_random_next(&r) & sim_random_next(&r) & SIM_ALL);
    if (sim_random_chance(&r, 100))
        o.chaos = SIM_ALL;
    o.chaos_every_ms = sim_random_within(&r, 10 * SIM_SECOND, SIM_HOUR);
    o.chaos_ms = 12 * SIM_HOUR;
    o.run_ms = o.chaos_ms + (is_limited ? 32 * SIM_HOUR : 5 * SIM_HOUR);
    return o;
}
