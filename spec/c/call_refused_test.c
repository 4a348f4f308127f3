/* call: a refused token, and raw answers (docs/design.md 5). Pure. */
#include "support/call_driver.h"

/* ---- (a) the gateway rejected the token: once ---- */

static void a_refused_token_is_reported_and_the_call_repeated_once_with_another(void **state)
{
    struct call_driver *t = *state;
    struct itr_token_ask ask;

    call_driver_to_send(t);
    call_driver_answer(t, 401, "{\"code\":401,\"message\":\"no\"}");
    assert_int_equal(t->call.step, ITR_CALL_TOKEN);
    ask = itr_call_ask(&t->call);
    assert_non_null(ask.refused);
    assert_string_equal(ask.refused->text, OLD);
    call_driver_give(t, FRESH, ITR_OK);
    call_driver_answer(t, 200, OK_BODY);
    assert_int_equal(t->call.step, ITR_CALL_DONE);
    assert_non_null(strstr(t->call.exchange.request.url, "accessToken=" FRESH));
    assert_int_equal(t->call.error.kind, ITR_OK);
    assert_null(t->call.error_name);
    assert_int_equal(t->call.n_refused, 1);
    assert_int_equal(t->call.n_repeated, 1);
    assert_int_equal(t->call.repeats, 0); /* does not eat into `retries` */
}

static void a_refusal_is_repeated_even_with_no_retries(void **state)
{
    struct call_driver *t = *state;

    t->config.retries = 0;
    call_driver_to_send(t);
    call_driver_answer(t, 200, "{\"code\":500,\"message\":\"令牌过期\"}");
    call_driver_give(t, FRESH, ITR_OK);
    call_driver_answer(t, 200, OK_BODY);
    assert_int_equal(t->call.step, ITR_CALL_DONE);
}

static void the_same_string_again_fails_with_the_refusal(void **state)
{
    struct call_driver *t = *state;

    call_driver_to_send(t);
    call_driver_answer(t, 401, "{\"code\":401,\"message\":\"你的令牌\"}");
    call_driver_give(t, OLD, ITR_OK);
    call_driver_assert_failed(t, ITR_TOKEN, true);
    assert_string_equal(t->call.error_name, "token_refused");
    assert_non_null(strstr(t->call.error.text, "你的令牌"));
    assert_true(t->call.envelope.present); /* the refusal is still err.response */
}

static void the_same_string_again_fails_with_the_fetchs_error_if_there_is_one(void **state)
{
    struct call_driver *t = *state;

    call_driver_to_send(t);
    call_driver_answer(t, 401, "");
    call_driver_give(t, OLD, ITR_QUOTA);
    call_driver_assert_failed(t, ITR_QUOTA, true);
    assert_string_equal(t->call.error.text, "the fetch's own error");
}

static void no_token_at_all_fails_with_the_fetchs_error(void **state)
{
    struct call_driver *t = *state;

    call_driver_begin(t);
    call_driver_give(t, NULL, ITR_STORE);
    call_driver_assert_failed(t, ITR_STORE, true);
    assert_null(t->call.error_name);
    assert_int_equal(t->call.n_refused, 0);
}

static void a_stale_token_beside_an_error_is_used(void **state)
{
    struct call_driver *t = *state;

    call_driver_begin(t);
    call_driver_give(t, OLD, ITR_NETWORK); /* the gateway is the judge */
    call_driver_answer(t, 200, OK_BODY);
    assert_int_equal(t->call.step, ITR_CALL_DONE);
    assert_int_equal(t->call.error.kind, ITR_OK);
}

