/*
 * server: the state that the daemon's threads share: the current snapshot and certificate, the
 * requests that wait for a token, and the connections with their deadlines.
 *
 * Any thread. Locks: `lock` guards the pointers to snapshot and certificate; `waiting` and
 * `connections` have their own. A source may hold its own lock when it takes one of these (in a
 * wake), so none of them is ever held during a call into a source.
 */
#ifndef ITRIGGERD_SERVER_H
#define ITRIGGERD_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "core/os/thread.h"
#include "itriggerd/certificate.h"
#include "itriggerd/connections.h"
#include "itriggerd/request_metrics.h"
#include "itriggerd/snapshot.h"
#include "itriggerd/waiting.h"

#define SERVER_CHECK_LEAST_MS 2000 /* between two checks of one app's token that are asked for */
#define SERVER_STUCK_MS 5000       /* without a tick for so long, the daemon is not healthy */

struct server {
    pthread_mutex_t lock;
    struct snapshot *snapshot;       /* a reference */
    struct certificate *certificate; /* a reference, for new connections; NULL: without TLS */
    struct waiting waiting;
    struct connections connections;
    struct request_metrics requests;
    atomic_int_fast64_t tick_mono_ms;   /* when the timer thread went round last */
    atomic_int_fast64_t reload_wall_ms; /* of the last reload or start; the next: did it succeed? */
    atomic_bool reload_succeeded;
    atomic_bool store_failing; /* the last reading of the shared store failed */
    struct itr_nap want_look;  /* wakes store_watch */
    struct itr_nap want_check; /* wakes token_check */
    atomic_int busy;           /* requests that began and have not completed */
    atomic_bool draining;      /* the process ends: connections are closed after their answer */
};

/* Initialise the server; max_connections: how many may be open at once. */
void server_init(struct server *s, size_t max_connections);
/* Release everything. All threads must have ended. */
void server_clear(struct server *s);

/* Return whether the timer thread ran within SERVER_STUCK_MS. */
bool server_is_alive(const struct server *s);
/* Note that the configuration was loaded now, or that loading it failed. */
void server_note_reload(struct server *s, bool succeeded);

/* Ask store_watch to read the shared store now. */
void server_want_look(struct server *s);
/* Ask token_check to check the app's token now. False: it was checked within the last
 * SERVER_CHECK_LEAST_MS, or the app's token is never checked. */
bool server_want_check(struct server *s, struct app *a);

/* Return the current snapshot, with a reference for the caller. */
struct snapshot *server_snapshot(struct server *s);
/* Make w the current snapshot; the server takes ownership of the caller's reference. */
void server_set_snapshot(struct server *s, struct snapshot *w);

/* The same for the certificate; NULL: there is none. */
struct certificate *server_certificate(struct server *s);
void server_set_certificate(struct server *s, struct certificate *c);

#endif
