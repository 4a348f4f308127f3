/*
 * http_server: the face of libmicrohttpd. It turns a request into a serving (serve.h) and a reply
 * into a response, on the library's threads. A request that must wait is suspended, never held in a
 * handler.
 *
 * The library has no listening socket: connections are accepted elsewhere (listener.h) and added.
 * So nothing has to be taken away from its threads at the end (its quiesce is a race that ends the
 * process), and the descriptors in use are counted before it sees them.
 */
#ifndef ITRIGGERD_HTTP_SERVER_H
#define ITRIGGERD_HTTP_SERVER_H

#include <stdbool.h>
#include <sys/socket.h>

#include "itriggerd/server.h"

struct MHD_Daemon;

/* Start to serve; with TLS, each connection with the server's certificate of its beginning. NULL:
 * the system refuses a thread, a descriptor or memory. */
struct MHD_Daemon *http_server_start(struct server *s, bool tls, unsigned threads);

/* Hand over an accepted connection, which connections_arrive knows. It is closed by the library,
 * now if it cannot be served. */
void http_server_add(struct MHD_Daemon *http, struct server *s, int fd, const struct sockaddr *peer,
                     socklen_t len);

/* Close all connections and release it. No request may be suspended, and nobody may add a
 * connection any more. NULL is allowed. */
void http_server_stop(struct MHD_Daemon *http);

#endif
