/*
 * monitor: answers /metrics and the status page with the apps that a client may see. Any thread.
 */
#ifndef ITRIGGERD_MONITOR_H
#define ITRIGGERD_MONITOR_H

#include "itriggerd/page_text.h"
#include "itriggerd/reply.h"
#include "itriggerd/server.h"

/* Answer with the metrics, or the status page, of the apps that the client may see (NULL: all). The
 * caller holds a reference to the snapshot. */
void monitor_metrics(struct server *s, const struct snapshot *snapshot, const struct client *client,
                     struct reply *r);
void monitor_page(const struct snapshot *snapshot, const struct client *client,
                  enum page_language l, struct reply *r);

#endif
