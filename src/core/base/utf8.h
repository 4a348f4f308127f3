/*
 * utf8: is it well-formed (RFC 3629, section 4: no overlong form, no surrogate, nothing beyond
 * U+10FFFF), and how may a foreign text be shown. Pure; any thread.
 */
#ifndef ITR_CORE_BASE_UTF8_H
#define ITR_CORE_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Return whether n bytes at text are well-formed. */
bool itr_utf8_valid(const char *text, size_t n);

/* Return the length of the well-formed sequence that begins at p, where *p >= 0x80 and p < end; 0:
 * there is none. Never reads at or past end. */
size_t itr_utf8_sequence(const unsigned char *p, const unsigned char *end);

/* Copy n bytes at text to out (cap > 0 bytes, always ended by a NUL) for a message, and return out:
 * as many whole characters as fit, with '?' for control characters and for bytes that are not
 * UTF-8. */
const char *itr_utf8_show(const char *text, size_t n, char *out, size_t cap);

#endif
