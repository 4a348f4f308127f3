/* call: what is repeated, and until when (docs/design.md 5). Pure. */
#include "support/call_driver.h"

/* ---- (b) nothing was sent: `retries` times ---- */

static void what_was_not_sent_is_repeated_retries_times(void **state)
{
    static const enum itr_status kinds[] = {ITR_NETWORK, ITR_TLS, ITR_TIMEOUT};
    struct call_driver *t = *state;
    size_t i;
    int n;

    for (i = 0; i < count_of(kinds); i++) {
        itr_call_reset(&t->call);
        t->config.retries = 3;
        call_driver_to_send(t);
        for (n = 0; n < 3; n++) {
            call_driver_break(t, kinds[i], false, 0);
            call_driver_end_wait(t);
        }
        call_driver_break(t, kinds[i], false, 0);
        call_driver_assert_failed(t, kinds[i], true);
        assert_string_equal(t->call.error.text, "what the transport says");
        assert_int_equal(t->call.n_repeated, 3);
    }
}

static void what_was_not_sent_may_succeed_later(void **state)
{
    struct call_driver *t = *state;

    call_driver_to_send(t);
    call_driver_break(t, ITR_NETWORK, false, 0);
    call_driver_end_wait(t);
    call_driver_answer(t, 200, OK_BODY);
    assert_int_equal(t->call.step, ITR_CALL_DONE);
    assert_int_equal(t->call.error.kind, ITR_OK);
    assert_non_null(strstr(t->call.exchange.request.url, OLD)); /* the token is kept */
}

static void no_retries_means_none(void **state)
{
    struct call_driver *t = *state;

    t->config.retries = 0;
    call_driver_to_send(t);
    call_driver_break(t, ITR_NETWORK, false, 0);
    call_driver_assert_failed(t, ITR_NETWORK, true);
}

static void the_wait_before_a_repeat_doubles_and_half_of_it_is_random(void **state)
{
    struct call_driver *t = *state;
    int64_t longest = 200;
    int n;

    t->config.retries = 100;
    t->call.timeout_ms = 3600000;
    call_driver_to_send(t);
    for (n = 0; n < 12; n++) {
        int64_t before = t->now;
        call_driver_break(t, ITR_NETWORK, false, n % 2 == 0 ? 0 : UINT64_MAX);
        assert_in_range(t->call.wait_until_mono_ms - before, longest / 2, longest);
        if (n % 2 == 0)
            assert_int_equal(t->call.wait_until_mono_ms - before, longest / 2);
        if (longest < 5000)
            longest *= 2;
        call_driver_end_wait(t);
    }
}

static void an_answer_too_large_or_no_memory_is_never_repeated(void **state)
{
    struct call_driver *t = *state;

    t->call.idempotent = true;
    call_driver_to_send(t);
    call_driver_break(t, ITR_HTTP, true, 0);
    call_driver_assert_failed(t, ITR_HTTP, false);
    itr_call_reset(&t->call);
    call_driver_to_send(t);
    call_driver_break(t, ITR_NOMEM, false, 0);
    assert_int_equal(t->call.step, ITR_CALL_FAILED);
    assert_int_equal(t->call.error.kind, ITR_NOMEM);
}

/* ---- what was sent: never, unless (d) the caller said idempotent ---- */

static void what_was_sent_is_never_repeated(void **state)
{
    static const enum itr_status kinds[] = {ITR_NETWORK, ITR_TLS, ITR_TIMEOUT};
    struct call_driver *t = *state;
    size_t i;

    for (i = 0; i < count_of(kinds); i++) {
        itr_call_reset(&t->call);
        call_driver_to_send(t);
        call_driver_break(t, kinds[i], true, 0);
        call_driver_assert_failed(t, kinds[i], false);
        assert_int_equal(t->call.n_repeated, 0);
    }
    itr_call_reset(&t->call);
    call_driver_to_send(t);
    call_driver_answer(t, 503, "");
    call_driver_assert_failed(t, ITR_HTTP, false);
    itr_call_reset(&t->call);
    call_driver_to_send(t);
    call_driver_answer(t, 500, "{\"code\":500,\"message\":\"x\"}");
    call_driver_assert_failed(t, ITR_API, false);
}

static void an_idempotent_call_is_repeated_after_a_break_and_after_5xx(void **state)
{
    struct call_driver *t = *state;

    t->call.idempotent = true;
    call_driver_to_send(t);
    call_driver_break(t, ITR_NETWORK, true, 0);
    call_driver_end_wait(t);
    call_driver_answer(t, 502, "<html>");
    call_driver_end_wait(t);
    call_driver_answer(t, 200, OK_BODY);
    assert_int_equal(t->call.step, ITR_CALL_DONE);
    assert_int_equal(t->call.n_repeated, 2);
}

