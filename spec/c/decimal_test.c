/* decimal: what is a number, and that it is the nearest double, in every locale. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/base/decimal.h"

#define count_of(a) (sizeof(a) / sizeof *(a))

static void what_is_no_number_is_refused(void **state)
{
    static const char *const wrong[] = {"",     " 1",    "1 ", "1,5", "0x10", "nan", "inf", ".",
                                        "1..2", "1.2.3", "e5", "1e",  "1e+",  "--1", "+",   "1e5x"};
    double value = 7;
    size_t i;

    (void)state;
    for (i = 0; i < count_of(wrong); i++)
        if (itr_decimal_read(wrong[i], &value) || value < 7 || value > 7)
            fail_msg("\"%s\" was taken", wrong[i]);
}

/* strtod in the locale "C", in which a C program begins, is the oracle. */
static void assert_same(const char *text)
{
    double value = -1, expected = strtod(text, NULL);

    if (!itr_decimal_read(text, &value) || value < expected || value > expected)
        fail_msg("%s is %.17g, not %.17g", text, value, expected);
}

static void numbers_are_the_nearest_doubles(void **state)
{
    static const char *const texts[] = {"0",        "-0",     "+1",       "1.",
                                        ".5",       "-.25",   "1e1",      "1E-3",
                                        "7200.001", "0.0011", "1.5e+2",   "00012",
                                        "0.1",      "0e99",   "1e22",     "1e-22",
                                        "1e99999",  "-1e999", "1e-99999", "123456789012345"};
    char text[64];
    uint32_t bits = 1;
    size_t i;

    (void)state;
    for (i = 0; i < count_of(texts); i++)
        assert_same(texts[i]);
    for (i = 0; i < 100000; i++) {
        bits = bits * 1664525 + 1013904223;
        (void)snprintf(text, sizeof text, "%.*f", (int)(bits % 6), (double)bits / 997);
        assert_same(text);
        (void)snprintf(text, sizeof text, "%ue%d", bits >> 8, (int)(bits % 45) - 22);
        assert_same(text);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(numbers_are_the_nearest_doubles),
    };

    return cmocka_run_group_tests_name("decimal", tests, NULL, NULL);
}
