#include "transport/curl_origin.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/http/url.h"
#include "transport/curl_error.h"

size_t itr_curl_origin_length(const char *url)
{
    const char *host = strstr(url, "://");

    return host == NULL ? 0 : (size_t)(host + 3 - url) + strcspn(host + 3, "/?#");
}

static bool is_same(const struct itr_curl_origin *o, const char *url)
{
    char next;

    if (o->len == 0 || strncmp(url, o->text, o->len) != 0)
        return false;
    next = url[o->len];
    return next == '/' || next == '\0';
}

static void keep(struct itr_curl_origin *o, const char *url, size_t len)
{
    o->len = 0;
    if (len >= sizeof o->text)
        return;
    memcpy(o->text, url, len);
    o->text[len] = '\0';
    o->len = len;
}

/* A host that we and libcurl could read differently is none. */
static bool is_plain(const char *url, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++)
        if (url[i] <= ' ' || url[i] == '@' || url[i] == '\\' || url[i] == 0x7f)
            return false;
    return len > 0;
}

static void set_scheme(CURL *easy, const struct itr_curl_settings *s, bool https, CURLcode *rc)
{
    long version = https ? s->https_version : (long)CURL_HTTP_VERSION_1_1;

    itr_curl_note(rc, curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, version));
    /* Rather one more stream on a connection than one more connection. */
    itr_curl_note(rc, curl_easy_setopt(easy, CURLOPT_PIPEWAIT, https ? 1L : 0L));
#if LIBCURL_VERSION_NUM >= 0x075500
    itr_curl_note(rc, curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, https ? "https" : "http"));
#else
    itr_curl_note(rc, curl_easy_setopt(easy, CURLOPT_PROTOCOLS,
                                       (long)(https ? CURLPROTO_HTTPS : CURLPROTO_HTTP)));
#endif
}

/* "" is none at all; NULL lets libcurl look at the environment. */
static const char *proxy_for(const struct itr_curl_settings *s, bool local)
{
    if (s->unix_socket != NULL)
        return "";
    return s->proxy == NULL && local ? "" : s->proxy;
}

static bool is_https(const char *url)
{
    return strncmp(url, "https://", 8) == 0;
}

static bool is_local(const char *url, bool over_unix_socket)
{
    return over_unix_socket || itr_url_is_loopback(url);
}

enum itr_status itr_curl_origin_check(const char *url, bool over_unix_socket, struct itr_error *e)
{
    size_t len = itr_curl_origin_length(url);
    bool http = strncmp(url, "http://", 7) == 0;

    if ((!is_https(url) && !http) || !is_plain(url, len) || (url[len] != '/' && url[len] != '\0'))
        return itr_error_set(e, ITR_USAGE, "not an address of the form https://host:port/path");
    if (http && !is_local(url, over_unix_socket))
        return itr_error_set(e, ITR_USAGE,
                             "%.*s: http is for this machine (loopback) only, use https", (int)len,
                             url);
    return ITR_OK;
}

/* With a NUL behind it, "https://host:port/". */
static void set_url(CURL *easy, const char *url, size_t len, CURLcode *rc)
{
    char *copy = malloc(len + 2);

    if (copy == NULL) {
        itr_curl_note(rc, CURLE_OUT_OF_MEMORY);
        return;
    }
    memcpy(copy, url, len);
    memcpy(copy + len, "/", 2);
    itr_curl_note(rc, curl_easy_setopt(easy, CURLOPT_URL, copy));
    free(copy);
}

static enum itr_status set_up(struct itr_curl_origin *o, CURL *easy,
                              const struct itr_curl_settings *s, const char *url,
                              struct itr_error *e)
{
    bool over_unix = s->unix_socket != NULL;
    const char *proxy = proxy_for(s, is_local(url, over_unix));
    CURLcode rc = CURLE_OK;
    enum itr_status st;

    o->len = 0;
    if ((st = itr_curl_origin_check(url, over_unix, e)) != ITR_OK)
        return st;
    set_scheme(easy, s, is_https(url), &rc);
    itr_curl_note(&rc, curl_easy_setopt(easy, CURLOPT_PROXY, proxy));
    o->whole = !is_https(url) && (proxy == NULL || *proxy != '\0');
    if (o->whole)
        itr_curl_note(&rc, curl_easy_setopt(easy, CURLOPT_REQUEST_TARGET, NULL));
    else
        set_url(easy, url, itr_curl_origin_length(url), &rc);
    if (rc != CURLE_OK)
        return itr_curl_error_option(rc, ITR_CONFIG, e);
    keep(o, url, itr_curl_origin_length(url));
    return ITR_OK;
}

enum itr_status itr_curl_origin_set(struct itr_curl_origin *o, CURL *easy,
                                    const struct itr_curl_settings *s, const char *url,
                                    struct itr_error *e)
{
    const char *target = url + itr_curl_origin_length(url);
    enum itr_status st;
    CURLcode rc;

    if (!is_same(o, url) && (st = set_up(o, easy, s, url, e)) != ITR_OK)
        return st;
    if (o->whole)
        rc = curl_easy_setopt(easy, CURLOPT_URL, url);
    else
        rc = curl_easy_setopt(easy, CURLOPT_REQUEST_TARGET, *target != '\0' ? target : "/");
    return rc == CURLE_OK ? ITR_OK : itr_curl_error_option(rc, ITR_USAGE, e);
}
