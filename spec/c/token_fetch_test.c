/* token_fetch: one fetch on a scripted gateway, a store that can be hurt, and a clock of ours. All on
 * the test's own thread: what another process does happens in the store's hooks. */
#include "support/fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/token_fetch.h"

struct t {
    struct fixture *f;
    struct itr_token_fetch fetch;
    struct itr_fetch_result r;
};

static int setup(void **state)
{
    struct t *t = calloc(1, sizeof *t);

    if (fixture_setup((void **)&t->f) != 0)
        return -1;
    itr_token_fetch_init(&t->fetch, &t->f->config, &t->f->parts);
    t->f->store->ctx = t;
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct t *t = *state;
    void *f = t->f;

    itr_fetch_result_clear(&t->r);
    free(t);
    return fixture_teardown(&f);
}

/* ---- steps ---- */

static void run_for(struct t *t, const struct itr_fetch_wish *wish)
{
    itr_fetch_result_clear(&t->r);
    itr_token_fetch_run(&t->fetch, wish, &t->r);
    assert_int_equal(fake_open_transports(), 0);
    assert_int_equal(atomic_load(&t->fetch.leased), t->r.unsettled);
}

static void run(struct t *t)
{
    struct itr_fetch_wish wish = {0};

    run_for(t, &wish);
}

static struct itr_token *token_of(const char *text, uint64_t fence)
{
    struct itr_token_times times = {0, 1, 2};

    return itr_token_new(text, strlen(text), fence, times, ITR_FROM_MEMORY);
}

static void assert_token(const struct t *t, const char *text, enum itr_token_origin origin)
{
    assert_non_null(t->r.token);
    assert_string_equal(t->r.token->text, text);
    assert_int_equal(t->r.token->origin, origin);
    assert_int_equal(t->r.error.kind, ITR_OK);
}

static void assert_error(const struct t *t, enum itr_status kind)
{
    assert_null(t->r.token);
    assert_int_equal(t->r.error.kind, kind);
    assert_null(strstr(t->r.error.text, FIXTURE_SECRET));
}

static struct itr_token_record record(const struct t *t)
{
    struct itr_token_record r;

    fake_store_read(t->f->store, &r);
    return r;
}

/* A record with another's token, an hour old. */
static struct itr_token_record with_token(const struct t *t, const char *text, uint64_t fence)
{
    struct itr_token_record r = record(t);
    int64_t now = fake_store_now(t->f->store);

    snprintf(r.text, sizeof r.text, "%s", text);
    r.fence = fence;
    r.born_ms = r.fetched_ms = now - 3600000;
    r.refresh_ms = now + 1800000;
    r.end_ms = now + 3600000;
    r.owner[0] = '\0';
    r.lease_fence = fence;
    r.lease_end_ms = 0;
    return r;
}

static void put_token(struct t *t, const char *text, uint64_t fence)
{
    struct itr_token_record r = with_token(t, text, fence);

    fake_store_write(t->f->store, &r);
}

static void put_lease(struct t *t, int64_t for_ms)
{
    struct itr_token_record r = record(t);

    snprintf(r.owner, sizeof r.owner, "another-process");
    r.lease_fence = (uint64_t)fake_store_now(t->f->store);
    r.lease_end_ms = fake_store_now(t->f->store) + for_ms;
    fake_store_write(t->f->store, &r);
}

static struct fake_answer http(int status, const char *body)
{
    return (struct fake_answer){.http_status = status, .body = body};
}

static const struct fake_answer unreachable = {.carried = ITR_NETWORK, .detail = "refused"};

/* ---- cold ---- */

