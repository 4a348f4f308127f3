/* token: immutable, counted, shown by its digest only. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/record/token.h"

static const struct itr_token_times times = {1, 2, 3};

static struct itr_token *make(const char *text)
{
    struct itr_token *t = itr_token_new(text, strlen(text), 7, times, ITR_FROM_GATEWAY);

    assert_non_null(t);
    return t;
}

static void holds_what_it_was_given(void **state)
{
    struct itr_token *t = itr_token_new("abcXYZ", 3, 42, times, ITR_FROM_REDIS);

    (void)state;
    assert_non_null(t);
    assert_string_equal(t->text, "abc");
    assert_int_equal(t->len, 3);
    assert_int_equal(t->fence, 42);
    assert_int_equal(t->born_mono_ms, 1);
    assert_int_equal(t->refresh_mono_ms, 2);
    assert_int_equal(t->end_mono_ms, 3);
    assert_int_equal(t->origin, ITR_FROM_REDIS);
    assert_string_equal(t->id, "ba7816bf"); /* of SHA-256("abc") */
    itr_token_release(t);
}

static void takes_the_longest_text(void **state)
{
    char text[ITR_TOKEN_MAX];
    struct itr_token *t;

    (void)state;
    memset(text, 'x', sizeof text);
    t = itr_token_new(text, sizeof text, 1, times, ITR_FROM_MEMORY);
    assert_non_null(t);
    assert_int_equal(strlen(t->text), sizeof text);
    itr_token_release(t);
}

static void lives_until_the_last_release(void **state)
{
    struct itr_token *t = make("abc");

    (void)state;
    assert_ptr_equal(itr_token_retain(t), t);
    assert_ptr_equal(itr_token_retain(t), t);
    itr_token_release(t);
    itr_token_release(t);
    assert_int_equal(atomic_load(&t->refs), 1);
    assert_string_equal(t->text, "abc");
    itr_token_release(t); /* LeakSanitizer and valgrind see it if this were not the last */

    assert_null(itr_token_retain(NULL));
    itr_token_release(NULL);
}

#define ROUNDS 20000

static void *retain_and_release(void *token)
{
    int i;

    for (i = 0; i < ROUNDS; i++)
        itr_token_release(itr_token_retain(token));
    itr_token_release(token);
    return NULL;
}

static void is_counted_right_from_many_threads(void **state)
{
    struct itr_token *t = make("abc");
    pthread_t threads[4];
    int i;

    (void)state;
    for (i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, retain_and_release, itr_token_retain(t)),
                         0);
    for (i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&t->refs), 1);
    itr_token_release(t);
}

static void is_the_same_by_its_text(void **state)
{
    struct itr_token *a = make("abc");
    struct itr_token *b = itr_token_new("abc", 3, 8, (struct itr_token_times){0}, ITR_FROM_FILE);
    struct itr_token *c = make("abd");
    struct itr_token *d = make("abcd");

    (void)state;
    assert_true(itr_token_same(a, a));
    assert_true(itr_token_same(a, b));
    assert_false(itr_token_same(a, c));
    assert_false(itr_token_same(a, d));
    assert_false(itr_token_same(a, NULL));
    assert_false(itr_token_same(NULL, a));
    assert_true(itr_token_same(NULL, NULL));
    itr_token_release(a);
    itr_token_release(b);
    itr_token_release(c);
    itr_token_release(d);
}

static void names_its_origin(void **state)
{
    (void)state;
    assert_string_equal(itr_token_origin_name(ITR_FROM_GATEWAY), "gateway");
    assert_string_equal(itr_token_origin_name(ITR_FROM_MEMORY), "memory");
    assert_string_equal(itr_token_origin_name(ITR_FROM_FILE), "file");
    assert_string_equal(itr_token_origin_name(ITR_FROM_REDIS), "redis");
    assert_string_equal(itr_token_origin_name(ITR_FROM_SERVER), "server");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_what_it_was_given),
        cmocka_unit_test(takes_the_longest_text),
        cmocka_unit_test(lives_until_the_last_release),
        cmocka_unit_test(is_counted_right_from_many_threads),
        cmocka_unit_test(is_the_same_by_its_text),
        cmocka_unit_test(names_its_origin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
