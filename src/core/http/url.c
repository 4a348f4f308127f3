#include "core/http/url.h"

#include <string.h>
#include <strings.h>

#include "core/base/hex.h"
#include "core/base/utf8.h"

#define PATH_MOST 2048 /* bytes; servers commonly refuse longer ones */
#define SHOWN 64       /* bytes of a header's name in a message */

/* ---- characters ---- */

#define UNRESERVED 1 /* RFC 3986, 2.3 */
#define IN_PATH 2    /* stays as it is in a path: RFC 3986, 3.3 (pchar without "%"), and "/" */
#define IN_TOKEN 4   /* a header's name: RFC 9110, 5.6.2 */

#define U (UNRESERVED | IN_PATH | IN_TOKEN)
#define B (IN_PATH | IN_TOKEN)
#define P IN_PATH
#define T IN_TOKEN

/* clang-format off */
static const unsigned char class[256] = {
    /* 0x20 */ [' '] = 0, B, 0, T, B, T, B, B, P, P, B, B, P, U, U, P,
    /* 0x30 */ ['0'] = U, U, U, U, U, U, U, U, U, U, P, P, 0, P, 0, 0,
    /* 0x40 */ ['@'] = P, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U,
    /* 0x50 */ ['P'] = U, U, U, U, U, U, U, U, U, U, U, 0, 0, 0, T, U,
    /* 0x60 */ ['`'] = T, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U,
    /* 0x70 */ ['p'] = U, U, U, U, U, U, U, U, U, U, U, 0, T, 0, U, 0,
};
/* clang-format on */

#undef U
#undef B
#undef P
#undef T

