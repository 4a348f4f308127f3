#include "core/base/decimal.h"

#include <stddef.h>

#define EXPONENT_MAX 9999 /* far more than a double has; keeps an int from overflowing */

struct decimal {
    double digits; /* as an integer: exact up to 2^53 */
    int exponent;
    size_t n_digits;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Returns where they end; each lowers the exponent by `lower`. */
static const char *take_digits(const char *at, struct decimal *d, int lower)
{
    for (; is_digit(*at); at++) {
        d->digits = d->digits * 10 + (*at - '0');
        d->n_digits++;
        if (d->exponent > -EXPONENT_MAX)
            d->exponent -= lower;
    }
    return at;
}

static const char *take_sign(const char *at, bool *negative)
{
    *negative = *at == '-';
    return *at == '-' || *at == '+' ? at + 1 : at;
}

/* Behind the "e"; NULL: there is no number. */
static const char *take_exponent(const char *at, struct decimal *d)
{
    bool negative;
    int value = 0;

    at = take_sign(at, &negative);
    if (!is_digit(*at))
        return NULL;
    for (; is_digit(*at); at++)
        if (value < EXPONENT_MAX)
            value = value * 10 + (*at - '0');
    d->exponent += negative ? -value : value;
    return at;
}

/* Powers of ten are exact up to 1e22, and one multiplication or division rounds once. */
static double scale(double value, int exponent)
{
    double power = 1;
    int i;

    for (; exponent > 22 && value < 1e300 && value > 0; exponent -= 22)
        value *= 1e22;
    for (; exponent < -22 && value > 0; exponent += 22)
        value /= 1e22;
    if (value <= 0)
        return value;
    if (exponent > 22)
        return value * 1e300; /* beyond the largest */
    for (i = exponent < 0 ? -exponent : exponent; i > 0; i--)
        power *= 10;
    return exponent < 0 ? value / power : value * power;
}

bool itr_decimal_read(const char *text, double *value)
{
    struct decimal d = {0, 0, 0};
    bool negative;
    const char *at = take_digits(take_sign(text, &negative), &d, 0);

    if (*at == '.')
        at = take_digits(at + 1, &d, 1);
    if (d.n_digits == 0)
        return false;
    if ((*at == 'e' || *at == 'E') && (at = take_exponent(at + 1, &d)) == NULL)
        return false;
    if (*at != '\0')
        return false;
    *value = scale(d.digits, d.exponent);
    if (negative)
        *value = -*value;
    return true;
}
