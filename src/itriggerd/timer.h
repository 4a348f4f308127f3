/*
 * timer: the thread for everything with a due time. It asks each app's source at the refresh time
 * of its token (the active refresh, docs/design.md 4.6), handles each new token (log, token_file),
 * and ends waiting requests and connections whose deadline has passed.
 */
#ifndef ITRIGGERD_TIMER_H
#define ITRIGGERD_TIMER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "itriggerd/server.h"

struct timer {
    struct server *server; /* borrowed */
    pthread_t thread;
    atomic_bool stop;
    /* The thread's. */
    size_t first;                /* the app that is looked at first next time */
    uint64_t evicted;            /* connections closed at the limit, as far as logged */
    int64_t evicted_log_mono_ms; /* not logged again before */
};

/* Start the thread. Return 0, or an error number of pthread_create(3). */
int timer_start(struct timer *w, struct server *server);
/* Stop the thread and wait until it has ended. */
void timer_stop(struct timer *w);

#endif
