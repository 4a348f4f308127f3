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
    return (struct waiter){.resume = resume, .fd = -1};
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
    waiting_drain(&l, 20);
    waiting_expire(&l, 19);
    assert_int_equal(resumed, 0);
    waiting_expire(&l, 20);
    assert_int_equal(resumed, 1);
    waiting_leave(&l, &w);
    waiting_clear(&l);
}

static void fill(struct waiting *l, struct waiter *many, size_t n, const void *client,
                 const void *app)
{
    size_t i;

    for (i = 0; i < n; i++) {
        many[i] = (struct waiter){.resume = resume, .fd = -1, .polls = true};
        many[i].client = client;
        many[i].app = app;
        assert_true(waiting_enter(l, &many[i], 1000));
        waiter_suspended(&many[i]);
    }
}

/* One client's polls took all places, and reports of others found none. */
static void a_client_that_takes_too_many_places_loses_its_oldest(void **state)
{
    static struct waiter many[WAITING_POLLS_OF_CLIENT_MAX], other[1], one[1];
    struct waiting l;
    int a, b;

    (void)state;
    resumed = 0;
    waiting_init(&l);
    fill(&l, other, 1, &b, &b);
    fill(&l, many, WAITING_POLLS_OF_CLIENT_MAX, &a, &a);
    assert_int_equal(resumed, 0);
    fill(&l, one, 1, &a, &a);
    assert_int_equal(resumed, 1);
    assert_true(many[0].expired);
    assert_false(other[0].expired);
    waiting_clear(&l);
}

static void polls_leave_places_for_those_who_wait_for_a_fetch(void **state)
{
    static struct waiter many[WAITING_POLLS_MAX], one[1], fetches[WAITING_MAX], last;
    static char clients[8];
    struct waiting l;
    size_t i;

    (void)state;
    resumed = 0;
    waiting_init(&l);
    for (i = 0; i < 8; i++)
        fill(&l, many + i * (WAITING_POLLS_MAX / 8), WAITING_POLLS_MAX / 8, &clients[i],
             &clients[i]);
    fill(&l, one, 1, &i, &i);
    assert_int_equal(resumed, 1);
    waiting_leave(&l, &many[0]); /* as it does when it is resumed */
    for (i = l.n; i < WAITING_MAX; i++) {
        fetches[i] = (struct waiter){.resume = resume, .fd = -1};
        assert_true(waiting_enter(&l, &fetches[i], 1000));
    }
    assert_int_equal(resumed, 1);
    /* All places are taken: a poll has to go. */
    last = waiter();
    assert_true(waiting_enter(&l, &last, 1000));
    assert_int_equal(resumed, 1);
    waiting_clear(&l);
}

static void a_check_wakes_those_of_its_app_once(void **state)
{
    struct waiter w = waiter(), another = waiter();
    struct waiting l;
    int a, b;

    (void)state;
    waiting_init(&l);
    w.checks = &a;
    another.checks = &b;
    assert_true(waiting_enter(&l, &w, 1000));
    assert_true(waiting_enter(&l, &another, 1000));
    waiting_wake_checks(&l, &a); /* before it is suspended: it is resumed then */
    assert_int_equal(resumed, 0);
    waiter_suspended(&w);
    waiter_suspended(&another);
    assert_int_equal(resumed, 1);
    waiting_wake_checks(&l, &a);
    assert_int_equal(resumed, 1);
    waiting_clear(&l);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_more_wait_than_there_is_room_for),
        cmocka_unit_test(one_that_is_woken_before_it_is_suspended_is_resumed_then),
        cmocka_unit_test(its_end_and_its_token_together_resume_it_once),
        cmocka_unit_test(a_cut_ends_all_before_their_time),
        cmocka_unit_test(a_client_that_takes_too_many_places_loses_its_oldest),
        cmocka_unit_test(polls_leave_places_for_those_who_wait_for_a_fetch),
        cmocka_unit_test(a_check_wakes_those_of_its_app_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
