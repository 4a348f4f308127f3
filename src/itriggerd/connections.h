/*
 * connections: all open connections, each with the deadline for its next complete request. The HTTP
 * library's own timeout only ends silent connections; this deadline also ends a client that sends
 * one byte a second.
 *
 * Their number is limited, but a new connection is still accepted at the limit: the oldest
 * connection that never showed a valid key is shut down for it, first one from an address that has
 * many of them; without any, the one that has been idle longest. So nobody can block other clients
 * by opening connections. Any thread; one lock, held for a shutdown(2) at the longest.
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

#define CONNECTIONS_SLOTS 4096 /* addresses are counted by hash */

enum connection_state {
    CONNECTION_ARRIVING, /* accepted; the HTTP library has not begun to serve it */
    CONNECTION_STRANGER, /* served; it never showed a valid key */
    CONNECTION_KNOWN,    /* it showed one */
    CONNECTION_CLOSING,  /* it was shut down here, for another one */
    CONNECTION_STATES
};

struct certificate;

struct connection {
    struct itr_list node;
    enum connection_state state;
    int fd; /* borrowed; open except in CONNECTION_ARRIVING, where nobody may touch it */
    atomic_int_fast64_t deadline_mono_ms;
    atomic_bool idle; /* it waits for its next request */
    uint64_t address; /* its hash */
    bool trusted;     /* over a Unix socket; constant */
    /* Of the thread that serves it. */
    bool known;                      /* connections_know was called */
    struct certificate *certificate; /* a reference, for it to release; NULL: without TLS */
};

struct connections {
    pthread_mutex_t lock;
    pthread_cond_t left;                   /* there are fewer now, or no more are to come */
    struct itr_list in[CONNECTION_STATES]; /* oldest first */
    size_t open;                           /* all */
    size_t n, max;                         /* those that are not closing; their limit */
    bool closed;
    uint64_t seed;
    uint16_t strangers_of[CONNECTIONS_SLOTS]; /* by address */
    uint64_t evicted;
};

/* Return how many connections the process can have without using up the file descriptors that
 * fetches, stores and token files need. */
size_t connections_limit(void);

/* Initialise an empty set. max: the limit on connections at one time. seed: a random number. */
void connections_init(struct connections *l, size_t max, uint64_t seed);
void connections_clear(struct connections *l);

/* Wait until another connection may be accepted. At the limit that is so, too, as long as those
 * that were shut down for others go. False: connections_close was called. */
bool connections_await_room(struct connections *l);
/* End all waits for room, now and later. */
void connections_close(struct connections *l);

/* Add a connection that was accepted. At the limit, shut down another one. False: no memory. */
bool connections_arrive(struct connections *l, int fd, const struct sockaddr *peer, bool trusted);
/* Remove a connection that arrived and was closed before it was served. */
void connections_lose(struct connections *l, int fd);
/* Return the connection that arrived with this fd, which stays open until connections_remove. NULL:
 * there is none. */
struct connection *connections_begin(struct connections *l, int fd, int64_t deadline_mono_ms);
/* Mark the connection as one that showed a valid key. */
void connections_know(struct connections *l, struct connection *c);
/* Remove and free the connection, before its fd is closed. NULL is allowed. */
void connections_remove(struct connections *l, struct connection *c);

/* Shut down the connections whose deadline has passed; their owner then closes them. */
void connections_expire(struct connections *l, int64_t now_mono_ms);

/* Write how many connections are open, and how many were shut down at the limit since the start. */
void connections_count(struct connections *l, size_t *n, uint64_t *evicted);

#endif
