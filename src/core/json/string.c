#include "core/json/string.h"

#include <string.h>

#include "core/base/hex.h"
#include "core/base/utf8.h"

/* The four hex digits at p as a number, or -1. */
static int hex4(const unsigned char *p, const unsigned char *end)
{
    int value = 0;
    int digit, i;

    if (end - p < 4)
        return -1;
    for (i = 0; i < 4; i++) {
        if ((digit = itr_hex_value((char)p[i])) < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static bool is_high(int unit)
{
    return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low(int unit)
{
    return unit >= 0xdc00 && unit <= 0xdfff;
}

/* Length of the \u escape at p, a surrogate pair being one; 0 with *wanted set if it is wrong. */
static size_t unicode_escape(const unsigned char *p, const unsigned char *end, const char **wanted)
{
    int unit = hex4(p + 2, end);

    if (unit < 0)
        *wanted = "four hex digits after \\u";
    else if (is_low(unit))
        *wanted = "no low surrogate without a high one";
    else if (!is_high(unit))
        return 6;
    else if (end - p >= 8 && p[6] == '\\' && p[7] == 'u' && is_low(hex4(p + 8, end)))
        return 12;
    else
        *wanted = "a low surrogate after the high one";
    return 0;
}

static size_t escape(const unsigned char *p, const unsigned char *end, const char **wanted)
{
    if (end - p < 2 || p[1] == '\0' || strchr("\"\\/bfnrtu", p[1]) == NULL) {
        *wanted = "an escape";
        return 0;
    }
    return p[1] == 'u' ? unicode_escape(p, end, wanted) : 2;
}

/* Over the characters at p that are not ASCII. Chinese text is all three bytes a character, and
 * nearly all of it begins with one of the leads whose second byte may be any tail. */
static const unsigned char *skip_utf8(const unsigned char *p, const unsigned char *end)
{
    size_t n;

    while (p < end && *p >= 0x80) {
        if (*p >= 0xe1 && *p <= 0xec && end - p >= 3 && ((p[1] ^ 0x80) | (p[2] ^ 0x80)) < 0x40) {
            p += 3;
            continue;
        }
        if ((n = itr_utf8_sequence(p, end)) == 0)
            break;
        p += n;
    }
    return p;
}

struct itr_json_string itr_json_string_rest(const unsigned char *p, const unsigned char *end)
{
    struct itr_json_string s = {NULL, NULL, false};
    size_t n;

    while (p < end && *p != '"') {
        if (*p >= 0x80) {
            p = skip_utf8(p, end);
            if (p == end || *p < 0x80)
                continue;
            s.wanted = "UTF-8";
            break;
        } else if (*p == '\\') {
            s.escaped = true;
            if ((n = escape(p, end, &s.wanted)) == 0)
                break;
            p += n;
        } else if (*p < 0x20) {
            s.wanted = "no raw control character";
            break;
        }
        p = itr_json_skip_plain(p, end);
    }
    if (p == end)
        s.wanted = "the closing quote";
    s.stop = p;
    return s;
}

/* Writes code point c as UTF-8; returns its length. */
static size_t put_utf8(unsigned c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* What the escape at p, known to be right, stands for; *taken: its length in the text. */
static size_t unescape(const char *p, char out[4], size_t *taken)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    const unsigned char *u = (const unsigned char *)p;
    const char *which;
    int unit;

    if (p[1] != 'u') {
        *taken = 2;
        which = strchr(from, p[1]);
        out[0] = which != NULL ? to[which - from] : p[1];
        return 1;
    }
    unit = hex4(u + 2, u + 6);
    *taken = 6;
    if (!is_high(unit))
        return put_utf8((unsigned)unit, out);
    *taken = 12;
    return put_utf8(0x10000U + ((unsigned)(unit - 0xd800) << 10) +
                        (unsigned)(hex4(u + 8, u + 12) - 0xdc00),
                    out);
}

size_t itr_json_stretch(const char **at, const char *end, char one[4], const char **from)
{
    const char *backslash = memchr(*at, '\\', (size_t)(end - *at));
    const char *stop = backslash != NULL ? backslash : end;
    size_t n = (size_t)(stop - *at);
    size_t taken;

    *from = *at;
    *at = stop;
    if (n > 0)
        return n;
    n = unescape(stop, one, &taken);
    *from = one;
    *at = stop + taken;
    return n;
}

enum itr_status itr_json_unescape(struct itr_json_piece piece, struct itr_buf *out)
{
    const char *at = piece.at;
    const char *end = piece.len > 0 ? at + piece.len : at;
    const char *from;
    char one[4];
    enum itr_status s;
    size_t n;

    while (at < end) {
        n = itr_json_stretch(&at, end, one, &from);
        if ((s = itr_buf_append(out, from, n)) != ITR_OK)
            return s;
    }
    return ITR_OK;
}

size_t itr_json_unescape_short(struct itr_json_piece piece, char *out, size_t cap)
{
    const char *at = piece.at;
    const char *end = piece.len > 0 ? at + piece.len : at;
    const char *from;
    char one[4];
    size_t used = 0;
    size_t n;

    while (at < end) {
        n = itr_json_stretch(&at, end, one, &from);
        if (n > cap - used)
            return cap + 1;
        memcpy(out + used, from, n);
        used += n;
    }
    return used;
}
