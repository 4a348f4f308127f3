/*
 * waiting: the requests that are suspended until a token for them arrives or their deadline passes.
 * Their number is limited. At a limit the oldest poll (of the same client or app, if the limit
 * is theirs) is answered early, so that no client and no app can take all places.
 *
 * Design notes
 * - A request is woken once: by the token source (waiter_wake, under the source's lock, so it must
 *   not block: libmicrohttpd's resume takes a lock of its own for a moment and calls nobody back),
 *   or by one of the functions of the list. It may be woken before it is suspended; then
 *   waiter_suspended resumes it.
 * - A waiter is memory of its request, which leaves the list before it is freed.
 */
#ifndef ITRIGGERD_WAITING_H
#define ITRIGGERD_WAITING_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/list.h"

#define WAITING_MAX 4096
#define WAITING_POLLS_MAX 3072        /* of them; the others are for those who wait for a fetch */
#define WAITING_POLLS_OF_APP_MAX 2048 /* of one app */
#define WAITING_POLLS_OF_CLIENT_MAX 1024

enum waiter_state {
    WAITER_BEGUN,     /* asked, not yet suspended */
    WAITER_SUSPENDED, /* whoever wakes it resumes it */
    WAITER_WOKEN
};

struct waiter {
    struct itr_list node; /* the list's; zeroed: never in it */
    /* The owner's: set before waiting_enter. */
    void (*resume)(void *ctx);
    void *ctx;
    int fd;             /* of its connection; -1: unknown */
    bool polls;         /* it waits because it was asked to */
    const void *client; /* whose places it takes; compared only */
    const void *app;
    const void *checks; /* the app whose token check it waits for; NULL: none */
    /* The list's. */
    int64_t deadline_mono_ms;
    atomic_int state; /* enum waiter_state */
    bool expired;     /* constant once it is woken */
};

struct waiting {
    pthread_mutex_t lock;
    struct itr_list all; /* oldest first */
    size_t n, polls;
    bool draining;
    int64_t latest_mono_ms; /* no deadline is later than this */
};

void waiting_init(struct waiting *l);
void waiting_clear(struct waiting *l);

/* Add the waiter to the list, before the source is asked. False: the list is full. */
bool waiting_enter(struct waiting *l, struct waiter *w, int64_t deadline_mono_ms);
/* Remove the waiter from the list; do nothing if it is not in it. */
void waiting_leave(struct waiting *l, struct waiter *w);

/* Mark the request as suspended; resume it if it was woken before. */
void waiter_suspended(struct waiter *w);
/* Wake the waiter `ctx`, because its token is there. This is the wake function of its token
 * wait. */
void waiter_wake(void *ctx);

/* Wake the suspended requests whose deadline has passed. */
void waiting_expire(struct waiting *l, int64_t now_mono_ms);
/* Wake the suspended requests whose client closed the connection. */
void waiting_expire_gone(struct waiting *l);
/* End the time of all polls of this app (as in struct waiter): the next waiting_expire wakes them.
 */
void waiting_end_polls(struct waiting *l, const void *app);
/* Wake the requests that wait for the check of this app's token. */
void waiting_wake_checks(struct waiting *l, const void *app);
/* Write how many requests wait, and how many of them are polls. */
void waiting_count(struct waiting *l, size_t *n, size_t *polls);

/* Stop polls from waiting, and other requests from waiting longer than until latest_mono_ms. */
void waiting_drain(struct waiting *l, int64_t latest_mono_ms);

#endif
