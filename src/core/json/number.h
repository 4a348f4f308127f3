/*
 * json/number: one number of a JSON text (RFC 8259, section 6): where it ends, and whether a
 * double would hold it. Its value is the decoder's business. Pure; any thread.
 */
#ifndef ITR_CORE_JSON_NUMBER_H
#define ITR_CORE_JSON_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct itr_json_number {
    const unsigned char
        *stop;          /* behind the last byte, or the byte that is wrong (may be the end) */
    const char *wanted; /* NULL: it is right; else what was expected at stop */
    bool is_integer;    /* neither fraction nor exponent */
    bool is_wide;       /* an integer beyond +-(2^53-1) */
};

/* Go over the number that begins at p (p < end); never reads at or past end. */
struct itr_json_number itr_json_number_scan(const unsigned char *p, const unsigned char *end);

/* Read len bytes that are an integer as JSON writes it, and nothing else, into *out. Return false
 * if they are not, or it does not fit. */
bool itr_json_integer(const char *text, size_t len, int64_t *out);

#endif
