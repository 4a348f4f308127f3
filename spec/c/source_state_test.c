/* source/state: the cache and the fetch machine together, driven by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/record/view.h"
#include "core/source/state.h"

#define NOON INT64_C(1700000000000)
#define TTL INT64_C(7200000)

struct t {
    struct itr_source_state s;
    struct itr_record store;
    int64_t mono;
};

static int setup(void **state)
{
    static struct t t;
    struct itr_machine_setup m = {.origin = ITR_FROM_REDIS, .token_timeout_ms = 10000};

    memset(&t, 0, sizeof t);
    m.rules.token_ttl_ms = TTL;
    m.rules.refresh_margin_ms = 1800000;
    m.rules.lease_ms = 15000;
    t.mono = 1000000;
    itr_source_state_init(&t.s, &m, 0x1234, 77);
    *state = &t;
    return 0;
}

static int teardown(void **state)
{
    struct t *t = *state;

    itr_source_state_clear(&t->s);
    return 0;
}

static struct itr_cache_step loaded(struct t *t)
{
    struct itr_machine_done d = {.is = ITR_DONE_LOADED, .record = &t->store, .bytes_id = 1};

    d.called_mono_ms = t->mono;
    d.store_now_ms = NOON + t->mono;
    return itr_source_state_on(&t->s, t->mono, 7, &d);
}

static struct itr_cache_step ask(struct t *t, struct itr_token_ask a)
{
    return itr_source_state_ask(&t->s, t->mono, &a);
}

static void put(struct t *t, const char *text, uint64_t fence)
{
    (void)snprintf(t->store.text, sizeof t->store.text, "%s", text);
    t->store.fence = t->store.lease_fence = fence;
    t->store.born_ms = t->store.fetched_ms = NOON + t->mono - 60000;
    t->store.refresh_ms = NOON + t->mono + TTL - 1800000;
    t->store.end_ms = NOON + t->mono + TTL;
}

/* A token of the store, taken by the first call; it is due an hour and a half later. */
static void take_one(struct t *t)
{
    put(t, "theirs", 5);
    assert_true(ask(t, (struct itr_token_ask){0}).fetch);
    assert_int_equal(loaded(t).why, ITR_WHY_FETCHED);
    assert_string_equal(t->s.cache.token->text, "theirs");
    assert_int_equal(t->s.machine.state, ITR_MACHINE_IDLE);
}

static void a_refusal_that_joins_a_fetch_is_a_reason_of_it(void **state)
{
    struct t *t = *state;
    struct itr_token *held;
    struct itr_cache_step step;

    take_one(t);
    t->mono += TTL - 1800000;
    step = ask(t, (struct itr_token_ask){0});
    assert_true(step.fetch && step.give == ITR_GIVE_USE); /* ahead of time */
    held = t->s.cache.token;
    step = ask(t, (struct itr_token_ask){.refused = held});
    assert_false(step.fetch);
    assert_int_equal(step.give, ITR_GIVE_WAIT);
    assert_string_equal(t->s.machine.refused, "theirs");
    assert_int_equal(t->s.machine.refused_fence, 5);
    assert_string_equal(t->s.machine.held, "theirs"); /* to be masked in messages */

    /* The same string again in the store, under a higher fence, is not taken. */
    t->store.fence = t->store.lease_fence = 6;
    (void)loaded(t);
    assert_int_equal(t->s.machine.state, ITR_MACHINE_ACQUIRE);
}

static void a_refused_fence_that_is_the_held_ones_refuses_its_text(void **state)
{
    struct t *t = *state;

    take_one(t);
    assert_true(ask(t, (struct itr_token_ask){.refused_fence = 5}).fetch);
    assert_string_equal(t->s.machine.refused, "theirs");
    assert_int_equal(t->s.cache.state, ITR_CACHE_FETCHING);

    /* Another caller joins: that is no reason more. */
    t->s.machine.refused[0] = '\0';
    assert_int_equal(ask(t, (struct itr_token_ask){.refused_fence = 5}).give, ITR_GIVE_WAIT);
    assert_int_equal(ask(t, (struct itr_token_ask){.refused = t->s.cache.token}).give,
                     ITR_GIVE_WAIT);
    assert_string_equal(t->s.machine.refused, "");
}

/* A token that comes due is given, and the next fetch begins behind it. */
static void a_token_that_comes_due_is_refreshed_at_once(void **state)
{
    struct t *t = *state;
    struct itr_cache_step step;

    put(t, "due", 5);
    t->store.refresh_ms = NOON + t->mono;
    assert_true(ask(t, (struct itr_token_ask){0}).fetch);
    step = loaded(t);
    assert_true(step.answer && step.fetch);
    assert_int_equal(t->s.cache.state, ITR_CACHE_REFRESHING);
    assert_int_equal(t->s.machine.state, ITR_MACHINE_LOAD);
    assert_int_equal(t->s.machine.held_fence, 5);
}

/* What the result says of the next try holds want() back, and no longer. */
static void a_failure_holds_back_as_long_as_it_says(void **state)
{
    struct t *t = *state;
    struct itr_error e;
    struct itr_machine_done d = {.is = ITR_DONE_LOAD_FAILED, .error = &e};

    (void)itr_error_set(&e, ITR_STORE, "away");
    assert_true(ask(t, (struct itr_token_ask){0}).fetch);
    assert_int_equal(itr_source_state_on(&t->s, t->mono, 7, &d).why, ITR_WHY_FAILED);
    t->mono += 999;
    assert_int_equal(ask(t, (struct itr_token_ask){0}).give, ITR_GIVE_FAIL);
    t->mono += 1;
    assert_true(ask(t, (struct itr_token_ask){0}).fetch);
}