static bool is(char c, unsigned kind)
{
    return (class[(unsigned char)c] & kind) != 0;
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

/* ---- percent-encoding ---- */

static size_t count_others(const char *bytes, size_t n, unsigned kept)
{
    size_t others = 0;
    size_t i;

    for (i = 0; i < n; i++)
        others += is(bytes[i], kept) ? 0 : 1;
    return others;
}

/* Appends the bytes; every one that is not of the kind becomes %XX. */
static enum itr_status encode(const char *bytes, size_t n, unsigned kept, struct itr_buf *out)
{
    size_t others = count_others(bytes, n, kept);
    enum itr_status s;
    char *to;
    size_t i;

    if (others == 0)
        return itr_buf_append(out, bytes, n);
    if ((s = itr_buf_reserve(out, n + 2 * others)) != ITR_OK)
        return s;
    to = out->data + out->len;
    for (i = 0; i < n; i++) {
        if (is(bytes[i], kept)) {
            *to++ = bytes[i];
            continue;
        }
        *to++ = '%';
        *to++ = ITR_HEX_UPPER[(unsigned char)bytes[i] >> 4];
        *to++ = ITR_HEX_UPPER[(unsigned char)bytes[i] & 15];
    }
    itr_buf_grew(out, n + 2 * others);
    return ITR_OK;
}

enum itr_status itr_url_escape(const char *bytes, size_t n, struct itr_buf *out)
{
    return encode(bytes, n, UNRESERVED, out);
}

/* ---- paths ---- */

/* No message shows the path: a secret may be in front of it or behind a "?". */
static enum itr_status check_start(const char *path, size_t n, struct itr_error *e)
{
    if (n == 0)
        return itr_error_set(e, ITR_USAGE, "the path is empty; it must begin with \"/\"");
    if (n > PATH_MOST)
        return itr_error_set(e, ITR_USAGE, "the path is longer than %d bytes", PATH_MOST);
    if (path[0] != '/' && memmem(path, n, "://", 3) != NULL)
        return itr_error_set(e, ITR_USAGE,
                             "the path contains a scheme and a host; give only what "
                             "follows them, the host is the option gateway");
    if (path[0] != '/')
        return itr_error_set(e, ITR_USAGE, "the path must begin with \"/\"");
    if (n > 1 && path[1] == '/')
        return itr_error_set(e, ITR_USAGE, "the path begins with \"//\", which would name a host");
    return ITR_OK;
}

static enum itr_status check_byte(char c, size_t at, bool is_get, struct itr_error *e)
{
    if (c == '?' && is_get)
        return itr_error_set(e, ITR_USAGE,
                             "the path has a \"?\" at byte %zu: give the parameters "
                             "as a table, the argument after it",
                             at);
    if (c == '?')
        return itr_error_set(e, ITR_USAGE,
                             "the path has a \"?\" at byte %zu: the gateway ignores "
                             "a query on POST, put its members into the body",
                             at);
    if (c == '#')
        return itr_error_set(e, ITR_USAGE, "the path has a \"#\" at byte %zu", at);
    if (c == '\\')
        return itr_error_set(e, ITR_USAGE, "the path has a backslash at byte %zu", at);
    if (is_control(c))
        return itr_error_set(e, ITR_USAGE, "the path has a control character at byte %zu", at);
    return ITR_OK;
}

static enum itr_status check_bytes(const char *path, size_t n, bool is_get, struct itr_error *e)
{
    enum itr_status s;
    size_t i;

    for (i = 0; i < n; i++)
        if (!is(path[i], IN_PATH) && (s = check_byte(path[i], i, is_get, e)) != ITR_OK)
            return s;
    if (!itr_utf8_valid(path, n))
        return itr_error_set(e, ITR_USAGE, "the path is not valid UTF-8");
    return ITR_OK;
}

/* Servers and proxies resolve "." and "..", so such a path is not what is executed. */
static enum itr_status check_segments(const char *path, size_t n, struct itr_error *e)
{
    const char *end = path + n;
    const char *segment = path;
    const char *slash;
    size_t len;

    for (; segment != NULL; segment = slash) {
        segment++; /* over its "/" */
        slash = memchr(segment, '/', (size_t)(end - segment));
        len = (size_t)((slash != NULL ? slash : end) - segment);
        if ((len == 1 || len == 2) && memcmp(segment, "..", len) == 0)
            return itr_error_set(e, ITR_USAGE, "the path has a segment \"%.*s\" at byte %zu",
                                 (int)len, segment, (size_t)(segment - path));
    }
    return ITR_OK;
}

enum itr_status itr_url_path(const char *path, size_t n, bool is_get, struct itr_buf *out,
                             struct itr_error *e)
{
    enum itr_status s;

    if ((s = check_start(path, n, e)) != ITR_OK ||
        (s = check_bytes(path, n, is_get, e)) != ITR_OK ||
        (s = check_segments(path, n, e)) != ITR_OK)
        return s;
    if ((s = encode(path, n, IN_PATH, out)) != ITR_OK)
        return itr_error_set(e, s, "the path is too long");
    return ITR_OK;
}

/* ---- headers ---- */

/* Headers that frame the message or address it: only the library sets them. */
static bool is_reserved(const char *name, size_t n)
{
    static const char *const reserved[] = {"Host", "Content-Length", "Transfer-Encoding",
                                           "Connection", NULL};
    const char *const *r;

    for (r = reserved; *r != NULL; r++)
        if (strlen(*r) == n && strncasecmp(*r, name, n) == 0)
            return true;
    return false;
}

enum itr_status itr_url_header(const char *name, size_t name_len, const char *value,
                               size_t value_len, struct itr_error *e)
{
    char shown[SHOWN];
    size_t i;

    (void)itr_utf8_show(name, name_len, shown, sizeof shown);
    if (name_len == 0)
        return itr_error_set(e, ITR_USAGE, "a header name is empty");
    if (count_others(name, name_len, IN_TOKEN) > 0)
        return itr_error_set(e, ITR_USAGE, "\"%s\" is not a valid header name", shown);
    if (is_reserved(name, name_len))
        return itr_error_set(e, ITR_USAGE,
                             "the header %s is set by the library and cannot be given", shown);
    for (i = 0; i < value_len; i++)
        if (is_control(value[i]) && value[i] != '\t')
            return itr_error_set(e, ITR_USAGE,
                                 "the value of header %s contains a control character at byte %zu",
                                 shown, i);
    return ITR_OK;
}
