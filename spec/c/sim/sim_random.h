/*
 * sim_random: the simulation's randomness, all of it from one seed, so that a run can be repeated.
 * Not for secrets. One thread.
 */
#ifndef SIM_RANDOM_H
#define SIM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct sim_random {
    uint64_t state;
};

/* Return 64 random bits. */
uint64_t sim_random_next(struct sim_random *r);

/* Return a number from lowest to highest, both included. */
int64_t sim_random_within(struct sim_random *r, int64_t lowest, int64_t highest);

/* Return true in so many of a thousand cases. */
bool sim_random_chance(struct sim_random *r, int per_mille);

/* Return the distance of two independent events that are mean_ms apart on average: at least 1. */
int64_t sim_random_poisson_ms(struct sim_random *r, int64_t mean_ms);

#endif