static struct itr_cache_step found(struct t *t, const struct itr_record *r)
{
    return itr_source_state_found(&t->s, t->mono, r, NOON + t->mono);
}

/* As a central server looks at what others put into its store. */
static void what_is_found_in_the_store_is_held_if_it_is_good(void **state)
{
    struct t *t = *state;
    struct itr_record none = {0};

    assert_int_equal(found(t, &none).why, ITR_WHY_NOTHING);
    assert_null(t->s.cache.token);
    put(t, "over", 5);
    t->store.end_ms = t->store.refresh_ms = NOON + t->mono;
    assert_int_equal(found(t, &t->store).why, ITR_WHY_NOTHING);
    assert_null(t->s.cache.token);
    t->store.end_ms++;
    t->store.day = itr_record_day(NOON + t->mono);
    t->store.fetches = 4;
    assert_int_equal(found(t, &t->store).why, ITR_WHY_FETCHED);
    assert_string_equal(t->s.cache.token->text, "over");
    assert_int_equal(t->s.cache.token->end_mono_ms, t->mono + 1);
    assert_int_equal(t->s.cache.token->origin, ITR_FROM_REDIS);
    assert_int_equal(itr_machine_fetches_today(&t->s.machine, t->mono), 4);
    put(t, "newer", 6);
    assert_int_equal(found(t, &t->store).why, ITR_WHY_FETCHED);
    assert_int_equal(found(t, &t->store).why, ITR_WHY_NOTHING);

    /* The store's clock is out of its mind: a record of it is read as of the latest time there is.
     */
    assert_int_equal(itr_source_state_found(&t->s, t->mono, &t->store, INT64_MAX).why,
                     ITR_WHY_NOTHING);
}

/* A central server that was just started: its clients know tokens that it does not. */
static void a_refused_fence_above_the_held_one_is_looked_up_in_the_record(void **state)
{
    struct t *t = *state;

    put(t, "newer", 8);
    assert_true(ask(t, (struct itr_token_ask){.refused_fence = 7}).fetch);
    assert_int_equal(loaded(t).why, ITR_WHY_FETCHED);
    assert_string_equal(t->s.cache.token->text, "newer");
}

/* It is the record's own: a refusal like any other, which the next fetches are held back by. */
static void a_refused_fence_that_is_the_records_causes_a_fetch_after_a_refusal(void **state)
{
    struct t *t = *state;

    put(t, "refused", 7);
    assert_true(ask(t, (struct itr_token_ask){.refused_fence = 7}).fetch);
    (void)loaded(t);
    assert_int_equal(t->s.machine.state, ITR_MACHINE_ACQUIRE);
    assert_string_equal(t->s.machine.lease_refused, "refused");
}

static void a_failure_may_bring_the_best_token_there_is(void **state)
{
    struct t *t = *state;
    struct itr_cache_step step;

    t->store.failures = 3;
    t->store.failure = ITR_FAILURE_LIMIT;
    t->store.failed_ms = NOON + t->mono;
    t->store.error.kind = ITR_QUOTA;
    (void)snprintf(t->store.text, sizeof t->store.text, "old");
    t->store.fence = t->store.lease_fence = 5;
    t->store.born_ms = t->store.fetched_ms = NOON + t->mono;
    t->store.refresh_ms = t->store.end_ms = NOON + t->mono + TTL;
    assert_true(ask(t, (struct itr_token_ask){.refresh = true}).fetch);
    step = loaded(t);
    assert_int_equal(step.why, ITR_WHY_FAILED);
    assert_true(step.answer);
    assert_int_equal(t->s.cache.error.kind, ITR_QUOTA);
    assert_string_equal(t->s.cache.token->text, "old");
    assert_int_equal(t->s.cache.state, ITR_CACHE_HELD);
}

static void a_fork_keeps_the_token_and_drops_the_fetch(void **state)
{
    struct t *t = *state;

    take_one(t);
    t->mono += TTL - 1800000;
    assert_true(ask(t, (struct itr_token_ask){0}).fetch);
    assert_int_equal(itr_source_state_fork(&t->s, t->mono, 0x99, 78).why, ITR_WHY_FORKED);
    assert_int_equal(t->s.machine.state, ITR_MACHINE_IDLE);
    assert_int_equal(t->s.cache.state, ITR_CACHE_HELD);
    assert_true(ask(t, (struct itr_token_ask){0}).fetch); /* and may fetch at once */
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(a_refusal_that_joins_a_fetch_is_a_reason_of_it),
        T(a_refused_fence_that_is_the_held_ones_refuses_its_text),
        T(a_token_that_comes_due_is_refreshed_at_once),
        T(a_failure_holds_back_as_long_as_it_says),
        T(what_is_found_in_the_store_is_held_if_it_is_good),
        T(a_refused_fence_above_the_held_one_is_looked_up_in_the_record),
        T(a_refused_fence_that_is_the_records_causes_a_fetch_after_a_refusal),
        T(a_failure_may_bring_the_best_token_there_is),
        T(a_fork_keeps_the_token_and_drops_the_fetch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
