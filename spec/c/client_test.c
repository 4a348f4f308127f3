/* client: calls over a scripted transport, one or many, with real fetch threads behind them. */
#include "core/call/outcome.h"
#include "support/client_driver.h"

/* ---- one ---- */

static void a_call_fetches_a_token_and_is_done(void **state)
{
    struct client_driver *t = *state;
    const struct itr_client_counters *n = itr_client_counters(t->c);

    assert_int_equal(client_driver_run_one(t->c), ITR_OK);
    assert_string_equal(fake_request(FAKE_API, 0).url,
                        FIXTURE_GATEWAY "/a?accessToken=token-00000001");
    assert_int_equal(client_driver_run_one(t->c), ITR_OK);
    assert_int_equal(fake_sent(FAKE_TOKEN), 1);
    assert_int_equal(fake_sent(FAKE_API), 2);
    assert_int_equal(n->calls, 2);
    assert_int_equal(n->refused + n->repeated, 0);
    assert_null(client_driver_next(t->c)); /* nothing is left */
}

static void a_token_revoked_under_it_costs_one_fetch_and_one_repeat(void **state)
{
    struct client_driver *t = *state;

    fake_gateway_strict(true);
    client_driver_warm(t);
    fake_gateway_revoke();
    assert_int_equal(client_driver_run_one(t->c), ITR_OK);
    assert_int_equal(fake_sent(FAKE_TOKEN), 2);
    assert_int_equal(fake_sent(FAKE_API), 3);
    assert_int_equal(itr_client_counters(t->c)->refused, 1);
    assert_int_equal(itr_client_counters(t->c)->repeated, 1);
}

/* The gateway is silent just as the token comes to its end: half of the call's time is for the
 * token, the rest for the call itself. */
static void at_half_of_its_time_a_call_goes_on_with_the_token_that_is_held(void **state)
{
    struct client_driver *t = *state;
    int64_t before;

    client_driver_warm(t);
    fake_clock_advance(&t->f->clock, 7200000);
    fake_hold(FAKE_TOKEN, true);
    fake_idle_advances(true);
    before = fake_clock_now(&t->f->clock);
    assert_int_equal(client_driver_run_one(t->c), ITR_OK);
    assert_int_equal(fake_clock_now(&t->f->clock) - before, 15000);
    assert_non_null(strstr(fake_request(FAKE_API, 1).url, "token-00000001"));
    fake_hold(FAKE_TOKEN, false);
}

static void a_call_waits_its_backoff_by_the_clock(void **state)
{
    static const struct fake_answer unreachable = {.carried = ITR_NETWORK, .detail = "x"};
    struct client_driver *t = *state;
    int64_t before;

    client_driver_warm(t);
    fake_idle_advances(true);
    fake_answer_next(FAKE_API, unreachable);
    fake_answer_next(FAKE_API, (struct fake_answer){.http_status = 429, .retry_after_ms = 3000});
    before = fake_clock_now(&t->f->clock);
    assert_int_equal(client_driver_run_one(t->c), ITR_OK);
    assert_in_range(fake_clock_now(&t->f->clock) - before, 3100, 3200);
    assert_int_equal(itr_client_counters(t->c)->repeated, 2);
}

static void a_call_says_how_long_all_of_it_took(void **state)
{
    static const struct fake_answer slow_down = {.http_status = 429, .retry_after_ms = 3000};
    struct client_driver *t = *state;
    struct itr_call call;

    client_driver_warm(t);
    fake_idle_advances(true);
    fake_answer_next(FAKE_API, slow_down);
    client_driver_start(t->c, &call);
    fake_clock_advance(&t->f->clock, 250);
    assert_ptr_equal(client_driver_next(t->c), &call);
    assert_int_equal(call.step, ITR_CALL_DONE);
    assert_int_equal(call.elapsed_us, 3250000);
    itr_call_clear(&call);
}

