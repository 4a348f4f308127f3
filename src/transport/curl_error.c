#include "transport/curl_error.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/base/reason.h"

/* What a code means. Codes that are not here are ITR_NETWORK with libcurl's own name for them. */
static const struct meaning {
    CURLcode code;
    enum itr_status status;
    const char *says; /* %.*s is the origin */
} MEANINGS[] = {
    {CURLE_COULDNT_RESOLVE_HOST, ITR_NETWORK, "could not resolve the host of %.*s"},
    {CURLE_COULDNT_RESOLVE_PROXY, ITR_NETWORK, "could not resolve the proxy for %.*s"},
    {CURLE_COULDNT_CONNECT, ITR_NETWORK, "could not connect to %.*s"},
    {CURLE_GOT_NOTHING, ITR_NETWORK, "%.*s closed the connection before the answer"},
    {CURLE_SEND_ERROR, ITR_NETWORK, "the connection to %.*s broke while sending"},
    {CURLE_RECV_ERROR, ITR_NETWORK, "the connection to %.*s broke before the answer was complete"},
    {CURLE_PARTIAL_FILE, ITR_NETWORK, "%.*s closed the connection before the answer was complete"},
    {CURLE_BAD_CONTENT_ENCODING, ITR_NETWORK, "the compressed answer of %.*s cannot be decoded"},
    {CURLE_WRITE_ERROR, ITR_NETWORK, /* bytes behind what was compressed; we take all that comes */
     "the compressed answer of %.*s cannot be decoded"},
    {CURLE_WEIRD_SERVER_REPLY, ITR_NETWORK, "the answer of %.*s is not HTTP"},
    {CURLE_UNSUPPORTED_PROTOCOL, ITR_NETWORK,
     "%.*s does not speak a version of HTTP that is known here"},
    {CURLE_FILESIZE_EXCEEDED, ITR_HTTP, "the answer of %.*s is larger than allowed"},
    {CURLE_SSL_CONNECT_ERROR, ITR_TLS, "the TLS handshake with %.*s failed"},
    {CURLE_PEER_FAILED_VERIFICATION, ITR_TLS, "the certificate of %.*s is not trusted"},
    {CURLE_SSL_CACERT_BADFILE, ITR_TLS, "the CA certificates for %.*s cannot be used"},
    {CURLE_SSL_CERTPROBLEM, ITR_TLS, "a certificate for %.*s cannot be used"},
    {CURLE_SSL_CIPHER, ITR_TLS, "no TLS cipher in common with %.*s"},
    {CURLE_SSL_ISSUER_ERROR, ITR_TLS, "the issuer of the certificate of %.*s is not trusted"},
    {CURLE_SSL_INVALIDCERTSTATUS, ITR_TLS, "the certificate status of %.*s was not accepted"},
    {CURLE_SSL_PINNEDPUBKEYNOTMATCH, ITR_TLS, "the public key of %.*s was not accepted"},
    {CURLE_SSL_CRL_BADFILE, ITR_TLS, "the revocation list for %.*s cannot be used"},
    {CURLE_SSL_ENGINE_NOTFOUND, ITR_TLS, "no TLS engine for %.*s"},
    {CURLE_SSL_ENGINE_SETFAILED, ITR_TLS, "no TLS engine for %.*s"},
    {CURLE_SSL_ENGINE_INITFAILED, ITR_TLS, "no TLS engine for %.*s"},
    {CURLE_USE_SSL_FAILED, ITR_TLS, "no TLS with %.*s"},
    {CURLE_OUT_OF_MEMORY, ITR_NOMEM, "no memory for the request to %.*s"},
#if LIBCURL_VERSION_NUM >= 0x080600
    {CURLE_TOO_LARGE, ITR_HTTP, "the head of the answer of %.*s is too large"},
#endif
#if LIBCURL_VERSION_NUM >= 0x074900
    {CURLE_PROXY, ITR_NETWORK, "the proxy for %.*s failed"},
#endif
};

static const struct meaning *find(CURLcode code)
{
    size_t i;

    for (i = 0; i < sizeof MEANINGS / sizeof MEANINGS[0]; i++)
        if (MEANINGS[i].code == code)
            return &MEANINGS[i];
    return NULL;
}

static const char *phase_name(enum itr_curl_phase p)
{
    switch (p) {
    case ITR_CURL_RESOLVE:
        return "resolving the name or waiting for a free connection";
    case ITR_CURL_CONNECT:
        return "connecting";
    case ITR_CURL_TLS:
        return "in the TLS handshake";
    case ITR_CURL_SEND:
        return "sending, or waiting for the first byte";
    case ITR_CURL_RECEIVE:
        return "receiving";
    }
    return "";
}

