/*
 * decimal: decimal numbers as text, whatever the host's locale says of the decimal point. Pure; any
 * thread.
 */
#ifndef ITR_CORE_BASE_DECIMAL_H
#define ITR_CORE_BASE_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>

#define ITR_DECIMAL_TEXT 40 /* bytes for the longest text written, NUL included */

/* Read len bytes that are one decimal number and nothing else: an optional sign, digits with at
 * most one point among or around them, an optional exponent; no hexadecimal, "inf", "nan", spaces.
 * text[len] must be readable (a NUL, a comma, a bracket). *value is the nearest double, infinite
 * where the number is too large. Return false for anything else; *value is untouched then. */
bool itr_decimal_read(const char *text, size_t len, double *value);

/* Write the shortest text that reads back as the same double and return its length; 0 for NaN and
 * infinity. Integers within +-2^63 are written without point and exponent. */
size_t itr_decimal_write(double value, char text[ITR_DECIMAL_TEXT]);

#endif
