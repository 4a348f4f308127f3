/*
 * store_watch: the thread that reads what the daemon shares with others by the token store, each
 * second and when it is asked to: one request for all apps where the store can do that. So a token
 * that another itriggerd or a client fetched is given out here a second later at the latest.
 */
#ifndef ITRIGGERD_STORE_WATCH_H
#define ITRIGGERD_STORE_WATCH_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/record/parts.h"

struct server;

struct store_watch {
    struct server *server;         /* borrowed */
    const struct itr_parts *parts; /* borrowed; with a store */
    pthread_t thread;
    atomic_bool stop;
    bool failing; /* the thread's: the last reading failed, and that was logged */
};

/* Start the thread. 0, or an error number of pthread_create(3). A store that nobody else can reach
 * is not read. */
int store_watch_start(struct store_watch *w, struct server *server, const struct itr_parts *parts);
/* Stop it, and return when it has ended. */
void store_watch_stop(struct store_watch *w);

#endif