static void a_call_that_is_started_once_more_is_counted_once(void **state)
{
    static const struct fake_answer unreachable = {.carried = ITR_NETWORK, .detail = "x"};
    struct client_driver *t = *state;
    struct itr_outcome o;
    struct itr_call call;
    struct itr_error e;
    int i;

    client_driver_warm(t);
    fake_idle_advances(true);
    for (i = 0; i < 3; i++)
        fake_answer_next(FAKE_API, unreachable);
    client_driver_start(t->c, &call);
    assert_ptr_equal(client_driver_next(t->c), &call);
    itr_outcome_of_call(&call, &o);
    assert_int_equal(o.kind, ITR_NETWORK);
    assert_int_equal(o.requests, 3);
    assert_int_equal(o.http_status, 0);
    assert_false(o.has_code);
    assert_int_equal(itr_client_counters(t->c)->repeated, 2);

    assert_int_equal(itr_client_restart(t->c, &client_driver_group, &call, &e), ITR_OK);
    assert_ptr_equal(client_driver_next(t->c), &call);
    itr_outcome_of_call(&call, &o);
    assert_int_equal(o.kind, ITR_OK);
    assert_int_equal(o.requests, 4);
    assert_int_equal(o.http_status, 200);
    assert_int_equal(o.code, 200);
    assert_int_equal(itr_client_counters(t->c)->repeated, 3);
    itr_call_clear(&call);
}

static void a_start_that_fails_is_a_failed_call(void **state)
{
    struct client_driver *t = *state;

    client_driver_warm(t);
    fake_fail_start(1, ITR_NOMEM);
    assert_int_equal(client_driver_run_one(t->c), ITR_NOMEM);
    assert_int_equal(client_driver_run_one(t->c), ITR_OK);
}

static void a_start_that_fails_says_that_nothing_was_executed(void **state)
{
    struct client_driver *t = *state;
    struct itr_call call;
    struct itr_error e;

    client_driver_warm(t);
    fake_fail_start(1, ITR_NETWORK);
    client_driver_init_call(t->c, &call);
    assert_int_equal(itr_client_run(t->c, &call, &e), ITR_OK);
    assert_int_equal(call.error.kind, ITR_NETWORK);
    assert_true(call.error.retryable);
    itr_call_clear(&call);
}

static void a_usage_error_comes_out_like_any_other(void **state)
{
    struct client_driver *t = *state;
    struct itr_call call;
    struct itr_error e;

    client_driver_init_call(t->c, &call);
    call.min_valid_ms = t->f->config.token_ttl_ms + 1;
    assert_int_equal(itr_client_run(t->c, &call, &e), ITR_OK);
    assert_int_equal(call.step, ITR_CALL_FAILED);
    assert_int_equal(call.error.kind, ITR_USAGE);
    assert_int_equal(fake_started(FAKE_API) + fake_started(FAKE_TOKEN), 0);
    itr_call_clear(&call);
}

/* ---- deadlines ---- */

static void a_call_without_a_token_ends_by_its_deadline(void **state)
{
    struct client_driver *t = *state;
    struct itr_call call;

    fake_hold(FAKE_TOKEN, true);
    client_driver_start_for(t->c, &call, 9000); /* the fetch has ten seconds */
    fake_idle_advances(true);
    assert_ptr_equal(client_driver_next(t->c), &call);
    assert_int_equal(call.step, ITR_CALL_FAILED);
    assert_int_equal(call.error.kind, ITR_TIMEOUT);
    assert_true(call.error.retryable);
    assert_int_equal(fake_started(FAKE_API), 0);
    itr_call_clear(&call);
    fake_hold(FAKE_TOKEN, false);
}

static void a_request_gets_the_time_that_is_left(void **state)
{
    struct client_driver *t = *state;
    struct itr_call call;

    client_driver_warm(t);
    fake_hold(FAKE_API, true);
    fake_idle_advances(true);
    client_driver_start(t->c, &call);
    assert_ptr_equal(client_driver_next(t->c), &call);
    assert_int_equal(call.error.kind, ITR_TIMEOUT);
    assert_false(call.error.retryable); /* it was sent */
    assert_int_equal(fake_request(FAKE_API, 1).timeout_ms, 30000);
    itr_call_clear(&call);
}

/* ---- many ---- */

#define MANY 20

static void many_calls_share_one_fetch(void **state)
{
    struct client_driver *t = *state;
    struct itr_call calls[MANY];
    int i, done = 0;

    for (i = 0; i < MANY; i++)
        client_driver_start(t->c, &calls[i]);
    while (client_driver_next(t->c) != NULL)
        done++;
    assert_int_equal(done, MANY);
    for (i = 0; i < MANY; i++) {
        assert_int_equal(calls[i].step, ITR_CALL_DONE);
        itr_call_clear(&calls[i]);
    }
    assert_int_equal(fake_sent(FAKE_TOKEN), 1);
    assert_int_equal(fake_sent(FAKE_API), MANY);
}

