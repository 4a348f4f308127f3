/* What the cells of source/cache's table (cache_test.c) promise together, over many events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/source/cache.h"

#define NOW INT64_C(1000000)
#define LIFE 10000

static struct itr_token *token(const char *text, uint64_t fence, int64_t refresh, int64_t end)
{
    struct itr_token_times times = {0, refresh, end};
    struct itr_token *t = itr_token_new(text, strlen(text), fence, times, ITR_FROM_GATEWAY);

    assert_non_null(t);
    return t;
}

static void hold(struct itr_cache *c, int64_t refresh, int64_t end)
{
    itr_cache_init(c);
    itr_cache_want(c, 0, 0);
    itr_cache_fetched(c, 0, c->generation, token("held", 10, refresh, end));
}

static struct itr_cache_step fail_with(struct itr_cache *c, int64_t now, int64_t retry)
{
    struct itr_error e;

    itr_error_set(&e, ITR_NETWORK, "no route");
    return itr_cache_failed(c, now, c->generation, &e, retry, NULL);
}

static void a_hundred_refusals_of_one_token_cost_one_fetch(void **s)
{
    struct itr_cache c;
    struct itr_token *refused;
    int fetches = 0, i;

    (void)s;
    hold(&c, NOW + 1, NOW + LIFE);
    refused = itr_token_retain(c.token);
    for (i = 0; i < 100; i++) {
        fetches += itr_cache_refused(&c, NOW, refused).fetch;
        if (i == 50) /* the answer comes in between; the other half is late */
            itr_cache_fetched(&c, NOW, c.generation, token("next", 11, NOW + 1, NOW + LIFE));
    }
    assert_int_equal(fetches, 1);
    assert_int_equal(c.state, ITR_CACHE_HELD);
    assert_string_equal(c.token->text, "next");
    itr_token_release(refused);
    itr_cache_clear(&c);
}

static void a_doubted_token_is_given_out_again_when_the_fetch_fails(void **s)
{
    struct itr_cache c;

    (void)s;
    hold(&c, NOW + 1, NOW + LIFE);
    itr_cache_refused(&c, NOW, c.token);
    assert_int_equal(itr_cache_want(&c, NOW, 0).give, ITR_GIVE_WAIT);
    fail_with(&c, NOW, NOW);
    assert_int_equal(itr_cache_want(&c, NOW, 0).give, ITR_GIVE_USE);
    assert_string_equal(c.token->text, "held");
    assert_int_equal(c.error.kind, ITR_NETWORK);
    itr_cache_clear(&c);
}

static void retry_is_never_more_than_5_s_away(void **s)
{
    struct itr_cache c;

    (void)s;
    itr_cache_init(&c);
    itr_cache_want(&c, NOW, 0);
    fail_with(&c, NOW, INT64_MAX);
    assert_int_equal(c.retry_mono_ms, NOW + 5000);
    assert_int_equal(itr_cache_want(&c, NOW + 4999, 0).give, ITR_GIVE_FAIL);
    assert_true(itr_cache_want(&c, NOW + 5000, 0).fetch);
    fail_with(&c, NOW, NOW + 1234);
    assert_int_equal(c.retry_mono_ms, NOW + 1234);
    itr_cache_clear(&c);
}

static void a_failure_is_remembered_until_a_fetch_ends_well(void **s)
{
    struct itr_cache c;

    (void)s;
    hold(&c, NOW, NOW + LIFE);
    itr_cache_asked(&c, NOW);
    fail_with(&c, NOW, NOW);
    assert_string_equal(c.error.text, "no route");
    itr_cache_want(&c, NOW, 0);
    assert_int_equal(c.error.kind, ITR_NETWORK);
    itr_cache_fetched(&c, NOW, c.generation, token("next", 11, NOW + 1, NOW + LIFE));
    assert_int_equal(c.error.kind, ITR_OK);
    itr_cache_clear(&c);
}

