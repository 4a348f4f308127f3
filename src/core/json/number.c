#include "core/json/number.h"

#include <string.h>

#define WIDEST "9007199254740991" /* 2^53-1: beyond it doubles skip integers */

static const unsigned char *skip_digits(const unsigned char *p, const unsigned char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

/* Without leading zeros, more digits are a larger number, and equally many compare as text. */
static bool is_wide(const unsigned char *digits, size_t n)
{
    size_t widest = sizeof WIDEST - 1;

    return n > widest || (n == widest && memcmp(digits, WIDEST, n) > 0);
}

/* Fraction and exponent, from stop on; at least one is there. */
static void scan_real(struct itr_json_number *n, const unsigned char *end)
{
    const unsigned char *first;

    if (*n->stop == '.') {
        first = n->stop + 1;
        if ((n->stop = skip_digits(first, end)) == first) {
            n->wanted = "a digit after the point";
            return;
        }
    }
    if (n->stop < end && (*n->stop | 0x20) == 'e') {
        first = n->stop + 1;
        if (first < end && (*first == '+' || *first == '-'))
            first++;
        if ((n->stop = skip_digits(first, end)) == first)
            n->wanted = "a digit in the exponent";
    }
}

struct itr_json_number itr_json_number_scan(const unsigned char *p, const unsigned char *end)
{
    const unsigned char *digits = p + (*p == '-' ? 1 : 0);
    struct itr_json_number n = {.stop = skip_digits(digits, end)};

    if (n.stop == digits) {
        n.wanted = "a digit";
    } else if (*digits == '0' && n.stop > digits + 1) {
        n.stop = digits + 1;
        n.wanted = "no digit after a leading zero";
    } else if (n.stop < end && (*n.stop == '.' || (*n.stop | 0x20) == 'e')) {
        scan_real(&n, end);
    } else {
        n.is_integer = true;
        n.is_wide = is_wide(digits, (size_t)(n.stop - digits));
    }
    return n;
}

bool itr_json_integer(const char *text, size_t len, int64_t *out)
{
    bool minus = len > 0 && text[0] == '-';
    size_t i = minus ? 1 : 0;
    int64_t value = 0;

    if (i == len || (text[i] == '0' && i + 1 < len))
        return false;
    /* Downwards, since the least int64 has no positive counterpart. */
    for (; i < len; i++)
        if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, text[i] - '0', &value))
            return false;
    if (!minus && __builtin_sub_overflow((int64_t)0, value, &value))
        return false;
    *out = value;
    return true;
}