static void many_calls_refused_at_once_share_one_fetch(void **state)
{
    struct client_driver *t = *state;
    struct itr_call calls[MANY];
    int i;

    fake_gateway_strict(true);
    client_driver_warm(t);
    fake_gateway_revoke();
    for (i = 0; i < MANY; i++)
        client_driver_start(t->c, &calls[i]);
    while (client_driver_next(t->c) != NULL)
        ;
    for (i = 0; i < MANY; i++) {
        assert_int_equal(calls[i].step, ITR_CALL_DONE);
        itr_call_clear(&calls[i]);
    }
    assert_int_equal(fake_sent(FAKE_TOKEN), 2);
    assert_int_equal(itr_client_counters(t->c)->refused, MANY);
}

static void calls_end_as_they_are_answered(void **state)
{
    struct client_driver *t = *state;
    struct itr_call calls[3];
    struct itr_call *first;
    int i;

    client_driver_warm(t);
    fake_hold(FAKE_API, true);
    for (i = 0; i < 3; i++)
        client_driver_start(t->c, &calls[i]);
    fake_release(FAKE_API, 1);
    first = client_driver_next(t->c); /* the others are still out */
    assert_non_null(first);
    assert_int_equal(fake_sent(FAKE_API), 2);
    fake_hold(FAKE_API, false);
    assert_non_null(client_driver_next(t->c));
    assert_non_null(client_driver_next(t->c));
    assert_null(client_driver_next(t->c));
    for (i = 0; i < 3; i++)
        itr_call_clear(&calls[i]);
}

static void one_that_is_run_beside_others_loses_none_of_them(void **state)
{
    struct client_driver *t = *state;
    struct itr_call calls[3];
    int i, done = 0;

    client_driver_warm(t);
    fake_hold(FAKE_API, true);
    for (i = 0; i < 3; i++)
        client_driver_start(t->c, &calls[i]);
    client_driver_push_all(t->c);
    fake_hold(FAKE_API, false);
    assert_int_equal(client_driver_run_one(t->c), ITR_OK); /* the others' answers come first */
    while (client_driver_next(t->c) != NULL)
        done++;
    assert_int_equal(done, 3);
    for (i = 0; i < 3; i++)
        itr_call_clear(&calls[i]);
    assert_int_equal(itr_client_counters(t->c)->calls, 6);
}

/* ---- the token alone ---- */

static void the_token_can_be_asked_for(void **state)
{
    struct client_driver *t = *state;
    struct itr_token_ask ask = {0};
    struct itr_token *token;
    enum itr_token_origin origin;
    struct itr_error e;

    assert_int_equal(itr_client_token(t->c, &ask, 30000, &token, &origin, &e), ITR_OK);
    assert_string_equal(token->text, "token-00000001");
    assert_int_equal(origin, ITR_FROM_GATEWAY);
    itr_token_release(token);
    assert_int_equal(itr_client_token(t->c, &ask, 30000, &token, &origin, &e), ITR_OK);
    assert_int_equal(origin, ITR_FROM_MEMORY);
    itr_token_release(token);
    ask.min_valid_ms = t->f->config.token_ttl_ms + 1;
    assert_int_equal(itr_client_token(t->c, &ask, 30000, &token, &origin, &e), ITR_USAGE);
    assert_null(token);
}

static void a_token_that_does_not_come_in_time_is_a_timeout(void **state)
{
    struct client_driver *t = *state;
    struct itr_token_ask ask = {0};
    struct itr_token *token;
    enum itr_token_origin origin;
    struct itr_error e;

    fake_hold(FAKE_TOKEN, true);
    fake_idle_advances(true);
    assert_int_equal(itr_client_token(t->c, &ask, 500, &token, &origin, &e), ITR_TIMEOUT);
    assert_null(token);
    assert_true(e.retryable);
    fake_hold(FAKE_TOKEN, false);
}

static void a_failed_fetch_is_the_tokens_error(void **state)
{
    struct client_driver *t = *state;
    struct itr_token_ask ask = {0};
    struct itr_token *token;
    enum itr_token_origin origin;
    struct itr_error e;

    fake_answer_next(
        FAKE_TOKEN,
        (struct fake_answer){.http_status = 200, .body = "{\"code\":40001,\"message\":\"x\"}"});
    assert_int_equal(itr_client_token(t->c, &ask, 30000, &token, &origin, &e), ITR_TOKEN);
    assert_null(token);
    assert_int_equal(e.code, 40001);
    assert_int_equal(client_driver_run_one(t->c), ITR_TOKEN);
    assert_int_equal(fake_started(FAKE_API), 0);
}