/* Before a retry time there must be something to give: a token, or an error. */
static void nothing_wrong_and_no_token_may_fetch_again_at_once(void **s)
{
    struct itr_cache c;
    struct itr_error e;

    (void)s;
    itr_error_clear(&e);
    itr_cache_init(&c);
    itr_cache_want(&c, NOW, 0);
    itr_cache_failed(&c, NOW, c.generation, &e, NOW + 1000, NULL);
    assert_true(itr_cache_want(&c, NOW, 0).fetch);
    itr_cache_clear(&c);

    /* With a token the time holds. */
    hold(&c, NOW, NOW + LIFE);
    itr_cache_asked(&c, NOW);
    itr_cache_failed(&c, NOW, c.generation, &e, NOW + 1000, NULL);
    assert_false(itr_cache_want(&c, NOW + 999, 0).fetch);
    assert_true(itr_cache_want(&c, NOW + 1000, 0).fetch);
    itr_cache_clear(&c);
}

/* Else the token would go on being shown beside an error that is over. */
static void nothing_newer_ends_the_error_of_the_fetch_before(void **s)
{
    struct itr_cache c;
    struct itr_error e;

    (void)s;
    hold(&c, NOW, NOW + LIFE);
    itr_cache_asked(&c, NOW);
    (void)itr_error_set(&e, ITR_NETWORK, "down");
    itr_cache_failed(&c, NOW, c.generation, &e, NOW, NULL);
    assert_int_equal(c.error.kind, ITR_NETWORK);
    itr_cache_asked(&c, NOW);
    itr_cache_fetched(&c, NOW, c.generation, token("held", 10, NOW, NOW + LIFE));
    assert_int_equal(c.error.kind, ITR_OK);
    itr_cache_clear(&c);
}

static void nothing_newer_holds_the_next_look_back(void **s)
{
    struct itr_cache c;
    struct itr_cache_step step;

    (void)s;
    hold(&c, NOW, NOW + LIFE);
    itr_cache_want(&c, NOW, 0);
    step = itr_cache_fetched(&c, NOW, c.generation, token("held", 10, NOW, NOW + LIFE));
    assert_int_equal(step.why, ITR_WHY_KEPT);
    assert_false(itr_cache_want(&c, NOW + 4999, 0).fetch);
    assert_true(itr_cache_want(&c, NOW + 5000, 0).fetch);
    itr_cache_clear(&c);
}

static void stale_is_reported_once_until_a_new_token(void **s)
{
    struct itr_cache c;

    (void)s;
    hold(&c, NOW - 1, NOW);
    itr_cache_asked(&c, NOW);
    fail_with(&c, NOW, NOW + 1000);
    assert_int_equal(itr_cache_want(&c, NOW, 0).why, ITR_WHY_STALE);
    assert_int_equal(itr_cache_want(&c, NOW, 0).why, ITR_WHY_NOTHING);

    /* Another failure: still the same stale token. */
    assert_int_equal(itr_cache_want(&c, NOW + 1000, 0).why, ITR_WHY_EXPIRED);
    fail_with(&c, NOW + 1000, NOW + 2000);
    assert_int_equal(itr_cache_want(&c, NOW + 1000, 0).why, ITR_WHY_NOTHING);

    /* A new one, that expires too. */
    itr_cache_asked(&c, NOW + 1000);
    itr_cache_fetched(&c, NOW + 1000, c.generation, token("next", 11, NOW + 2000, NOW + 3000));
    itr_cache_asked(&c, NOW + 3000);
    fail_with(&c, NOW + 3000, NOW + 4000);
    assert_int_equal(itr_cache_want(&c, NOW + 3000, 0).why, ITR_WHY_STALE);
    itr_cache_clear(&c);
}

/* A life shorter than a fetch must not keep fetching with nobody asking. */
static void a_due_token_is_followed_by_one_fetch_not_by_a_chain(void **s)
{
    struct itr_cache c;
    struct itr_cache_step step;

    (void)s;
    itr_cache_init(&c);
    itr_cache_want(&c, NOW, 0);
    step = itr_cache_fetched(&c, NOW, c.generation, token("a", 1, NOW, NOW));
    assert_true(step.fetch);
    step = itr_cache_fetched(&c, NOW, c.generation, token("b", 2, NOW, NOW));
    assert_false(step.fetch);
    assert_int_equal(c.state, ITR_CACHE_HELD);

    /* The next want starts one, and that one may be followed again. */
    assert_true(itr_cache_want(&c, NOW, 0).fetch);
    step = itr_cache_fetched(&c, NOW, c.generation, token("c", 3, NOW, NOW));
    assert_true(step.fetch);
    itr_cache_clear(&c);
}

