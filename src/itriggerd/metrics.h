/*
 * metrics: writes what Prometheus reads at /metrics, in its text format 0.0.4. Pure; any thread.
 */
#ifndef ITRIGGERD_METRICS_H
#define ITRIGGERD_METRICS_H

#include <stddef.h>

#include "core/base/buf.h"
#include "itriggerd/app_status.h"
#include "itriggerd/request_metrics.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* One client's counters. */
struct client_status {
    const char *name; /* borrowed */
    uint64_t requests, refusals, refreshes, failures;
};

/* What is not about one app, as of now. */
struct daemon_status {
    size_t connections, connections_max, waiting, polls;
    uint64_t evicted, log_dropped;
    int64_t cert_end_wall_s; /* 0: no TLS */
    int64_t reload_wall_ms;
    bool reload_ok, store_ok;
    const struct client_status *clients; /* borrowed */
    size_t n_clients;
};

/* Write the metrics of the apps (their names are UTF-8) and of the daemon (NULL: the client may not
 * see those). ITR_FULL or ITR_NOMEM: something does not fit within out's maximum and is missing. */
enum itr_status metrics_write(struct itr_buf *out, const struct app_status *apps, size_t n,
                              const struct daemon_status *daemon,
                              const struct request_metrics *requests);

#endif
