#include "store/redis_url.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/base/hex.h"

#define PORT 6379
#define SENTINEL_PORT 26379
#define TIMEOUT_MS 1000

static enum itr_status wrong(const char *what, struct itr_error *e)
{
    return itr_error_set(
        e, ITR_CONFIG,
        "option token_store: invalid Redis address: %s; expected "
        "redis://[user:password@]host[:port][/db][?prefix=...&timeout_ms=...], "
        "redis+sentinel://host[:port],.../MASTER[/db] or redis+unix:/path[?db=...]",
        what);
}

/* Percent-decode n bytes into one part. False: too long, a control character, a bad escape. */
static bool take(const char *from, size_t n, char *part)
{
    size_t i, len = 0;

    for (i = 0; i < n && len + 1 < ITR_REDIS_PART; i++) {
        char c = from[i];
        if (c == '%') {
            int byte = itr_hex_percent_byte(from + i, n - i);
            if (byte < 0)
                return false;
            c = (char)byte;
            i += 2;
        }
        if ((unsigned char)c < 0x20 || c == 0x7f)
            return false;
        part[len++] = c;
    }
    part[len] = '\0';
    return i == n;
}

/* Read digits and nothing else, of at most max. */
static bool take_number(const char *from, size_t n, int max, int *out)
{
    int value = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        if (from[i] < '0' || from[i] > '9' || value > (max - (from[i] - '0')) / 10)
            return false;
        value = value * 10 + (from[i] - '0');
    }
    *out = value;
    return n > 0;
}

/* ---- the query ---- */

static bool is(const char *name, size_t n, const char *word)
{
    return strlen(word) == n && memcmp(name, word, n) == 0;
}

/* What may follow the "?"; a value is taken if its condition holds. */
static enum itr_status take_option(const char *name, size_t n, const char *value, size_t len,
                                   struct itr_redis_url *u, struct itr_error *e)
{
    bool is_socket = u->path[0] != '\0';
    int one = 0;

    if (is(name, n, "prefix"))
        return take(value, len, u->prefix) ? ITR_OK : wrong("bad prefix", e);
    if (is(name, n, "timeout_ms")) {
        if (!take_number(value, len, 60000, &u->timeout_ms) || u->timeout_ms == 0)
            return wrong("timeout_ms must be 1 to 60000", e);
        return ITR_OK;
    }
    if (u->is_tls && is(name, n, "ca_file"))
        return take(value, len, u->ca_file) ? ITR_OK : wrong("bad ca_file", e);
    if (u->is_tls && is(name, n, "insecure"))
        return wrong("insecure has no meaning with TLS, which is always verified", e);
    if (is(name, n, "insecure")) {
        if (!take_number(value, len, 1, &one))
            return wrong("insecure must be 0 or 1", e);
        u->is_insecure = one == 1;
        return ITR_OK;
    }
    if (is_socket && is(name, n, "db"))
        return take_number(value, len, 99999, &u->db) ? ITR_OK : wrong("db is not a number", e);
    if (is_socket && is(name, n, "user"))
        return take(value, len, u->login.user) ? ITR_OK : wrong("bad user", e);
    if (is_socket && is(name, n, "password")) {
        u->login.has_password = true;
        return take(value, len, u->login.password) ? ITR_OK : wrong("bad password", e);
    }
    if (u->is_sentinel && is(name, n, "sentinel_user"))
        return take(value, len, u->sentinel_login.user) ? ITR_OK : wrong("bad sentinel_user", e);
    if (u->is_sentinel && is(name, n, "sentinel_password")) {
        u->sentinel_login.has_password = true;
        return take(value, len, u->sentinel_login.password) ? ITR_OK
                                                            : wrong("bad sentinel_password", e);
    }
    return wrong("unknown name after the \"?\"", e);
}

static enum itr_status take_query(const char *query, struct itr_redis_url *u, struct itr_error *e)
{
    enum itr_status s = ITR_OK;

    while (s == ITR_OK && *query != '\0') {
        size_t len = strcspn(query, "&"), name = strcspn(query, "=&");
        if (name == len)
            return wrong("a name after the \"?\" has no value", e);
        s = take_option(query, name, query + name + 1, len - name - 1, u, e);
        query += len;
        query += *query == '&';
    }
    return s;
}

/* ---- what is before it ---- */

/* user:password, n bytes before the "@". */
static enum itr_status take_user(const char *at, size_t n, struct itr_redis_login *login,
                                 struct itr_error *e)
{
    const char *colon = memchr(at, ':', n);
    size_t user = colon != NULL ? (size_t)(colon - at) : n;

