/*
 * hex: hexadecimal digits, and the percent-encoded byte of a URL. Pure.
 */
#ifndef ITR_CORE_BASE_HEX_H
#define ITR_CORE_BASE_HEX_H

#include <stddef.h>

#define ITR_HEX_LOWER "0123456789abcdef"
#define ITR_HEX_UPPER "0123456789ABCDEF"

/* Return the value of a hexadecimal digit in either case, or -1. */
static inline int itr_hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Return the byte that %XX at p stands for, or -1 if the n bytes there do not begin with one. */
static inline int itr_hex_percent_byte(const char *p, size_t n)
{
    int high, low;

    if (n < 3 || p[0] != '%' || (high = itr_hex_value(p[1])) < 0 || (low = itr_hex_value(p[2])) < 0)
        return -1;
    return high * 16 + low;
}

/* Write 2 * n lower-case digits and a NUL. */
static inline void itr_hex_write(const unsigned char *bytes, size_t n, char *out)
{
    size_t i;

    for (i = 0; i < n; i++) {
        out[2 * i] = ITR_HEX_LOWER[bytes[i] >> 4];
        out[2 * i + 1] = ITR_HEX_LOWER[bytes[i] & 15];
    }
    out[2 * n] = '\0';
}

#endif
