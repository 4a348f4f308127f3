/*
 * app_status: the state of an app as the status page and the metrics show it: a plain copy of its
 * token's state and its counters, without token or secret. Any thread.
 */
#ifndef ITRIGGERD_APP_STATUS_H
#define ITRIGGERD_APP_STATUS_H

#include "core/source/events.h"
#include "core/source/stats.h"
#include "itriggerd/counters.h"

#define STATUS_UNKNOWN INT64_MIN /* there is no such number now */

struct app;

/* The numbers are of one type, so that the metrics' table can name them. */
struct app_status {
    const char *name, *app_id;                    /* borrowed from the app */
    const struct app *app;                        /* borrowed */
    uint64_t fence;                               /* 0: no token */
    int64_t age_ms, refresh_in_ms, expires_in_ms; /* of the token; may be negative */
    int64_t fetches_today, daily_limit;
    int64_t waiters;                 /* for a fetch */
    int64_t pollers;                 /* for a newer token */
    int64_t fetched;                 /* tokens got from the gateway by this process */
    int64_t good_wall_ms, last_ms;   /* when a fetch brought one; how long the last fetch took */
    int64_t fetches, fetches_ms;     /* how many ended; how long they took */
    int64_t failed[ITR_STORE + 1];   /* fetches, by the error's kind */
    int64_t count[APP_COUNTS];       /* enum app_count */
    int64_t ready, file_ok, refused; /* 1, or 0: it has a usable token; token_file is as it should
                                        be, or there is none; the gateway rejects the token */
    int64_t failing;                 /* 1: the last fetch failed */
};

/* Fill in *h, and of the same moment the source's statistics and its events (NULL: not wanted). */
void app_status_of(const struct app *a, int64_t now_mono_ms, struct itr_stats *stats,
                   struct itr_event_list *events, struct app_status *h);

#endif
