/*
 * listener: one socket that clients come in by, and the HTTP server (libmicrohttpd) behind it.
 *
 * The socket stays open from start to end; the server behind it can be replaced (restart, for new
 * certificates) without a client being turned away: the old one finishes what it has.
 */
#ifndef ITRIGGERD_LISTENER_H
#define ITRIGGERD_LISTENER_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/base/status.h"
#include "itriggerd/address.h"
#include "itriggerd/server.h"
#include "itriggerd/tls_files.h"

struct MHD_Daemon;

#define LISTENER_RETIRED_MAX 8

struct listener {
    struct server *server; /* borrowed */
    struct address address;
    int fd;    /* -1: it does not listen */
    dev_t dev; /* of a Unix socket's file */
    ino_t ino;
    struct MHD_Daemon *http;
    /* They finish what they have. The last place is for the end. */
    struct MHD_Daemon *retired[LISTENER_RETIRED_MAX + 1];
    size_t n_retired;
};

/* Return how many connections the process can have: they must not take the files that fetches,
 * stores and token files need. */
size_t listener_connections_max(void);

/* Open the socket. ITR_NETWORK: the system refuses it now (address in use, no permission). */
enum itr_status listener_open(struct listener *l, struct server *server, const char *address,
                              struct itr_error *e);
/* Sweeps; ITR_CONFIG: so many retired servers still have open requests that it cannot be started
 * again now. */
enum itr_status listener_check_room(struct listener *l, struct itr_error *e);
/* Starts serving; when it serves already (and there is room), with these certificates from now on.
 * ITR_CONFIG: they are no good, and all stays as it was. tls: NULL: none. */
enum itr_status listener_start(struct listener *l, const struct tls_files *tls, unsigned threads,
                               struct itr_error *e);
/* Stops retired servers without connections, or all. */
void listener_sweep(struct listener *l, bool all);
/* Stop listening: new connections are refused from now on; those that are open go on. Removes the
 * socket's file if it is still the one that was made here. */
void listener_stop(struct listener *l);
/* Ends all connections. No request may be suspended. */
void listener_close(struct listener *l);

/* "127.0.0.1:8700" with the port that the system chose. */
void listener_name(const struct listener *l, char *out, size_t cap);

#endif
