/* buf: bounded, NUL-ended, wiped when secret. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/buf.h"

/* The refusal of a huge allocation is what a test below wants to see. Sanitizers look these up, so
 * they are visible whatever the flags say. */
#define VISIBLE __attribute__((visibility("default")))

VISIBLE const char *__asan_default_options(void);
VISIBLE const char *__tsan_default_options(void);

const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static void an_empty_one_reads_as_an_empty_string(void **state)
{
    struct itr_buf b;

    (void)state;
    itr_buf_init(&b, 10);
    assert_null(b.data);
    assert_string_equal(itr_buf_str(&b), "");
    assert_int_equal(itr_buf_append(&b, NULL, 0), ITR_OK);
    itr_buf_reset(&b);
    itr_buf_clear(&b);
    assert_int_equal(b.max, 10);
}

static void appends_and_stays_a_c_string(void **state)
{
    struct itr_buf b;
    char want[3001];
    size_t i;

    (void)state;
    itr_buf_init(&b, 3000);
    for (i = 0; i < 3000; i++) {
        want[i] = (char)('a' + i % 26);
        want[i + 1] = '\0';
        assert_int_equal(itr_buf_append_char(&b, want[i]), ITR_OK);
        assert_int_equal(b.len, i + 1);
        assert_true(b.cap > b.len);
        assert_string_equal(b.data, want);
    }
    assert_int_equal(itr_buf_append_char(&b, 'x'), ITR_FULL);
    assert_string_equal(b.data, want);
    assert_true(b.cap <= 3001);
    itr_buf_clear(&b);
}

static void never_grows_past_its_maximum(void **state)
{
    struct itr_buf b;

    (void)state;
    itr_buf_init(&b, 5);
    assert_int_equal(itr_buf_append(&b, "123456", 6), ITR_FULL);
    assert_int_equal(b.len, 0);
    assert_int_equal(itr_buf_append_str(&b, "123"), ITR_OK);
    assert_int_equal(itr_buf_append_str(&b, "456"), ITR_FULL);
    assert_int_equal(itr_buf_append_fmt(&b, "%d", 456), ITR_FULL);
    assert_null(itr_buf_room(&b, 3));
    assert_int_equal(itr_buf_append(&b, "x", SIZE_MAX), ITR_FULL);
    assert_string_equal(itr_buf_str(&b), "123");
    assert_int_equal(itr_buf_append_fmt(&b, "%d", 45), ITR_OK);
    assert_string_equal(itr_buf_str(&b), "12345");
    itr_buf_clear(&b);

    itr_buf_init(&b, 0);
    assert_int_equal(itr_buf_append_char(&b, 'x'), ITR_FULL);
    assert_int_equal(itr_buf_append_str(&b, ""), ITR_OK);
    assert_int_equal(itr_buf_append_fmt(&b, "%s", ""), ITR_OK);
    assert_string_equal(itr_buf_str(&b), "");
    itr_buf_clear(&b);
}

static void keeps_its_content_when_memory_is_out(void **state)
{
    struct itr_buf b;
    int secret;

    (void)state;
    for (secret = 0; secret <= 1; secret++) {
        if (secret)
            itr_buf_init_secret(&b, SIZE_MAX);
        else
            itr_buf_init(&b, SIZE_MAX);
        assert_int_equal(itr_buf_append_str(&b, "abc"), ITR_OK);
        assert_int_equal(itr_buf_reserve(&b, SIZE_MAX / 4), ITR_NOMEM);
        assert_int_equal(itr_buf_reserve(&b, SIZE_MAX - 3), ITR_NOMEM);
        assert_int_equal(itr_buf_reserve(&b, SIZE_MAX - 2), ITR_FULL);
        assert_null(itr_buf_room(&b, SIZE_MAX / 4));
        assert_string_equal(itr_buf_str(&b), "abc");
        itr_buf_clear(&b);
    }
}

