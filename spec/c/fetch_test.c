/* fetch: the record, another's lease, the swap, fencing (docs/design.md 4.3). */
#include "support/fetch_driver.h"

/* ---- cold ---- */

static void cold_it_fetches_from_the_gateway_and_stores_the_token(void **state)
{
    struct t *t = *state;
    int64_t now = fake_clock_now(&t->f->clock);
    struct fake_request q;
    struct itr_record r;

    run(t);
    assert_token(t, "token-00000001", ITR_FROM_GATEWAY);
    assert_true(is_settled(t));
    assert_int_equal(itr_machine_fetches_today(&t->m, now), 1);
    assert_int_equal(t->r.token->born_mono_ms, now);
    assert_int_equal(t->r.token->end_mono_ms, now + 7200000);
    assert_in_range(t->r.token->refresh_mono_ms, now + 5400000 - 300000, now + 5400000);

    q = fake_request(FAKE_TOKEN, 0);
    assert_string_equal(q.url, FIXTURE_GATEWAY "/itrigger-tenant/v1/basic/accessTokenOpen/token"
                                               "?appId=" FIXTURE_APP "&appSecret=" FIXTURE_SECRET);
    assert_false(q.post);
    assert_int_equal(q.timeout_ms, 10000);

    r = record(t);
    assert_string_equal(r.text, "token-00000001");
    assert_true(r.fence == t->r.token->fence);
    assert_string_equal(r.owner, ""); /* the lease is given back */
    assert_int_equal(r.fetches, 1);
    assert_int_equal(r.end_ms - r.born_ms, 7200000);
}

static void the_refresh_endpoint_is_asked_when_the_option_says_so(void **state)
{
    struct t *t = *state;

    t->f->config.token_endpoint = ITR_ENDPOINT_REFRESH;
    run(t);
    assert_non_null(strstr(fake_request(FAKE_TOKEN, 0).url, "/accessTokenOpen/token/refresh?"));
}

/* The day's count outlives a token of 2 hours; one of days outlives the day. */
static void a_record_is_kept_for_36_hours_or_as_long_as_its_token(void **state)
{
    struct t *t = *state;

    run(t);
    assert_int_equal(t->f->store->keep_for_ms, INT64_C(36) * 3600 * 1000);
    fake_store_forget(t->f->store);
    t->f->config.token_ttl_ms = INT64_C(72) * 3600 * 1000;
    run(t);
    assert_int_equal(t->f->store->keep_for_ms, INT64_C(72) * 3600 * 1000);
}

static uint64_t id_of_what_is_stored(struct t *t)
{
    struct itr_error e;

    assert_int_equal(itr_stored_load(&t->fetch.stored, &e), ITR_OK);
    return t->fetch.stored.bytes_id;
}

/* By it the machine knows whether a swap whose answer was lost may still come. */
static void equal_bytes_have_one_id_and_others_another(void **state)
{
    struct t *t = *state;
    struct itr_record r = {0};
    uint64_t none = id_of_what_is_stored(t), some;

    assert_true(id_of_what_is_stored(t) == none);
    r.day = 1;
    fake_store_write(t->f->store, &r);
    some = id_of_what_is_stored(t);
    assert_true(some != none);
    assert_true(id_of_what_is_stored(t) == some);
    r.day = 2;
    fake_store_write(t->f->store, &r);
    assert_true(id_of_what_is_stored(t) != some);
    fake_store_forget(t->f->store);
    assert_true(id_of_what_is_stored(t) == none);

    /* The machine is told. */
    begin_for(t, &(struct itr_fetch_wish){0});
    itr_fetch_act(&t->fetch);
    assert_true(t->m.bytes_id == none);
    drive(t);
}

