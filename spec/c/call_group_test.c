/* client: several parties on one client, and looking instead of waiting. */
#include "support/client_driver.h"

static void start_in(struct itr_client *c, struct itr_call_group *g, struct itr_call *call)
{
    struct itr_error e;

    client_driver_init_call(c, call);
    assert_int_equal(itr_client_start(c, g, call, &e), ITR_OK);
}

static void takes_its_own(struct itr_client *c, struct itr_call_group *g)
{
    struct itr_call *call = itr_client_next(c, g, INT64_MAX);

    assert_non_null(call);
    assert_ptr_equal(call->group, g);
    assert_int_equal(call->step, ITR_CALL_DONE);
}

static void each_party_gets_its_own_calls(void **state)
{
    struct client_driver *t = *state;
    struct itr_call_group a, b;
    struct itr_call calls[4];
    int i;

    itr_call_group_init(&a, NULL);
    itr_call_group_init(&b, NULL);
    for (i = 0; i < 4; i++)
        start_in(t->c, i % 2 == 0 ? &a : &b, &calls[i]);
    takes_its_own(t->c, &b);
    takes_its_own(t->c, &a);
    takes_its_own(t->c, &a);
    assert_null(itr_client_next(t->c, &a, INT64_MAX));
    takes_its_own(t->c, &b);
    assert_null(itr_client_next(t->c, &b, INT64_MAX));
    for (i = 0; i < 4; i++)
        itr_call_clear(&calls[i]);
}

static void a_completed_call_can_be_cancelled(void **state)
{
    struct client_driver *t = *state;
    struct itr_call_group g;
    struct itr_call first, last;
    struct itr_call *left, *dropped;

    client_driver_warm(t);
    itr_call_group_init(&g, NULL);
    start_in(t->c, &g, &first);
    start_in(t->c, &g, &last);
    itr_client_pump(t->c);
    assert_int_equal(g.n_pending, 0);
    left = ITR_CONTAINER(itr_list_first(&g.completed), struct itr_call, node);
    dropped = left == &first ? &last : &first;
    itr_client_cancel(t->c, dropped);
    assert_ptr_equal(itr_client_next(t->c, &g, INT64_MAX), left);
    assert_null(itr_client_next(t->c, &g, INT64_MAX));
    itr_client_forget(t->c, &g);
    assert_null(itr_client_ready(t->c));
    itr_call_clear(&first);
    itr_call_clear(&last);
}

static void a_party_is_notified_once_that_it_has_something(void **state)
{
    struct client_driver *t = *state;
    struct itr_call_group a, b;
    struct itr_call first, second;
    int64_t wait_ms;

    client_driver_warm(t);
    itr_call_group_init(&a, NULL);
    itr_call_group_init(&b, NULL);
    fake_hold(FAKE_API, true);
    start_in(t->c, &a, &first);
    start_in(t->c, &b, &second);
    assert_null(itr_client_look(t->c, &b, &wait_ms));
    assert_int_equal(wait_ms, -1); /* what is sent ends by the transport's time */
    assert_null(itr_client_ready(t->c));
    fake_release(FAKE_API, 1);
    assert_null(itr_client_look(t->c, &b, &wait_ms)); /* ends a call of the other's */
    assert_ptr_equal(itr_client_ready(t->c), &a);
    assert_null(itr_client_ready(t->c));
    assert_ptr_equal(itr_client_look(t->c, &a, &wait_ms), &first);
    fake_hold(FAKE_API, false);
    assert_ptr_equal(itr_client_look(t->c, &b, &wait_ms), &second);
    assert_null(itr_client_ready(t->c)); /* it has taken it already */
    itr_call_clear(&first);
    itr_call_clear(&second);
}

static void a_look_says_when_to_look_again(void **state)
{
    struct client_driver *t = *state;
    struct itr_call call;
    int64_t wait_ms;

    fake_hold(FAKE_TOKEN, true);
    client_driver_start_for(t->c, &call, 40000);
    assert_null(itr_client_look(t->c, &client_driver_group, &wait_ms));
    assert_in_range(wait_ms, 1, 40000);
    itr_client_cancel(t->c, &call);
    assert_null(itr_client_look(t->c, &client_driver_group, &wait_ms));
    assert_int_equal(wait_ms, -1);
    itr_call_clear(&call);
    fake_hold(FAKE_TOKEN, false);
}

static void too_many_requests_slow_the_party_down(void **state)
{
    static const struct fake_answer busy = {
        .carried = ITR_OK, .http_status = 429, .retry_after_ms = 7000, .body = "{}"};
    static const struct fake_answer for_ever = {
        .carried = ITR_OK, .http_status = 429, .retry_after_ms = INT64_MAX, .body = "{}"};
    struct client_driver *t = *state;
    struct itr_call call;
    int64_t now = fake_clock_now(&t->f->clock);

    client_driver_warm(t);
    fake_idle_advances(true);
    fake_answer_next(FAKE_API, busy);
    client_driver_start(t->c, &call);
    assert_ptr_equal(client_driver_next(t->c), &call);
    assert_int_equal(call.step, ITR_CALL_DONE); /* after the repeat */
    assert_in_range(client_driver_group.slow_until_mono_ms, now + 7000, now + 7100);
    itr_call_clear(&call);

    now = fake_clock_now(&t->f->clock);
    fake_answer_next(FAKE_API, for_ever);
    client_driver_start(t->c, &call);
    assert_ptr_equal(client_driver_next(t->c), &call);
    assert_int_equal(call.step, ITR_CALL_FAILED);
    assert_in_range(client_driver_group.slow_until_mono_ms, now + 30000, now + 30100);
    itr_call_clear(&call);
    assert_null(itr_client_next(t->c, &client_driver_group,
                                fake_clock_now(&t->f->clock) + 100)); /* a rest */
    fake_idle_advances(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_client_driver(each_party_gets_its_own_calls),
        with_client_driver(a_completed_call_can_be_cancelled),
        with_client_driver(a_party_is_notified_once_that_it_has_something),
        with_client_driver(a_look_says_when_to_look_again),
        with_client_driver(too_many_requests_slow_the_party_down),
    };

    fixture_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
