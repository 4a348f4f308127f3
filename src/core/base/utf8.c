#include "core/base/utf8.h"

#include <stdint.h>
#include <string.h>

static bool is_tail(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

/* The second byte of E0, ED, F0 and F4 has a narrower range: that is what excludes overlong forms,
 * surrogates, and what lies beyond U+10FFFF. */
static bool is_second(unsigned char lead, unsigned char c)
{
    unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;

    return low <= c && c <= high;
}

size_t itr_utf8_sequence(const unsigned char *p, const unsigned char *end)
{
    size_t left = (size_t)(end - p);
    unsigned char lead = *p;

    /* Three bytes first: nearly all of Chinese. */
    if (lead >= 0xe0 && lead <= 0xef)
        return left >= 3 && is_second(lead, p[1]) && is_tail(p[2]) ? 3 : 0;
    if (lead >= 0xc2 && lead <= 0xdf)
        return left >= 2 && is_tail(p[1]) ? 2 : 0;
    if (lead >= 0xf0 && lead <= 0xf4)
        return left >= 4 && is_second(lead, p[1]) && is_tail(p[2]) && is_tail(p[3]) ? 4 : 0;
    return 0;
}

/* Over plain ASCII, eight bytes at a time. */
static const unsigned char *skip_ascii(const unsigned char *p, const unsigned char *end)
{
    uint64_t eight;

    for (; end - p >= 8; p += 8) {
        memcpy(&eight, p, sizeof eight);
        if ((eight & 0x8080808080808080U) != 0)
            break;
    }
    while (p < end && *p < 0x80)
        p++;
    return p;
}

bool itr_utf8_valid(const char *text, size_t n)
{
    const unsigned char *p = (const unsigned char *)text;
    const unsigned char *end = n > 0 ? p + n : p; /* text may be NULL when n is 0 */
    size_t len;

    while (p < end) {
        if (*p < 0x80) {
            p = skip_ascii(p, end);
            continue;
        }
        if ((len = itr_utf8_sequence(p, end)) == 0)
            return false;
        p += len;
    }
    return true;
}

const char *itr_utf8_show(const char *text, size_t n, char *out, size_t cap)
{
    const unsigned char *p = (const unsigned char *)text;
    const unsigned char *end = n > 0 ? p + n : p;
    size_t used = 0;
    size_t len;

    while (p < end) {
        len = *p < 0x80 ? 1 : itr_utf8_sequence(p, end);
        if (used + (len == 0 ? 1 : len) >= cap)
            break;
        if (len == 0 || *p < 0x20 || *p == 0x7f) {
            out[used++] = '?';
            p++;
            continue;
        }
        memcpy(out + used, p, len);
        used += len;
        p += len;
    }
    out[used] = '\0';
    return out;
}
