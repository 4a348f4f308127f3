/*
 * monitor: answers /metrics and the status page, about the apps that a client may see. Any thread.
 */
#ifndef ITRIGGERD_MONITOR_H
#define ITRIGGERD_MONITOR_H

#include "itriggerd/page_text.h"
#include "itriggerd/reply.h"
#include "itriggerd/server.h"

/* client NULL: may see all. snapshot is one that the caller holds. */
void monitor_metrics(struct server *s, const struct snapshot *snapshot, const struct client *client,
                     struct reply *r);
void monitor_page(const struct snapshot *snapshot, const struct client *client,
                  enum page_language l, struct reply *r);

#endif
