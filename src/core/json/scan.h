/*
 * json/scan: reads an answer once, strictly (RFC 8259), before lua-cjson makes tables of it.
 *
 * It is no decoder. It refuses what is not JSON (also: invalid UTF-8, a lone surrogate escape, raw
 * control characters, a NUL, a byte order mark, more than max_depth levels, anything after the
 * value), finds the envelope's `code`, `message` and `data.accessToken` (docs/protocol.md), and
 * rewrites integers that a double cannot hold (beyond +-(2^53-1)) as strings of their digits.
 * No recursion, never a byte past the end; keys are compared after unescaping. Pure; any thread.
 */
#ifndef ITR_CORE_JSON_SCAN_H
#define ITR_CORE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/status.h"
#include "core/base/utf8.h"
#include "core/json/string.h"

#define ITR_JSON_MAX_DEPTH 128

enum itr_json_code {
    ITR_JSON_CODE_ABSENT,  /* no top-level member `code` (or no object at all) */
    ITR_JSON_CODE_INTEGER, /* an integer, or a string of the digits of one ("200", "-1"), in int64
                            */
    ITR_JSON_CODE_BAD      /* anything else, null and 200.0 included */
};

struct itr_json_scan {
    /* What was found. Pieces point into the text that was given to itr_json_scan. */
    bool is_object;
    enum itr_json_code code_is;
    int64_t code;
    struct itr_json_piece message; /* inside of the quotes, still escaped; absent if no string */
    struct itr_json_piece access_token; /* data.accessToken likewise, if data is an object */
    bool has_access_token;              /* there is a member data.accessToken, of whatever type */
    bool data_is_absent;                /* no member data, or null */
    /* What the decoder's result needs afterwards; level 1 are members of the top object (elements
     * of a top array). A wide integer is a string by then, and does not count as a number. */
    bool has_numbers_below; /* a number at a level deeper than 1 */
    bool has_numbers_top;   /* a number other than `code` at level 1 (or a bare top number) */
    bool has_nulls;         /* a null anywhere */
    /* The text to decode: the given text, or `rewritten` when there were wide integers. */
    const char *text;
    size_t len;
    bool has_wide; /* text is in `rewritten` */
};

/*
 * Scans len bytes at text (owned by the caller; must outlive the use of *out). `rewritten` is the
 * caller's buffer: reset, and filled only when there are wide integers. Writes *out on success.
 * Errors, kind ITR_DECODE with the byte offset in the text and what was expected; a duplicate
 * top-level code, message or data, or a duplicate accessToken inside data, is one too.
 * ITR_NOMEM. ITR_FULL: `rewritten` is too small; a max of len + len / 8 + 2 always suffices.
 */
enum itr_status itr_json_scan(const char *text, size_t len, struct itr_buf *rewritten,
                              struct itr_json_scan *out, struct itr_error *e);

#endif