static void cold_it_fetches_from_the_gateway_and_stores_the_token(void **state)
{
    struct t *t = *state;
    int64_t now = fake_clock_now(&t->f->clock);
    struct fake_request q;
    struct itr_token_record r;

    run(t);
    assert_token(t, "token-00000001", ITR_FROM_GATEWAY);
    assert_false(t->r.unsettled);
    assert_int_equal(t->r.fetches_today, 1);
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

static void look_at_leased(enum fake_lane lane, int nth, void *ctx)
{
    struct t *t = ctx;

    (void)lane;
    (void)nth;
    assert_true(atomic_load(&t->fetch.leased));
    assert_string_equal(record(t).owner, t->r.owner);
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
    struct itr_token_record r = with_token(t, "theirs", 5);
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
    assert_true(t->f->clock.sleeps < 40); /* at most five looks a second, not a busy loop */
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
    struct itr_token_record r = record(s->ctx);

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
    struct itr_token_record r = record(s->ctx);

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
    assert_int_equal(t->fetch.local_failures, 0); /* it was no trouble with the network */
    assert_int_equal(t->f->clock.sleeps, 0);
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
    assert_int_equal(t->fetch.local_failures, 0);
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
    assert_int_equal(t->fetch.local_failures, 0);
    assert_in_range(t->r.retry_after_ms, 1, 5000);
}

/* ---- nothing was sent ---- */

static void what_was_not_sent_counts_nothing_and_is_waited_out_here_alone(void **state)
{
    struct t *t = *state;
    struct itr_token_record r;

    fake_answer_next(FAKE_TOKEN, unreachable);
    run(t);
    assert_error(t, ITR_NETWORK);
    assert_in_range(t->r.retry_after_ms, 1, 1000);
    assert_int_equal(t->fetch.local_failures, 1);
    r = record(t);
    assert_int_equal(r.fetches, 0);
    assert_int_equal(r.failures, 0);
    assert_int_equal(r.retry_ms, 0);
    assert_int_equal(r.error.kind, ITR_OK);
    assert_string_equal(r.owner, "");

    assert_int_equal(t->f->clock.slept, 0);
    run(t); /* the hold is short: waited out */
    assert_token(t, "token-00000001", ITR_FROM_GATEWAY);
    assert_true(t->f->clock.slept > 0);
    assert_int_equal(t->fetch.local_failures, 0);
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
    fake_fail_start(1);
    run(t);
    assert_null(t->r.token);
    assert_int_equal(record(t).fetches, 0);
}

/* ---- sent, and no token came of it ---- */

static void a_failure_is_noted_for_the_fleet(void **state)
{
    struct t *t = *state;
    struct itr_token_record r;

    fake_answer_next(FAKE_TOKEN, http(502, "<html>"));
    run(t);
    assert_error(t, ITR_HTTP);
    assert_int_equal(t->r.fetches_today, 1);
    r = record(t);
    assert_int_equal(r.failures, 1);
    assert_int_equal(r.error.kind, ITR_HTTP);
    assert_int_equal(r.error.http_status, 502);
    assert_true(r.retry_ms > fake_store_now(t->f->store));
    assert_int_equal(r.fetches, 1);
    assert_int_equal(t->r.retry_after_ms, r.retry_ms - fake_store_now(t->f->store));
    run(t); /* under 5 s: waited out */
    assert_token(t, "token-00000001", ITR_FROM_GATEWAY);
    assert_true(fake_store_now(t->f->store) >= r.retry_ms);
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
    assert_int_equal(t->fetch.local_failures, 0);
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
    struct itr_token_record r = record(t);

    r.failures = 6;
    r.error.kind = ITR_HTTP;
    r.error.http_status = 502;
    snprintf(r.error.text, sizeof r.error.text, "HTTP 502");
    r.retry_ms = fake_store_now(t->f->store) + 5000;
    fake_store_write(t->f->store, &r);
    run(t);
    assert_error(t, ITR_HTTP);
    assert_int_equal(t->r.error.http_status, 502);
    assert_int_equal(t->r.retry_after_ms, 5000);
    assert_int_equal(fake_started(FAKE_TOKEN), 0);
    assert_int_equal(t->f->clock.sleeps, 0);

    r.retry_ms = fake_store_now(t->f->store) + 4999;
    fake_store_write(t->f->store, &r);
    run(t);
    assert_token(t, "token-00000001", ITR_FROM_GATEWAY);
    assert_int_equal(t->f->clock.slept, 4999);
}

static void refused_credentials_are_noted_for_that_secret(void **state)
{
    struct t *t = *state;
    struct itr_token_record r;

    fake_answer_next(FAKE_TOKEN, http(200, "{\"code\":40002,\"message\":\"" FIXTURE_SECRET "\"}"));
    run(t);
    assert_error(t, ITR_TOKEN);
    assert_true(t->r.error.has_code);
    assert_int_equal(t->r.error.code, 40002);
    r = record(t);
    assert_string_equal(r.forbidden, t->fetch.rules.secret_digest);
    assert_int_equal(t->r.retry_after_ms, 600000);
    run(t);
    assert_error(t, ITR_TOKEN);
    assert_int_equal(t->r.error.code, 40002);
    assert_int_equal(fake_sent(FAKE_TOKEN), 1);
    snprintf(t->fetch.rules.secret_digest, sizeof t->fetch.rules.secret_digest, "another");
    run(t);
    assert_token(t, "token-00000001", ITR_FROM_GATEWAY);
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

    t->fetch.rules.daily_limit = 1;
    run(t);
    fake_store_read(t->f->store, &(struct itr_token_record){0});
    run_for(t, &(struct itr_fetch_wish){.asked = true});
    assert_token(t, "token-00000001", ITR_FROM_MEMORY);
    t->fetch.rules.min_refresh_interval_ms = 0;
    {
        struct itr_token *held = token_of("token-00000001", record(t).fence);
        run_for(t, &(struct itr_fetch_wish){.held = held, .asked = true});
        itr_token_release(held);
    }
    assert_error(t, ITR_QUOTA);
    assert_int_equal(fake_sent(FAKE_TOKEN), 1);
}

/* ---- the store is down ---- */

static void a_store_that_is_down_is_kind_store_and_nothing_is_fetched(void **state)
{
    struct t *t = *state;

    fake_store_fail(t->f->store, -1, -1);
    run(t);
    assert_error(t, ITR_STORE);
    assert_in_range(t->r.retry_after_ms, 1, 5000);
    fake_store_fail(t->f->store, 0, 1); /* the lease cannot be written */
    run(t);
    assert_error(t, ITR_STORE);
    assert_in_range(t->r.retry_after_ms, 1, 5000);
    assert_int_equal(fake_started(FAKE_TOKEN), 0);
    run(t);
    assert_token(t, "token-00000001", ITR_FROM_GATEWAY);
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
    assert_true(t->r.unsettled);
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
    assert_false(itr_token_fetch_settle(&t->fetch, &t->r)); /* still down */
    assert_true(atomic_load(&t->fetch.leased));
    assert_int_equal(t->r.error.kind, ITR_OK);
    fake_store_fail(t->f->store, -1, 0);
    assert_false(itr_token_fetch_settle(&t->fetch, &t->r));
    fake_store_fail(t->f->store, 0, 0);
    assert_true(itr_token_fetch_settle(&t->fetch, &t->r));
    assert_false(atomic_load(&t->fetch.leased));
    t->r.unsettled = false;
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
    assert_true(itr_token_fetch_settle(&t->fetch, &t->r)); /* no need to try again */
    assert_string_equal(record(t).owner, "another-process");
    assert_string_equal(record(t).text, "");
    assert_false(atomic_load(&t->fetch.leased));
    t->r.unsettled = false;
}

static void a_store_that_forgot_takes_the_token_too(void **state)
{
    struct t *t = *state;

    unsettled(t);
    fake_store_fail(t->f->store, 0, 0);
    fake_store_forget(t->f->store);
    assert_true(itr_token_fetch_settle(&t->fetch, &t->r));
    assert_string_equal(record(t).text, "token-00000001");
    assert_int_equal(record(t).fetches, 1);
    t->r.unsettled = false;
}

static void a_failure_that_cannot_be_stored_is_still_told(void **state)
{
    struct t *t = *state;

    fake_before_send(swaps_fail, t);
    fake_answer_next(FAKE_TOKEN, http(502, ""));
    run(t);
    assert_error(t, ITR_HTTP);
    assert_false(t->r.unsettled);
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
    assert_int_equal(record(t).refused_distance_ms, 0); /* the second may follow at once */
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

static void a_hold_after_a_refusal_is_not_waited_out(void **state)
{
    struct t *t = *state;
    struct itr_token *held = token_of("theirs", 5);
    struct itr_token_record r = with_token(t, "theirs", 5);

    r.refused_ms = fake_store_now(t->f->store) - 1000;
    r.refused_distance_ms = 3000;
    fake_store_write(t->f->store, &r);
    run_for(t, &(struct itr_fetch_wish){.held = held, .refused = held});
    assert_error(t, ITR_TOKEN);
    assert_int_equal(t->r.retry_after_ms, 2000);
    assert_int_equal(t->f->clock.sleeps, 0);
    assert_int_equal(fake_started(FAKE_TOKEN), 0);
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

    atomic_store(&t->fetch.stop, true);
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
        atomic_store(&t->fetch.stop, true);
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

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(cold_it_fetches_from_the_gateway_and_stores_the_token),
        T(the_refresh_endpoint_is_asked_when_the_option_says_so),
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
        T(a_lease_that_cannot_be_looked_at_is_no_reason_to_spend_a_fetch),
        T(what_was_not_sent_counts_nothing_and_is_waited_out_here_alone),
        T(what_is_never_sent_is_tried_ever_more_seldom),
        T(a_local_hold_never_keeps_from_a_token_in_the_record),
        T(a_transport_that_cannot_be_opened_sent_nothing),
        T(a_failure_is_noted_for_the_fleet),
        T(an_answer_that_was_lost_is_a_failure_too),
        T(a_success_without_a_token_is_a_failure_of_kind_token),
        T(a_hold_of_5_s_or_more_is_the_answer),
        T(refused_credentials_are_noted_for_that_secret),
        T(the_tenants_limit_is_noted),
        T(the_daily_limit_of_the_option_holds),
        T(a_store_that_is_down_is_kind_store_and_nothing_is_fetched),
        T(a_token_that_cannot_be_stored_is_used_and_stored_later),
        T(a_token_stored_late_gives_way_to_another_lease),
        T(a_store_that_forgot_takes_the_token_too),
        T(a_failure_that_cannot_be_stored_is_still_told),
        T(a_refused_token_is_replaced_and_that_is_noted),
        T(a_refused_string_is_never_taken_from_the_record),
        T(a_hold_after_a_refusal_is_not_waited_out),
        T(the_same_string_again_keeps_its_birth),
        T(asked_too_soon_there_is_no_reason_to_fetch),
        T(a_process_that_ends_begins_no_request),
        T(a_process_that_ends_does_not_wait_for_anothers_lease),
    };

    fixture_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
