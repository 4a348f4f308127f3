/*
 * json/string: one string of a JSON text (RFC 8259, section 7): where it ends, and what it says.
 * Pure; any thread.
 */
#ifndef ITR_CORE_JSON_STRING_H
#define ITR_CORE_JSON_STRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/status.h"

/* A piece of the scanned text; not NUL-terminated. */
struct itr_json_piece {
    const char *at; /* NULL: absent */
    size_t len;
};

#define ITR_EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

/*
 * Set the top bit of each of eight bytes that is not plain (control, quote, backslash, or not
 * ASCII). The lowest one set is exact; above it a borrow may have set others. Exchanging 0x20-0x23
 * in pairs (^ 2) puts the quote right behind the control characters, so that one subtraction finds
 * both. What is not ASCII shows in one of the two differences (0xdc in the first, all others in the
 * second).
 */
static inline uint64_t itr_json_not_plain(uint64_t eight)
{
    uint64_t below = (eight ^ ITR_EACH_BYTE(2)) - ITR_EACH_BYTE(0x21);
    uint64_t backslash = (eight ^ ITR_EACH_BYTE('\\')) - ITR_EACH_BYTE(1);

    return (below | backslash) & ITR_EACH_BYTE(0x80);
}

/* Skip the plain characters at p. Here, since this is where the time of a scan goes: less than two
 * instructions a byte, and a call would double that for the usual short string. */
static inline const unsigned char *itr_json_skip_plain(const unsigned char *p,
                                                       const unsigned char *end)
{
    uint64_t eight;

    for (; end - p >= 8; p += 8) {
        memcpy(&eight, p, sizeof eight);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        eight = __builtin_bswap64(eight); /* the byte at p is to be the lowest */
#endif
        if ((eight = itr_json_not_plain(eight)) != 0)
            return p + (__builtin_ctzll(eight) >> 3);
    }
    while (p < end && *p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\')
        p++;
    return p;
}

/* How a string ended. */
struct itr_json_string {
    const unsigned char *stop; /* the closing quote, or the byte that is wrong (may be the end) */
    const char *wanted;        /* NULL: stop is the closing quote; else what was expected there */
    bool escaped;              /* there is a backslash in it */
};

/* Go over the rest of a string from p on, which lies behind plain characters; never reads at or
 * past end. Refuses raw control characters, invalid UTF-8, unknown escapes, lone surrogates. */
struct itr_json_string itr_json_string_rest(const unsigned char *p, const unsigned char *end);

/* Append the unescaped characters of a piece (UTF-8) to out: ITR_OK, ITR_FULL, ITR_NOMEM.
 * The piece must come from a scan that succeeded. */
enum itr_status itr_json_unescape(struct itr_json_piece piece, struct itr_buf *out);

/* Return the next stretch of a piece as it reads: its length, *from where it lies, and *at behind
 * it. `one` is room for an escape. */
size_t itr_json_stretch(const char **at, const char *end, char one[4], const char **from);

/* Write them into cap bytes at out, without a NUL, for texts that matter only when they are short:
 * return how many bytes were written, or cap + 1 when they do not fit. */
size_t itr_json_unescape_short(struct itr_json_piece piece, char *out, size_t cap);

#endif
