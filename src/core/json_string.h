/*
 * json_string: one string of a JSON text (RFC 8259, section 7): where it ends, and what it says.
 * Pure; any thread.
 */
#ifndef ITR_CORE_JSON_STRING_H
#define ITR_CORE_JSON_STRING_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "core/status.h"

/* A piece of the scanned text; not NUL-terminated. */
struct itr_json_piece {
    const char *at; /* NULL: absent */
    size_t len;
};

/* How a string ended. */
struct itr_json_string {
    const unsigned char *stop; /* the closing quote, or the byte that is wrong (may be the end) */
    const char *wanted;        /* NULL: stop is the closing quote; else what was expected there */
    bool escaped;              /* there is a backslash in it */
};

/* Goes over the string whose first byte after the opening quote is p; never reads at or past end.
 * Refuses raw control characters, invalid UTF-8, unknown escapes and lone surrogates. */
struct itr_json_string itr_json_string_scan(const unsigned char *p, const unsigned char *end);

/* Appends the unescaped characters of a piece (UTF-8) to out: ITR_OK, ITR_FULL, ITR_NOMEM.
 * The piece must come from a scan that succeeded. */
enum itr_status itr_json_unescape(struct itr_json_piece piece, struct itr_buf *out);

/* The same into cap bytes at out, without a NUL, for texts that matter only when they are short:
 * returns how many bytes were written, or cap + 1 when they do not fit. */
size_t itr_json_unescape_short(struct itr_json_piece piece, char *out, size_t cap);

#endif
