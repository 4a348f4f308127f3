#include "core/base/decimal.h"

#include <float.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TWO_63 9223372036854775808.0

/* strtod by the rules of the locale "C". */
static double read_plain(const char *text, char **end)
{
    static locale_t _Atomic plain; /* made once and kept; for "C" that allocates nothing */
    locale_t l = plain;

    if (l == (locale_t)0)
        plain = l = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    return strtod_l(text, end, l);
}

/* strtod also reads hexadecimal, "inf", "nan" and what follows spaces. */
static bool is_decimal(const char *text, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++)
        if (text[i] == '\0' || strchr("+-.eE0123456789", text[i]) == NULL)
            return false;
    return len > 0;
}

bool itr_decimal_read(const char *text, size_t len, double *value)
{
    char *end;
    double read;

    if (!is_decimal(text, len))
        return false;
    read = read_plain(text, &end);
    if (end != text + len)
        return false;
    *value = read;
    return true;
}

/* ---- writing ---- */

/* Makes whatever the locale writes between the digits (it can be several bytes) one point. */
static void set_plain_point(char *text)
{
    static const char plain[] = "0123456789+-e";
    char *from = text + strspn(text, plain), *rest;

    if (*from == '\0')
        return;
    for (rest = from; *rest != '\0' && strchr(plain, *rest) == NULL;)
        rest++;
    *from = '.';
    memmove(from + 1, rest, strlen(rest) + 1);
}

static bool reads_back(const char *text, double value)
{
    return read_plain(text, NULL) == value;
}

/* The gap below a power of two is half of that above it, so that the next text above can read back
 * where the nearest one does not. False: neither does. */
static bool write_above(double value, int digits, char *text)
{
    int exponent;
    char *last;

    if (frexp(fabs(value), &exponent) > 0.5)
        return false;
    (void)snprintf(text, ITR_DECIMAL_TEXT, "%.*e", digits - 1, value);
    set_plain_point(text);
    last = text + strcspn(text, "e") - 1;
    if (*last == '9') /* a carry makes it a text of fewer digits, which was tried */
        return false;
    ++*last;
    return reads_back(text, value);
}

static bool write_digits(double value, int digits, char *text)
{
    (void)snprintf(text, ITR_DECIMAL_TEXT, "%.*g", digits, value);
    set_plain_point(text);
    return reads_back(text, value);
}

size_t itr_decimal_write(double value, char text[ITR_DECIMAL_TEXT])
{
    /* 15 digits survive the way from text to double and back, 17 that from double to text. Numbers
     * below DBL_MIN have fewer. */
    int digits = fabs(value) < DBL_MIN ? 1 : 15;

    if (isnan(value) || isinf(value))
        return 0;
    if (value == floor(value) && value >= -TWO_63 && value < TWO_63)
        return (size_t)snprintf(text, ITR_DECIMAL_TEXT, "%" PRId64, (int64_t)value);
    while (!write_digits(value, digits, text) && !write_above(value, digits, text) && digits < 17)
        digits++;
    return strlen(text);
}