/* As long as a value may be: it is no record, and so it is replaced. */
static void a_long_value_of_another_program_is_replaced(void **state)
{
    struct t *t = *state;
    struct itr_store *inner = t->f->store->inner;
    char text[ITR_STORE_VALUE_MAX];
    struct itr_error e;
    bool done;

    memset(text, 'x', sizeof text);
    assert_int_equal(
        inner->ops->swap(inner, t->fetch.key, NULL, 0, text, sizeof text, 1, &done, &e), ITR_OK);
    assert_true(done);
    run(t);
    assert_token(t, "token-00000001", ITR_FROM_GATEWAY);
    assert_string_equal(record(t).text, "token-00000001");
}

static void look_at_leased(enum fake_lane lane, int nth, void *ctx)
{
    struct t *t = ctx;

    (void)lane;
    (void)nth;
    assert_true(t->m.has_lease);
    assert_string_equal(record(t).owner, t->m.name);
    assert_int_equal(record(t).lease_end_ms - fake_store_now(t->f->store), 15000);
}

static void while_the_request_is_out_our_lease_stands(void **state)
{
    struct t *t = *state;

    fake_before_send(look_at_leased, t);
    run(t);
    assert_token(t, "token-00000001", ITR_FROM_GATEWAY);
}

/* ---- the record ---- */

static void a_token_in_the_record_is_taken_and_nothing_is_fetched(void **state)
{
    struct t *t = *state;
    int64_t now = fake_clock_now(&t->f->clock);

    put_token(t, "theirs", 5);
    run(t);
    assert_token(t, "theirs", ITR_FROM_MEMORY);
    assert_true(t->r.token->fence == 5);
    assert_int_equal(t->r.token->born_mono_ms, now - 3600000);
    assert_int_equal(t->r.token->end_mono_ms, now + 3600000);
    assert_int_equal(fake_started(FAKE_TOKEN), 0);
    assert_int_equal(t->f->store->swaps, 0);
}

static void a_stores_clock_of_another_day_does_not_touch_our_times(void **state)
{
    struct t *t = *state;
    int64_t now = fake_clock_now(&t->f->clock);

    fake_store_step(t->f->store, INT64_C(-86400000) * 400);
    put_token(t, "theirs", 5);
    run(t);
    assert_token(t, "theirs", ITR_FROM_MEMORY);
    assert_int_equal(t->r.token->end_mono_ms, now + 3600000);
}

static void a_life_from_the_record_is_never_longer_than_ours(void **state)
{
    struct t *t = *state;
    struct itr_record r = with_token(t, "theirs", 5);
    int64_t now = fake_clock_now(&t->f->clock);

    r.end_ms = r.refresh_ms = fake_store_now(t->f->store) + INT64_C(86400000) * 300;
    fake_store_write(t->f->store, &r);
    run(t);
    assert_token(t, "theirs", ITR_FROM_MEMORY);
    assert_true(t->r.token->end_mono_ms <= now + 7200000);
    assert_true(t->r.token->refresh_mono_ms <= t->r.token->end_mono_ms);
}

static void the_token_that_is_held_is_not_taken_again(void **state)
{
    struct t *t = *state;
    struct itr_token *held = token_of("theirs", 5);
    struct itr_fetch_wish wish = {.held = held};

    put_token(t, "theirs", 5);
    run_for(t, &wish);
    assert_token(t, "token-00000001", ITR_FROM_GATEWAY);
    assert_true(t->r.token->fence > 5);
    itr_token_release(held);
}

static void a_corrupt_record_counts_as_none(void **state)
{
    struct t *t = *state;
    struct itr_store *inner = t->f->store->inner;
    struct itr_error e;
    bool done = false;

    assert_int_equal(
        inner->ops->swap(inner, t->fetch.key, NULL, 0, "garbage\0\xff", 9, 1, &done, &e), ITR_OK);
    assert_true(done);
    run(t);
    assert_token(t, "token-00000001", ITR_FROM_GATEWAY);
}

/* ---- another's lease ---- */

static void theirs_arrives(struct fake_store *s, int nth)
{
    if (nth == 4)
        put_token(s->ctx, "theirs", UINT64_C(1) << 50);
}

