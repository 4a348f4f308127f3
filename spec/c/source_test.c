/* source: one fetch for all who ask, on real threads. */
#include "support/source_driver.h"

/* ---- one fetch ---- */

static void the_first_to_ask_waits_for_a_fetch_and_is_woken(void **state)
{
    struct t *t = *state;
    struct itr_wait w;
    int woken = 0;

    fake_hold(FAKE_TOKEN, true);
    assert_int_equal(stats(t).state, ITR_CACHE_NONE);
    assert_false(ask(t, (struct itr_token_ask){0}, &w, &woken));
    assert_false(itr_wait_is_ready(&w));
    assert_int_equal(stats(t).state, ITR_CACHE_FETCHING);
    assert_int_equal(stats(t).waiters, 1);
    fake_hold(FAKE_TOKEN, false);
    await_ready(t, &w);
    assert_text(w.token, "token-00000001");
    assert_int_equal(w.origin, ITR_FROM_GATEWAY);
    assert_int_equal(w.error.kind, ITR_OK);
    assert_int_equal(stats(t).waiters, 0); /* takes the lock: the waker is through */
    assert_int_equal(woken, 1);
    itr_token_release(w.token);
    assert_at_once(t, "token-00000001");
    assert_int_equal(fake_sent(FAKE_TOKEN), 1);
}

#define THREADS 16

struct many {
    struct t *t;
    int asked; /* under the world's lock */
    struct itr_token *tokens[THREADS];
};

struct one {
    struct many *m;
    int i;
};

static void *ask_on_a_thread(void *arg)
{
    struct one *one = arg;
    struct itr_wait w;
    int woken = 0;
    bool ready = ask(one->m->t, (struct itr_token_ask){0}, &w, &woken);

    wake(&one->m->asked);
    if (!ready)
        await_ready(one->m->t, &w);
    one->m->tokens[one->i] = w.token;
    return NULL;
}

static void many_threads_that_ask_at_once_cost_one_fetch(void **state)
{
    struct t *t = *state;
    struct many m = {.t = t};
    struct one ones[THREADS];
    pthread_t threads[THREADS];
    int i;

    fake_hold(FAKE_TOKEN, true);
    for (i = 0; i < THREADS; i++) {
        ones[i] = (struct one){&m, i};
        assert_int_equal(pthread_create(&threads[i], NULL, ask_on_a_thread, &ones[i]), 0);
    }
    await_count(&m.asked, THREADS);
    assert_int_equal(stats(t).waiters, THREADS);
    fake_hold(FAKE_TOKEN, false);
    for (i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_text(m.tokens[i], "token-00000001");
        itr_token_release(m.tokens[i]);
    }
    assert_int_equal(fake_sent(FAKE_TOKEN), 1);
}

static void *come_and_go(void *arg)
{
    struct t *t = arg;
    int i;

    for (i = 0; i < 200; i++) {
        struct itr_token *token = get_plain(t);
        struct itr_token_ask refused = {.refused = token};
        if (i % 10 == 9)
            itr_token_release(get(t, refused, NULL));
        else if (i % 10 == 5)
            itr_token_release(get(t, (struct itr_token_ask){.refresh = true}, NULL));
        itr_token_release(token);
        (void)stats(t);
    }
    return NULL;
}

static void threads_that_ask_refuse_and_refresh_lose_nothing(void **state)
{
    struct t *t = *state;
    pthread_t threads[4];
    int i;

    for (i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, t), 0);
    for (i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(stats(t).waiters, 0);
    assert_int_equal(stats(t).fetched, (uint64_t)fake_sent(FAKE_TOKEN));
}

/* ---- refused ---- */

#define CALLERS 100

static void a_token_refused_to_100_callers_costs_one_fetch(void **state)
{
    struct t *t = *state;
    struct itr_wait waits[CALLERS];
    struct itr_token *old = get_plain(t);
    struct itr_token_ask refused = {.refused = old};
    int i, woken = 0;

    fake_hold(FAKE_TOKEN, true);
    for (i = 0; i < CALLERS; i++)
        assert_false(ask(t, refused, &waits[i], &woken));
    fake_hold(FAKE_TOKEN, false);
    for (i = 0; i < CALLERS; i++) {
        await_ready(t, &waits[i]);
        assert_text(waits[i].token, "token-00000002");
        itr_token_release(waits[i].token);
    }
    itr_token_release(get(t, refused, NULL)); /* the 101st comes late */
    assert_int_equal(fake_sent(FAKE_TOKEN), 2);
    itr_token_release(old);
}

