/*
 * waiting: requests that are suspended until there is a token for them, or their time is over. The
 * number is bounded.
 *
 * Design notes
 * - A request is woken once: by the token source (waiter_wake, under the source's lock, so it must
 *   not block: libmicrohttpd's resume takes a lock of its own for a moment and calls nobody back)
 * or by waiting_expire. It may be woken before it is suspended; then waiter_suspended resumes it.
 * - A waiter is memory of its request, which leaves the list before it goes.
 */
#ifndef ITRIGGERD_WAITING_H
#define ITRIGGERD_WAITING_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/list.h"

#define WAITING_MAX 1024

enum waiter_state {
    WAITER_BEGUN,     /* asked, not yet suspended */
    WAITER_SUSPENDED, /* whoever wakes it resumes it */
    WAITER_WOKEN
};

struct waiter {
    struct itr_list node; /* the list's; zeroed: never in it */
    void (*resume)(void *ctx);
    void *ctx;
    int64_t deadline_mono_ms;
    atomic_int state; /* enum waiter_state */
    bool expired;     /* constant once it is woken */
};

struct waiting {
    pthread_mutex_t lock;
    struct itr_list all; /* oldest first */
    size_t n;
    int64_t latest_mono_ms; /* no deadline counts that is later than this */
};

void waiting_init(struct waiting *l);
void waiting_clear(struct waiting *l);

/* Before the source is asked. False: too many wait already. resume and ctx are the caller's. */
bool waiting_enter(struct waiting *l, struct waiter *w, int64_t deadline_mono_ms);
void waiting_leave(struct waiting *l, struct waiter *w); /* nothing if it is not in it */

/* The request is suspended now; resumes it if it was woken before. */
void waiter_suspended(struct waiter *w);
/* Its token is there. A token wait's wake: ctx is the waiter. */
void waiter_wake(void *ctx);

/* Wakes those whose time is over. */
void waiting_expire(struct waiting *l, int64_t now_mono_ms);
/* From now on nobody waits longer than until then. */
void waiting_cut(struct waiting *l, int64_t latest_mono_ms);

#endif