    if (colon == NULL)
        return wrong("there is a user but no password", e);
    login->has_password = true;
    if (!take(at, user, login->user) || !take(colon + 1, n - user - 1, login->password))
        return wrong("bad user or password (write special characters as %XX)", e);
    return ITR_OK;
}

static enum itr_status take_host(const char *at, size_t n, struct itr_redis_place *place,
                                 struct itr_error *e)
{
    const char *end = n > 0 && at[0] == '[' ? memchr(at, ']', n) : NULL;
    size_t host = end != NULL ? (size_t)(end - at) + 1 : 0;

    if (n > 0 && at[0] == '[' && end == NULL)
        return wrong("bad host", e);
    while (end == NULL && host < n && at[host] != ':')
        host++;
    if (end != NULL ? !take(at + 1, host - 2, place->host) : !take(at, host, place->host))
        return wrong("bad host", e);
    if (place->host[0] == '\0')
        return wrong("there is no host", e);
    if (host == n)
        return ITR_OK;
    if (at[host] != ':' || !take_number(at + host + 1, n - host - 1, 65535, &place->port) ||
        place->port == 0)
        return wrong("bad port", e);
    return ITR_OK;
}

/* host[:port],host[:port]..., n bytes. */
static enum itr_status take_hosts(const char *at, size_t n, struct itr_redis_url *u,
                                  struct itr_error *e)
{
    const char *end = at + n, *comma;
    enum itr_status s = ITR_OK;

    do {
        if (u->n_hosts == ITR_REDIS_HOSTS)
            return wrong("more than 8 hosts", e);
        u->hosts[u->n_hosts].port = u->is_sentinel ? SENTINEL_PORT : PORT;
        comma = memchr(at, ',', (size_t)(end - at));
        s = take_host(at, (size_t)((comma != NULL ? comma : end) - at), &u->hosts[u->n_hosts], e);
        u->n_hosts++;
        at = comma != NULL ? comma + 1 : end;
    } while (s == ITR_OK && comma != NULL);
    return s;
}

/* /MASTER[/db] for Sentinel, else /[db]; n bytes, none of it is needed for the latter. */
static enum itr_status take_path(const char *at, size_t n, struct itr_redis_url *u,
                                 struct itr_error *e)
{
    const char *slash;
    size_t name;

    if (u->is_sentinel) {
        slash = n > 0 ? memchr(at + 1, '/', n - 1) : NULL;
        name = slash != NULL ? (size_t)(slash - at) : n;
        if (name < 2 || !take(at + 1, name - 1, u->master))
            return wrong("the name of the master is missing after the Sentinels' hosts", e);
        at += name;
        n -= name;
    }
    if (n > 1 && !take_number(at + 1, n - 1, 99999, &u->db))
        return wrong("db is not a number", e);
    return ITR_OK;
}

/* After "//", n bytes up to the query. */
static enum itr_status take_server(const char *at, size_t n, struct itr_redis_url *u,
                                   struct itr_error *e)
{
    const char *slash = memchr(at, '/', n), *sign;
    size_t authority = slash != NULL ? (size_t)(slash - at) : n;
    enum itr_status s;

    n -= authority;
    sign = memrchr(at, '@', authority);
    if (sign != NULL) {
        if ((s = take_user(at, (size_t)(sign - at), &u->login, e)) != ITR_OK)
            return s;
        authority -= (size_t)(sign - at) + 1;
        at = sign + 1;
    }
    if ((s = take_hosts(at, authority, u, e)) != ITR_OK)
        return s;
    return take_path(at + authority, n, u, e);
}

static bool is_loopback(const char *host)
{
    /* All of it must be a number: 127.example.org is not loopback. */
    bool is_number = host[strspn(host, "0123456789.")] == '\0';

    return strcasecmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
           (is_number && strncmp(host, "127.", 4) == 0);
}

bool itr_redis_url_allows(const struct itr_redis_url *u, const char *host)
{
    return u->is_tls || u->is_insecure || host[0] == '\0' || is_loopback(host);
}

struct scheme {
    const char *text;
    bool is_tls, is_sentinel;
};

static enum itr_status read_parts(const char *address, struct itr_redis_url *u, struct itr_error *e)
{
    static const struct scheme schemes[] = {
        {"redis://", false, false},
        {"rediss://", true, false},
        {"redis+sentinel://", false, true},
        {"rediss+sentinel://", true, true},
    };
    size_t n = strcspn(address, "?"), i, len;
    enum itr_status s = ITR_CONFIG;

