/*
 * watch: the answers to who watches the daemon: /metrics and the page, about the apps that a client
 * may see. Any thread.
 */
#ifndef ITRIGGERD_WATCH_H
#define ITRIGGERD_WATCH_H

#include "itriggerd/page_text.h"
#include "itriggerd/reply.h"
#include "itriggerd/server.h"

/* client NULL: may see all. world is one that the caller holds. */
void watch_metrics(const struct server *s, const struct world *world, const struct client *client,
                   struct reply *r);
void watch_page(const struct world *world, const struct client *client, enum page_language l,
                struct reply *r);

#endif
