/* store_memory: load and compare-and-swap, as store.h promises them. */
#include "support/fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/stores.h"

#define LOAD(s, key, out, now) (s)->ops->load(s, key, out, now, &e)

static struct itr_error e;

static int setup(void **state)
{
    static struct fake_clock clock;

    fake_clock_init(&clock);
    *state = itr_store_memory_new(&clock.clock);
    return *state != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    struct itr_store *s = *state;

    s->ops->release(s);
    return 0;
}

static bool swap(struct itr_store *s, const char *key, const char *old, const char *fresh)
{
    bool done = !*old; /* any value: the store must write it */
    enum itr_status st =
        s->ops->swap(s, key, old, strlen(old), fresh, strlen(fresh), 1000, &done, &e);

    assert_int_equal(st, ITR_OK);
    return done;
}

static void assert_value(struct itr_store *s, const char *key, const char *value)
{
    struct itr_buf out;
    int64_t now = 0;

    itr_buf_init_secret(&out, 65536);
    assert_int_equal(LOAD(s, key, &out, &now), ITR_OK);
    assert_string_equal(itr_buf_str(&out), value);
    assert_int_equal(out.len, strlen(value));
    itr_buf_clear(&out);
}

static void an_unknown_key_is_nothing_and_the_time_comes_with_it(void **state)
{
    struct itr_store *s = *state;
    struct itr_buf out;
    int64_t now = 0;

    itr_buf_init_secret(&out, 100);
    assert_int_equal(LOAD(s, "k", &out, &now), ITR_OK);
    assert_int_equal(out.len, 0);
    assert_true(now == INT64_C(1700000000000)); /* the injected clock's */
    itr_buf_clear(&out);
    assert_int_equal(s->ops->version, ITR_STORE_VERSION);
    assert_int_equal(s->ops->origin, ITR_FROM_MEMORY);
}

static void a_swap_needs_exactly_the_old_value(void **state)
{
    struct itr_store *s = *state;

    assert_false(swap(s, "k", "something", "a")); /* there is none */
    assert_true(swap(s, "k", "", "a"));
    assert_value(s, "k", "a");
    assert_false(swap(s, "k", "", "b"));
    assert_false(swap(s, "k", "aa", "b"));
    assert_false(swap(s, "k", "A", "b"));
    assert_value(s, "k", "a");
    assert_true(swap(s, "k", "a", "b"));
    assert_value(s, "k", "b");
    assert_true(swap(s, "k", "b", "")); /* forgotten */
    assert_value(s, "k", "");
    assert_true(swap(s, "k", "", "c"));
}

static void keys_do_not_touch_each_other(void **state)
{
    struct itr_store *s = *state;

    assert_true(swap(s, "k1", "", "a"));
    assert_true(swap(s, "k2", "", "b"));
    assert_true(swap(s, "k1", "a", "c"));
    assert_value(s, "k2", "b");
    assert_value(s, "k", "");
}

static void bytes_are_bytes(void **state)
{
    struct itr_store *s = *state;
    struct itr_buf out;
    int64_t now;
    bool done = false;

    assert_int_equal(s->ops->swap(s, "k", NULL, 0, "a\0b", 3, 1, &done, &e), ITR_OK);
    assert_true(done);
    assert_int_equal(s->ops->swap(s, "k", "a\0c", 3, "x", 1, 1, &done, &e), ITR_OK);
    assert_false(done);
    itr_buf_init_secret(&out, 100);
    assert_int_equal(LOAD(s, "k", &out, &now), ITR_OK);
    assert_int_equal(out.len, 3);
    assert_memory_equal(out.data, "a\0b", 3);
    itr_buf_clear(&out);
}

/* ---- many threads: a counter that loses nothing ---- */

#define THREADS 4
#define TIMES 200

static void add_one(struct itr_store *s)
{
    for (;;) {
        struct itr_buf old;
        struct itr_error mine;
        char fresh[24];
        int64_t now;
        bool done = false;
        itr_buf_init_secret(&old, 100);
        if (s->ops->load(s, "n", &old, &now, &mine) != ITR_OK)
            abort();
        snprintf(fresh, sizeof fresh, "%ld", strtol(itr_buf_str(&old), NULL, 10) + 1);
        if (s->ops->swap(s, "n", old.data, old.len, fresh, strlen(fresh), 1, &done, &mine) !=
            ITR_OK)
            abort();
        itr_buf_clear(&old);
        if (done)
            return;
    }
}

static void *add_many(void *s)
{
    int i;

    for (i = 0; i < TIMES; i++)
        add_one(s);
    return NULL;
}

static void no_swap_is_lost_between_threads(void **state)
{
    pthread_t threads[THREADS];
    int i;

    for (i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, *state), 0);
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_value(*state, "n", "800");
}

static void a_counted_store_lives_until_the_last_release(void **state)
{
    struct itr_store *s = *state;

    s->ops->retain(s);
    assert_true(swap(s, "k", "", "a"));
    s->ops->release(s);
    assert_value(s, "k", "a");
}

static void the_process_wide_store_is_one(void **state)
{
    struct itr_store *a = itr_store_memory(), *b = itr_store_memory();

    (void)state;
    assert_non_null(a);
    assert_ptr_equal(a, b);
    assert_true(swap(a, "k", "", "a"));
    a->ops->release(a);
    assert_value(b, "k", "a");
    b->ops->release(b);
    a = itr_store_memory(); /* it outlives all who use it */
    assert_value(a, "k", "a");
    a->ops->release(a);
}

static void a_child_has_a_copy_of_its_own(void **state)
{
    struct itr_store *s = itr_store_memory();
    pid_t child;
    int status = -1;

    (void)state;
    assert_true(swap(s, "f", "", "before"));
    child = fork();
    if (child == 0)
        _exit(swap(s, "f", "before", "child") ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_value(s, "f", "before");
    s->ops->release(s);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(an_unknown_key_is_nothing_and_the_time_comes_with_it),
        T(a_swap_needs_exactly_the_old_value),
        T(keys_do_not_touch_each_other),
        T(bytes_are_bytes),
        T(no_swap_is_lost_between_threads),
        T(a_counted_store_lives_until_the_last_release),
        cmocka_unit_test(the_process_wide_store_is_one),
        cmocka_unit_test(a_child_has_a_copy_of_its_own),
    };

    fixture_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
