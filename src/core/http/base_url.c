/* url.h, base addresses: of the gateway, of a token server. */
#include "core/http/url.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include "core/base/utf8.h"

#define HOST_MOST 253 /* bytes of a DNS name in text (RFC 1035) */
#define SHOWN 280

/* Pieces of a URL; they point into it. */
struct parts {
    const char *scheme;
    size_t scheme_len;
    const char *host; /* an IPv6 address with its brackets */
    size_t host_len;
    const char *port; /* NULL: none given */
    size_t port_len;
    const char *rest; /* from the first "/", "?" or "#" after the authority; "" if none */
};

/* ---- splitting ---- */

/* Splits host and port, which lie between p and end. */
static void split_host(struct parts *u, const char *p, const char *end)
{
    const char *bracket = p < end && *p == '[' ? memchr(p, ']', (size_t)(end - p)) : NULL;
    const char *from = bracket != NULL ? bracket : p;
    const char *colon = memchr(from, ':', (size_t)(end - from));

    u->host = p;
    u->host_len = (size_t)((colon != NULL ? colon : end) - p);
    u->port = colon != NULL ? colon + 1 : NULL;
    u->port_len = colon != NULL ? (size_t)(end - u->port) : 0;
}

/* Return false if there is no scheme. *has_user: there is an "@" in the authority; host and port
 * are what follows it. */
static bool split(const char *url, struct parts *u, bool *has_user)
{
    const char *mark = strstr(url, "://");
    const char *authority, *at;
    size_t n;

    if (mark == NULL || mark == url)
        return false;
    u->scheme = url;
    u->scheme_len = (size_t)(mark - url);
    authority = mark + 3;
    n = strcspn(authority, "/?#");
    u->rest = authority + n;
    at = memchr(authority, '@', n);
    *has_user = at != NULL;
    split_host(u, at != NULL ? at + 1 : authority, u->rest);
    return true;
}

static bool is_word(const char *text, size_t n, const char *word)
{
    return strlen(word) == n && strncasecmp(text, word, n) == 0;
}

/* ---- hosts ---- */

/* Read n bytes as an address of the family; return whether they are one. */
static bool read_address(int family, const char *text, size_t n, void *address)
{
    char ended[INET6_ADDRSTRLEN];

    if (n >= sizeof ended)
        return false;
    memcpy(ended, text, n);
    ended[n] = '\0';
    return inet_pton(family, ended, address) == 1;
}

/* By address and not by text, or 127.0.0.1.example.com would be one of us. */
static bool is_loopback(const char *host, size_t n)
{
    struct in6_addr six;
    struct in_addr four;

    if (is_word(host, n, "localhost"))
        return true;
    if (n > 2 && host[0] == '[')
        return read_address(AF_INET6, host + 1, n - 2, &six) && IN6_IS_ADDR_LOOPBACK(&six);
    return read_address(AF_INET, host, n, &four) && ntohl(four.s_addr) >> 24 == 127;
}

static bool is_host_char(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' ||
           c == '.' || c == '_';
}

/* Labels of a name, none of them empty; one dot at the end is right. */
static bool is_name(const char *host, size_t n)
{
    size_t i;

    if (n > HOST_MOST || host[0] == '.')
        return false;
    for (i = 0; i < n; i++)
        if (!is_host_char(host[i]) || (host[i] == '.' && i > 0 && host[i - 1] == '.'))
            return false;
    return true;
}

static bool is_host(const char *host, size_t n)
{
    struct in6_addr six;

    if (host[0] != '[')
        return is_name(host, n);
    return n > 2 && host[n - 1] == ']' && read_address(AF_INET6, host + 1, n - 2, &six);
}

/* 1 to 65535, in one way only, so that one gateway has one normal form. */
static bool is_port(const char *port, size_t n)
{
    unsigned long value = 0;
    size_t i;

    if (n == 0 || n > 5 || port[0] == '0')
        return false;
    for (i = 0; i < n; i++) {
        if (port[i] < '0' || port[i] > '9')
            return false;
        value = value * 10 + (unsigned long)(port[i] - '0');
    }
    return value <= 65535;
}

/* ---- base addresses ---- */

/* An option that holds a base address, in the words of its errors. */
struct base {
    const char *option;
    const char *expected;
    const char *shows;    /* what http would send unencrypted */
    const char *has_path; /* what is wrong with a path */
};

static const struct base gateway_base = {
    "gateway",
    "https://host or https://host:port",
    "app secret and token",
    "a path is not allowed, it is an argument of each call",
};

static const struct base server_base = {
    "token_store",
    "http://127.0.0.1:port, https://host:port or unix:/path",
    "token_store_key and token",
    "a path is not allowed",
};

static enum itr_status refuse(const struct base *b, struct itr_error *e, const char *what)
{
    return itr_error_set(e, ITR_CONFIG, "option %s: %s; expected %s", b->option, what, b->expected);
}

