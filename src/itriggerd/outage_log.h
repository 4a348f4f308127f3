/*
 * outage_log: what the log tells of an outage. One owner, as outage.
 */
#ifndef ITRIGGERD_OUTAGE_LOG_H
#define ITRIGGERD_OUTAGE_LOG_H

#include "itriggerd/outage.h"

/* Note a failure, and log it if it is news, as a warning of this event and app (NULL: none).
 * effect: what follows the reason when that is new; may be "". */
void outage_log_failure(struct outage *o, const char *event, const char *app,
                        const struct itr_error *e, const char *effect, int64_t now_mono_ms);

#endif