static void a_late_refusal_of_an_old_token_never_touches_its_successor(void **state)
{
    struct t *t = *state;
    struct itr_token *old = get_plain(t);
    struct itr_token_ask refused = {.refused = old};
    struct itr_wait w;
    int woken = 0;

    itr_token_release(get(t, refused, NULL));
    assert_true(ask(t, refused, &w, &woken));
    assert_text(w.token, "token-00000002");
    assert_int_equal(stats(t).state, ITR_CACHE_HELD);
    assert_int_equal(fake_sent(FAKE_TOKEN), 2);
    itr_token_release(w.token);
    itr_token_release(old);
}

static void a_refused_token_is_given_out_again_if_no_other_is_to_be_had(void **state)
{
    struct t *t = *state;
    struct itr_token *old = get_plain(t), *again;
    struct itr_error e;

    fake_answer_next(FAKE_TOKEN, http(502, ""));
    again = get(t, (struct itr_token_ask){.refused = old}, &e);
    assert_true(again == old);
    assert_int_equal(e.kind, ITR_HTTP);
    assert_int_equal(e.http_status, 502);
    itr_token_release(again);
    assert_at_once(t, "token-00000001");
    itr_token_release(old);
}

static void a_refusal_that_a_fetch_under_way_answers_is_not_counted_to_the_next(void **state)
{
    struct t *t = *state;
    struct itr_token *old = get_plain(t);
    struct itr_wait w;
    struct itr_record r;
    int woken = 0;

    fake_clock_advance(&t->f->clock, 5400000); /* due */
    fake_hold(FAKE_TOKEN, true);
    assert_at_once(t, "token-00000001"); /* a refresh is out */
    fake_await_started(FAKE_TOKEN, 2);
    assert_false(ask(t, (struct itr_token_ask){.refused = old}, &w, &woken));
    fake_hold(FAKE_TOKEN, false);
    await_ready(t, &w);
    assert_text(w.token, "token-00000002");
    itr_token_release(w.token);

    fake_clock_advance(&t->f->clock, 5400000); /* due again: nobody refused this one */
    assert_at_once(t, "token-00000002");
    itr_token_release(get(t, (struct itr_token_ask){.refresh = true}, NULL)); /* joins it */
    assert_int_equal(fake_sent(FAKE_TOKEN), 3);
    fake_store_read(t->f->store, &r);
    assert_string_equal(r.text, "token-00000003");
    assert_int_equal(r.refusals, 0);
    itr_token_release(old);
}

/* ---- refreshing ---- */

/* The third of what client:token() returns. */
static void an_answer_tells_where_its_token_came_from(void **state)
{
    struct t *t = *state;
    struct itr_wait w;
    int woken = 0;

    assert_false(ask(t, (struct itr_token_ask){0}, &w, &woken));
    await_ready(t, &w);
    assert_int_equal(w.origin, ITR_FROM_GATEWAY);
    itr_token_release(w.token);
    assert_true(ask(t, (struct itr_token_ask){0}, &w, &woken));
    assert_int_equal(w.origin, ITR_FROM_MEMORY);
    itr_token_release(w.token);
}

static void while_a_refresh_is_out_callers_are_served_at_once(void **state)
{
    struct t *t = *state;
    struct itr_wait w;
    int woken = 0;

    warm(t);
    fake_clock_advance(&t->f->clock, 5400000);
    fake_hold(FAKE_TOKEN, true);
    assert_at_once(t, "token-00000001");
    fake_await_started(FAKE_TOKEN, 2);
    assert_int_equal(stats(t).state, ITR_CACHE_REFRESHING);
    assert_at_once(t, "token-00000001");
    assert_false(ask(t, (struct itr_token_ask){.refresh = true}, &w, &woken)); /* joins */
    fake_hold(FAKE_TOKEN, false);
    await_ready(t, &w);
    assert_text(w.token, "token-00000002");
    itr_token_release(w.token);
    assert_at_once(t, "token-00000002");
    assert_int_equal(fake_sent(FAKE_TOKEN), 2);
}

