/*
 * listener: a listening socket, and the thread that accepts its connections and hands them over to
 * the HTTP server.
 */
#ifndef ITRIGGERD_LISTENER_H
#define ITRIGGERD_LISTENER_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

#include "core/base/status.h"
#include "itriggerd/address.h"
#include "itriggerd/server.h"

struct MHD_Daemon;

struct listener {
    struct server *server; /* borrowed */
    struct address address;
    int fd;    /* -1: it does not listen */
    dev_t dev; /* of a Unix socket's file */
    ino_t ino;
    struct MHD_Daemon *http; /* borrowed */
    pthread_t thread;
    bool accepts; /* the thread runs */
};

/* Open the socket. ITR_NETWORK: the system refuses it (address in use, no permission). */
enum itr_status listener_open(struct listener *l, struct server *server, const char *address,
                              struct itr_error *e);
/* Start to accept, for this HTTP server. Return 0, or an error number of pthread_create(3). */
int listener_start(struct listener *l, struct MHD_Daemon *http);
/* Stop listening, after connections_close: new connections are refused from now on, and open ones
 * continue. Remove the socket's file if it is still the one that was made here. */
void listener_stop(struct listener *l);

/* Write the address, with the port that the system chose: "127.0.0.1:8700". */
void listener_name(const struct listener *l, char *out, size_t cap);

#endif
