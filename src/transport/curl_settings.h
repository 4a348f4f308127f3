/*
 * curl_settings: translates a transport's options into libcurl's terms, once, for all requests of a
 * loop. Never changed after; borrowed by every curl_request of the loop. One thread.
 */
#ifndef ITR_TRANSPORT_CURL_SETTINGS_H
#define ITR_TRANSPORT_CURL_SETTINGS_H

#include <curl/curl.h>
#include <stdbool.h>

#include "core/http/transport.h"

/*
 * libcurl that can ask us just before it sends (7.80). Older ones repeat a request by themselves
 * when a kept connection dies, so there no connection is kept. ITR_FORCE_OLD_CURL builds that path
 * against a newer one, for its tests.
 */
#if LIBCURL_VERSION_NUM >= 0x075000 && !defined(ITR_FORCE_OLD_CURL)
#define ITR_CURL_HAS_PREREQ 1
#else
#define ITR_CURL_HAS_PREREQ 0
#endif

/* How this libcurl (at run time) shows that an HTTP/2 server refused a stream or said GOAWAY before
 * it came to it. No version says so in a code of its own. */
enum itr_curl_refusal {
    ITR_CURL_REFUSAL_7,  /* before 8.1: it repeats without words, or ends with CURLE_HTTP2 */
    ITR_CURL_REFUSAL_81, /* 8.1 to 8.6: as it shows a connection that broke; its trace tells */
    ITR_CURL_REFUSAL_87, /* since 8.7: it repeats without words */
    ITR_CURL_REFUSAL_819 /* since 8.19: too, but it clears the error text before it reconnects */
};

struct itr_curl_settings {
    char *ca_file, *proxy, *user_agent, *unix_socket; /* ours; NULL: libcurl's default */
    long https_version;                               /* CURL_HTTP_VERSION_... for https */
    long connect_timeout_ms;
    long max_host_connections; /* > 0 */
    bool gzip;                 /* this libcurl can decode it */
    enum itr_curl_refusal refusal;
    struct curl_slist *get_headers;  /* ours: sent with every GET */
    struct curl_slist *post_headers; /* ours: sent with every POST */
};

/* Translate the options. ITR_CONFIG: the CA file cannot be read, or HTTP/2 is asked of a libcurl
 * without it. ITR_NOMEM. On failure nothing is left to clear. */
enum itr_status itr_curl_settings_init(struct itr_curl_settings *s,
                                       const struct itr_transport_options *o, struct itr_error *e);
void itr_curl_settings_clear(struct itr_curl_settings *s);

#endif
