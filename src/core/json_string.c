#include "core/json_string.h"

#include <stdint.h>
#include <string.h>

#include "core/utf8.h"

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The byte at p becomes the lowest, on any machine. */
static uint64_t load_le64(const unsigned char *p)
{
    uint64_t eight;

    memcpy(&eight, p, sizeof eight);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    eight = __builtin_bswap64(eight);
#endif
    return eight;
}

/*
 * Sets the top bit of each byte that is not plain (control, quote, backslash, or >= 0x80). The
 * lowest one set is exact; above it a borrow may have set others. Exchanging 0x20-0x23 in pairs
 * (^ 2) puts the quote right behind the control characters, so that one subtraction finds both.
 */
static uint64_t not_plain(uint64_t eight)
{
    uint64_t below = (eight ^ EACH(2)) - EACH(0x21);
    uint64_t backslash = (eight ^ EACH('\\')) - EACH(1);

    return (eight | below | backslash) & EACH(0x80);
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* This is where the time of a scan goes: about 1.6 instructions a byte. */
static const unsigned char *skip_plain(const unsigned char *p, const unsigned char *end)
{
    uint64_t found;

    for (; end - p >= 8; p += 8)
        if ((found = not_plain(load_le64(p))) != 0)
            return p + (__builtin_ctzll(found) >> 3);
    while (p < end && is_plain(*p))
        p++;
    return p;
}

static int hex_digit(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four hex digits at p as a number, or -1. */
static int hex4(const unsigned char *p, const unsigned char *end)
{
    int value = 0;
    int digit, i;

    if (end - p < 4)
        return -1;
    for (i = 0; i < 4; i++) {
        if ((digit = hex_digit(p[i])) < 0)
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

struct itr_json_string itr_json_string_scan(const unsigned char *p, const unsigned char *end)
{
    struct itr_json_string s = {NULL, NULL, false};
    size_t n;

    for (;; p += n) {
        p = skip_plain(p, end);
        if (p == end) {
            s.wanted = "the closing quote";
            break;
        }
        if (*p == '"')
            break;
        if (*p == '\\') {
            s.escaped = true;
            n = escape(p, end, &s.wanted);
        } else {
            n = *p >= 0x80 ? itr_utf8_sequence(p, end) : 0;
            if (n == 0)
                s.wanted = *p >= 0x80 ? "UTF-8" : "no raw control character";
        }
        if (n == 0)
            break;
    }
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

/* The next stretch of text as it reads: *from and the returned length; `at` goes on behind it.
 * `one` is room for an escape. */
static size_t stretch(const char **at, const char *end, char one[4], const char **from)
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
        n = stretch(&at, end, one, &from);
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
        n = stretch(&at, end, one, &from);
        if (n > cap - used)
            return cap + 1;
        memcpy(out + used, from, n);
        used += n;
    }
    return used;
}
