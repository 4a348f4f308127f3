#include "core/base/status.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {
    [ITR_OK] = "ok",           [ITR_USAGE] = "usage",   [ITR_CONFIG] = "config",
    [ITR_NETWORK] = "network", [ITR_TLS] = "tls",       [ITR_TIMEOUT] = "timeout",
    [ITR_HTTP] = "http",       [ITR_DECODE] = "decode", [ITR_API] = "api",
    [ITR_TOKEN] = "token",     [ITR_QUOTA] = "quota",   [ITR_STORE] = "store",
    [ITR_NOMEM] = "memory",    [ITR_FULL] = "full",
};

#define N_NAMES (sizeof names / sizeof names[0])

void itr_error_clear(struct itr_error *e)
{
    /* Not the whole text: this runs on every call that succeeds. */
    e->kind = ITR_OK;
    e->has_code = false;
    e->retryable = false;
    e->no_descriptors = false;
    e->http_status = 0;
    e->code = 0;
    e->text[0] = '\0';
}

void itr_error_copy(struct itr_error *to, const struct itr_error *from)
{
    memcpy(to, from, offsetof(struct itr_error, text) + strlen(from->text) + 1);
}

/* vsnprintf cuts anywhere; a character that lost its tail is dropped as a whole. */
static void cut_at_character(char *text, size_t len)
{
    size_t head = len;
    size_t want;

    /* Find the byte that begins the last character. */
    while (head > 0 && ((unsigned char)text[head - 1] & 0xc0) == 0x80)
        head--;
    if (head == 0)
        return;
    head--;

    /* How long did it promise to be? */
    want = (unsigned char)text[head] >= 0xf0   ? 4
           : (unsigned char)text[head] >= 0xe0 ? 3
           : (unsigned char)text[head] >= 0xc0 ? 2
                                               : 1;
    if (head + want > len)
        text[head] = '\0';
}

enum itr_status itr_error_set(struct itr_error *e, enum itr_status kind, const char *fmt, ...)
{
    char text[ITR_ERROR_TEXT]; /* apart, since an argument may be the text of *e itself */
    va_list ap;
    int n;

    if (e == NULL)
        return kind;
    va_start(ap, fmt);
    n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n < 0)
        text[0] = '\0';
    else if ((size_t)n >= sizeof text)
        cut_at_character(text, sizeof text - 1);

    itr_error_clear(e);
    e->kind = kind;
    memcpy(e->text, text, strlen(text) + 1);
    return kind;
}

const char *itr_status_name(enum itr_status s)
{
    return (size_t)s < N_NAMES ? names[s] : "unknown";
}

enum itr_status itr_status_of_name(const char *name)
{
    size_t i;

    for (i = 0; i < N_NAMES; i++)
        if (strcmp(names[i], name) == 0)
            return (enum itr_status)i;
    return ITR_OK;
}
