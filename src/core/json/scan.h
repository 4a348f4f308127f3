/*
 * json/scan: reads an answer once, strictly (RFC 8259), before a decoder makes tables of it.
 *
 * It is no decoder. It refuses what is not JSON (also: invalid UTF-8, a lone surrogate escape, raw
 * control characters, a NUL, a byte order mark, more than max_depth levels, anything after the
 * value) and finds the envelope's `code`, `message` and `data.accessToken` (docs/protocol.md).
 * No recursion, never a byte past the end; keys are compared after unescaping. Pure; any thread.
 */
#ifndef ITR_CORE_JSON_SCAN_H
#define ITR_CORE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
    const char *text;                   /* the given text, for a decoder */
    size_t len;
};

/*
 * Scan len bytes at text (owned by the caller; must outlive the use of *out). Writes *out on
 * success. ITR_DECODE with the byte offset in the text and what was expected; a duplicate top-level
 * code, message or data, or a duplicate accessToken inside data, is an error, too.
 */
enum itr_status itr_json_scan(const char *text, size_t len, struct itr_json_scan *out,
                              struct itr_error *e);

#endif