static enum itr_status check_characters(const struct base *b, const char *url, struct itr_error *e)
{
    const unsigned char *p;

    for (p = (const unsigned char *)url; *p != '\0'; p++) {
        if (*p <= 0x20 || *p == 0x7f)
            return refuse(b, e, "it contains a space or a control character");
        if (*p >= 0x80)
            return refuse(b, e,
                          "it contains a character that is not ASCII (such a host is written "
                          "xn--...)");
    }
    return ITR_OK;
}

static enum itr_status check_rest(const struct base *b, const char *rest, struct itr_error *e)
{
    if (rest[0] == '/')
        rest++;
    if (rest[0] == '?')
        return refuse(b, e, "a query is not allowed");
    if (rest[0] == '#')
        return refuse(b, e, "a fragment is not allowed");
    if (rest[0] != '\0')
        return refuse(b, e, b->has_path);
    return ITR_OK;
}

static enum itr_status check_host(const struct base *b, const struct parts *u, struct itr_error *e)
{
    if (u->host_len == 0)
        return refuse(b, e, "the host is missing");
    if (!is_host(u->host, u->host_len))
        return refuse(b, e, "invalid host name");
    if (u->port != NULL && !is_port(u->port, u->port_len))
        return refuse(b, e, "invalid port (1 to 65535)");
    return ITR_OK;
}

/* The app secret and the token travel in the URL (docs/protocol.md, Gateway), and the token in a
 * token server's answer. */
static enum itr_status check_scheme(const struct base *b, const struct parts *u,
                                    struct itr_error *e)
{
    char shown[SHOWN];

    if (is_word(u->scheme, u->scheme_len, "https"))
        return ITR_OK;
    if (!is_word(u->scheme, u->scheme_len, "http"))
        return refuse(b, e, "unknown scheme");
    if (is_loopback(u->host, u->host_len))
        return ITR_OK;
    return itr_error_set(
        e, ITR_CONFIG,
        "option %s: http would send the %s unencrypted; use https://%s (http is for "
        "localhost, 127.0.0.0/8 and [::1] only)",
        b->option, b->shows, itr_utf8_show(u->host, u->host_len, shown, sizeof shown));
}

/* The error does not show the address: it may contain a password. */
static enum itr_status check(const struct base *b, const char *url, struct parts *u,
                             struct itr_error *e)
{
    bool has_user;
    enum itr_status s;

    if ((s = check_characters(b, url, e)) != ITR_OK)
        return s;
    if (!split(url, u, &has_user))
        return refuse(b, e, "not an absolute URL");
    if (has_user)
        return refuse(b, e, "a user is not allowed");
    if ((s = check_rest(b, u->rest, e)) != ITR_OK || (s = check_host(b, u, e)) != ITR_OK)
        return s;
    return check_scheme(b, u, e);
}

static enum itr_status append_lower(struct itr_buf *out, const char *text, size_t n)
{
    enum itr_status s = ITR_OK;
    size_t i;

    for (i = 0; i < n && s == ITR_OK; i++)
        s = itr_buf_append_char(
            out, (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] | 0x20 : text[i]));
    return s;
}

/* The port that the scheme means anyhow: with and without it an address is one and the same. */
static bool is_standard_port(const struct parts *u)
{
    const char *standard = u->scheme_len == strlen("https") ? "443" : "80";

    return u->port_len == strlen(standard) && memcmp(u->port, standard, u->port_len) == 0;
}

static enum itr_status normalise(const struct base *b, const char *url, struct itr_buf *out,
                                 struct itr_error *e)
{
    struct parts u = {0};
    enum itr_status s;

    if ((s = check(b, url, &u, e)) != ITR_OK)
        return s;
    if ((s = append_lower(out, u.scheme, u.scheme_len)) == ITR_OK &&
        (s = itr_buf_append_str(out, "://")) == ITR_OK)
        s = append_lower(out, u.host, u.host_len);
    if (s == ITR_OK && u.port != NULL && !is_standard_port(&u) &&
        (s = itr_buf_append_char(out, ':')) == ITR_OK)
        s = itr_buf_append(out, u.port, u.port_len);
    return s == ITR_OK ? s : itr_error_set(e, s, "no room for the address in %s", b->option);
}

enum itr_status itr_base_url(const char *gateway, struct itr_buf *out, struct itr_error *e)
{
    return normalise(&gateway_base, gateway, out, e);
}

enum itr_status itr_url_token_server(const char *server, struct itr_buf *out, struct itr_error *e)
{
    return normalise(&server_base, server, out, e);
}

bool itr_url_is_loopback(const char *url)
{
    struct parts u;
    bool has_user;

    return split(url, &u, &has_user) && is_loopback(u.host, u.host_len);
}
