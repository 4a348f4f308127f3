/*
 * sim_random: the simulation's chance, all of it from one seed, so that a run can be repeated. Not
 * for secrets. One thread.
 */
#ifndef SIM_RANDOM_H
#define SIM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct sim_random {
    uint64_t state;
};

uint64_t sim_random_next(struct sim_random *r);
int64_t sim_random_within(struct sim_random *r, int64_t lowest,
                          int64_t highest); /* both included */
bool sim_random_chance(struct sim_random *r, int per_mille);

/* The distance of two events that know nothing of each other: at least 1. */
int64_t sim_random_poisson_ms(struct sim_random *r, int64_t mean_ms);

#endif
