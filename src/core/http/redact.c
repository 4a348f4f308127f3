/* The half of url.h that is about what may be shown. */
#include "core/http/url.h"

#include <string.h>

#include "core/base/hex.h"

#define HIDDEN "***"

/* ---- redaction ---- */

/* Does the name read as `lower`, percent-encoded or not, in whatever case? */
static bool reads_as(const char *name, size_t n, const char *lower)
{
    size_t i = 0;
    int c;

    for (; *lower != '\0' && i < n; lower++) {
        c = itr_hex_percent_byte(name + i, n - i);
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

enum itr_status itr_redact_url(const char *url, struct itr_buf *out)
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

#define CUT_LEAST 4 /* so few bytes of a secret stand in many a harmless word */

/* What is looked for, and how. */
struct secret {
    const char *bytes;
    size_t n;
    bool escaped_first; /* what is an escape and also the secret's own bytes is an escape */
    bool cut;           /* the text was cut off: its end may be inside of the secret */
};

/* The byte that an escape of JSON at p stands for, ASCII only, or -1. *used: its length. */
static int json_byte(const char *p, size_t n, size_t *used)
{
    int high, low;

    if (n < 2 || p[0] != '\\')
        return -1;
    *used = 2;
    if (p[1] == '"' || p[1] == '\\' || p[1] == '/')
        return p[1];
    *used = 6;
    if (n < 6 || p[1] != 'u' || p[2] != '0' || p[3] != '0' || (high = itr_hex_value(p[4])) < 0 ||
        (low = itr_hex_value(p[5])) < 0 || high > 7)
        return -1;
    return high * 16 + low;
}

/* Bytes at p that are c, written as %XX or as JSON may write it; 0: they are not. */
static size_t escape_of(unsigned char c, const char *p, size_t n)
{
    size_t used = 0;

    if (itr_hex_percent_byte(p, n) == c)
        return 3;
    return json_byte(p, n, &used) == c ? used : 0;
}

/* The text ends here, or in an escape that is not whole. */
static bool is_end(const char *p, size_t n)
{
    return n == 0 || (n < 3 && *p == '%') || (n < 6 && *p == '\\');
}

/*
 * Bytes of the text that are the secret, each of its bytes as it is or escaped; 0: they are not. An
 * escape's first character in the secret may be meant either way in the text, so both are tried,
 * the whole secret long.
 */
static size_t match(const char *text, size_t len, const struct secret *s)
{
    size_t i = 0;
    size_t k;

    for (k = 0; k < s->n; k++) {
        bool raw = i < len && text[i] == s->bytes[k];
        size_t escaped = escape_of((unsigned char)s->bytes[k], text + i, len - i);

        if (escaped > 0 && (s->escaped_first || !raw))
            i += escaped;
        else if (raw)
            i++;
        else
            return s->cut && k >= CUT_LEAST && is_end(text + i, len - i) ? len : 0;
    }
    return i;
}

static size_t longest_match(const char *text, size_t len, struct secret s)
{
    size_t one, two;

    if (*text != s.bytes[0] && *text != '%' && *text != '\\')
        return 0;
    s.escaped_first = false;
    one = match(text, len, &s);
    s.escaped_first = true;
    two = match(text, len, &s);
    return one > two ? one : two;
}

static void mask(char *text, size_t len, struct secret s)
{
    size_t until = 0; /* the text before this is to go */
    size_t i, n;

    if (s.n < 8) /* so short a string stands in many a harmless word */
        return;
    for (i = 0; i < len; i++) {
        n = longest_match(text + i, len - i, s);
        until = i + n > until ? i + n : until;
        /* Only now: one occurrence may begin inside another. */
        if (i < until)
            text[i] = '*';
    }
}

void itr_redact_mask(char *text, size_t len, const char *secret, size_t n)
{
    mask(text, len, (struct secret){secret, n, false, false});
}

void itr_redact_mask_cut(char *text, size_t len, const char *secret, size_t n)
{
    mask(text, len, (struct secret){secret, n, false, true});
}
