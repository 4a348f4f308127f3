/*
 * server: what the daemon's threads share: the snapshot as of now, the requests that wait for a
 * token, and the connections with their deadlines.
 *
 * Any thread. Locks: `lock` guards the snapshot's place, `waiting` and `connections` have their
 * own; none is held while a token source is asked, and a source's own lock may be held when one is
 * taken (a wake), so none of them is ever held around a call into a source.
 */
#ifndef ITRIGGERD_SERVER_H
#define ITRIGGERD_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "itriggerd/connections.h"
#include "itriggerd/request_metrics.h"
#include "itriggerd/snapshot.h"
#include "itriggerd/waiting.h"

struct server {
    pthread_mutex_t lock;
    struct snapshot *snapshot; /* a reference */
    struct waiting waiting;
    struct connections connections;
    struct request_metrics requests;
    atomic_int busy;        /* requests that began and are not over */
    atomic_bool draining;   /* the process ends: connections are closed after their answer */
    atomic_uint generation; /* of the listeners: connections of an older one are closed likewise */
};

void server_init(struct server *s);
/* After all threads are gone. */
void server_clear(struct server *s);

struct snapshot *server_snapshot(struct server *s); /* a reference for the caller */
/* Takes over the caller's reference. */
void server_set_snapshot(struct server *s, struct snapshot *w);

#endif