    if (strncmp(address, "redis+unix:", 11) == 0) {
        if (!take(address + 11, n - 11, u->path) || u->path[0] != '/')
            return wrong("the path of the socket is not absolute", e);
        s = ITR_OK;
    }
    for (i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        len = strlen(schemes[i].text);
        if (strncmp(address, schemes[i].text, len) != 0)
            continue;
        u->is_tls = schemes[i].is_tls;
        u->is_sentinel = schemes[i].is_sentinel;
        if ((s = take_server(address + len, n - len, u, e)) != ITR_OK)
            return s;
    }
    if (s != ITR_OK)
        return wrong("unknown scheme", e);
    return address[n] == '?' ? take_query(address + n + 1, u, e) : s;
}

static enum itr_status check_hosts(const struct itr_redis_url *u, struct itr_error *e)
{
    int i;

    for (i = 0; i < u->n_hosts; i++)
        if (!itr_redis_url_allows(u, u->hosts[i].host))
            return itr_error_set(e, ITR_CONFIG,
                                 "option token_store: %.100s is another machine and redis:// does "
                                 "not encrypt; use rediss://, or add insecure=1 if the network can "
                                 "be trusted",
                                 u->hosts[i].host);
    return ITR_OK;
}

enum itr_status itr_redis_url_read(const char *address, struct itr_redis_url *u,
                                   struct itr_error *e)
{
    enum itr_status s;

    *u = (struct itr_redis_url){.timeout_ms = TIMEOUT_MS};
    s = read_parts(address, u, e);
    if (s == ITR_OK)
        s = check_hosts(u, e);
    if (s != ITR_OK)
        itr_redis_url_wipe(u);
    return s;
}

void itr_redis_place_text(const struct itr_redis_place *place, char *out, size_t size)
{
    bool is_v6 = strchr(place->host, ':') != NULL;

    (void)snprintf(out, size, "%s%s%s:%d", is_v6 ? "[" : "", place->host, is_v6 ? "]" : "",
                   place->port);
}

/* Append to out, a string of at most size - 1 bytes. */
__attribute__((format(printf, 3, 4))) static void append(char *out, size_t size, const char *fmt,
                                                         ...)
{
    size_t n = strlen(out);
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(out + n, size - n, fmt, ap);
    va_end(ap);
}

void itr_redis_url_id(const struct itr_redis_url *u, char *out, size_t size)
{
    char place[ITR_REDIS_PLACE_TEXT];
    int i;

    out[0] = '\0';
    if (u->path[0] != '\0') {
        append(out, size, "redis+unix:%s?db=%d", u->path, u->db);
        if (u->prefix[0] != '\0')
            append(out, size, "&prefix=%s", u->prefix);
        return;
    }
    append(out, size, "redis%s%s://", u->is_tls ? "s" : "", u->is_sentinel ? "+sentinel" : "");
    for (i = 0; i < u->n_hosts; i++) {
        itr_redis_place_text(&u->hosts[i], place, sizeof place);
        append(out, size, "%s%s", i > 0 ? "," : "", place);
    }
    append(out, size, "%s%s/%d", u->is_sentinel ? "/" : "", u->master, u->db);
    if (u->prefix[0] != '\0')
        append(out, size, "?prefix=%s", u->prefix);
}

static void digest_login(struct itr_sha256 *h, const struct itr_redis_login *login)
{
    itr_sha256_update(h, login->user, strlen(login->user) + 1);
    itr_sha256_update(h, login->password, strlen(login->password) + 1);
    itr_sha256_update(h, &login->has_password, sizeof login->has_password);
}

void itr_redis_url_identity(const struct itr_redis_url *u, char *out, size_t size)
{
    unsigned char digest[ITR_SHA256_LEN];
    struct itr_sha256 h;
    size_t n;

    itr_redis_url_id(u, out, size);
    itr_sha256_init(&h);
    digest_login(&h, &u->login);
    digest_login(&h, &u->sentinel_login);
    itr_sha256_update(&h, u->ca_file, strlen(u->ca_file) + 1);
    itr_sha256_update(&h, &u->timeout_ms, sizeof u->timeout_ms);
    itr_sha256_final(&h, digest);
    n = strlen(out);
    if (n + 2 * ITR_SHA256_LEN + 2 > size)
        return;
    out[n] = '#';
    itr_sha256_hex(digest, sizeof digest, out + n + 1, 2 * ITR_SHA256_LEN);
}

void itr_redis_url_wipe(struct itr_redis_url *u)
{
    itr_wipe(u->login.password, sizeof u->login.password);
    itr_wipe(u->sentinel_login.password, sizeof u->sentinel_login.password);
}