static void it_waits_for_anothers_lease_and_takes_its_token(void **state)
{
    struct t *t = *state;

    put_lease(t, 10000);
    t->f->store->before_load = theirs_arrives;
    run(t);
    assert_token(t, "theirs", ITR_FROM_MEMORY);
    assert_int_equal(fake_started(FAKE_TOKEN), 0);
    assert_int_equal(t->f->clock.sleeps, 3); /* 10, 20, 40 ms: looks again, each time later */
    assert_int_equal(t->f->clock.slept, 70);
}

static void a_lease_that_lapsed_is_taken_over(void **state)
{
    struct t *t = *state;
    int64_t start = fake_clock_now(&t->f->clock);

    put_lease(t, 3000);
    run(t);
    assert_token(t, "token-00000001", ITR_FROM_GATEWAY);
    assert_int_equal(fake_clock_now(&t->f->clock), start + 3000); /* no sooner, no later */
    assert_int_equal(fake_sent(FAKE_TOKEN), 1);
    assert_true(t->f->store->loads < 40); /* at most five looks a second, not a busy loop */
}

/* ---- the swap ---- */

static void theirs_comes_first(struct fake_store *s, int nth)
{
    if (nth == 1)
        put_token(s->ctx, "theirs", UINT64_C(1) << 50);
}

static void a_lost_swap_decides_again_and_takes_what_came(void **state)
{
    struct t *t = *state;

    t->f->store->before_swap = theirs_comes_first;
    run(t);
    assert_token(t, "theirs", ITR_FROM_MEMORY);
    assert_int_equal(fake_started(FAKE_TOKEN), 0);
}

static void count_grows(struct fake_store *s, int nth)
{
    struct itr_record r = record(s->ctx);

    if (nth > 2)
        return;
    r.fetches += 1;
    r.day = (int32_t)((fake_store_now(s) + 8 * 3600000) / 86400000);
    fake_store_write(s, &r);
}

static void a_lost_swap_decides_again_and_acquires(void **state)
{
    struct t *t = *state;

    t->f->store->before_swap = count_grows;
    run(t);
    assert_token(t, "token-00000001", ITR_FROM_GATEWAY);
    assert_int_equal(fake_sent(FAKE_TOKEN), 1);
    assert_int_equal(record(t).fetches, 3); /* nothing that others counted is lost */
}

static void third_swap_is_disturbed(struct fake_store *s, int nth)
{
    struct itr_record r = record(s->ctx);

    if (nth != 2) /* 1 acquires, 2 settles */
        return;
    r.fetches += 7;
    fake_store_write(s, &r);
}

static void settling_is_repeated_until_it_is_in(void **state)
{
    struct t *t = *state;

    t->f->store->before_swap = third_swap_is_disturbed;
    run(t);
    assert_token(t, "token-00000001", ITR_FROM_GATEWAY);
    assert_int_equal(t->f->store->swaps, 3);
    assert_string_equal(record(t).text, "token-00000001");
    assert_int_equal(record(t).fetches, 8);
}

/* ---- fenced off ---- */

static void overslept_once(enum fake_lane lane, int nth, void *ctx)
{
    struct t *t = ctx;

    (void)lane;
    if (nth == 1)
        fake_store_step(t->f->store, 15000); /* the whole lease */
}

static void a_holder_that_overslept_sends_nothing_and_decides_again(void **state)
{
    struct t *t = *state;

    fake_before_send(overslept_once, t);
    run(t);
    assert_int_equal(fake_started(FAKE_TOKEN), 2);
    assert_int_equal(fake_sent(FAKE_TOKEN), 1);
    assert_token(t, "token-00000001", ITR_FROM_GATEWAY);
    assert_int_equal(record(t).fetches, 1); /* the one that was not sent is taken back */
    assert_int_equal(record(t).failures, 0);
    assert_int_equal(t->m.local_failures, 0); /* it was no trouble with the network */
}

