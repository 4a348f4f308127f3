/*
 * traffic: what the daemon counts of its answers, for /metrics: how many by route and code, and how
 * long they took. Any thread; counters only grow.
 */
#ifndef ITRIGGERD_TRAFFIC_H
#define ITRIGGERD_TRAFFIC_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define TRAFFIC_CODES 16   /* those of traffic_codes, and one for all others */
#define TRAFFIC_BUCKETS 14 /* those of traffic_bounds_ms; more than the last: in the count only */

enum traffic_kind {
    TRAFFIC_TOKEN,   /* the token, also by the vendor's path */
    TRAFFIC_POLL,    /* a newer token: it waits because it was told to */
    TRAFFIC_REFRESH, /* a report, or one fetch, please */
    TRAFFIC_OTHER,   /* health, page, metrics; what is none of ours */
    TRAFFIC_KINDS
};

struct traffic_of_kind {
    atomic_uint_fast64_t codes[TRAFFIC_CODES];
    atomic_uint_fast64_t buckets[TRAFFIC_BUCKETS]; /* each counts what is in it alone */
    atomic_uint_fast64_t count, sum_ms;
};

struct traffic { /* zero it before use */
    struct traffic_of_kind kinds[TRAFFIC_KINDS];
};

extern const int64_t traffic_codes[TRAFFIC_CODES]; /* of the envelope; the last, 0: another */
extern const int64_t traffic_bounds_ms[TRAFFIC_BUCKETS];

/* The place of a code in traffic_codes. */
size_t traffic_code(int64_t code);
const char *traffic_kind_name(enum traffic_kind kind);

/* One answer, that long after its request was complete. */
void traffic_note(struct traffic *t, enum traffic_kind kind, int64_t code, int64_t took_ms);

#endif
