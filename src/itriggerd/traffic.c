#include "itriggerd/traffic.h"

const int64_t traffic_codes[TRAFFIC_CODES] = {200, 400, 401, 403,   404,   405,   413,   429,
                                              500, 502, 503, 40001, 40002, 40003, 40004, 0};

/* The clock is in milliseconds: what takes less than one is in the first. */
const int64_t traffic_bounds_ms[TRAFFIC_BUCKETS] = {1,   2,   5,    10,   20,   50,    100,
                                                    200, 500, 1000, 2000, 5000, 15000, 60000};

size_t traffic_code(int64_t code)
{
    size_t i = 0;

    while (i < TRAFFIC_CODES - 1 && traffic_codes[i] != code)
        i++;
    return i;
}

const char *traffic_kind_name(enum traffic_kind kind)
{
    switch (kind) {
    case TRAFFIC_TOKEN:
        return "token";
    case TRAFFIC_POLL:
        return "poll";
    case TRAFFIC_REFRESH:
        return "refresh";
    case TRAFFIC_OTHER:
    case TRAFFIC_KINDS:
        break;
    }
    return "other";
}

static void add(atomic_uint_fast64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

void traffic_note(struct traffic *t, enum traffic_kind kind, int64_t code, int64_t took_ms)
{
    struct traffic_of_kind *k = &t->kinds[kind];
    size_t i = 0;

    while (i < TRAFFIC_BUCKETS && took_ms > traffic_bounds_ms[i])
        i++;
    if (i < TRAFFIC_BUCKETS)
        add(&k->buckets[i], 1);
    add(&k->codes[traffic_code(code)], 1);
    add(&k->sum_ms, took_ms > 0 ? (uint64_t)took_ms : 0);
    add(&k->count, 1);
}