static void an_idempotent_call_is_bounded_by_retries_too(void **state)
{
    struct call_driver *t = *state;

    t->call.idempotent = true;
    t->config.retries = 1;
    call_driver_to_send(t);
    call_driver_answer(t, 500, "{\"code\":500,\"message\":\"x\"}");
    call_driver_end_wait(t);
    call_driver_answer(t, 500, "{\"code\":500,\"message\":\"y\"}");
    call_driver_assert_failed(t, ITR_API, false);
    assert_string_equal(t->call.error.text, "y");
    assert_string_equal(t->call.error_name, "system_error");
}

static void an_idempotent_call_is_not_repeated_after_4xx_or_an_api_error(void **state)
{
    struct call_driver *t = *state;

    t->call.idempotent = true;
    call_driver_to_send(t);
    call_driver_answer(t, 404, "");
    call_driver_assert_failed(t, ITR_HTTP, false);
    itr_call_reset(&t->call);
    t->call.idempotent = true;
    call_driver_to_send(t);
    call_driver_answer(t, 200, "{\"code\":500,\"message\":\"x\"}");
    call_driver_assert_failed(t, ITR_API, false);
}

static void an_earlier_answer_is_not_the_response_of_a_later_failure(void **state)
{
    struct call_driver *t = *state;

    t->call.idempotent = true;
    t->config.retries = 1;
    call_driver_to_send(t);
    call_driver_answer(t, 500, "{\"code\":500,\"message\":\"x\"}");
    call_driver_end_wait(t);
    call_driver_break(t, ITR_NETWORK, true, 0);
    call_driver_assert_failed(t, ITR_NETWORK, false);
    assert_false(t->call.envelope.present); /* its text is gone from the buffer */
    assert_null(t->call.error_name);
    assert_false(t->call.error.has_code);
}

/* ---- (c) HTTP 429 ---- */

static void http_429_waits_what_retry_after_says(void **state)
{
    struct call_driver *t = *state;

    call_driver_to_send(t);
    call_driver_answer_429(t, 7000);
    assert_int_equal(t->call.step, ITR_CALL_WAIT);
    assert_int_equal(t->call.wait_until_mono_ms, t->now + 7000);
    call_driver_end_wait(t);
    call_driver_answer(t, 200, OK_BODY);
    assert_int_equal(t->call.step, ITR_CALL_DONE);
    assert_int_equal(t->call.n_repeated, 1);
}

static void http_429_without_a_time_waits_a_second(void **state)
{
    struct call_driver *t = *state;

    call_driver_to_send(t);
    call_driver_answer_429(t, -1);
    assert_int_equal(t->call.wait_until_mono_ms, t->now + 1000);
    call_driver_end_wait(t);
    call_driver_answer_429(t, 0); /* "Retry-After: 0" is a time */
    assert_int_equal(t->call.wait_until_mono_ms, t->now);
}

static void http_429_is_bounded_by_retries(void **state)
{
    struct call_driver *t = *state;

    call_driver_to_send(t);
    call_driver_answer_429(t, 10);
    call_driver_end_wait(t);
    call_driver_answer_429(t, 10);
    call_driver_end_wait(t);
    call_driver_answer_429(t, 10);
    call_driver_assert_failed(t, ITR_HTTP, true);
    assert_int_equal(t->call.error.http_status, 429);
}

static void a_retry_after_beyond_the_deadline_fails_at_once(void **state)
{
    struct call_driver *t = *state;

    call_driver_to_send(t);
    call_driver_answer_429(t, 30000);
    call_driver_assert_failed(t, ITR_HTTP, true);
    itr_call_reset(&t->call);
    call_driver_to_send(t);
    call_driver_answer_429(t, 29999);
    assert_int_equal(t->call.step, ITR_CALL_WAIT);
    itr_call_reset(&t->call);
    call_driver_to_send(t);
    call_driver_answer_429(t, INT64_MAX);
    call_driver_assert_failed(t, ITR_HTTP, true);
}

static void http_429_with_an_envelope_is_an_api_error_in_the_end(void **state)
{
    struct call_driver *t = *state;

    t->config.retries = 0;
    call_driver_to_send(t);
    call_driver_answer(t, 429, "{\"code\":9,\"message\":\"slow down\"}");
    call_driver_assert_failed(t, ITR_API, true);
    assert_string_equal(t->call.error.text, "slow down");
}

/* ---- one deadline ---- */

