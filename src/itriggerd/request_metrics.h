/*
 * request_metrics: counts the daemon's answers for /metrics: their number by route and code, and
 * how long they took. Any thread; counters only grow.
 */
#ifndef ITRIGGERD_REQUEST_METRICS_H
#define ITRIGGERD_REQUEST_METRICS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define REQUEST_CODES 16   /* those of request_codes, and one for all others */
#define REQUEST_BUCKETS 14 /* those of request_bounds_ms; more than the last: in the count only */

enum request_kind {
    REQUEST_TOKEN,   /* the token, also by the vendor's path */
    REQUEST_POLL,    /* a newer token: it waits because it was told to */
    REQUEST_REFRESH, /* a report, or one fetch, please */
    REQUEST_OTHER,   /* health, page, metrics; what is none of ours */
    REQUEST_KINDS
};

struct request_metrics_kind {
    atomic_uint_fast64_t codes[REQUEST_CODES];
    atomic_uint_fast64_t buckets[REQUEST_BUCKETS]; /* each counts what is in it alone */
    atomic_uint_fast64_t count, sum_ms;
};

struct request_metrics { /* zero it before use */
    struct request_metrics_kind kinds[REQUEST_KINDS];
};

extern const char *const request_kind_names[REQUEST_KINDS];
extern const int64_t request_codes[REQUEST_CODES]; /* of the envelope; the last, 0: another */
extern const int64_t request_bounds_ms[REQUEST_BUCKETS];

/* Return the index of a code in request_codes; for a code that is not in it, the last. */
size_t request_code_index(int64_t code);

/* Count one answer, given took_ms after its request was complete. */
void request_metrics_note(struct request_metrics *t, enum request_kind kind, int64_t code,
                          int64_t took_ms);

#endif
