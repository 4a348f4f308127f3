/*
 * listener: one socket that clients come in by, and the HTTP server (libmicrohttpd) behind it.
 *
 * The socket stays open from start to end; the server behind it can be replaced (restart, for new
 * certificates) without a client being turned away: the old one finishes what it has.
 */
#ifndef ITRIGGERD_LISTENER_H
#define ITRIGGERD_LISTENER_H

#include <stdbool.h>

#include "core/base/status.h"
#include "itriggerd/address.h"
#include "itriggerd/server.h"
#include "itriggerd/tls_files.h"

struct MHD_Daemon;

#define LISTENER_RETIRED_MAX 8

struct listener {
    struct server *server; /* borrowed */
    struct address address;
    int fd;
    size_t of; /* how many listeners share the process's files */
    struct MHD_Daemon *http;
    /* They finish what they have. The last place is for the end. */
    struct MHD_Daemon *retired[LISTENER_RETIRED_MAX + 1];
    size_t n_retired;
};

/* Opens the socket. ITR_CONFIG: why it cannot be. */
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
/* No new connections from now on. */
void listener_quiesce(struct listener *l);
/* Ends all connections. No request may be suspended. */
void listener_close(struct listener *l);

/* "127.0.0.1:8700" with the port that the system chose. */
void listener_name(const struct listener *l, char *out, size_t cap);

#endif