static void takes_bytes_written_in_place(void **state)
{
    struct itr_buf b;
    char *to;

    (void)state;
    itr_buf_init(&b, 1000);
    assert_non_null(itr_buf_room(&b, 10));
    assert_string_equal(itr_buf_str(&b), ""); /* nothing was written yet */
    assert_int_equal(itr_buf_append_str(&b, "ab"), ITR_OK);
    assert_non_null(to = itr_buf_room(&b, 500));
    memcpy(to, "cd", 2);
    itr_buf_grew(&b, 2);
    assert_string_equal(itr_buf_str(&b), "abcd");
    assert_int_equal(b.len, 4);
    itr_buf_clear(&b);
}

static void formats_of_any_length(void **state)
{
    struct itr_buf b;
    char text[500];

    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    itr_buf_init(&b, 2000);
    assert_int_equal(itr_buf_append_fmt(&b, "%d-%s-%c", -7, text, 'z'), ITR_OK);
    assert_int_equal(b.len, sizeof text - 1 + 5);
    assert_memory_equal(b.data, "-7-xxx", 6);
    assert_string_equal(b.data + b.len - 3, "x-z");
    itr_buf_clear(&b);
}

static void reset_keeps_the_memory(void **state)
{
    struct itr_buf b;
    char *before;

    (void)state;
    itr_buf_init(&b, 1000);
    assert_int_equal(itr_buf_append_str(&b, "abc"), ITR_OK);
    before = b.data;
    itr_buf_reset(&b);
    assert_ptr_equal(b.data, before);
    assert_int_equal(b.len, 0);
    assert_string_equal(itr_buf_str(&b), "");
    assert_int_equal(itr_buf_append_str(&b, "d"), ITR_OK);
    assert_string_equal(itr_buf_str(&b), "d");
    itr_buf_clear(&b);
    assert_null(b.data);
    assert_int_equal(itr_buf_append_str(&b, "e"), ITR_OK);
    itr_buf_clear(&b);
}

/* What was freed cannot be looked at; what reset leaves can. */
static void a_secret_is_wiped_by_reset(void **state)
{
    static const char zeros[7];
    struct itr_buf b;

    (void)state;
    itr_buf_init_secret(&b, 1000);
    assert_int_equal(itr_buf_append_str(&b, "geheim!"), ITR_OK);
    itr_buf_reset(&b);
    assert_memory_equal(b.data, zeros, sizeof zeros);
    assert_true(b.wipe);
    itr_buf_clear(&b);
    assert_true(b.wipe);
}

static void a_secret_survives_growth(void **state)
{
    struct itr_buf b;
    size_t i;

    (void)state;
    itr_buf_init_secret(&b, 10000);
    for (i = 0; i < 10000; i++)
        assert_int_equal(itr_buf_append_char(&b, (char)('a' + i % 26)), ITR_OK);
    for (i = 0; i < 10000; i++)
        assert_int_equal(b.data[i], 'a' + (int)(i % 26));
    itr_buf_clear(&b);
}

static void wipe_writes_zeros(void **state)
{
    char text[] = "geheim";
    static const char zeros[sizeof text];

    (void)state;
    itr_wipe(text, 3);
    assert_memory_equal(text, "\0\0\0eim", sizeof text);
    itr_wipe(text, sizeof text);
    assert_memory_equal(text, zeros, sizeof text);
    itr_wipe(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_one_reads_as_an_empty_string),
        cmocka_unit_test(appends_and_stays_a_c_string),
        cmocka_unit_test(never_grows_past_its_maximum),
        cmocka_unit_test(keeps_its_content_when_memory_is_out),
        cmocka_unit_test(takes_bytes_written_in_place),
        cmocka_unit_test(formats_of_any_length),
        cmocka_unit_test(reset_keeps_the_memory),
        cmocka_unit_test(a_secret_is_wiped_by_reset),
        cmocka_unit_test(a_secret_survives_growth),
        cmocka_unit_test(wipe_writes_zeros),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
