/*
 * connections: all that are open, each with the time by which its next request must be complete.
 * The HTTP library's own timeout is for silence; whoever sends one byte a second is ended here. Any
 * thread; one lock, held for a shutdown(2) at the longest.
 */
#ifndef ITRIGGERD_CONNECTIONS_H
#define ITRIGGERD_CONNECTIONS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/list.h"

struct connection {
    struct itr_list node;
    int fd; /* borrowed; open while it is in the list */
    atomic_int_fast64_t deadline_mono_ms;
    unsigned generation; /* of the listener */
};

struct connections {
    pthread_mutex_t lock;
    struct itr_list all; /* oldest first */
    size_t n;
};

void connections_init(struct connections *l);
void connections_clear(struct connections *l);

/* NULL: no memory. */
struct connection *connections_add(struct connections *l, int fd, unsigned generation,
                                   int64_t deadline_mono_ms);
/* Before its fd is closed. Frees it; NULL is allowed. */
void connections_remove(struct connections *l, struct connection *c);

/* Shuts down those whose time is over; their owner then closes them. */
void connections_expire(struct connections *l, int64_t now_mono_ms);

#endif
