#include "store/redis_url.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/base/hex.h"

#define TIMEOUT_MS 1000

static enum itr_status wrong(const char *what, struct itr_error *e)
{
    return itr_error_set(e, ITR_CONFIG,
                         "option token_store: %s; it is written "
                         "redis://[user:password@]host[:port][/db][?prefix=...&timeout_ms=...] or "
                         "redis+unix:/path[?db=...]",
                         what);
}

/* n bytes, percent-decoded, into one part. False: too long, a control character, a bad escape. */
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

/* Digits and nothing else, of at most max. */
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

static enum itr_status take_option(const char *name, size_t n, const char *value, size_t len,
                                   struct itr_redis_url *u, struct itr_error *e)
{
    bool is_socket = u->path[0] != '\0';
    int one = 0;

    if (is(name, n, "prefix"))
        return take(value, len, u->prefix) ? ITR_OK : wrong("its prefix is wrong", e);
    if (is(name, n, "timeout_ms")) {
        if (!take_number(value, len, 60000, &u->timeout_ms) || u->timeout_ms == 0)
            return wrong("its timeout_ms must be 1 to 60000", e);
        return ITR_OK;
    }
    if (u->is_tls && is(name, n, "ca_file"))
        return take(value, len, u->ca_file) ? ITR_OK : wrong("its ca_file is wrong", e);
    if (u->is_tls && is(name, n, "insecure"))
        return wrong("insecure means nothing to rediss:, which is always verified", e);
    if (is(name, n, "insecure")) {
        if (!take_number(value, len, 1, &one))
            return wrong("its insecure must be 0 or 1", e);
        u->is_insecure = one == 1;
        return ITR_OK;
    }
    if (is_socket && is(name, n, "db"))
        return take_number(value, len, 99999, &u->db) ? ITR_OK : wrong("its db is no number", e);
    if (is_socket && is(name, n, "user"))
        return take(value, len, u->user) ? ITR_OK : wrong("its user is wrong", e);
    if (is_socket && is(name, n, "password")) {
        u->has_password = true;
        return take(value, len, u->password) ? ITR_OK : wrong("its password is wrong", e);
    }
    return wrong("it has an unknown part behind the \"?\"", e);
}

static enum itr_status take_query(const char *query, struct itr_redis_url *u, struct itr_error *e)
{
    enum itr_status s = ITR_OK;

    while (s == ITR_OK && *query != '\0') {
        size_t len = strcspn(query, "&"), name = strcspn(query, "=&");
        if (name == len)
            return wrong("a part behind the \"?\" has no value", e);
        s = take_option(query, name, query + name + 1, len - name - 1, u, e);
        query += len;
        query += *query == '&';
    }
    return s;
}

/* ---- what is before it ---- */

/* user:password, n bytes before the "@". */
static enum itr_status take_user(const char *at, size_t n, struct itr_redis_url *u,
                                 struct itr_error *e)
{
    const char *colon = memchr(at, ':', n);
    size_t user = colon != NULL ? (size_t)(colon - at) : n;

    if (colon == NULL)
        return wrong("it has a user and no password", e);
    u->has_password = true;
    if (!take(at, user, u->user) || !take(colon + 1, n - user - 1, u->password))
        return wrong("its user or password is wrong (escape what is special as %XX)", e);
    return ITR_OK;
}

static enum itr_status take_host(const char *at, size_t n, struct itr_redis_url *u,
                                 struct itr_error *e)
{
    const char *end = at[0] == '[' ? memchr(at, ']', n) : NULL;
    size_t host = end != NULL ? (size_t)(end - at) + 1 : 0;

    if (at[0] == '[' && end == NULL)
        return wrong("its host is wrong", e);
    while (end == NULL && host < n && at[host] != ':')
        host++;
    if (end != NULL ? !take(at + 1, host - 2, u->host) : !take(at, host, u->host))
        return wrong("its host is wrong", e);
    if (u->host[0] == '\0')
        return wrong("it has no host", e);
    if (host == n)
        return ITR_OK;
    if (at[host] != ':' || !take_number(at + host + 1, n - host - 1, 65535, &u->port) ||
        u->port == 0)
        return wrong("its port is none", e);
    return ITR_OK;
}

