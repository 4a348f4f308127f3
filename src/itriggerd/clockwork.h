/*
 * clockwork: the one thread that minds the time: it asks each app's source at the refresh time of
 * its token (the active refresh, docs/design.md 4.6), takes note of each new token (log,
 * token_file), and ends what took too long: waiting requests, connections.
 */
#ifndef ITRIGGERD_CLOCKWORK_H
#define ITRIGGERD_CLOCKWORK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "itriggerd/server.h"

struct clockwork {
    struct server *server; /* borrowed */
    pthread_t thread;
    atomic_bool stop;
    size_t first; /* the thread's: the app that is looked at first next time */
};

/* 0, or an error number of pthread_create(3). */
int clockwork_start(struct clockwork *w, struct server *server);
/* Returns when the thread has ended. */
void clockwork_stop(struct clockwork *w);

#endif