static void overslept_and_another_took_over(enum fake_lane lane, int nth, void *ctx)
{
    struct t *t = ctx;

    (void)lane;
    (void)nth;
    fake_store_step(t->f->store, 15000);
    put_token(t, "theirs", UINT64_C(1) << 50);
}

static void a_holder_that_overslept_takes_its_successors_token(void **state)
{
    struct t *t = *state;

    fake_before_send(overslept_and_another_took_over, t);
    run(t);
    assert_token(t, "theirs", ITR_FROM_MEMORY);
    assert_int_equal(fake_sent(FAKE_TOKEN), 0);
    assert_int_equal(t->m.local_failures, 0);
}

static void a_request_that_the_gateway_refused_unread_goes_out_again(void **state)
{
    struct t *t = *state;

    fake_before_send(look_at_leased, t);
    fake_refuse_unread(2);
    run(t);
    assert_token(t, "token-00000001", ITR_FROM_GATEWAY);
    assert_int_equal(record(t).fetches, 1);
}

static void overslept_before_the_second_try(enum fake_lane lane, int nth, void *ctx)
{
    struct t *t = ctx;
    static int asked;

    (void)lane;
    if (nth == 1 && ++asked == 2)
        fake_store_step(t->f->store, 15000);
}

static void who_oversleeps_such_a_refusal_decides_again(void **state)
{
    struct t *t = *state;

    fake_before_send(overslept_before_the_second_try, t);
    fake_refuse_unread(1);
    run(t);
    assert_int_equal(fake_started(FAKE_TOKEN), 2);
    assert_int_equal(fake_sent(FAKE_TOKEN), 1);
    assert_token(t, "token-00000001", ITR_FROM_GATEWAY);
    assert_int_equal(record(t).fetches, 1); /* the one that was refused is taken back */
}

static void store_fails(enum fake_lane lane, int nth, void *ctx)
{
    struct t *t = ctx;

    (void)lane;
    (void)nth;
    fake_store_fail(t->f->store, -1, -1);
}

static void a_lease_that_cannot_be_looked_at_is_no_reason_to_spend_a_fetch(void **state)
{
    struct t *t = *state;

    fake_before_send(store_fails, t);
    run(t);
    assert_error(t, ITR_STORE);
    assert_int_equal(fake_sent(FAKE_TOKEN), 0);
    assert_int_equal(t->m.local_failures, 0);
    assert_in_range(t->r.retry_after_ms, 1, 5000);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(cold_it_fetches_from_the_gateway_and_stores_the_token),
        T(the_refresh_endpoint_is_asked_when_the_option_says_so),
        T(a_record_is_kept_for_36_hours_or_as_long_as_its_token),
        T(equal_bytes_have_one_id_and_others_another),
        T(a_long_value_of_another_program_is_replaced),
        T(while_the_request_is_out_our_lease_stands),
        T(a_token_in_the_record_is_taken_and_nothing_is_fetched),
        T(a_stores_clock_of_another_day_does_not_touch_our_times),
        T(a_life_from_the_record_is_never_longer_than_ours),
        T(the_token_that_is_held_is_not_taken_again),
        T(a_corrupt_record_counts_as_none),
        T(it_waits_for_anothers_lease_and_takes_its_token),
        T(a_lease_that_lapsed_is_taken_over),
        T(a_lost_swap_decides_again_and_takes_what_came),
        T(a_lost_swap_decides_again_and_acquires),
        T(settling_is_repeated_until_it_is_in),
        T(a_holder_that_overslept_sends_nothing_and_decides_again),
        T(a_holder_that_overslept_takes_its_successors_token),
        T(a_request_that_the_gateway_refused_unread_goes_out_again),
        T(who_oversleeps_such_a_refusal_decides_again),
        T(a_lease_that_cannot_be_looked_at_is_no_reason_to_spend_a_fetch),
    };

    fixture_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