/* Appends what the rest of a detail holds, as printable ASCII: the text can quote the peer. */
static void add_in_brackets(char *detail, size_t n, const char *text)
{
    size_t used = strlen(detail), i;
    int wrote = snprintf(detail + used, n - used, " (%s)", text);

    if (wrote < 0)
        detail[used] = '\0';
    for (i = used; detail[i] != '\0'; i++)
        if (detail[i] < ' ' || detail[i] > '~')
            detail[i] = '?';
}

/* A "@": libcurl quotes a proxy that it does not understand, password and all. */
static bool may_hold_secret(const char *text)
{
    return strpbrk(text, "?@") != NULL || strstr(text, "accessToken") != NULL ||
           strstr(text, "appSecret") != NULL;
}

/* The system's reason where there is one, for libcurl's own text often leaves it out. */
static void add_reason(const struct itr_curl_failure *f, char *detail, size_t n)
{
    char buf[ITR_REASON];

    if (f->code == CURLE_COULDNT_CONNECT && f->os_errno != 0)
        add_in_brackets(detail, n, itr_reason(f->os_errno, buf));
    else if (f->text[0] != '\0' && f->code != CURLE_WRITE_ERROR && !may_hold_secret(f->text))
        add_in_brackets(detail, n, f->text);
}

static enum itr_status describe_timeout(const struct itr_curl_failure *f, char *detail, size_t n)
{
    const char *what = f->phase < ITR_CURL_SEND ? "no connection to" : "no answer from";

    (void)snprintf(detail, n, "%s %.*s within %lld ms (%s)", what, (int)f->origin_len, f->origin,
                   (long long)f->limit_ms, phase_name(f->phase));
    return ITR_TIMEOUT;
}

/* libcurl calls it "out of memory" when a header line is too long for it; a server must not be able
 * to raise a memory error in the caller. */
static enum itr_status describe_long_line(const struct itr_curl_failure *f, char *detail, size_t n)
{
    (void)snprintf(detail, n, "the head of the answer of %.*s is too large, or memory ran out",
                   (int)f->origin_len, f->origin);
    return ITR_HTTP;
}

/* Return whether it was not the gateway but a proxy that libcurl could not connect to. Of a proxy
 * that the environment names only libcurl's text tells: it names whom it tried. */
static bool is_about_proxy(const struct itr_curl_failure *f)
{
    static const char begins[] = "Failed to connect to ";
    const char *host = f->text + sizeof begins - 1, *own = memchr(f->origin, '/', f->origin_len);
    size_t len;

    if (f->has_proxy || strncmp(f->text, begins, sizeof begins - 1) != 0 || own == NULL)
        return f->has_proxy;
    own += 2; /* over "//" */
    own += *own == '[';
    len = strcspn(host, " ");
    return len > 0 && strncmp(host, own, len) != 0;
}

static enum itr_status describe_proxy(const struct itr_curl_failure *f, char *detail, size_t n)
{
    (void)snprintf(detail, n, "the proxy refused to connect to %.*s: HTTP %ld%s",
                   (int)f->origin_len, f->origin, f->proxy_said,
                   f->proxy_said == 407 ? ", it needs a user and a password (option proxy)" : "");
    return ITR_NETWORK;
}

enum itr_status itr_curl_error_describe(const struct itr_curl_failure *f, char *detail, size_t n)
{
    const struct meaning *m = find(f->code);

    if (f->code == CURLE_OPERATION_TIMEDOUT)
        return describe_timeout(f, detail, n);
    if (f->code == CURLE_OUT_OF_MEMORY && f->phase == ITR_CURL_RECEIVE)
        return describe_long_line(f, detail, n);
    if (f->proxy_said >= 300)
        return describe_proxy(f, detail, n);
    if (f->code == CURLE_COULDNT_CONNECT && is_about_proxy(f))
        (void)snprintf(detail, n, "could not connect to the proxy for %.*s", (int)f->origin_len,
                       f->origin);
    else if (m == NULL)
        (void)snprintf(detail, n, "%.*s: %s", (int)f->origin_len, f->origin,
                       curl_easy_strerror(f->code));
    else
        (void)snprintf(detail, n, m->says, (int)f->origin_len, f->origin);
    add_reason(f, detail, n);
    return m != NULL ? m->status : ITR_NETWORK;
}

void itr_curl_note(CURLcode *first, CURLcode code)
{
    if (*first == CURLE_OK)
        *first = code;
}

enum itr_status itr_curl_error_option(CURLcode code, enum itr_status otherwise, struct itr_error *e)
{
    if (code == CURLE_OUT_OF_MEMORY)
        return itr_error_set(e, ITR_NOMEM, "no memory");
    return itr_error_set(e, otherwise, "libcurl refused an option: %s", curl_easy_strerror(code));
}