static void late_answers_are_released_and_change_nothing(void **s)
{
    struct itr_cache c;
    struct itr_token *late = itr_token_retain(token("late", 99, NOW + 1, NOW + LIFE));
    uint64_t old;

    (void)s;
    hold(&c, NOW, NOW + LIFE);
    itr_cache_want(&c, NOW, 0);
    old = c.generation;
    fail_with(&c, NOW, NOW);
    itr_cache_want(&c, NOW, 0);
    itr_cache_fetched(&c, NOW, old, late);
    assert_int_equal(atomic_load(&late->refs), 1);
    assert_string_equal(c.token->text, "held");
    assert_int_equal(c.state, ITR_CACHE_REFRESHING);
    itr_token_release(late);
    itr_cache_clear(&c);
}

static void a_childs_cache_may_fetch_at_once_and_ignores_the_parents_answer(void **s)
{
    struct itr_cache c;
    uint64_t parents;

    (void)s;
    hold(&c, NOW, NOW + LIFE);
    itr_cache_want(&c, NOW, 0);
    parents = c.generation;
    itr_cache_forked(&c, NOW);
    assert_int_equal(c.generation, parents + 1);
    itr_cache_fetched(&c, NOW, parents, token("parent's", 11, NOW + 1, NOW + LIFE));
    assert_string_equal(c.token->text, "held");
    assert_true(itr_cache_want(&c, NOW, 0).fetch);
    itr_cache_fetched(&c, NOW, parents, token("parent's", 11, NOW + 1, NOW + LIFE));
    assert_string_equal(c.token->text, "held");
    itr_cache_clear(&c);
}

static void every_state_and_reason_has_a_name(void **s)
{
    (void)s;
    assert_string_equal(itr_cache_state_name(ITR_CACHE_NONE), "none");
    assert_string_equal(itr_cache_state_name(ITR_CACHE_FETCHING), "fetching");
    assert_string_equal(itr_cache_state_name(ITR_CACHE_HELD), "held");
    assert_string_equal(itr_cache_state_name(ITR_CACHE_REFRESHING), "refreshing");
    assert_string_equal(itr_cache_why_name(ITR_WHY_NOTHING), "nothing");
    assert_string_equal(itr_cache_why_name(ITR_WHY_START), "start");
    assert_string_equal(itr_cache_why_name(ITR_WHY_AHEAD), "ahead");
    assert_string_equal(itr_cache_why_name(ITR_WHY_EXPIRED), "expired");
    assert_string_equal(itr_cache_why_name(ITR_WHY_REFUSED), "refused");
    assert_string_equal(itr_cache_why_name(ITR_WHY_ASKED), "asked");
    assert_string_equal(itr_cache_why_name(ITR_WHY_FETCHED), "fetched");
    assert_string_equal(itr_cache_why_name(ITR_WHY_FAILED), "failed");
    assert_string_equal(itr_cache_why_name(ITR_WHY_STALE), "stale");
    assert_string_equal(itr_cache_why_name(ITR_WHY_FORKED), "forked");
    assert_string_equal(itr_cache_why_name(ITR_WHY_KEPT), "kept");
}

/* ---- any events in any order ---- */

struct walk {
    struct itr_cache c;
    uint64_t seed;
    uint64_t fence;   /* of the last token that was made */
    uint64_t highest; /* that the cache ever held */
    uint64_t out;     /* generation of the fetch that is out; 0: none */
    int64_t now;
};

static uint64_t draw(struct walk *w, uint64_t below)
{
    w->seed = w->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (w->seed >> 33) % below;
}

static uint64_t some_generation(struct walk *w)
{
    return w->c.generation - (draw(w, 4) == 0 ? 1 : 0);
}

static struct itr_token *some_token(struct walk *w)
{
    static const char *const texts[] = {"a", "b", "c"};
    int64_t refresh = w->now - 50 + (int64_t)draw(w, 200);