static void the_deadline_in_token(void **state)
{
    struct call_driver *t = *state;

    call_driver_begin(t);
    assert_int_equal(t->call.deadline_mono_ms, t->now + 30000);
    t->now += 30000;
    itr_call_expired(&t->call);
    call_driver_assert_failed(t, ITR_TIMEOUT, true);
    assert_non_null(strstr(t->call.error.text, "no token"));
    itr_call_reset(&t->call);
    call_driver_begin(t);
    t->now += 30000;
    call_driver_give(t, OLD, ITR_OK); /* too late */
    call_driver_assert_failed(t, ITR_TIMEOUT, true);
}

static void the_deadline_in_wait(void **state)
{
    struct call_driver *t = *state;

    call_driver_to_send(t);
    call_driver_break(t, ITR_NETWORK, false, 0);
    assert_int_equal(t->call.step, ITR_CALL_WAIT);
    itr_call_expired(&t->call);
    call_driver_assert_failed(t, ITR_TIMEOUT, true);
}

static void the_deadline_in_send(void **state)
{
    struct call_driver *t = *state;

    call_driver_to_send(t);
    t->now += 30000;
    itr_call_request(&t->call, t->now);
    call_driver_assert_failed(t, ITR_TIMEOUT, true);
}

static void no_repeat_is_begun_that_cannot_end_in_time(void **state)
{
    struct call_driver *t = *state;

    call_driver_to_send(t);
    t->now += 29900;
    call_driver_break(t, ITR_NETWORK, false, 0); /* the shortest wait is 100 ms */
    call_driver_assert_failed(t, ITR_NETWORK, true);
}

static void a_deadline_after_something_was_executed_is_not_retryable(void **state)
{
    struct call_driver *t = *state;

    t->call.idempotent = true;
    call_driver_to_send(t);
    call_driver_answer(t, 500, "{\"code\":500,\"message\":\"x\"}");
    call_driver_end_wait(t);
    t->now = t->call.deadline_mono_ms;
    itr_call_request(&t->call, t->now);
    call_driver_assert_failed(t, ITR_TIMEOUT, false);
    assert_null(t->call.error_name); /* of the timeout, not of the earlier answer */
}

static void once_executed_a_call_is_not_retryable_whatever_ends_it(void **state)
{
    struct call_driver *t = *state;

    t->call.idempotent = true;
    t->config.retries = 1;
    call_driver_to_send(t);
    call_driver_break(t, ITR_NETWORK, true, 0); /* may have been executed */
    call_driver_end_wait(t);
    call_driver_break(t, ITR_NETWORK, false, 0);
    call_driver_assert_failed(t, ITR_NETWORK, false);
    itr_call_reset(&t->call);
    t->call.idempotent = true;
    call_driver_to_send(t);
    call_driver_answer(t, 500, "{\"code\":500,\"message\":\"x\"}");
    call_driver_end_wait(t);
    call_driver_answer(t, 401, "");
    call_driver_give(t, OLD, ITR_OK);
    call_driver_assert_failed(t, ITR_TOKEN, false);
    itr_call_reset(&t->call);
    call_driver_to_send(t);
    call_driver_break(t, ITR_NETWORK, false, 0);
    call_driver_end_wait(t);
    call_driver_break(t, ITR_NETWORK, false, 0);
    call_driver_assert_failed(t, ITR_NETWORK, true);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        with_call_driver(what_was_not_sent_is_repeated_retries_times),
        with_call_driver(what_was_not_sent_may_succeed_later),
        with_call_driver(no_retries_means_none),
        with_call_driver(the_wait_before_a_repeat_doubles_and_half_of_it_is_random),
        with_call_driver(an_answer_too_large_or_no_memory_is_never_repeated),
        with_call_driver(what_was_sent_is_never_repeated),
        with_call_driver(an_idempotent_call_is_repeated_after_a_break_and_after_5xx),
        with_call_driver(an_idempotent_call_is_bounded_by_retries_too),
        with_call_driver(an_idempotent_call_is_not_repeated_after_4xx_or_an_api_error),
        with_call_driver(an_earlier_answer_is_not_the_response_of_a_later_failure),
        with_call_driver(http_429_waits_what_retry_after_says),
        with_call_driver(http_429_without_a_time_waits_a_second),
        with_call_driver(http_429_is_bounded_by_retries),
        with_call_driver(a_retry_after_beyond_the_deadline_fails_at_once),
        with_call_driver(http_429_with_an_envelope_is_an_api_error_in_the_end),
        with_call_driver(the_deadline_in_token),
        with_call_driver(the_deadline_in_wait),
        with_call_driver(the_deadline_in_send),
        with_call_driver(no_repeat_is_begun_that_cannot_end_in_time),
        with_call_driver(a_deadline_after_something_was_executed_is_not_retryable),
        with_call_driver(once_executed_a_call_is_not_retryable_whatever_ends_it),
    };

    fixture_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
