/*
 * transport: defines how the core speaks HTTP. Owned by its callers (client,
 * fetch); src/transport implements it with libcurl, tests with a script.
 *
 * A transport is a loop: exchanges are started on it, and wait() carries them all until one is
 * finished. It belongs to one thread at a time; only wake() may be called from any thread. After a
 * fork the child must not use it: it calls abandon() instead of free().
 *
 * What an implementation promises (docs/design.md 5): no request is repeated that may have
 * been executed, not even on a kept connection that dies; bytes that nobody asked for are no
 * answer; redirects are not followed; certificates are verified; https only, http on loopback; the
 * response is bounded; gzip is accepted and undone; connections are kept and HTTP/2 is used where
 * negotiated; no proxy of the environment for loopback.
 */
#ifndef ITR_CORE_HTTP_TRANSPORT_H
#define ITR_CORE_HTTP_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/list.h"
#include "core/base/status.h"

#define ITR_TRANSPORT_VERSION 1
#define ITR_TRANSPORT_DETAIL 256

/* The most bytes of an answer's head. It is what libcurl itself came to allow (8.3). */
#define ITR_TRANSPORT_HEAD_MOST 307200

/* What goes out. Everything is borrowed until the exchange is finished or cancelled. */
struct itr_request {
    bool post;        /* POST with body; else GET */
    const char *url;  /* whole URL, percent-encoded; holds the token */
    const char *body; /* POST: JSON; may be NULL if body_len is 0 */
    size_t body_len;
    const char *const *headers; /* extra "Name: value" lines, NULL-terminated; NULL: none */
    int64_t timeout_ms;         /* one deadline over everything, DNS included; > 0 */
    bool want_headers;          /* collect response.headers */
    /* Asked on the transport's thread when the connection stands, just before the first byte of the
     * request; false: the request is not sent (carried = ITR_NETWORK, sent = false). NULL: yes.
     * Asked again when an HTTP/2 server refused the request unread and it is to be sent once more.
     */
    bool (*may_send)(void *ctx);
    void *may_send_ctx;
};

/* What came back. */
struct itr_response {
    enum itr_status carried; /* ITR_OK: a whole HTTP answer; ITR_NETWORK, ITR_TLS, ITR_TIMEOUT;
                                 ITR_HTTP: larger than the body's maximum; ITR_NOMEM */
    bool sent;               /* a byte of the request may have left: it may have been executed */
    bool no_descriptors;     /* not sent: no file descriptor was left */
    int http_status;         /* also set when only the head of an answer came; else 0 */
    int64_t retry_after_ms;  /* of the Retry-After header; -1: none */
    int64_t elapsed_us;
    struct itr_buf body;    /* decoded from gzip; its max is the owner's (max_response_bytes) */
    struct itr_buf headers; /* want_headers: "name: value\n" lines of the last answer, names in
                                 lower case; bounded by its max */
    char detail[ITR_TRANSPORT_DETAIL]; /* carried != ITR_OK: what happened; no secret, no query */
};

/* One request and its answer; memory of the caller, who must keep it in place from start() until
 * wait() returned it or cancel() was called. May be used again after that. */
struct itr_exchange {
    struct itr_request request;
    struct itr_response response;
    void *owner;          /* the caller's: leads back to the call */
    void *transfer;       /* the transport's; NULL while not started */
    struct itr_list node; /* the transport's: its place in a list of it */
};

static inline void itr_exchange_init(struct itr_exchange *x, size_t max_response_bytes)
{
    *x = (struct itr_exchange){0};
    itr_list_init(&x->node);
    itr_buf_init_secret(&x->response.body, max_response_bytes);
    itr_buf_init(&x->response.headers, ITR_TRANSPORT_HEAD_MOST);
    x->response.retry_after_ms = -1;
}

/* What start() does first: as if no answer had come; buffers keep their memory. */
static inline void itr_response_reset(struct itr_response *a)
{
    a->carried = ITR_OK;
    a->sent = false;
    a->no_descriptors = false;
    a->http_status = 0;
    a->retry_after_ms = -1;
    a->elapsed_us = 0;
    itr_buf_reset(&a->body);
    itr_buf_reset(&a->headers);
    a->detail[0] = '\0';
}

static inline void itr_exchange_clear(struct itr_exchange *x)
{
    itr_buf_clear(&x->response.body);
    itr_buf_clear(&x->response.headers);
}

struct itr_transport;

/* Every function of the table is required. */
struct itr_transport_ops {
    unsigned version; /* ITR_TRANSPORT_VERSION */

    /* Start x. Its response is reset first (buffers keep their memory). ITR_OK: x will come out of
     * wait(), also if it fails. ITR_NOMEM, ITR_USAGE: not started. */
    enum itr_status (*start)(struct itr_transport *t, struct itr_exchange *x, struct itr_error *e);

    /* Carry all until one is finished (returned, not running any more), wake() was called, or
     * timeout_ms passed (0: only look; < 0: no time limit): the last two return NULL. With nothing
     * running it waits just the same, so that a caller can wait for a token. */
    struct itr_exchange *(*wait)(struct itr_transport *t, int64_t timeout_ms);

    /* Stop x at once; it will not come out of wait(). response.sent says what may have left. */
    void (*cancel)(struct itr_transport *t, struct itr_exchange *x);

    /* Make the present or the next wait() return. Any thread; never blocks; no callback. */
    void (*wake)(struct itr_transport *t);

    /* Cancel what runs and free everything. */
    void (*free)(struct itr_transport *t);

    /* After fork, in the child: free memory only, touch no connection (closing TLS would
     * end the parent's). May leak what cannot be given back without that. */
    void (*abandon)(struct itr_transport *t);
};

/* The head of every implementation's struct. */
struct itr_transport {
    const struct itr_transport_ops *ops;
};

enum itr_http_version { ITR_HTTP_AUTO, ITR_HTTP_1_1, ITR_HTTP_2 };

/* Strings are borrowed while open() runs; NULL: libcurl's default. */
struct itr_transport_options {
    const char *ca_file;
    const char *proxy; /* "": none at all, not even the environment's */
    const char *user_agent;
    const char *unix_socket; /* connect here instead of to the URL's host */
    enum itr_http_version http_version;
    int64_t connect_timeout_ms;
    long max_host_connections;
};

/* How a kind of transport is made; one of these is handed to the core by src/bind. */
struct itr_transport_factory {
    /* ITR_CONFIG (a CA file that cannot be read ...), ITR_NOMEM. */
    enum itr_status (*open)(const struct itr_transport_options *options, struct itr_transport **out,
                            struct itr_error *e);
};

#endif