    w->fence += draw(w, 2);
    return token(texts[draw(w, 3)], w->fence, refresh, refresh + (int64_t)draw(w, 100));
}

static struct itr_cache_step refuse_some(struct walk *w)
{
    struct itr_token *t = some_token(w);
    struct itr_cache_step step = itr_cache_refused(&w->c, w->now, t);

    itr_token_release(t);
    return step;
}

static struct itr_cache_step fail_some(struct walk *w)
{
    uint64_t generation = some_generation(w);
    int64_t retry = w->now + (int64_t)draw(w, 100);
    struct itr_error e;

    itr_error_set(&e, draw(w, 2) ? ITR_OK : ITR_API, "%s", "as it may be");
    return itr_cache_failed(&w->c, w->now, generation, &e, retry, NULL);
}

static struct itr_cache_step some_event(struct walk *w)
{
    uint64_t generation;

    switch (draw(w, 7)) {
    case 0:
        return itr_cache_asked(&w->c, w->now);
    case 1:
        return refuse_some(w);
    case 2:
        generation = some_generation(w);
        return itr_cache_fetched(&w->c, w->now, generation, some_token(w));
    case 3:
        return fail_some(w);
    case 4:
        return itr_cache_forked(&w->c, w->now);
    default:
        return itr_cache_want(&w->c, w->now, (int64_t)draw(w, 3) * 40);
    }
}

/* True of every state that any events can lead to. */
static void check_walk(struct walk *w, const struct itr_cache_step *step)
{
    bool is_out = w->c.state == ITR_CACHE_FETCHING || w->c.state == ITR_CACHE_REFRESHING;
    uint64_t fence = w->c.token == NULL ? 0 : w->c.token->fence;

    /* A token is never lost but to one with a higher fence. */
    assert_true(fence >= w->highest);
    w->highest = fence;

    /* Who may use it gets one, who waits is answered by somebody, who fails is told why. */
    assert_true(step->give != ITR_GIVE_USE || w->c.token != NULL);
    assert_true(step->give != ITR_GIVE_WAIT || is_out);
    assert_true(step->give != ITR_GIVE_FAIL || w->c.error.kind != ITR_OK);

    /* One fetch at a time: a new one only when none is out, or as the other one ends. */
    if (step->fetch) {
        assert_true(w->out == 0 || step->answer);
        assert_true(w->c.generation > w->out && is_out);
    }
    w->out = is_out ? w->c.generation : 0;
}

static void no_events_in_whatever_order_lose_a_token_or_a_waiter(void **s)
{
    struct walk w = {.seed = 1, .fence = 1, .now = NOW};
    int i;

    (void)s;
    itr_cache_init(&w.c);
    for (i = 0; i < 200000; i++) {
        struct itr_cache_step step = some_event(&w);

        check_walk(&w, &step);
        w.now += (int64_t)draw(&w, 30);
    }
    assert_true(w.highest > 1000); /* the walk went places */
    itr_cache_clear(&w.c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hundred_refusals_of_one_token_cost_one_fetch),
        cmocka_unit_test(a_doubted_token_is_given_out_again_when_the_fetch_fails),
        cmocka_unit_test(retry_is_never_more_than_5_s_away),
        cmocka_unit_test(a_failure_is_remembered_until_a_fetch_ends_well),
        cmocka_unit_test(nothing_wrong_and_no_token_may_fetch_again_at_once),
        cmocka_unit_test(nothing_newer_ends_the_error_of_the_fetch_before),
        cmocka_unit_test(nothing_newer_holds_the_next_look_back),
        cmocka_unit_test(stale_is_reported_once_until_a_new_token),
        cmocka_unit_test(a_due_token_is_followed_by_one_fetch_not_by_a_chain),
        cmocka_unit_test(late_answers_are_released_and_change_nothing),
        cmocka_unit_test(a_childs_cache_may_fetch_at_once_and_ignores_the_parents_answer),
        cmocka_unit_test(every_state_and_reason_has_a_name),
        cmocka_unit_test(no_events_in_whatever_order_lose_a_token_or_a_waiter),
    };

    return cmocka_run_group_tests_name("token_cache_promises", tests, NULL, NULL);
}
