/*
 * curl_sockets: makes and closes libcurl's sockets, knows which are open, and whether a kept one
 * may carry another request.
 *
 * Three reasons. A script's os.execute must not inherit a connection (libcurl does not set
 * close-on-exec). A forked child must be able to close its copies without libcurl, which would say
 * goodbye over the parent's TLS connection. And on a kept connection a server may have said
 * something that nobody asked for (a 408, the end): libcurl would take it for the answer to the
 * next request, and from 8.22 on it looks at an idle connection at most once a second.
 *
 * One thread, that of the loop.
 */
#ifndef ITR_TRANSPORT_CURL_SOCKETS_H
#define ITR_TRANSPORT_CURL_SOCKETS_H

#include <curl/curl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/base/list.h"
#include "transport/curl_poller.h"

/* What a connection turned out to speak. */
enum itr_curl_version {
    ITR_CURL_VERSION_UNKNOWN, /* no answer came on it yet */
    ITR_CURL_VERSION_1,       /* HTTP/1.x: one request at a time */
    ITR_CURL_VERSION_2        /* HTTP/2: may speak without being asked */
};

/* One connection. Counted: by the set while it is open, and by requests that use it. */
struct itr_curl_socket {
    unsigned refs;
    int fd;               /* -1: closed */
    int local_port;       /* 0: not known yet */
    struct itr_list node; /* among those with such a port, or the unnamed ones */
    bool chosen;          /* libcurl chose it for a request */
    bool shared;          /* and for another: then libcurl may repeat the first one, too */
    bool used;            /* a request went over it */
    bool connected;       /* it was when it was closed */
    enum itr_curl_version version;
    long goaway; /* the last stream that the server will read; -1: it has not said (or not to us) */
};

#define ITR_CURL_SOCKETS_BUCKETS 64

/* Stays in place from init on. */
struct itr_curl_sockets {
    struct itr_curl_socket **all; /* ours; the open ones, in no order */
    size_t n, cap;
    struct itr_list by_port[ITR_CURL_SOCKETS_BUCKETS];
    struct itr_list unnamed; /* without a local port: not connected yet, or a Unix socket */
    int open_error;          /* errno of the last one that could not be opened; 0: it could */
    pthread_mutex_t *lock;   /* borrowed; held while one is opened or closed; NULL: none */
    struct itr_curl_poller *poller; /* borrowed; learns which ones are open; NULL: none */
};

void itr_curl_sockets_init(struct itr_curl_sockets *s);

/* Free the memory; close nothing. */
void itr_curl_sockets_clear(struct itr_curl_sockets *s);

/* Close all, silently: the peer sees nothing while another process holds the connection. */
void itr_curl_sockets_close(struct itr_curl_sockets *s);

/* Return the open connection with this local port, counted, for itr_curl_socket_release. NULL: it
 * is not known, or there are several. */
struct itr_curl_socket *itr_curl_sockets_find(struct itr_curl_sockets *s, int local_port);

/* Release a reference; NULL is allowed. */
void itr_curl_socket_release(struct itr_curl_socket *s);

/* Note that libcurl chose it for a request. Before an answer came on it, that makes it HTTP/2. */
void itr_curl_socket_chosen(struct itr_curl_socket *s);

/* Return whether a kept connection of the set may carry another request: nothing waits to be read
 * on it (of HTTP/2, not the end). One system call; none if the poller looked after its first
 * n_before looks, or for a connection that was not used yet. */
bool itr_curl_sockets_may_carry(const struct itr_curl_sockets *s, const struct itr_curl_socket *one,
                                uint64_t n_before);

/* Return whether its peer accepted it, also when it is closed by now. */
bool itr_curl_socket_is_connected(const struct itr_curl_socket *s);

/* Open a socket for this address and return it, counted; NULL: there is none, and open_error says
 * why (0: no memory). */
struct itr_curl_socket *itr_curl_sockets_open(struct itr_curl_sockets *s,
                                              const struct curl_sockaddr *a);

/* Close a socket for libcurl (CURLOPT_CLOSESOCKETFUNCTION). ctx is a struct itr_curl_sockets, which
 * must outlive the multi handle. */
int itr_curl_sockets_on_close(void *ctx, curl_socket_t fd);

#endif
