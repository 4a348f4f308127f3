/*
 * curl_request: carries one exchange at a time on one libcurl easy handle. The one place that
 * configures a handle.
 *
 * What never changes is set when it is made; begin() sets only what is different this time, for a
 * handle is used for many exchanges. Knows nothing of the multi handle: curl_loop adds and removes.
 *
 * Invariants: exchange is NULL while idle. At most one start of a request is let through, so
 * libcurl cannot repeat one by itself (it would, on a kept connection that dies, even a POST that
 * the server read). What was certainly not executed the loop repeats: see must_retry.
 *
 * libcurl's copy of the URL, with the token in it, stays in an idle handle until the next one.
 *
 * Old libcurl (ITR_CURL_HAS_PREREQ is 0): each request has a connection of its own, which is never
 * kept; may_send is asked when the exchange starts; sent is what CURLINFO_REQUEST_SIZE says.
 */
#ifndef ITR_TRANSPORT_CURL_REQUEST_H
#define ITR_TRANSPORT_CURL_REQUEST_H

#include <curl/curl.h>
#include <stdbool.h>

#include "core/base/list.h"
#include "core/http/transport.h"
#include "transport/curl_origin.h"
#include "transport/curl_settings.h"
#include "transport/curl_sockets.h"

/* Why we ourselves ended a transfer; libcurl's code then says only that we did. */
enum itr_curl_stop {
    ITR_CURL_GOES_ON, /* we did not */
    ITR_CURL_HELD,    /* may_send said no */
    ITR_CURL_STALE,   /* the kept connection that libcurl chose is of no use; nothing was sent */
    ITR_CURL_REPEAT,  /* libcurl was about to send it again */
    ITR_CURL_REFUSED, /* the same, but the server had refused it: nothing was executed */
    ITR_CURL_BODY_TOO_LARGE,
    ITR_CURL_HEAD_TOO_LARGE,
    ITR_CURL_NO_MEMORY
};

/* Tries of one exchange of which nothing was executed: the connection was stale, or the server
 * refused the stream (RFC 9113, 8.7). All zero: none. */
struct itr_curl_tries {
    int n;
    int64_t spent_us;
    bool want_fresh; /* the next one must not use a kept connection */
};

struct itr_curl_request {
    CURL *easy;                               /* ours */
    const struct itr_curl_settings *settings; /* borrowed from the loop */
    struct itr_curl_sockets *sockets;         /* likewise */
    struct itr_exchange *exchange;            /* borrowed; NULL while idle */
    struct itr_curl_socket *socket;           /* counted: what it was sent over; NULL: not known */
    struct itr_curl_socket *opened;           /* counted: the last one made for it; NULL: none */
    struct itr_curl_tries tries;              /* before this one */
    uint64_t n_before; /* looks of the poller before it was started; later ones count for it */
    int64_t deadline_mono_ms;          /* the loop ends it then; libcurl has no total limit */
    struct itr_list node;              /* in one of the loop's lists */
    struct curl_slist *own_headers;    /* ours; NULL: the shared list is in use */
    struct curl_slist *headers_in_use; /* what the handle points to; NULL: nothing yet */
    struct itr_curl_origin origin;
    size_t max_body;   /* what the handle's MAXFILESIZE is; 0: nothing yet */
    bool is_post;      /* the handle's method now */
    bool needs_fresh;  /* the handle is told to use no kept connection */
    bool sent;         /* a byte may have left */
    bool on_fresh;     /* it was the first on its connection */
    bool broke;        /* ITR_CURL_REFUSAL_819: libcurl had an error text for the last try */
    bool answered;     /* some of an answer came */
    bool retry_date;   /* its Retry-After is a date */
    bool head_whole;   /* the empty line after the last head was seen */
    long stream;       /* ITR_CURL_REFUSAL_81: its number on HTTP/2; 0: none */
    size_t head_bytes; /* of all heads of this exchange */
    enum itr_curl_stop stop;
    char text[CURL_ERROR_SIZE]; /* libcurl writes its error text here */
};

/* Create an idle request. settings and sockets must outlive it. ITR_NOMEM; ITR_CONFIG when libcurl
 * refuses an option. */
enum itr_status itr_curl_request_new(const struct itr_curl_settings *settings,
                                     struct itr_curl_sockets *sockets,
                                     struct itr_curl_request **out, struct itr_error *e);

/* Free r and its handle, which must be out of the multi handle. */
void itr_curl_request_free(struct itr_curl_request *r);

/* After fork, in the child, with the handle still in the multi handle: free what is ours and let
 * the handle leak. */
void itr_curl_request_abandon(struct itr_curl_request *r);

/* Set the handle up for x, after these tries (NULL: it is the first), and reset x's response.
 * ITR_USAGE: not https, nor http on loopback (or on the Unix socket); ITR_NOMEM. On failure r is
 * idle. */
enum itr_status itr_curl_request_begin(struct itr_curl_request *r, struct itr_exchange *x,
                                       const struct itr_curl_tries *tries, struct itr_error *e);

/* Return whether it may be given to libcurl. Old libcurl: asks may_send; false: finish it, with
 * CURLE_ABORTED_BY_CALLBACK. */
bool itr_curl_request_may_go(struct itr_curl_request *r);

/* Return whether TLS is used for it, with the server or a proxy. r is not idle. */
bool itr_curl_request_is_tls(const struct itr_curl_request *r);

/* Return whether the exchange, which ended with this code, is to be tried again because nothing of
 * it was executed; *tries is then for the next begin. r stays as it is: drop it first. */
bool itr_curl_request_must_retry(const struct itr_curl_request *r, CURLcode code,
                                 struct itr_curl_tries *tries);

/* Fill in the response and return the exchange; r is idle after it. */
struct itr_exchange *itr_curl_request_finish(struct itr_curl_request *r, CURLcode code);

/* Only say what may have left, and return the exchange; r is idle after it. */
struct itr_exchange *itr_curl_request_drop(struct itr_curl_request *r);

#endif
