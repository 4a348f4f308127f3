/*
 * metrics: writes what Prometheus reads at /metrics, in its text format 0.0.4. Pure; any thread.
 */
#ifndef ITRIGGERD_METRICS_H
#define ITRIGGERD_METRICS_H

#include <stddef.h>

#include "core/base/buf.h"
#include "itriggerd/app_status.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* One client's counters. */
struct client_status {
    const char *name; /* borrowed */
    int64_t count[CLIENT_COUNTS];
};

/* What is not about one app, as of now. */
struct daemon_status {
    int64_t connections, connections_max, evicted;
    int64_t waiting, polls; /* requests */
    int64_t log_dropped;
    int64_t cert_end_wall_s; /* or STATUS_UNKNOWN: no TLS */
    int64_t reload_wall_ms;
    int64_t reload_ok, store_ok;         /* 1, or 0 */
    const struct client_status *clients; /* borrowed */
    size_t n_clients;
};

/* Write the metrics of the apps (their names are UTF-8) and of the daemon (NULL: the client may not
 * see those). ITR_FULL or ITR_NOMEM: something does not fit within out's maximum and is missing. */
enum itr_status metrics_write(struct itr_buf *out, const struct app_status *apps, size_t n,
                              const struct daemon_status *daemon,
                              const struct request_metrics *requests);

#endif
