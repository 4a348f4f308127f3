#include "sim/sim_random.h"

#include <math.h>

/* splitmix64 (Steele, Lea, Flood 2014). */
uint64_t sim_random_next(struct sim_random *r)
{
    uint64_t z = (r->state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

int64_t sim_random_within(struct sim_random *r, int64_t lowest, int64_t highest)
{
    return lowest + (int64_t)(sim_random_next(r) % (uint64_t)(highest - lowest + 1));
}

bool sim_random_chance(struct sim_random *r, int per_mille)
{
    return sim_random_within(r, 0, 999) < per_mille;
}

int64_t sim_random_poisson_ms(struct sim_random *r, int64_t mean_ms)
{
    double u = (double)(sim_random_next(r) >> 11) * 0x1p-53; /* 0 <= u < 1 */

    return 1 + (int64_t)(-log(1 - u) * (double)mean_ms);
}
