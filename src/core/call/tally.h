/*
 * tally: counts a client's calls by outcome and by duration, in the form of a Prometheus histogram.
 * The owner's memory, zeroed before use; not locked: on the owner's thread. Pure.
 */
#ifndef ITR_CORE_CALL_TALLY_H
#define ITR_CORE_CALL_TALLY_H

#include <stdint.h>

#include "core/base/status.h"
#include "core/call/outcome.h"

#define ITR_TALLY_BUCKETS 14
/* The upper bounds of the buckets, each inclusive. */
extern const int64_t itr_tally_bounds_ms[ITR_TALLY_BUCKETS];

struct itr_tally {
    uint64_t outcomes[ITR_FULL + 1]; /* by kind; ITR_OK: succeeded */
    /* Of the calls that were started, which is all but those of kind ITR_USAGE: */
    uint64_t buckets[ITR_TALLY_BUCKETS + 1]; /* by duration; the last one: longer than any bound */
    uint64_t elapsed_us;                     /* of all of them */
    uint64_t requests;
    uint64_t refused;
};

/* Count one call. */
void itr_tally_add(struct itr_tally *t, const struct itr_outcome *o);

#endif
