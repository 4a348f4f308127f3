/*
 * metrics: what Prometheus reads at /metrics, in its text format 0.0.4. Pure; any thread.
 */
#ifndef ITRIGGERD_METRICS_H
#define ITRIGGERD_METRICS_H

#include <stddef.h>

#include "core/base/buf.h"
#include "itriggerd/app_status.h"
#include "itriggerd/request_metrics.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* All apps that the reader may see; names are UTF-8. What does not fit out's maximum is missing,
 * and the result says so: ITR_FULL, ITR_NOMEM. */
enum itr_status metrics_write(struct itr_buf *out, const struct app_status *apps, size_t n,
                              const struct request_metrics *requests);

#endif
