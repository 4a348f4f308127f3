/* itriggerd: requests that wait are bounded, and each is woken once, whoever comes first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "itriggerd/waiting.h"

static int resumed;

static void resume(void *ctx)
{
    (void)ctx;
    resumed++;
}

static struct waiter waiter(void)
{
    resumed = 0;
    return (struct waiter){.resume = resume};
}

static void no_more_wait_than_there_is_room_for(void **state)
{
    static struct waiter many[WAITING_MAX + 1];
    struct waiting l;
    size_t i;

    (void)state;
    waiting_init(&l);
    for (i = 0; i < WAITING_MAX; i++)
        assert_true(waiting_enter(&l, &many[i], 1));
    assert_false(waiting_enter(&l, &many[i], 1));
    waiting_leave(&l, &many[i]); /* it is not in it */
    waiting_leave(&l, &many[0]);
    assert_true(waiting_enter(&l, &many[i], 1));
    waiting_clear(&l);
}

static void one_that_is_woken_before_it_is_suspended_is_resumed_then(void **state)
{
    struct waiter w = waiter();
    struct waiting l;

    (void)state;
    waiting_init(&l);
    assert_true(waiting_enter(&l, &w, 1));
    waiter_wake(&w);
    assert_int_equal(resumed, 0);
    waiter_suspended(&w);
    assert_int_equal(resumed, 1);
    waiting_leave(&l, &w);
    waiting_clear(&l);
}

static void its_end_and_its_token_together_resume_it_once(void **state)
{
    struct waiter w = waiter();
    struct waiting l;

    (void)state;
    waiting_init(&l);
    assert_true(waiting_enter(&l, &w, 10));
    waiting_expire(&l, 10); /* not suspended yet: it is left for the next time */
    assert_int_equal(resumed, 0);
    waiter_suspended(&w);
    waiting_expire(&l, 9);
    assert_int_equal(resumed, 0);
    waiting_expire(&l, 10);
    assert_int_equal(resumed, 1);
    assert_true(w.expired);
    waiter_wake(&w);
    waiting_expire(&l, 11);
    assert_int_equal(resumed, 1);
    waiting_leave(&l, &w);
    waiting_clear(&l);
}

static void a_cut_ends_all_before_their_time(void **state)
{
    struct waiter w = waiter();
    struct waiting l;

    (void)state;
    waiting_init(&l);
    assert_true(waiting_enter(&l, &w, 1000));
    waiter_suspended(&w);
    waiting_cut(&l, 20);
    waiting_expire(&l, 19);
    assert_int_equal(resumed, 0);
    waiting_expire(&l, 20);
    assert_int_equal(resumed, 1);
    waiting_leave(&l, &w);
    waiting_clear(&l);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_more_wait_than_there_is_room_for),
        cmocka_unit_test(one_that_is_woken_before_it_is_suspended_is_resumed_then),
        cmocka_unit_test(its_end_and_its_token_together_resume_it_once),
        cmocka_unit_test(a_cut_ends_all_before_their_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
