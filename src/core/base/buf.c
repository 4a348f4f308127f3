#include "core/base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SMALLEST 64

/* A call through a volatile pointer: the compiler cannot know that it is memset, so it cannot
 * leave it out as a store to memory that nobody reads any more. */
static void *(*const volatile wipe_bytes)(void *, int, size_t) = memset;

void itr_wipe(void *p, size_t n)
{
    if (n > 0)
        wipe_bytes(p, 0, n);
}

void itr_buf_init(struct itr_buf *b, size_t max)
{
    *b = (struct itr_buf){.max = max};
}

void itr_buf_init_secret(struct itr_buf *b, size_t max)
{
    *b = (struct itr_buf){.max = max, .wipe = true};
}

/* Beyond len there may be what a longer content left, so the whole allocation is wiped. */
static void give_back(struct itr_buf *b)
{
    if (b->wipe)
        itr_wipe(b->data, b->cap);
    free(b->data);
}

void itr_buf_clear(struct itr_buf *b)
{
    give_back(b);
    b->data = NULL;
    b->len = b->cap = 0;
}

void itr_buf_reset(struct itr_buf *b)
{
    if (b->data == NULL)
        return;
    if (b->wipe)
        itr_wipe(b->data, b->len);
    b->len = 0;
    b->data[0] = '\0';
}

/* Doubles, so that many small appends cost few copies, but never past what max can use. */
static size_t next_cap(const struct itr_buf *b, size_t need)
{
    size_t most = b->max < SIZE_MAX ? b->max + 1 : SIZE_MAX;
    size_t cap = b->cap <= SIZE_MAX / 2 ? b->cap * 2 : SIZE_MAX;

    if (cap < SMALLEST)
        cap = SMALLEST;
    if (cap > most)
        cap = most;
    return cap < need ? need : cap;
}

static enum itr_status grow(struct itr_buf *b, size_t need)
{
    size_t cap = next_cap(b, need);
    char *data;

    /* realloc would leave the old bytes of a secret behind. */
    if ((data = b->wipe ? malloc(cap) : realloc(b->data, cap)) == NULL)
        return ITR_NOMEM;
    if (b->wipe) {
        if (b->len > 0)
            memcpy(data, b->data, b->len);
        give_back(b);
    }
    data[b->len] = '\0';
    b->data = data;
    b->cap = cap;
    return ITR_OK;
}

enum itr_status itr_buf_reserve(struct itr_buf *b, size_t n)
{
    if (n > b->max - b->len)
        return ITR_FULL;
    if (b->len + n < b->cap)
        return ITR_OK;
    if (b->len + n == SIZE_MAX)
        return ITR_NOMEM; /* no room for the NUL in any address space */
    return grow(b, b->len + n + 1);
}

char *itr_buf_room(struct itr_buf *b, size_t n)
{
    return itr_buf_reserve(b, n) == ITR_OK ? b->data + b->len : NULL;
}

void itr_buf_grew(struct itr_buf *b, size_t n)
{
    b->len += n;
    if (b->data != NULL)
        b->data[b->len] = '\0';
}

enum itr_status itr_buf_append(struct itr_buf *b, const void *bytes, size_t n)
{
    enum itr_status s;

    if (n == 0)
        return ITR_OK; /* bytes may be NULL, which memcpy may not get */
    if ((s = itr_buf_reserve(b, n)) != ITR_OK)
        return s;
    memcpy(b->data + b->len, bytes, n);
    itr_buf_grew(b, n);
    return ITR_OK;
}

enum itr_status itr_buf_append_str(struct itr_buf *b, const char *text)
{
    return itr_buf_append(b, text, strlen(text));
}

enum itr_status itr_buf_append_char(struct itr_buf *b, char c)
{
    return itr_buf_append(b, &c, 1);
}

enum itr_status itr_buf_append_fmt(struct itr_buf *b, const char *fmt, ...)
{
    enum itr_status s;
    va_list ap;
    int n;

    /* Once for the length, once for the text. */
    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        return ITR_NOMEM;
    if ((s = itr_buf_reserve(b, (size_t)n)) != ITR_OK)
        return s;
    va_start(ap, fmt);
    (void)vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
    va_end(ap);
    itr_buf_grew(b, (size_t)n);
    return ITR_OK;
}

const char *itr_buf_str(const struct itr_buf *b)
{
    return b->data == NULL ? "" : b->data;
}
