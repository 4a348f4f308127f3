/*
 * listener: a listening socket and the HTTP server (libmicrohttpd) behind it.
 *
 * The socket stays open from start to stop. The server behind it can be replaced, for new
 * certificates, without refusing a client: the old server is retired and finishes its connections.
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

/* Return how many connections the process can have without using up the file descriptors that
 * fetches, stores and token files need. */
size_t listener_connections_max(void);

/* Open the socket. ITR_NETWORK: the system refuses it (address in use, no permission). */
enum itr_status listener_open(struct listener *l, struct server *server, const char *address,
                              struct itr_error *e);
/* Sweep, then check that the server can be replaced. ITR_CONFIG: too many retired servers still
 * have open requests. */
enum itr_status listener_check_room(struct listener *l, struct itr_error *e);
/* Start to serve with these certificates (tls NULL: without TLS). A server that already runs is
 * retired; there must be room for it (listener_check_room). ITR_CONFIG: the certificates cannot be
 * used; ITR_NETWORK: the server does not start (without TLS). An error changes nothing. */
enum itr_status listener_start(struct listener *l, const struct tls_files *tls, unsigned threads,
                               struct itr_error *e);
/* Stop the retired servers that have no connections; with `all`, every retired server. */
void listener_sweep(struct listener *l, bool all);
/* Stop listening: new connections are refused from now on, and open ones continue. Remove the
 * socket's file if it is still the one that was made here. */
void listener_stop(struct listener *l);
/* Close all connections. No request may be suspended. */
void listener_close(struct listener *l);

/* Write the address, with the port that the system chose: "127.0.0.1:8700". */
void listener_name(const struct listener *l, char *out, size_t cap);

#endif