/* The short way of a call that needs no wait. */
static void a_token_that_is_neither_due_nor_doubted_is_a_hit(void **state)
{
    struct t *t = *state;
    struct itr_token *held;
    struct itr_wait w;
    int woken = 0;

    assert_null(itr_source_hit(t->s));
    assert_int_equal(fake_sent(FAKE_TOKEN), 0);
    warm(t);
    assert_non_null(held = itr_source_hit(t->s));
    assert_text(held, "token-00000001");
    fake_hold(FAKE_TOKEN, true);
    assert_false(ask(t, (struct itr_token_ask){.refused = held}, &w, &woken));
    assert_null(itr_source_hit(t->s));
    fake_hold(FAKE_TOKEN, false);
    await_ready(t, &w);
    itr_token_release(w.token);
    itr_token_release(held);
    fake_clock_advance(&t->f->clock, 5400000);
    assert_null(itr_source_hit(t->s)); /* due: an ask begins the next fetch */
    assert_int_equal(fake_sent(FAKE_TOKEN), 2);
}

static void a_failed_refresh_keeps_the_token(void **state)
{
    struct t *t = *state;
    struct itr_token *kept;
    struct itr_error e;

    warm(t);
    fake_clock_advance(&t->f->clock, 5400000);
    fake_hold(FAKE_TOKEN, true);
    fake_answer_next(FAKE_TOKEN, http(503, ""));
    assert_at_once(t, "token-00000001");
    fake_await_started(FAKE_TOKEN, 2);
    fake_hold(FAKE_TOKEN, false);
    kept = get(t, (struct itr_token_ask){.refresh = true}, &e); /* joins it, or comes after it */
    itr_token_release(kept);
    assert_non_null(kept);
    assert_int_equal(stats(t).state, ITR_CACHE_HELD);
}

static void an_expired_token_is_given_out_while_fetching_fails(void **state)
{
    struct t *t = *state;
    struct itr_token *stale;
    struct itr_error e;

    warm(t);
    fake_store_fail(t->f->store, -1, -1);
    fake_clock_advance(&t->f->clock, 7200000);
    stale = get(t, (struct itr_token_ask){0}, &e);
    assert_text(stale, "token-00000001");
    assert_int_equal(e.kind, ITR_STORE);
    itr_token_release(stale);
    assert_at_once(t, "token-00000001"); /* before retry: not even a look */
    assert_int_equal(events(t).event[events(t).n - 1].why, ITR_WHY_STALE);
    fake_store_fail(t->f->store, 0, 0);
}

static void a_caller_that_needs_more_life_waits_alone(void **state)
{
    struct t *t = *state;
    struct itr_wait w;
    int woken = 0;

    warm(t);
    fake_clock_advance(&t->f->clock, 3600000);
    fake_hold(FAKE_TOKEN, true);
    assert_false(ask(t, (struct itr_token_ask){.min_valid_ms = 3600001}, &w, &woken));
    assert_at_once(t, "token-00000001");
    fake_hold(FAKE_TOKEN, false);
    await_ready(t, &w);
    assert_text(w.token, "token-00000002");
    itr_token_release(w.token);
}

static void at_the_deadline_a_caller_gets_the_token_that_is_held_and_the_reason(void **state)
{
    struct t *t = *state;
    struct itr_wait w;
    int woken = 0;

    warm(t);
    fake_clock_advance(&t->f->clock, 3600000);
    fake_hold(FAKE_TOKEN, true);
    assert_false(ask(t, (struct itr_token_ask){.min_valid_ms = 3600001}, &w, &woken));
    assert_true(itr_source_take_held(t->s, &w));
    assert_text(w.token, "token-00000001");
    assert_int_equal(w.error.kind, ITR_TIMEOUT);
    assert_int_equal(stats(t).waiters, 0);
    itr_token_release(w.token);
    fake_hold(FAKE_TOKEN, false);
}

