#include "itriggerd/request_metrics.h"

const int64_t request_codes[REQUEST_CODES] = {200, 400, 401, 403,   404,   405,   413,   429,
                                              500, 502, 503, 40001, 40002, 40003, 40004, 0};

/* The clock is in milliseconds: what takes less than one is in the first. */
const int64_t request_bounds_ms[REQUEST_BUCKETS] = {1,   2,   5,    10,   20,   50,    100,
                                                    200, 500, 1000, 2000, 5000, 15000, 60000};

const char *const request_kind_names[REQUEST_KINDS] = {"token", "poll", "refresh", "other"};

size_t request_code_index(int64_t code)
{
    size_t i = 0;

    while (i < REQUEST_CODES - 1 && request_codes[i] != code)
        i++;
    return i;
}

static void add(atomic_uint_fast64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

void request_metrics_note(struct request_metrics *t, enum request_kind kind, int64_t code,
                          int64_t took_ms)
{
    struct request_metrics_kind *k = &t->kinds[kind];
    size_t i = 0;

    while (i < REQUEST_BUCKETS && took_ms > request_bounds_ms[i])
        i++;
    if (i < REQUEST_BUCKETS)
        add(&k->buckets[i], 1);
    add(&k->codes[request_code_index(code)], 1);
    add(&k->sum_ms, took_ms > 0 ? (uint64_t)took_ms : 0);
    add(&k->count, 1);
}
