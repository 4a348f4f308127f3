/*
 * decimal: a number from a text such as "7200", "0.5", "-1e3". By hand, because strtod minds the
 * host's locale, where "0.5" may end at the point, and takes more than anybody means: "0x10",
 * "nan", spaces. Pure; any thread.
 */
#ifndef ITR_CORE_BASE_DECIMAL_H
#define ITR_CORE_BASE_DECIMAL_H

#include <stdbool.h>

/* The whole text must be one decimal number: an optional sign, digits with at most one point among
 * or around them, an optional exponent. *value is the nearest double where the text has at most 15
 * digits and its exponent is within 22, and within a rounding of it else; infinite where it is too
 * large. False: something else; *value is untouched. */
bool itr_decimal_read(const char *text, double *value);

#endif
