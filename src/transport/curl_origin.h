/*
 * curl_origin: sets an easy handle up for a scheme, host and port: the protocol and HTTP version,
 * the proxy; refuses an address that may not be called.
 *
 * Rule: https only, http on loopback or on a Unix socket; no proxy of the environment for these
 * (docs/design.md sections 4.5 and 5). Requests of one origin follow each other on a handle, so
 * the options are set only when it changes: libcurl knows the origin as its URL, and what differs
 * from request to request as CURLOPT_REQUEST_TARGET. That spares it taking a URL apart and putting
 * it together again, a quarter of what it does for a request. One thread.
 */
#ifndef ITR_TRANSPORT_CURL_ORIGIN_H
#define ITR_TRANSPORT_CURL_ORIGIN_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/base/status.h"
#include "transport/curl_settings.h"

/* Plain value; all zero: none yet. */
struct itr_curl_origin {
    char text[300]; /* "https://host:port"; a longer one is set anew each time */
    size_t len;
    bool whole; /* a proxy that makes the requests itself must be told the whole URL */
};

/* Return the bytes of url before its path; 0 if it has no scheme. */
size_t itr_curl_origin_length(const char *url);

/* Check that url may be called, over a Unix socket or not. ITR_USAGE: no. Pure. */
enum itr_status itr_curl_origin_check(const char *url, bool over_unix_socket, struct itr_error *e);

/* Set the handle up for the origin of url, if it is not already, and for url. ITR_USAGE: not an
 * address that may be called; ITR_NOMEM. */
enum itr_status itr_curl_origin_set(struct itr_curl_origin *o, CURL *easy,
                                    const struct itr_curl_settings *s, const char *url,
                                    struct itr_error *e);

#endif
