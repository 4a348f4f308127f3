/* fetch: a store that is down, refused and asked fetches, the process's end. */
#include "support/fetch_driver.h"

/* ---- the store is down ---- */

static void a_store_that_is_down_is_kind_store_and_nothing_is_fetched(void **state)
{
    struct t *t = *state;

    fake_store_fail(t->f->store, -1, -1);
    run(t);
    assert_error(t, ITR_STORE);
    assert_in_range(t->r.retry_after_ms, 1, 5000);
    fake_store_fail(t->f->store, -1, 0);
    run(t);
    assert_error(t, ITR_STORE);
    assert_int_equal(t->f->store->swaps, 0); /* of what was not read nothing is concluded */
    fake_store_fail(t->f->store, 0, 1);      /* the lease cannot be written */
    run(t);
    assert_error(t, ITR_STORE);
    assert_in_range(t->r.retry_after_ms, 1, 5000);
    assert_int_equal(fake_started(FAKE_TOKEN), 0);
    run(t);
    assert_token(t, "token-00000001", ITR_FROM_GATEWAY);
}

static void a_newer_record_is_an_error_and_left_as_it_is(void **state)
{
    static const char newer[] = "itrigger-token 3\nfence 7\n";
    struct t *t = *state;
    struct itr_store *inner = t->f->store->inner;
    struct itr_error e;
    bool done;

    assert_int_equal(
        inner->ops->swap(inner, t->fetch.key, NULL, 0, newer, sizeof newer - 1, 1, &done, &e),
        ITR_OK);
    run(t);
    assert_error(t, ITR_STORE);
    assert_non_null(strstr(t->r.error.text, "newer format (3,"));
    assert_int_equal(t->f->store->swaps, 0);
    assert_int_equal(fake_started(FAKE_TOKEN), 0);
}

static void swaps_fail(enum fake_lane lane, int nth, void *ctx)
{
    struct t *t = ctx;

    (void)lane;
    (void)nth;
    fake_store_fail(t->f->store, 0, -1);
}

static void unsettled(struct t *t)
{
    fake_before_send(swaps_fail, t);
    run(t);
    assert_non_null(t->r.token);
    assert_false(is_settled(t));
}

static void a_token_that_cannot_be_stored_is_used_and_stored_later(void **state)
{
    struct t *t = *state;
    int64_t now = fake_clock_now(&t->f->clock);

    unsettled(t);
    assert_token(t, "token-00000001", ITR_FROM_GATEWAY);
    assert_int_equal(t->r.token->end_mono_ms, now + 7200000);
    assert_string_equal(record(t).text, "");
    assert_string_not_equal(record(t).owner, "");
    assert_false(settle_again(t)); /* still down */
    assert_true(t->m.has_lease);
    assert_int_equal(t->r.error.kind, ITR_OK);
    fake_store_fail(t->f->store, -1, 0);
    assert_false(settle_again(t));
    fake_store_fail(t->f->store, 0, 0);
    assert_true(settle_again(t));
    assert_false(t->m.has_lease);
    assert_string_equal(record(t).text, "token-00000001");
    assert_true(record(t).fence == t->r.token->fence);
    assert_string_equal(record(t).owner, "");
    assert_int_equal(record(t).fetches, 1);
}

static void a_token_stored_late_gives_way_to_another_lease(void **state)
{
    struct t *t = *state;

    unsettled(t);
    fake_store_fail(t->f->store, 0, 0);
    fake_store_step(t->f->store, 16000);
    put_lease(t, 10000);
    assert_true(settle_again(t)); /* no need to try again */
    assert_string_equal(record(t).owner, "another-process");
    assert_string_equal(record(t).text, "");
    assert_false(t->m.has_lease);
}

static void a_store_that_forgot_takes_the_token_too(void **state)
{
    struct t *t = *state;

    unsettled(t);
    fake_store_fail(t->f->store, 0, 0);
    fake_store_forget(t->f->store);
    assert_true(settle_again(t));
    assert_string_equal(record(t).text, "token-00000001");
    assert_int_equal(record(t).fetches, 1);
}

static void a_failure_that_cannot_be_stored_is_still_told(void **state)
{
    struct t *t = *state;

    fake_before_send(swaps_fail, t);
    fake_answer_next(FAKE_TOKEN, http(502, ""));
    run(t);
    assert_error(t, ITR_HTTP);
}

/* ---- refused, asked ---- */

static void a_refused_token_is_replaced_and_that_is_noted(void **state)
{
    struct t *t = *state;
    struct itr_token *held;

    run(t);
    held = itr_token_retain(t->r.token);
    run_for(t, &(struct itr_fetch_wish){.held = held, .refused = held});
    assert_token(t, "token-00000002", ITR_FROM_GATEWAY);
    assert_true(t->r.token->fence > held->fence);
    assert_int_equal(record(t).refused_ms, fake_store_now(t->f->store));
    assert_int_equal(record(t).refusals, 1);
    itr_token_release(held);
}

