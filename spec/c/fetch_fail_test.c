/* fetch: what comes of a fetch that brought no token (docs/design.md 4.2). */
#include "support/fetch_driver.h"

static const struct fake_answer unreachable = {.carried = ITR_NETWORK, .detail = "refused"};

/* ---- nothing was sent ---- */

static void what_was_not_sent_counts_nothing_and_is_waited_out_here_alone(void **state)
{
    struct t *t = *state;
    struct itr_record r;

    fake_answer_next(FAKE_TOKEN, unreachable);
    run(t);
    assert_error(t, ITR_NETWORK);
    assert_in_range(t->r.retry_after_ms, 1, 1000);
    assert_int_equal(t->m.local_failures, 1);
    r = record(t);
    assert_int_equal(r.fetches, 0);
    assert_int_equal(r.failures, 0);
    assert_int_equal(r.failed_ms, 0);
    assert_int_equal(r.error.kind, ITR_OK);
    assert_string_equal(r.owner, "");

    assert_int_equal(t->f->clock.slept, 0);
    run(t); /* the hold is short: waited out */
    assert_token(t, "token-00000001", ITR_FROM_GATEWAY);
    assert_true(t->f->clock.slept > 0);
    assert_int_equal(t->m.local_failures, 0);
}

static void what_is_never_sent_is_tried_ever_more_seldom(void **state)
{
    struct t *t = *state;
    int tries = 0, before;

    fake_answer_always(FAKE_TOKEN, unreachable);
    do {
        before = fake_sent(FAKE_TOKEN);
        run(t);
        assert_error(t, ITR_NETWORK);
        tries++;
    } while (fake_sent(FAKE_TOKEN) > before && tries < 100);
    assert_in_range(tries, 3, 99); /* in the end a hold is too long to be waited out */
    assert_true(t->r.retry_after_ms >= 5000);
    assert_int_equal(record(t).fetches, 0);
    fake_clock_advance(&t->f->clock, 300000);
    fake_answer_always(FAKE_TOKEN, http(200, NULL));
    run(t);
    assert_token(t, "token-00000001", ITR_FROM_GATEWAY);
}

static void a_local_hold_never_keeps_from_a_token_in_the_record(void **state)
{
    struct t *t = *state;

    fake_answer_next(FAKE_TOKEN, unreachable);
    run(t);
    put_token(t, "theirs", UINT64_C(1) << 50);
    run(t);
    assert_token(t, "theirs", ITR_FROM_MEMORY);
    assert_int_equal(t->f->clock.slept, 0);
}

static void a_transport_that_cannot_be_opened_sent_nothing(void **state)
{
    struct t *t = *state;

    fake_fail_open(1);
    run(t);
    assert_null(t->r.token);
    assert_int_not_equal(t->r.error.kind, ITR_OK);
    assert_int_equal(record(t).fetches, 0);
    assert_string_equal(record(t).owner, "");
    fake_fail_start(1, ITR_NOMEM);
    run(t);
    assert_null(t->r.token);
    assert_int_equal(record(t).fetches, 0);
}

/* ---- sent, and no token came of it ---- */

static void a_failure_is_noted_for_the_fleet(void **state)
{
    struct t *t = *state;
    struct itr_record r;
    int64_t retry_after;

    fake_answer_next(FAKE_TOKEN, http(502, "<html>"));
    run(t);
    assert_error(t, ITR_HTTP);
    assert_int_equal(itr_machine_fetches_today(&t->m, fake_clock_now(&t->f->clock)), 1);
    r = record(t);
    assert_int_equal(r.failures, 1);
    assert_int_equal(r.error.kind, ITR_HTTP);
    assert_int_equal(r.error.http_status, 502);
    assert_int_equal(r.failed_ms, fake_store_now(t->f->store));
    assert_int_equal(r.fetches, 1);
    retry_after = t->r.retry_after_ms;
    assert_in_range(retry_after, 100, 1000);
    run(t); /* under 5 s: waited out */
    assert_token(t, "token-00000001", ITR_FROM_GATEWAY);
    assert_int_equal(fake_store_now(t->f->store), r.failed_ms + retry_after);
    assert_int_equal(record(t).failures, 0);
    assert_int_equal(record(t).error.kind, ITR_OK);
}

static void an_answer_that_was_lost_is_a_failure_too(void **state)
{
    static const struct fake_answer lost = {.carried = ITR_TIMEOUT, .sent = true, .detail = "t"};
    struct t *t = *state;

    fake_answer_next(FAKE_TOKEN, lost);
    run(t);
    assert_error(t, ITR_TIMEOUT);
    assert_int_equal(record(t).failures, 1);
    assert_int_equal(record(t).fetches, 1);
    assert_int_equal(t->m.local_failures, 0);
}

static void a_success_without_a_token_is_a_failure_of_kind_token(void **state)
{
    static const char *const bodies[] = {
        "{\"code\":200}",
        "{\"code\":200,\"data\":{\"accessToken\":\"\"}}",
        "{\"code\":200,\"data\":{\"accessToken\":7}}",
        "{\"code\":200,\"data\":{\"accessToken\":\"a\\u0001b\"}}",
    };
    struct t *t = *state;
    size_t i;

    for (i = 0; i < count_of(bodies); i++) {
        fake_store_forget(t->f->store);
        fake_answer_next(FAKE_TOKEN, http(200, bodies[i]));
        run(t);
        assert_error(t, ITR_TOKEN);
        assert_int_equal(record(t).failures, 1);
    }
}

