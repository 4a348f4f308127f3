/*
 * counters: what is counted of an app or of a client. They go on over a reload, where the new
 * snapshot shares those of the old one; so they are counted themselves. Any thread.
 */
#ifndef ITRIGGERD_COUNTERS_H
#define ITRIGGERD_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

#include "itriggerd/request_metrics.h"

enum app_count {
    APP_TOKENS,   /* answers with a token */
    APP_REFUSALS, /* reports of a refused token */
    APP_ASKED,    /* refreshes that were asked for */
    APP_SAVED,    /* of them: not fetched, to save the day's limit */
    APP_CHECKED_GOOD,
    APP_CHECKED_REFUSED,
    APP_CHECKED_IN_VAIN, /* the gateway did not say */
    APP_ERRORS,          /* and the next: answers without a token, by request_codes */
    APP_COUNTS = APP_ERRORS + REQUEST_CODES
};

enum client_count {
    CLIENT_REQUESTS,  /* answered, of those about an app's token */
    CLIENT_REFUSALS,  /* reports of a refused token */
    CLIENT_REFRESHES, /* requests for a fetch */
    CLIENT_FAILURES,  /* answers without a token */
    CLIENT_COUNTS
};

struct counters {
    atomic_uint refs;
    atomic_uint_fast64_t n[];
};

/* Create n counters, all 0, with one reference for the caller. NULL: no memory. */
struct counters *counters_new(size_t n);
struct counters *counters_retain(struct counters *c);
void counters_release(struct counters *c); /* NULL is allowed */

void counters_add(struct counters *c, size_t which);
/* Copy the first n. */
void counters_read(const struct counters *c, int64_t *out, size_t n);

#endif