static void a_shorter_lifetime_than_requested_comes_with_the_reason(void **state)
{
    struct client_driver *t = *state;
    struct itr_token_ask ask = {0};
    struct itr_token *token;
    enum itr_token_origin origin;
    struct itr_error e;

    client_driver_warm(t);
    fake_clock_advance(&t->f->clock, 60000);
    ask.min_valid_ms = t->f->config.token_ttl_ms - 1000;
    fake_answer_next(FAKE_TOKEN, (struct fake_answer){.http_status = 500,
                                                      .body = "{\"code\":500,\"message\":\"x\"}"});
    assert_int_equal(itr_client_token(t->c, &ask, 30000, &token, &origin, &e), ITR_OK);
    assert_string_equal(token->text, "token-00000001");
    assert_int_equal(e.kind, ITR_API);
    itr_token_release(token);
    ask.min_valid_ms = 1000;
    assert_int_equal(itr_client_token(t->c, &ask, 30000, &token, &origin, &e), ITR_OK);
    assert_int_equal(e.kind, ITR_OK);
    itr_token_release(token);
}

/* The token comes only after the call's answer. */
static void then_the_token(enum fake_lane lane, int nth, void *ctx)
{
    (void)nth;
    (void)ctx;
    if (lane == FAKE_API)
        fake_hold(FAKE_TOKEN, false);
}

static void an_answer_that_comes_while_a_token_is_waited_for_is_not_lost(void **state)
{
    struct client_driver *t = *state;
    struct itr_token_ask refresh = {.refresh = true};
    struct itr_call call;
    struct itr_token *token;
    enum itr_token_origin origin;
    struct itr_error e;

    client_driver_warm(t);
    fake_clock_advance(&t->f->clock, 60000); /* a refresh may fetch again */
    fake_hold(FAKE_API, true);
    fake_hold(FAKE_TOKEN, true);
    client_driver_start(t->c, &call);
    client_driver_push_all(t->c);
    assert_int_equal(call.step, ITR_CALL_SEND);
    fake_before_send(then_the_token, NULL);
    fake_hold(FAKE_API, false);
    assert_int_equal(itr_client_token(t->c, &refresh, 30000, &token, &origin, &e), ITR_OK);
    assert_string_equal(token->text, "token-00000002");
    itr_token_release(token);
    assert_ptr_equal(client_driver_next(t->c), &call);
    assert_int_equal(call.step, ITR_CALL_DONE);
    assert_null(client_driver_next(t->c));
    itr_call_clear(&call);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        with_client_driver(a_call_fetches_a_token_and_is_done),
        with_client_driver(a_token_revoked_under_it_costs_one_fetch_and_one_repeat),
        with_client_driver(at_half_of_its_time_a_call_goes_on_with_the_token_that_is_held),
        with_client_driver(a_call_waits_its_backoff_by_the_clock),
        with_client_driver(a_call_says_how_long_all_of_it_took),
        with_client_driver(a_call_that_is_started_once_more_is_counted_once),
        with_client_driver(a_start_that_fails_is_a_failed_call),
        with_client_driver(a_start_that_fails_says_that_nothing_was_executed),
        with_client_driver(a_usage_error_comes_out_like_any_other),
        with_client_driver(a_call_without_a_token_ends_by_its_deadline),
        with_client_driver(a_request_gets_the_time_that_is_left),
        with_client_driver(many_calls_share_one_fetch),
        with_client_driver(many_calls_refused_at_once_share_one_fetch),
        with_client_driver(calls_end_as_they_are_answered),
        with_client_driver(one_that_is_run_beside_others_loses_none_of_them),
        with_client_driver(the_token_can_be_asked_for),
        with_client_driver(a_token_that_does_not_come_in_time_is_a_timeout),
        with_client_driver(a_failed_fetch_is_the_tokens_error),
        with_client_driver(a_shorter_lifetime_than_requested_comes_with_the_reason),
        with_client_driver(an_answer_that_comes_while_a_token_is_waited_for_is_not_lost),
    };

    fixture_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