static void refused_twice_fails_with_kind_token_and_is_not_asked_again(void **state)
{
    struct call_driver *t = *state;

    call_driver_to_send(t);
    call_driver_answer(t, 401, "");
    call_driver_give(t, FRESH, ITR_OK);
    call_driver_answer(t, 200, "{\"code\":401,\"message\":\"again\"}");
    call_driver_assert_failed(t, ITR_TOKEN, true);
    assert_string_equal(t->call.error_name, "token_refused");
    assert_non_null(strstr(t->call.error.text, "the gateway rejected a new token too: "));
    assert_non_null(strstr(t->call.error.text, ITR_TOKEN_FRESH_REFUSED ": "));
    assert_non_null(strstr(t->call.error.text, "again"));
    assert_true(t->call.error.has_code);
    assert_int_equal(t->call.error.code, 401);
    assert_int_equal(t->call.n_refused, 2);
    assert_int_equal(t->call.n_repeated, 1);
}

/* ---- raw ---- */

static void raw_is_done_whatever_the_answer_says(void **state)
{
    static const struct {
        int status;
        const char *body;
    } answers[] = {
        {200, OK_BODY}, {200, "<html>"}, {200, ""}, {404, "{\"code\":9,\"message\":\"x\"}"},
        {403, ""},      {500, "<html>"}, {302, ""}, {200, "{\"code\":80002}"},
    };
    struct call_driver *t = *state;
    size_t i;

    for (i = 0; i < count_of(answers); i++) {
        itr_call_reset(&t->call);
        t->call.raw = true;
        call_driver_to_send(t);
        call_driver_answer(t, answers[i].status, answers[i].body);
        assert_int_equal(t->call.step, ITR_CALL_DONE);
        assert_int_equal(t->call.exchange.response.http_status, answers[i].status);
        assert_string_equal(itr_buf_str(&t->call.exchange.response.body), answers[i].body);
    }
}

static void raw_repeats_a_refused_token_once_then_gives_the_answer(void **state)
{
    struct call_driver *t = *state;

    t->call.raw = true;
    call_driver_to_send(t);
    call_driver_answer(t, 401, "first");
    assert_int_equal(t->call.step, ITR_CALL_TOKEN);
    call_driver_give(t, FRESH, ITR_OK);
    call_driver_answer(t, 401, "second");
    assert_int_equal(t->call.step, ITR_CALL_DONE);
    assert_int_equal(t->call.exchange.response.http_status, 401);
    assert_string_equal(itr_buf_str(&t->call.exchange.response.body), "second");
    assert_int_equal(t->call.n_refused, 2);
}

static void raw_waits_for_429_and_gives_the_last_answer(void **state)
{
    struct call_driver *t = *state;

    t->config.retries = 1;
    t->call.raw = true;
    call_driver_to_send(t);
    call_driver_answer_429(t, 10);
    call_driver_end_wait(t);
    call_driver_answer_429(t, 10);
    assert_int_equal(t->call.step, ITR_CALL_DONE);
    assert_int_equal(t->call.exchange.response.http_status, 429);
}

static void raw_fails_without_an_answer(void **state)
{
    struct call_driver *t = *state;

    t->call.raw = true;
    call_driver_to_send(t);
    call_driver_break(t, ITR_NETWORK, true, 0);
    call_driver_assert_failed(t, ITR_NETWORK, false);
    itr_call_reset(&t->call);
    t->call.raw = true;
    call_driver_begin(t);
    call_driver_give(t, NULL, ITR_QUOTA);
    call_driver_assert_failed(t, ITR_QUOTA, true);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        with_call_driver(a_refused_token_is_reported_and_the_call_repeated_once_with_another),
        with_call_driver(a_refusal_is_repeated_even_with_no_retries),
        with_call_driver(the_same_string_again_fails_with_the_refusal),
        with_call_driver(the_same_string_again_fails_with_the_fetchs_error_if_there_is_one),
        with_call_driver(no_token_at_all_fails_with_the_fetchs_error),
        with_call_driver(a_stale_token_beside_an_error_is_used),
        with_call_driver(refused_twice_fails_with_kind_token_and_is_not_asked_again),
        with_call_driver(raw_is_done_whatever_the_answer_says),
        with_call_driver(raw_repeats_a_refused_token_once_then_gives_the_answer),
        with_call_driver(raw_waits_for_429_and_gives_the_last_answer),
        with_call_driver(raw_fails_without_an_answer),
    };

    fixture_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
