/*
 * url and query on any bytes. Encoding must lose nothing: decoded by the small decoder here, what
 * was accepted is the bytes that were given. Normal forms and redactions are fixed points; no
 * secret is left in a text that was masked.
 */
#include "core/http/url.h"
#include "fuzz.h"

#define PAIRS 64

static int hex(char c)
{
    const char *digits = "0123456789ABCDEF";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;

    CHECK(at != NULL);
    return (int)(at - digits);
}

/* Decodes in place; returns the length. */
static size_t decode(char *text, size_t n)
{
    size_t from, to;

    for (from = to = 0; from < n; from++, to++) {
        text[to] = text[from];
        if (text[from] == '%') {
            CHECK(n - from > 2);
            text[to] = (char)(hex(text[from + 1]) * 16 + hex(text[from + 2]));
            from += 2;
        }
    }
    return to;
}

static void try_path(const char *text, size_t n)
{
    struct itr_buf out;

    itr_buf_init(&out, 1 << 16);
    if (itr_url_path(text, n, true, &out, NULL) == ITR_OK) {
        CHECK(out.data[0] == '/' && out.data[1] != '/');
        CHECK(strpbrk(out.data, "?#\\ \"<>") == NULL && strlen(out.data) == out.len);
        CHECK(decode(out.data, out.len) == n && memcmp(out.data, text, n) == 0);
    }
    itr_buf_clear(&out);
}

/* text is NUL-ended. */
static void try_gateway(const char *text)
{
    struct itr_buf once, twice;

    itr_buf_init(&once, 1 << 16);
    itr_buf_init(&twice, 1 << 16);
    if (itr_base_url(text, &once, NULL) == ITR_OK) {
        CHECK(itr_base_url(once.data, &twice, NULL) == ITR_OK);
        CHECK(strcmp(once.data, twice.data) == 0);
        CHECK(strncmp(once.data, "https://", 8) == 0 || itr_url_is_loopback(once.data));
        CHECK(strpbrk(once.data + 8, "/?#@ ") == NULL);
    }
    itr_buf_clear(&once);
    itr_buf_clear(&twice);
}

static void try_redact(const char *text)
{
    struct itr_buf once, twice;

    itr_buf_init(&once, 1 << 22);
    itr_buf_init(&twice, 1 << 22);
    CHECK(itr_redact_url(text, &once) == ITR_OK);
    CHECK(itr_redact_url(itr_buf_str(&once), &twice) == ITR_OK);
    CHECK(strcmp(itr_buf_str(&once), itr_buf_str(&twice)) == 0);
    (void)itr_url_is_loopback(text);
    itr_buf_clear(&once);
    itr_buf_clear(&twice);
}

/* ---- query ---- */

struct pair {
    const char *name, *value;
    size_t name_len, value_len;
};

static bool before(const struct pair *a, const struct pair *b)
{
    size_t n = a->name_len < b->name_len ? a->name_len : b->name_len;
    int order = n > 0 ? memcmp(a->name, b->name, n) : 0;

    return order != 0 ? order < 0 : a->name_len < b->name_len;
}

/* By the simplest stable way there is. */
static void sort(struct pair *pairs, size_t n)
{
    struct pair p;
    size_t i, k;

    for (i = 1; i < n; i++) {
        p = pairs[i];
        for (k = i; k > 0 && before(&p, &pairs[k - 1]); k--)
            pairs[k] = pairs[k - 1];
        pairs[k] = p;
    }
}

static void check_written(struct itr_buf *out, const struct pair *pairs, size_t n)
{
    char *p = out->data;
    size_t i, len;
    char *part;

    for (i = 0; i < n; i++) {
        CHECK(*p++ == '&');
        part = p;
        p += strcspn(p, "=");
        CHECK(*p == '=');
        len = decode(part, (size_t)(p - part));
        CHECK(len == pairs[i].name_len && memcmp(part, pairs[i].name, len) == 0);
        part = ++p;
        p += strcspn(p, "&");
        len = decode(part, (size_t)(p - part));
        CHECK(len == pairs[i].value_len && memcmp(part, pairs[i].value, len) == 0);
    }
    CHECK(p == out->data + out->len);
}

/* Pieces of the text between 0x1f are name, value, name, value ... */
static void try_query(const char *text, size_t size)
{
    struct pair pairs[PAIRS];
    struct itr_query q;
    struct itr_buf out;
    const char *end = text + size;
    const char *stop, *second;
    size_t n = 0;

    itr_query_init(&q);
    itr_buf_init(&out, 1 << 22);
    for (; n < PAIRS && (second = memchr(text, 0x1f, (size_t)(end - text))) != NULL; text = stop) {
        second++;
        stop = memchr(second, 0x1f, (size_t)(end - second));
        stop = stop != NULL ? stop : end;
        pairs[n] =
            (struct pair){text, second, (size_t)(second - 1 - text), (size_t)(stop - second)};
        if (itr_query_add(&q, pairs[n].name, pairs[n].name_len, second, pairs[n].value_len, NULL) ==
            ITR_OK)
            n++;
        stop += stop < end ? 1 : 0;
    }
    sort(pairs, n);
    CHECK(itr_query_write(&q, &out) == ITR_OK);
    if (n > 0)
        check_written(&out, pairs, n);
    else
        CHECK(out.len == 0);
    itr_query_clear(&q);
    itr_buf_clear(&out);
}

/* ---- headers, masks ---- */

static void try_header(const char *text, size_t n)
{
    const char *colon = memchr(text, ':', n);
    size_t name_len = colon != NULL ? (size_t)(colon - text) : 0;
    size_t i;

    if (colon == NULL ||
        itr_url_header(text, name_len, colon + 1, n - name_len - 1, NULL) != ITR_OK)
        return;
    CHECK(colon > text);
    for (i = 0; i < n; i++)
        CHECK(text[i] != '\r' && text[i] != '\n' && text[i] != '\0');
}

/* The first bytes are the secret, all the rest the text. A star in the secret could make an
 * occurrence of it out of a mask. */
static void try_mask(char *text, size_t n)
{
    size_t secret_len = n > 0 ? (size_t)(unsigned char)text[0] % 24 : 0;

    if (n < 1 + secret_len || secret_len < 8 || memchr(text + 1, '*', secret_len) != NULL)
        return;
    itr_redact_mask(text + 1 + secret_len, n - 1 - secret_len, text + 1, secret_len);
    CHECK(memmem(text + 1 + secret_len, n - 1 - secret_len, text + 1, secret_len) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *ended = fuzz_string(data, size);
    char *exact = malloc(size > 0 ? size : 1); /* so that a read past the end is seen */

    CHECK(exact != NULL);
    if (size > 0)
        memcpy(exact, data, size);
    try_path(exact, size);
    try_gateway(ended);
    try_redact(ended);
    try_query(exact, size);
    try_header(exact, size);
    try_mask(exact, size);
    free(ended);
    free(exact);
    return 0;
}
