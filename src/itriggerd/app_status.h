/*
 * app_status: the state of an app as the status page and the metrics show it: a plain copy of its
 * source's state and its counters, without token or secret. Any thread.
 */
#ifndef ITRIGGERD_APP_STATUS_H
#define ITRIGGERD_APP_STATUS_H

#include "core/source/events.h"
#include "core/source/stats.h"
#include "itriggerd/counters.h"

#define STATUS_UNKNOWN INT64_MIN /* there is no such number now */

struct app;

enum app_trouble {
    APP_FAILS, /* no usable token, or token_file is not as it should be */
    APP_WARNS, /* the last fetch failed */
    APP_FINE,
    APP_TROUBLES
};

/* The numbers are 64 bits each, so that the metrics' table can name them. */
struct app_status {
    const char *name, *app_id;       /* borrowed from the app */
    const struct app *app;           /* borrowed */
    struct itr_stats source;         /* what is not known is STATUS_UNKNOWN */
    int64_t pollers;                 /* requests that wait for a newer token */
    int64_t count[APP_COUNTS];       /* enum app_count */
    int64_t ready, file_ok, refused; /* 1, or 0: it has a usable token; token_file is as it should
                                        be, or there is none; the gateway rejects the token */
    enum app_trouble trouble;
};

/* Fill in *h, and the source's events of the same moment (NULL: not wanted). */
void app_status_of(const struct app *a, int64_t now_mono_ms, struct app_status *h,
                   struct itr_event_list *events);

#endif
