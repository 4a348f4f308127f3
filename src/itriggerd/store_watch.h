/*
 * store_watch: the thread that reads the shared token store, each second and on request, with one
 * query for all apps if the store supports that. So the daemon serves a token that another
 * itriggerd or a client fetched at most a second later.
 */
#ifndef ITRIGGERD_STORE_WATCH_H
#define ITRIGGERD_STORE_WATCH_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/record/parts.h"
#include "itriggerd/outage.h"

struct server;

struct store_watch {
    struct server *server;         /* borrowed */
    const struct itr_parts *parts; /* borrowed; with a store */
    pthread_t thread;
    atomic_bool stop;
    struct outage outage; /* the thread's */
};

/* Start the thread. Return 0, or an error number of pthread_create(3). A store that nobody else can
 * reach is not read. */
int store_watch_start(struct store_watch *w, struct server *server, const struct itr_parts *parts);
/* Stop the thread and wait until it has ended. */
void store_watch_stop(struct store_watch *w);

#endif
