#include "core/call/tally.h"

const int64_t itr_tally_bounds_ms[ITR_TALLY_BUCKETS] = {1,   2,   5,    10,   20,   50,    100,
                                                        200, 500, 1000, 2000, 5000, 15000, 60000};

void itr_tally_add(struct itr_tally *t, const struct itr_outcome *o)
{
    int64_t elapsed_us = o->elapsed_us > 0 ? o->elapsed_us : 0;
    int i = 0;

    t->outcomes[o->kind]++;
    if (o->kind == ITR_USAGE)
        return;
    while (i < ITR_TALLY_BUCKETS && elapsed_us > itr_tally_bounds_ms[i] * 1000)
        i++;
    t->buckets[i]++;
    t->elapsed_us += (uint64_t)elapsed_us;
    t->requests += o->requests;
    t->refused += o->refused;
}
