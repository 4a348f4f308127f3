/* source: those who wait for a newer token, and refusals that name a fence (itriggerd's). */
#include "support/source_driver.h"

static struct itr_token_ask newer_than(uint64_t fence)
{
    return (struct itr_token_ask){.newer_than = fence};
}

static void who_waits_for_news_causes_no_fetch_and_hears_of_the_next_token(void **state)
{
    struct t *t = *state;
    struct itr_wait w;
    int woken = 0;

    assert_false(ask(t, newer_than(1), &w, &woken));
    assert_int_equal(stats(t).state, ITR_CACHE_NONE);
    warm(t);
    await_ready(t, &w);
    assert_text(w.token, "token-00000001");
    assert_int_equal(w.error.kind, ITR_OK);
    assert_int_equal(woken, 1);
    itr_token_release(w.token);
    assert_int_equal(fake_sent(FAKE_TOKEN), 1);
}

static void news_that_is_there_is_reported_at_once_and_the_held_token_is_none(void **state)
{
    struct t *t = *state;
    struct itr_wait w;
    struct itr_token *held = get_plain(t), *next;
    int woken = 0;

    assert_true(ask(t, newer_than(held->fence - 1), &w, &woken));
    assert_text(w.token, "token-00000001");
    itr_source_forget(t->s, &w);
    assert_false(ask(t, newer_than(held->fence), &w, &woken));
    next = get(t, (struct itr_token_ask){.refused = held}, NULL);
    await_ready(t, &w);
    assert_true(w.token->fence > held->fence);
    itr_token_release(w.token);
    itr_token_release(next);
    itr_token_release(held);
}

static void a_failed_fetch_is_no_news(void **state)
{
    struct t *t = *state;
    struct itr_wait w;
    struct itr_error e;
    int woken = 0;

    assert_false(ask(t, newer_than(1), &w, &woken));
    fake_answer_next(FAKE_TOKEN, http(500, "x"));
    assert_null(get(t, (struct itr_token_ask){0}, &e));
    assert_int_not_equal(e.kind, ITR_OK);
    assert_false(itr_wait_is_ready(&w));
    itr_source_forget(t->s, &w);
    assert_int_equal(woken, 0);
}

static void a_refusal_by_fence_costs_one_fetch_and_an_older_one_none(void **state)
{
    struct t *t = *state;
    struct itr_token *first = get_plain(t);
    struct itr_token_ask refused = {.refused_fence = first->fence};
    struct itr_token *second = get(t, refused, NULL), *again = get(t, refused, NULL);

    assert_text(second, "token-00000002");
    assert_text(again, "token-00000002");
    assert_int_equal(fake_sent(FAKE_TOKEN), 2);
    itr_token_release(again);
    itr_token_release(second);
    itr_token_release(first);
}

static void a_refusal_of_a_fence_above_ours_keeps_the_least_interval(void **state)
{
    struct t *t = *state;
    struct itr_token *first = get_plain(t);
    struct itr_token *same =
        get(t, (struct itr_token_ask){.refused_fence = first->fence + 1}, NULL);

    assert_text(same, "token-00000001");
    assert_int_equal(fake_sent(FAKE_TOKEN), 1);
    itr_token_release(same);
    itr_token_release(first);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(who_waits_for_news_causes_no_fetch_and_hears_of_the_next_token),
        T(news_that_is_there_is_reported_at_once_and_the_held_token_is_none),
        T(a_failed_fetch_is_no_news),
        T(a_refusal_by_fence_costs_one_fetch_and_an_older_one_none),
        T(a_refusal_of_a_fence_above_ours_keeps_the_least_interval),
    };

    fixture_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
