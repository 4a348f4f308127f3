/* decimal: what is a number, and that it is the nearest double, in every locale. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
        if (itr_decimal_read(wrong[i], strlen(wrong[i]), &value) || value < 7 || value > 7)
            fail_msg("\"%s\" was taken", wrong[i]);
}

/* strtod in the locale "C", in which a C program begins, is the oracle. */
static void assert_same(const char *text)
{
    double value = -1, expected = strtod(text, NULL);

    if (!itr_decimal_read(text, strlen(text), &value) || value < expected || value > expected)
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

static void a_number_ends_where_it_is_said_to(void **state)
{
    double value;

    (void)state;
    assert_true(itr_decimal_read("12.5,7", 4, &value));
    assert_true(value > 12.4 && value < 12.6);
    assert_false(itr_decimal_read("12.5,7", 5, &value));
    assert_false(itr_decimal_read("12.5", 0, &value));
}

static void assert_written(double value, const char *expected)
{
    char text[ITR_DECIMAL_TEXT];

    assert_int_equal(itr_decimal_write(value, text), strlen(expected));
    assert_string_equal(text, expected);
}

static void the_shortest_text_is_written(void **state)
{
    (void)state;
    assert_written(0.1, "0.1");
    assert_written(1.0 / 3, "0.3333333333333333");
    assert_written(5e-324, "5e-324");
    assert_written(1.5e-320, "1.5e-320");
    assert_written(ldexp(1, -44), "5.684341886080802e-14");
    assert_written(2.2250738585072014e-308, "2.2250738585072014e-308");
    assert_written(-9223372036854775808.0, "-9223372036854775808");
    assert_written(9223372036854775808.0, "9.223372036854776e+18");
    assert_written(1e300, "1e+300");
}

static void what_is_written_reads_back(void **state)
{
    char text[ITR_DECIMAL_TEXT];
    double value, read;
    uint64_t bits = 1;
    size_t n;
    int i;

    (void)state;
    for (i = 0; i < 100000; i++) {
        bits = bits * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        memcpy(&value, &bits, sizeof value);
        if ((n = itr_decimal_write(value, text)) == 0) {
            assert_true(isnan(value) || isinf(value));
            continue;
        }
        assert_true(itr_decimal_read(text, n, &read));
        assert_true(read >= value && read <= value);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(numbers_are_the_nearest_doubles),
        cmocka_unit_test(a_number_ends_where_it_is_said_to),
        cmocka_unit_test(the_shortest_text_is_written),
        cmocka_unit_test(what_is_written_reads_back),
    };

    return cmocka_run_group_tests_name("decimal", tests, NULL, NULL);
}
