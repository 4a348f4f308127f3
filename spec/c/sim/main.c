/*
 * fleet_sim [SEEDS [FIRST]]: many seeds of chaos, each on a fleet, a gateway and rules of its own
 * drawing. One TAP line per hundred seeds. SEED=n runs that one alone.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sim/sim_draw.h"

#define PER_LINE 100

static bool run_seed(uint64_t seed)
{
    struct sim_options o = sim_draw(seed);
    struct sim_world *w = sim_world_new(&o);
    bool kept;

    if (w == NULL)
        abort();
    kept = sim_world_run(w, false);
    sim_world_free(w);
    return kept;
}

int main(int argc, char **argv)
{
    uint64_t seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : 100;
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    uint64_t lines = (seeds + PER_LINE - 1) / PER_LINE, i, seed = first;
    int broken = 0;

    printf("1..%llu\n", (unsigned long long)lines);
    for (i = 1; i <= lines; i++) {
        uint64_t from = seed;
        bool kept = true;

        for (; seed < from + PER_LINE && seed < first + seeds; seed++)
            kept &= run_seed(seed);
        broken += !kept;
        printf("%s %llu - seeds %llu to %llu\n", kept ? "ok" : "not ok", (unsigned long long)i,
               (unsigned long long)from, (unsigned long long)seed - 1);
    }
    return broken == 0 ? 0 : 1;
}
