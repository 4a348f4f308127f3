/* status: kinds by name, and the detail that travels with them; clock, which has no other test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/base/status.h"
#include "core/base/utf8.h"

static void every_kind_has_a_name_that_leads_back(void **state)
{
    int s;

    (void)state;
    for (s = ITR_OK; s <= ITR_FULL; s++)
        assert_int_equal(itr_status_of_name(itr_status_name((enum itr_status)s)), s);
    assert_string_equal(itr_status_name(ITR_USAGE), "usage");
    assert_string_equal(itr_status_name(ITR_STORE), "store");
    assert_string_equal(itr_status_name(ITR_NOMEM), "memory");
    assert_string_equal(itr_status_name((enum itr_status)99), "unknown");
    assert_int_equal(itr_status_of_name("nonsense"), ITR_OK);
    assert_int_equal(itr_status_of_name(""), ITR_OK);
}

static void set_clears_what_an_earlier_error_left(void **state)
{
    struct itr_error e = {ITR_API, true, true, true, 500, 61451, "old"};

    (void)state;
    assert_int_equal(itr_error_set(&e, ITR_USAGE, "%s at %d", "here", 7), ITR_USAGE);
    assert_int_equal(e.kind, ITR_USAGE);
    assert_false(e.has_code);
    assert_false(e.retryable);
    assert_false(e.no_descriptors);
    assert_int_equal(e.http_status, 0);
    assert_int_equal(e.code, 0);
    assert_string_equal(e.text, "here at 7");

    itr_error_clear(&e);
    assert_int_equal(e.kind, ITR_OK);
    assert_string_equal(e.text, "");
}

static void set_takes_no_error_and_its_own_text(void **state)
{
    struct itr_error e;

    (void)state;
    assert_int_equal(itr_error_set(NULL, ITR_STORE, "%s", "x"), ITR_STORE);
    (void)itr_error_set(&e, ITR_NETWORK, "connection refused");
    (void)itr_error_set(&e, ITR_STORE, "redis: %s", e.text);
    assert_string_equal(e.text, "redis: connection refused");
}

static void a_long_text_is_cut_between_characters(void **state)
{
    static const char *const characters[] = {"x", "\xc3\xa9", "\xe6\x93\x8d", "\xf0\x9f\x98\x80"};
    char text[ITR_ERROR_TEXT * 2];
    struct itr_error e;
    size_t kind, before, n, len;

    (void)state;
    for (kind = 0; kind < 4; kind++) {
        n = strlen(characters[kind]);
        for (before = ITR_ERROR_TEXT - 8; before < ITR_ERROR_TEXT + 2; before++) {
            memset(text, 'a', before);
            memcpy(text + before, characters[kind], n);
            memset(text + before + n, 'b', 10);
            text[before + n + 10] = '\0';
            (void)itr_error_set(&e, ITR_USAGE, "%s", text);
            len = strlen(e.text);
            assert_true(itr_utf8_valid(e.text, len));
            assert_memory_equal(e.text, text, len);
            assert_true(len >= ITR_ERROR_TEXT - n && len < ITR_ERROR_TEXT);
        }
    }
}

static void show_keeps_a_foreign_text_harmless(void **state)
{
    char out[12];

    (void)state;
    assert_string_equal(itr_utf8_show("a\nb\x7f\0c", 6, out, sizeof out), "a?b??c");
    assert_string_equal(itr_utf8_show("\xff\xe6\x93", 3, out, sizeof out), "???");
    assert_string_equal(itr_utf8_show("123456789\xe6\x93\x8d", 12, out, sizeof out), "123456789");
    assert_string_equal(itr_utf8_show("12345678\xe6\x93\x8d", 11, out, sizeof out),
                        "12345678\xe6\x93\x8d");
    assert_string_equal(itr_utf8_show("1234567890123", 13, out, sizeof out), "12345678901");
    assert_string_equal(itr_utf8_show(NULL, 0, out, 1), "");
}

static void the_clocks_run_and_differ(void **state)
{
    const struct itr_clock *c = itr_clock_system();
    int64_t mono = itr_clock_mono_ms(c);

    (void)state;
    assert_true(mono >= 0);
    itr_clock_sleep_ms(c, -5);
    itr_clock_sleep_ms(c, 0);
    itr_clock_sleep_ms(c, 2);
    assert_true(itr_clock_mono_ms(c) >= mono + 2); /* never less, however slow the machine */
    assert_true(itr_clock_wall_ms(c) > 1600000000000);
    /* Equal by chance once in 2^64. */
    assert_true(itr_clock_random(c) != itr_clock_random(c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_has_a_name_that_leads_back),
        cmocka_unit_test(set_clears_what_an_earlier_error_left),
        cmocka_unit_test(set_takes_no_error_and_its_own_text),
        cmocka_unit_test(a_long_text_is_cut_between_characters),
        cmocka_unit_test(show_keeps_a_foreign_text_harmless),
        cmocka_unit_test(the_clocks_run_and_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
