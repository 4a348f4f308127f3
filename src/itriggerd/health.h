/*
 * health: what is told of one app to who watches it, a plain copy: how its token does, what was
 * counted. No token, no secret. Any thread.
 */
#ifndef ITRIGGERD_HEALTH_H
#define ITRIGGERD_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/source/stats.h"
#include "itriggerd/traffic.h"

struct health {
    const char *name, *app_id; /* borrowed from the app */
    bool ready;
    enum itr_cache_state state;
    uint64_t fence;                               /* 0: no token */
    int64_t age_ms, refresh_in_ms, expires_in_ms; /* of the token; may be negative */
    int64_t fetches_today;                        /* -1: nobody says */
    int64_t daily_limit;                          /* 0: none */
    int64_t waiters;
    uint64_t fetched, tokens, refusals, asked, failures;
    uint64_t errors[TRAFFIC_CODES]; /* of failures, by code */
};

struct app;

/* stats: the source's, for who wants more of it than h has (the events). */
void health_of(const struct app *a, int64_t now_mono_ms, struct itr_stats *stats, struct health *h);

#endif