/* Behind "//", n bytes up to the query. */
static enum itr_status take_server(const char *at, size_t n, struct itr_redis_url *u,
                                   struct itr_error *e)
{
    const char *slash = memchr(at, '/', n), *sign;
    size_t authority = slash != NULL ? (size_t)(slash - at) : n;
    enum itr_status s;

    sign = memrchr(at, '@', authority);
    if (sign != NULL) {
        if ((s = take_user(at, (size_t)(sign - at), u, e)) != ITR_OK)
            return s;
        authority -= (size_t)(sign - at) + 1;
        at = sign + 1;
    }
    if ((s = take_host(at, authority, u, e)) != ITR_OK)
        return s;
    if (slash != NULL && slash[1] != '\0' && slash[1] != '?' &&
        !take_number(slash + 1, strcspn(slash + 1, "?"), 99999, &u->db))
        return wrong("its db is no number", e);
    return ITR_OK;
}

static bool is_loopback(const char *host)
{
    /* All of it must be a number: 127.example.org is no loopback. */
    bool is_number = host[strspn(host, "0123456789.")] == '\0';

    return strcasecmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
           (is_number && strncmp(host, "127.", 4) == 0);
}

static enum itr_status read_parts(const char *address, struct itr_redis_url *u, struct itr_error *e)
{
    size_t n = strcspn(address, "?");
    enum itr_status s;

    if (strncmp(address, "redis+unix:", 11) == 0) {
        if (!take(address + 11, n - 11, u->path) || u->path[0] != '/')
            return wrong("its socket's path is wrong", e);
        s = ITR_OK;
    } else if (strncmp(address, "redis://", 8) == 0) {
        s = take_server(address + 8, n - 8, u, e);
    } else if (strncmp(address, "rediss://", 9) == 0) {
        u->is_tls = true;
        s = take_server(address + 9, n - 9, u, e);
    } else {
        return wrong("it is no Redis address", e);
    }
    return s == ITR_OK && address[n] == '?' ? take_query(address + n + 1, u, e) : s;
}

enum itr_status itr_redis_url_read(const char *address, struct itr_redis_url *u,
                                   struct itr_error *e)
{
    enum itr_status s;

    *u = (struct itr_redis_url){.port = 6379, .timeout_ms = TIMEOUT_MS};
    s = read_parts(address, u, e);
    if (s == ITR_OK && u->host[0] != '\0' && !u->is_tls && !u->is_insecure && !is_loopback(u->host))
        s = itr_error_set(e, ITR_CONFIG,
                          "option token_store: %.100s is another machine and redis:// does not "
                          "encrypt; say insecure=1 in it where the network can be trusted",
                          u->host);
    if (s != ITR_OK)
        itr_redis_url_wipe(u);
    return s;
}

void itr_redis_url_id(const struct itr_redis_url *u, char *out, size_t size)
{
    bool is_v6 = strchr(u->host, ':') != NULL;

    if (u->path[0] != '\0')
        (void)snprintf(out, size, "redis+unix:%s?db=%d&prefix=%s", u->path, u->db, u->prefix);
    else
        (void)snprintf(out, size, "%s://%s%s%s:%d/%d?prefix=%s", u->is_tls ? "rediss" : "redis",
                       is_v6 ? "[" : "", u->host, is_v6 ? "]" : "", u->port, u->db, u->prefix);
}

void itr_redis_url_identity(const struct itr_redis_url *u, char *out, size_t size)
{
    const char *const parts[] = {u->user, u->password, u->ca_file};
    unsigned char digest[ITR_SHA256_LEN];
    struct itr_sha256 h;
    size_t i, n;

    itr_redis_url_id(u, out, size);
    itr_sha256_init(&h);
    for (i = 0; i < sizeof parts / sizeof *parts; i++)
        itr_sha256_update(&h, parts[i], strlen(parts[i]) + 1);
    itr_sha256_update(&h, &u->has_password, sizeof u->has_password);
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
    itr_wipe(u->password, sizeof u->password);
}