static void a_refused_string_is_never_taken_from_the_record(void **state)
{
    struct t *t = *state;
    struct itr_token *refused = token_of("theirs", 3);

    put_token(t, "theirs", 9); /* the same string under a higher fence */
    run_for(t, &(struct itr_fetch_wish){.held = refused, .refused = refused});
    assert_token(t, "token-00000001", ITR_FROM_GATEWAY);
    itr_token_release(refused);
}

static void a_short_hold_after_a_refusal_is_waited_out(void **state)
{
    struct t *t = *state;
    struct itr_token *held = token_of("theirs", 5);
    struct itr_record r = with_token(t, "theirs", 5);

    t->m.setup.rules.min_refresh_interval_ms = 3000;
    r.refusals = 2;
    r.refused_ms = fake_store_now(t->f->store) - 1000;
    fake_store_write(t->f->store, &r);
    run_for(t, &(struct itr_fetch_wish){.held = held, .refused = held});
    assert_token(t, "token-00000001", ITR_FROM_GATEWAY);
    assert_int_equal(t->f->clock.slept, 2000);
    itr_token_release(held);
}

static void the_same_string_again_keeps_its_birth(void **state)
{
    struct t *t = *state;
    struct itr_token *held;
    int64_t born;

    fake_answer_always(FAKE_TOKEN,
                       http(200, "{\"code\":200,\"data\":{\"accessToken\":\"the-same-one\"}}"));
    run(t);
    held = itr_token_retain(t->r.token);
    born = held->born_mono_ms;
    fake_clock_advance(&t->f->clock, 3600000);
    run_for(t, &(struct itr_fetch_wish){.held = held, .refused = held});
    assert_token(t, "the-same-one", ITR_FROM_GATEWAY);
    assert_int_equal(t->r.token->born_mono_ms, born);
    assert_true(t->r.token->fence > held->fence);
    assert_true(t->r.token->end_mono_ms >= born + 7200000);
    itr_token_release(held);
}

static void asked_too_soon_there_is_no_reason_to_fetch(void **state)
{
    struct t *t = *state;
    struct itr_token *held;

    run(t);
    held = itr_token_retain(t->r.token);
    fake_clock_advance(&t->f->clock, 10000);
    run_for(t, &(struct itr_fetch_wish){.held = held, .asked = true});
    assert_error(t, ITR_OK);
    assert_int_equal(t->r.retry_after_ms, 20000);
    fake_clock_advance(&t->f->clock, 20000);
    run_for(t, &(struct itr_fetch_wish){.held = held, .asked = true});
    assert_token(t, "token-00000002", ITR_FROM_GATEWAY);
    itr_token_release(held);
}

/* ---- the process ends ---- */

static void a_process_that_ends_begins_no_request(void **state)
{
    struct t *t = *state;

    end(t);
    run(t);
    assert_null(t->r.token);
    assert_int_not_equal(t->r.error.kind, ITR_OK);
    assert_int_equal(fake_sent(FAKE_TOKEN), 0);
    assert_int_equal(record(t).fetches, 0);
    assert_string_equal(record(t).owner, ""); /* and leaves no lease behind */
}

static void ends_at_third_load(struct fake_store *s, int nth)
{
    struct t *t = s->ctx;

    if (nth == 3)
        end(t);
}

static void a_process_that_ends_does_not_wait_for_anothers_lease(void **state)
{
    struct t *t = *state;

    put_lease(t, 10000);
    t->f->store->before_load = ends_at_third_load;
    run(t);
    assert_error(t, ITR_TIMEOUT);
    assert_string_equal(record(t).owner, "another-process");
    assert_true(t->f->clock.slept < 1000);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(a_store_that_is_down_is_kind_store_and_nothing_is_fetched),
        T(a_newer_record_is_an_error_and_left_as_it_is),
        T(a_token_that_cannot_be_stored_is_used_and_stored_later),
        T(a_token_stored_late_gives_way_to_another_lease),
        T(a_store_that_forgot_takes_the_token_too),
        T(a_failure_that_cannot_be_stored_is_still_told),
        T(a_refused_token_is_replaced_and_that_is_noted),
        T(a_refused_string_is_never_taken_from_the_record),
        T(a_short_hold_after_a_refusal_is_waited_out),
        T(the_same_string_again_keeps_its_birth),
        T(asked_too_soon_there_is_no_reason_to_fetch),
        T(a_process_that_ends_begins_no_request),
        T(a_process_that_ends_does_not_wait_for_anothers_lease),
    };

    fixture_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