static void a_hold_of_5_s_or_more_is_the_answer(void **state)
{
    struct t *t = *state;
    struct itr_record r = record(t);

    r.failures = 3;
    r.failure = ITR_FAILURE_LIMIT;
    r.error.kind = ITR_QUOTA;
    snprintf(r.error.text, sizeof r.error.text, "40004");
    r.failed_ms = fake_store_now(t->f->store) - 1800000 + 5000;
    fake_store_write(t->f->store, &r);
    run(t);
    assert_error(t, ITR_QUOTA);
    assert_int_equal(t->r.retry_after_ms, 5000);
    assert_int_equal(fake_started(FAKE_TOKEN), 0);
    assert_int_equal(t->f->clock.sleeps, 0);

    r.failed_ms--;
    fake_store_write(t->f->store, &r);
    run(t);
    assert_token(t, "token-00000001", ITR_FROM_GATEWAY);
    assert_int_equal(t->f->clock.slept, 4999);
}

static void refused_credentials_are_noted_for_that_secret(void **state)
{
    struct t *t = *state;
    struct itr_record r;

    fake_answer_next(FAKE_TOKEN, http(200, "{\"code\":40002,\"message\":\"" FIXTURE_SECRET "\"}"));
    run(t);
    assert_error(t, ITR_TOKEN);
    assert_true(t->r.error.has_code);
    assert_int_equal(t->r.error.code, 40002);
    r = record(t);
    assert_string_equal(r.forbidden, t->m.setup.rules.secret_digest);
    assert_int_equal(t->r.retry_after_ms, 600000);
    run(t);
    assert_error(t, ITR_TOKEN);
    assert_int_equal(t->r.error.code, 40002);
    assert_int_equal(fake_sent(FAKE_TOKEN), 1);
    snprintf(t->m.setup.rules.secret_digest, sizeof t->m.setup.rules.secret_digest, "another");
    run(t);
    assert_token(t, "token-00000001", ITR_FROM_GATEWAY);
}

/* Neither here nor for the fleet: the token that is held, the refused one, the record's, the new
 * one, and the app's secret. */
static void what_the_gateway_says_is_told_without_any_secret(void **state)
{
    static const char *const secrets[] = {"h3ld", "r3fused", "st0red", "fr3sh", FIXTURE_SECRET};
    struct t *t = *state;
    struct itr_token *held = token_of("h3ld-token", 7), *refused = token_of("r3fused-token", 6);
    struct itr_record r;
    size_t i;

    put_token(t, "st0red-token", 5);
    fake_answer_next(FAKE_TOKEN,
                     http(200,
                          "{\"code\":50001,\"message\":\"no: h3ld-token r3fused-token st0red-token "
                          "fr3sh-token " FIXTURE_SECRET "\",\"data\":{\"accessToken\":"
                          "\"fr3sh-token\"}}"));
    run_for(t, &(struct itr_fetch_wish){.held = held, .refused = refused});
    assert_error(t, ITR_API);
    r = record(t);
    assert_non_null(strstr(t->r.error.text, "no: ***"));
    assert_non_null(strstr(r.error.text, "no: ***"));
    for (i = 0; i < count_of(secrets); i++) {
        assert_null(strstr(t->r.error.text, secrets[i]));
        assert_null(strstr(r.error.text, secrets[i]));
    }
    itr_token_release(held);
    itr_token_release(refused);
}

static void the_tenants_limit_is_noted(void **state)
{
    struct t *t = *state;

    fake_answer_next(FAKE_TOKEN, http(200, "{\"code\":40004,\"message\":\"x\"}"));
    run(t);
    assert_error(t, ITR_QUOTA);
    assert_int_equal(t->r.error.code, 40004);
    assert_int_equal(t->r.retry_after_ms, 1800000);
    run(t);
    assert_error(t, ITR_QUOTA);
    assert_int_equal(fake_sent(FAKE_TOKEN), 1);
    fake_clock_advance(&t->f->clock, 1800000);
    run(t);
    assert_token(t, "token-00000001", ITR_FROM_GATEWAY);
}

static void the_daily_limit_of_the_option_holds(void **state)
{
    struct t *t = *state;

    t->m.setup.rules.daily_limit = 1;
    run(t);
    fake_store_read(t->f->store, &(struct itr_record){0});
    run_for(t, &(struct itr_fetch_wish){.asked = true});
    assert_token(t, "token-00000001", ITR_FROM_MEMORY);
    t->m.setup.rules.min_refresh_interval_ms = 0;
    {
        struct itr_token *held = token_of("token-00000001", record(t).fence);
        run_for(t, &(struct itr_fetch_wish){.held = held, .asked = true});
        itr_token_release(held);
    }
    assert_error(t, ITR_QUOTA);
    assert_int_equal(fake_sent(FAKE_TOKEN), 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(what_was_not_sent_counts_nothing_and_is_waited_out_here_alone),
        T(what_is_never_sent_is_tried_ever_more_seldom),
        T(a_local_hold_never_keeps_from_a_token_in_the_record),
        T(a_transport_that_cannot_be_opened_sent_nothing),
        T(a_failure_is_noted_for_the_fleet),
        T(an_answer_that_was_lost_is_a_failure_too),
        T(a_success_without_a_token_is_a_failure_of_kind_token),
        T(a_hold_of_5_s_or_more_is_the_answer),
        T(refused_credentials_are_noted_for_that_secret),
        T(what_the_gateway_says_is_told_without_any_secret),
        T(the_tenants_limit_is_noted),
        T(the_daily_limit_of_the_option_holds),
    };

    fixture_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