static void at_the_deadline_a_doubted_token_is_not_given(void **state)
{
    struct t *t = *state;
    struct itr_token *old = get_plain(t);
    struct itr_wait w;
    int woken = 0;

    fake_hold(FAKE_TOKEN, true);
    assert_false(ask(t, (struct itr_token_ask){.refused = old}, &w, &woken));
    assert_false(itr_source_take_held(t->s, &w));
    fake_hold(FAKE_TOKEN, false);
    await_ready(t, &w);
    assert_text(w.token, "token-00000002");
    itr_token_release(w.token);
    itr_token_release(old);
}

/* Another process fetched a minute ago; this one has just started. */
static void a_refresh_as_the_first_call_of_a_process_fetches(void **state)
{
    struct t *t = *state;
    struct itr_record r;
    struct itr_token *token;
    struct itr_error e;

    fake_store_read(t->f->store, &r);
    snprintf(r.text, sizeof r.text, "theirs");
    r.fence = r.lease_fence = 5;
    r.born_ms = r.fetched_ms = fake_store_now(t->f->store) - 60000;
    r.refresh_ms = r.end_ms = r.born_ms + 7200000;
    fake_store_write(t->f->store, &r);
    token = get(t, (struct itr_token_ask){.refresh = true}, &e);
    assert_text(token, "token-00000001");
    assert_int_equal(e.kind, ITR_OK);
    assert_int_equal(fake_sent(FAKE_TOKEN), 1);
    itr_token_release(token);
}

/* Only the first fetch after a token's end is waited for. */
static void past_its_end_a_token_is_given_at_once_while_fetching_fails(void **state)
{
    struct t *t = *state;
    struct itr_token *stale;
    struct itr_error e;

    warm(t);
    fake_clock_advance(&t->f->clock, 7200000);
    fake_answer_next(FAKE_TOKEN, http(502, ""));
    stale = get(t, (struct itr_token_ask){0}, &e); /* waits, for the gateway is the judge */
    assert_text(stale, "token-00000001");
    assert_int_equal(e.kind, ITR_HTTP);
    itr_token_release(stale);
    thread_maker_await_none();
    fake_clock_advance(&t->f->clock, 60000);
    fake_hold(FAKE_TOKEN, true);
    assert_at_once(t, "token-00000001"); /* and the fetch goes on behind it */
    fake_await_started(FAKE_TOKEN, 3);
    assert_at_once(t, "token-00000001");
    fake_hold(FAKE_TOKEN, false);
}

static void a_refresh_asked_too_soon_gives_the_present_token_and_no_error(void **state)
{
    struct t *t = *state;
    struct itr_token *token;
    struct itr_error e;

    warm(t);
    fake_clock_advance(&t->f->clock, 1000);
    token = get(t, (struct itr_token_ask){.refresh = true}, &e);
    assert_text(token, "token-00000001");
    assert_int_equal(e.kind, ITR_OK);
    assert_int_equal(fake_sent(FAKE_TOKEN), 1);
    itr_token_release(token);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(the_first_to_ask_waits_for_a_fetch_and_is_woken),
        T(many_threads_that_ask_at_once_cost_one_fetch),
        T(threads_that_ask_refuse_and_refresh_lose_nothing),
        T(a_token_refused_to_100_callers_costs_one_fetch),
        T(a_late_refusal_of_an_old_token_never_touches_its_successor),
        T(a_refused_token_is_given_out_again_if_no_other_is_to_be_had),
        T(a_refusal_that_a_fetch_under_way_answers_is_not_counted_to_the_next),
        T(an_answer_tells_where_its_token_came_from),
        T(while_a_refresh_is_out_callers_are_served_at_once),
        T(a_token_that_is_neither_due_nor_doubted_is_a_hit),
        T(a_failed_refresh_keeps_the_token),
        T(an_expired_token_is_given_out_while_fetching_fails),
        T(a_caller_that_needs_more_life_waits_alone),
        T(at_the_deadline_a_caller_gets_the_token_that_is_held_and_the_reason),
        T(at_the_deadline_a_doubted_token_is_not_given),
        T(a_refresh_as_the_first_call_of_a_process_fetches),
        T(past_its_end_a_token_is_given_at_once_while_fetching_fails),
        T(a_refresh_asked_too_soon_gives_the_present_token_and_no_error),
    };

    fixture_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
