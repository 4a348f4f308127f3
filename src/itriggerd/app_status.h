/*
 * app_status: the state of an app as the status page and the metrics show it: a plain copy of its
 * token's state and its counters, without token or secret. Any thread.
 */
#ifndef ITRIGGERD_APP_STATUS_H
#define ITRIGGERD_APP_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/source/stats.h"
#include "itriggerd/request_metrics.h"

struct app_status {
    const char *name, *app_id; /* borrowed from the app */
    bool ready;
    enum itr_cache_state state;
    uint64_t fence;                               /* 0: no token */
    int64_t age_ms, refresh_in_ms, expires_in_ms; /* of the token; may be negative */
    int64_t fetches_today;                        /* -1: nobody says */
    int64_t daily_limit;                          /* 0: none */
    int64_t waiters;                              /* for a fetch */
    int64_t pollers;                              /* for a newer token */
    bool file_ok; /* token_file is as it should be, or there is none */
    bool refused; /* the gateway refuses the token */
    bool failing; /* the last fetch failed */
    struct itr_fetch_counts fetches;
    uint64_t saved, checks_ok, checks_refused, checks_failed;
    uint64_t fetched, tokens, refusals, asked, failures;
    uint64_t errors[REQUEST_CODES]; /* of failures, by code */
};

struct app;

/* Fill in *h, and *stats with the source's statistics, which also contain its events. */
void app_status_of(const struct app *a, int64_t now_mono_ms, struct itr_stats *stats,
                   struct app_status *h);

#endif
