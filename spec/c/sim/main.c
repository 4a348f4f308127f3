/*
 * fleet_sim [SEEDS [FIRST]]: many seeds of chaos, each on a fleet, a gateway and options of its own
 * drawing. One TAP line for each hundred seeds. TRACE=1 in the environment writes all that happens
 * to stderr: `TRACE=1 build/fleet_sim 1 SEED`.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/sim_chaos.h"

#define PER_LINE 100

static bool run_seed(uint64_t seed, double *days)
{
    struct sim_world *w = sim_chaos_draw(seed);
    bool held;

    if (w == NULL)
        abort();
    held = sim_world_run(w);
    *days += (double)(w->now_ms - w->began_ms) / (double)SIM_DAY;
    if (!held)
        printf("# seed %" PRIu64 ": %s (%d processes, %s, chaos %#x)\n", seed, w->watch.broken,
               w->options.processes, sim_gateway_kind_name(w->options.kind), w->options.chaos);
    sim_world_free(w);
    return held;
}

int main(int argc, char **argv)
{
    uint64_t seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : 100;
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    uint64_t lines = (seeds + PER_LINE - 1) / PER_LINE, i, seed = first, broken = 0;
    double days = 0;

    printf("1..%" PRIu64 "\n", lines);
    for (i = 1; i <= lines; i++) {
        uint64_t from = seed, before = broken;

        for (; seed < from + PER_LINE && seed < first + seeds; seed++)
            broken += !run_seed(seed, &days);
        printf("%s %" PRIu64 " - seeds %" PRIu64 " to %" PRIu64 ", %.0f simulated days so far\n",
               broken == before ? "ok" : "not ok", i, from, seed - 1, days);
        fflush(stdout);
    }
    return broken == 0 ? 0 : 1;
}
