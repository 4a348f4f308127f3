/*
 * buf: a growing byte buffer that has a maximum from the start.
 *
 * Invariants: len <= max; data[len] is NUL whenever data is not NULL, so that the content can be
 * used as a C string. A buffer made with wipe overwrites its bytes before it gives them back.
 * One owner, one thread.
 */
#ifndef ITR_CORE_BASE_BUF_H
#define ITR_CORE_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/status.h"

struct itr_buf {
    char *data; /* ours; NULL while nothing was ever appended */
    size_t len; /* bytes in use, without the NUL */
    size_t cap; /* bytes allocated */
    size_t max; /* len never grows beyond this */
    bool wipe;  /* holds a secret: overwritten before memory is given back, also on growth */
};

void itr_buf_init(struct itr_buf *b, size_t max);
void itr_buf_init_secret(struct itr_buf *b, size_t max);

/* Give the memory back; the buffer is as after init and may be used again. */
void itr_buf_clear(struct itr_buf *b);

/* Forget the content and keep the memory (wiped if secret). */
void itr_buf_reset(struct itr_buf *b);

/* Append n bytes. ITR_FULL when that passes max, ITR_NOMEM without memory; then b is unchanged. */
enum itr_status itr_buf_append(struct itr_buf *b, const void *bytes, size_t n);
enum itr_status itr_buf_append_str(struct itr_buf *b, const char *text);
enum itr_status itr_buf_append_char(struct itr_buf *b, char c);
enum itr_status itr_buf_append_fmt(struct itr_buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Make room for n more bytes: ITR_OK, ITR_FULL, ITR_NOMEM. */
enum itr_status itr_buf_reserve(struct itr_buf *b, size_t n);
/* Make room and return where they go (NULL: full or no memory); the caller
 * writes there and then adds what it wrote with itr_buf_grew. */
char *itr_buf_room(struct itr_buf *b, size_t n);
void itr_buf_grew(struct itr_buf *b, size_t n);

/* Return the content as a C string; "" while empty. Valid until the next change. */
const char *itr_buf_str(const struct itr_buf *b);

/* Overwrite with zeros; the compiler may not leave it out. */
void itr_wipe(void *p, size_t n);

#endif
