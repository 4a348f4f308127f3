/*
 * curl_error: translates libcurl's result into a status and one sentence for a person. Pure; any
 * thread.
 */
#ifndef ITR_TRANSPORT_CURL_ERROR_H
#define ITR_TRANSPORT_CURL_ERROR_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"

/* How far a transfer came. */
enum itr_curl_phase {
    ITR_CURL_RESOLVE, /* the name is not resolved yet, or no connection is free */
    ITR_CURL_CONNECT, /* TCP */
    ITR_CURL_TLS,     /* the handshake */
    ITR_CURL_SEND,    /* it is connected; no byte of an answer yet */
    ITR_CURL_RECEIVE  /* some of the answer is here */
};

struct itr_curl_failure {
    CURLcode code; /* never CURLE_OK */
    enum itr_curl_phase phase;
    const char *origin; /* "https://host:port" of the URL; not NUL-terminated */
    size_t origin_len;
    const char *text; /* libcurl's own, from CURLOPT_ERRORBUFFER; "" if none */
    int os_errno;     /* of CURLINFO_OS_ERRNO; 0: none */
    bool has_proxy;   /* an option names a proxy (the environment may name another) */
    long proxy_said;  /* the HTTP status of a proxy that was asked for a tunnel; 0: none */
    int64_t limit_ms; /* the time limit that counted in this phase */
};

/* Write the sentence to detail (n bytes with the NUL) and return ITR_NETWORK, ITR_TLS, ITR_TIMEOUT,
 * ITR_HTTP or ITR_NOMEM. A text of libcurl that may quote a query is left out. */
enum itr_status itr_curl_error_describe(const struct itr_curl_failure *f, char *detail, size_t n);

/* Keep the first of several results that is not CURLE_OK: a row of setopts is checked once. */
void itr_curl_note(CURLcode *first, CURLcode code);

/* Set the error of an option that libcurl refused: ITR_NOMEM if that was why, else `otherwise`. */
enum itr_status itr_curl_error_option(CURLcode code, enum itr_status otherwise,
                                      struct itr_error *e);

#endif
