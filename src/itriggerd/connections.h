/*
 * connections: all open connections, each with the deadline for its next complete request. The HTTP
 * library's own timeout only ends silent connections; this deadline also ends a client that sends
 * one byte a second.
 *
 * Their number is limited, but a new connection is still accepted at the limit: the oldest
 * connection that never showed a valid key is shut down for it, first one from an address that has
 * many of them. So nobody can block other clients by opening connections. Any thread; one lock,
 * held for a shutdown(2) at the longest.
 */
#ifndef ITRIGGERD_CONNECTIONS_H
#define ITRIGGERD_CONNECTIONS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/base/list.h"

#define CONNECTIONS_MAX ((size_t)4096)
#define CONNECTIONS_SLOTS 4096 /* addresses are counted by hash */

struct connection {
    struct itr_list node;
    int fd; /* borrowed; open while it is in a list */
    atomic_int_fast64_t deadline_mono_ms;
    unsigned generation; /* of the listener */
    uint64_t address;    /* its hash */
    bool known;          /* it showed a valid key; constant once it is true */
    bool closing;        /* it was shut down here */
};

struct connections {
    pthread_mutex_t lock;
    /* Oldest first: without a valid key so far, with one, and shut down. */
    struct itr_list strangers, known, closing;
    size_t n, max;
    uint64_t seed;
    uint16_t strangers_of[CONNECTIONS_SLOTS]; /* by address */
    uint64_t evicted;
};

/* Initialise an empty set. max: the limit on connections at one time. seed: a random number. */
void connections_init(struct connections *l, size_t max, uint64_t seed);
void connections_clear(struct connections *l);

/* Add an open connection, whose fd is borrowed until connections_remove. At the limit, shut down
 * another one that never showed a valid key. NULL: no memory. */
struct connection *connections_add(struct connections *l, int fd, const struct sockaddr *peer,
                                   unsigned generation, int64_t deadline_mono_ms);
/* Mark the connection as one that showed a valid key. */
void connections_know(struct connections *l, struct connection *c);
/* Remove and free the connection, before its fd is closed. NULL is allowed. */
void connections_remove(struct connections *l, struct connection *c);

/* Shut down the connections whose deadline has passed; their owner then closes them. */
void connections_expire(struct connections *l, int64_t now_mono_ms);

/* Write how many connections are open, and how many were shut down at the limit since the start. */
void connections_count(struct connections *l, size_t *n, uint64_t *evicted);

#endif
