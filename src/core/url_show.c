/* The half of url.h that is about what may be shown. */
#include "core/url.h"

#include <string.h>

#define HIDDEN "***"

/* ---- percent-decoding ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that %XX at p stands for, or -1 if the n bytes there do not begin with one. */
static int escaped_byte(const char *p, size_t n)
{
    int high, low;

    if (n < 3 || p[0] != '%' || (high = hex_digit(p[1])) < 0 || (low = hex_digit(p[2])) < 0)
        return -1;
    return high * 16 + low;
}

/* ---- redaction ---- */

/* Does the name read as `lower`, percent-encoded or not, in whatever case? */
static bool reads_as(const char *name, size_t n, const char *lower)
{
    size_t i = 0;
    int c;

    for (; *lower != '\0' && i < n; lower++) {
        c = escaped_byte(name + i, n - i);
        i += c < 0 ? 1 : 3;
        if (c < 0)
            c = (unsigned char)name[i - 1];
        if ((c >= 'A' && c <= 'Z' ? c | 0x20 : c) != *lower)
            return false;
    }
    return *lower == '\0' && i == n;
}

/* One "name=value" of a query. */
static enum itr_status redact_pair(const char *pair, size_t n, struct itr_buf *out)
{
    const char *equals = memchr(pair, '=', n);
    size_t name_len = equals != NULL ? (size_t)(equals - pair) : n;
    enum itr_status s;

    if (equals == NULL ||
        (!reads_as(pair, name_len, "accesstoken") && !reads_as(pair, name_len, "appsecret")))
        return itr_buf_append(out, pair, n);
    if ((s = itr_buf_append(out, pair, name_len + 1)) != ITR_OK)
        return s;
    return itr_buf_append_str(out, HIDDEN);
}

/* From the "?" on; stops at the fragment. *rest: what follows. */
static enum itr_status redact_query(const char *p, struct itr_buf *out, const char **rest)
{
    enum itr_status s;
    size_t n;

    while (*p == '?' || *p == '&') {
        if ((s = itr_buf_append_char(out, *p++)) != ITR_OK)
            return s;
        n = strcspn(p, "&#");
        if ((s = redact_pair(p, n, out)) != ITR_OK)
            return s;
        p += n;
    }
    *rest = p;
    return ITR_OK;
}

/* A password may hold an "@" too, so the last one counts (memrchr is not everywhere). */
static const char *last_at(const char *p, size_t n)
{
    while (n > 0 && p[n - 1] != '@')
        n--;
    return n > 0 ? p + n - 1 : NULL;
}

/* Scheme and authority without the user. *rest: what follows. */
static enum itr_status redact_user(const char *url, struct itr_buf *out, const char **rest)
{
    size_t before = strcspn(url, "?#");
    const char *mark = memmem(url, before, "://", 3);
    const char *authority = mark != NULL ? mark + 3 : url;
    const char *at = mark != NULL ? last_at(authority, strcspn(authority, "/?#")) : NULL;
    enum itr_status s;

    *rest = url;
    if (at == NULL)
        return ITR_OK;
    *rest = at;
    if ((s = itr_buf_append(out, url, (size_t)(authority - url))) != ITR_OK)
        return s;
    return itr_buf_append_str(out, HIDDEN);
}

enum itr_status itr_url_redact(const char *url, struct itr_buf *out)
{
    const char *p;
    enum itr_status s;
    size_t n;

    if ((s = redact_user(url, out, &p)) != ITR_OK)
        return s;
    n = strcspn(p, "?#");
    if ((s = itr_buf_append(out, p, n)) != ITR_OK || (s = redact_query(p + n, out, &p)) != ITR_OK)
        return s;
    return itr_buf_append_str(out, p);
}

/* ---- masking ---- */

/*
 * Bytes of the text that are the secret, each of its bytes as it is or as %XX in whatever case;
 * 0: they are not. A "%" of the secret may be meant either way in the text, so both are tried, the
 * whole secret long.
 */
static size_t match(const char *text, size_t len, const char *secret, size_t n, bool escaped_first)
{
    size_t i = 0;
    size_t k;

    for (k = 0; k < n; k++) {
        bool raw = i < len && text[i] == secret[k];
        bool escaped = i < len && escaped_byte(text + i, len - i) == (int)(unsigned char)secret[k];

        if (escaped && (escaped_first || !raw))
            i += 3;
        else if (raw)
            i++;
        else
            return 0;
    }
    return i;
}

void itr_url_mask(char *text, size_t len, const char *secret, size_t n)
{
    size_t until = 0; /* the text before this is to go */
    size_t i, one, two;

    if (n < 8) /* so short a string stands in many a harmless word */
        return;
    for (i = 0; i < len; i++) {
        if (text[i] == secret[0] || text[i] == '%') {
            one = match(text + i, len - i, secret, n, false);
            two = match(text + i, len - i, secret, n, true);
            one = one > two ? one : two;
            until = i + one > until ? i + one : until;
        }
        /* Only now: one occurrence may begin inside another. */
        if (i < until)
            text[i] = '*';
    }
}
