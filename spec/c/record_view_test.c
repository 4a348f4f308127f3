/* Stepped clocks, and stores that came back old: any time in the record that is further ahead than
 * its rule can put it is over (docs/design.md 4.2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/record/view.h"
#include "support/record_fixture.h"

struct with {
    struct itr_record_rules rules;
    struct fix_wish wish;
    struct itr_record r;
};

static void setup(struct with *w)
{
    w->rules = fix_rules();
    w->wish = fix_wish(&w->rules);
    w->r = fix_token(NOON);
}

static struct itr_record view(const struct with *w, int64_t now_ms)
{
    struct itr_record v;

    itr_record_view(&w->r, now_ms, &v);
    return v;
}

static int64_t held_until(const struct with *w, int64_t now_ms)
{
    struct itr_error e;

    return fix_held_until(&w->r, now_ms, &w->wish, &e);
}

static void set_failure(struct itr_record *r, enum itr_record_failure is, int64_t at_ms)
{
    r->failure = is;
    r->failures = 3;
    r->failed_ms = at_ms;
    r->error.kind = ITR_HTTP;
}

static void a_record_in_its_own_time_is_left_alone(void **s)
{
    struct itr_record v;
    struct with w;

    (void)s;
    setup(&w);
    w.r = fix_leased(w.r, NOON + LEASE);
    w.r.wasted = 1;
    set_failure(&w.r, ITR_FAILURE_FORBIDDEN, NOON);
    snprintf(w.r.forbidden, sizeof w.r.forbidden, "%s", w.rules.secret_digest);
    w.r.refusals = 2;
    w.r.refused_ms = NOON;
    v = view(&w, NOON);
    fix_assert_same(&v, &w.r);

    /* The clocks of a store's servers differ a little. */
    v = view(&w, NOON - ITR_RECORD_SLEW_MS);
    fix_assert_same(&v, &w.r);
}

static void a_token_from_the_future_keeps_its_life(void **s)
{
    struct itr_record v;
    struct with w;

    (void)s;
    setup(&w);
    w.r.fetched_ms = NOON + 10 * MINUTE;
    v = view(&w, NOON - HOUR);
    assert_int_equal(v.born_ms, NOON - HOUR);
    assert_int_equal(v.end_ms, NOON - HOUR + TTL);
    assert_int_equal(v.refresh_ms, NOON - HOUR + TTL - MARGIN);
    assert_int_equal(v.fetched_ms, 0);
    v = view(&w, NOON - ITR_RECORD_SLEW_MS - 1);
    assert_int_equal(v.born_ms, NOON - ITR_RECORD_SLEW_MS - 1);

    /* What was vouched for later stays later. */
    w.r.fetched_ms = NOON + SECOND;
    assert_int_equal(view(&w, NOON - HOUR).fetched_ms, NOON - HOUR + SECOND);
}

/* A record that only somebody else can have written; it must read and be written back. */
static void a_token_from_the_future_that_ended_before_it_was_born_ends_at_0(void **s)
{
    struct itr_record v;
    struct with w;

    (void)s;
    setup(&w);
    w.r.born_ms = NOON + 2 * NOON;
    v = view(&w, NOON);
    assert_int_equal(v.born_ms, NOON);
    assert_int_equal(v.end_ms, 0);
    assert_int_equal(v.refresh_ms, 0);
    assert_int_equal(v.fetched_ms, 0);
}

static void a_life_of_years_is_a_month(void **s)
{
    struct with w;

    (void)s;
    setup(&w);
    w.r.end_ms = w.r.refresh_ms = NOON + 4000 * 24 * HOUR;
    assert_int_equal(view(&w, NOON).end_ms, NOON + 30 * 24 * HOUR);
    assert_int_equal(view(&w, NOON).refresh_ms, NOON + 30 * 24 * HOUR);
}

static void a_lease_from_the_future_has_lapsed(void **s)
{
    int64_t begin = NOON + ITR_RECORD_SLEW_MS;
    struct itr_record_verdict v;
    struct with w;

    (void)s;
    setup(&w);
    w.wish.why.held_fence = FENCE;
    w.r = fix_leased(w.r, begin + LEASE);
    fix_decide(&w.r, NOON, &w.wish, ITR_VERDICT_WAIT);
    v = fix_decide(&w.r, NOON - 1, &w.wish, ITR_VERDICT_ACQUIRE);
    assert_int_equal(v.next.failures, 1);
    assert_int_equal(view(&w, NOON - 1).lease_begin_ms, 0);
    assert_int_equal(view(&w, NOON - 1).lease_end_ms, 0);

    /* Its end cannot be counted from, or the hold would move on with the clock. */
    w.r.failures = 9;
    assert_int_equal(held_until(&w, NOON - 1), 0);
}

static void a_lease_of_hours_is_eleven_minutes(void **s)
{
    struct itr_record_verdict v;
    struct with w;

    (void)s;
    setup(&w);
    w.wish.why.held_fence = FENCE;
    w.r = fix_leased(w.r, NOON + LEASE);
    w.r.lease_end_ms = NOON + 5 * HOUR;
    v = fix_decide(&w.r, NOON, &w.wish, ITR_VERDICT_WAIT);
    assert_int_equal(v.until_ms, NOON + ITR_RECORD_LEASE_MAX_MS);
}

static void a_failure_in_the_future_holds_nothing(void **s)
{
    struct with w;

    (void)s;
    setup(&w);
    set_failure(&w.r, ITR_FAILURE_LIMIT, NOON + ITR_RECORD_SLEW_MS);
    assert_int_equal(held_until(&w, NOON), w.r.failed_ms + 30 * MINUTE);
    assert_int_equal(held_until(&w, NOON - 1), 0);
    assert_int_equal(view(&w, NOON - 1).failures, 3); /* but it was one */
    assert_int_equal(view(&w, NOON - 1).failed_ms, 0);
}

static void a_refusal_in_the_future_is_none(void **s)
{
    struct with w;

    (void)s;
    setup(&w);
    w.wish.why.refused = "tok";
    w.r.refusals = 2;
    w.r.refused_ms = NOON + ITR_RECORD_SLEW_MS;
    assert_int_equal(held_until(&w, NOON), w.r.refused_ms + INTERVAL);
    assert_int_equal(held_until(&w, NOON - 1), 0);
    assert_int_equal(view(&w, NOON - 1).refused_ms, 0);
}

static void another_day_has_no_count_before_or_after(void **s)
{
    struct with w;

    (void)s;
    setup(&w);
    w.r.day = itr_record_day(NOON);
    w.r.fetches = 7;
    w.r.wasted = 3;
    assert_int_equal(view(&w, NOON).fetches, 7);
    assert_int_equal(view(&w, NOON).wasted, 3);
    assert_int_equal(view(&w, NOON + 24 * HOUR).wasted, 0);
    assert_int_equal(view(&w, NOON + 24 * HOUR).fetches, 0);
    assert_int_equal(view(&w, NOON - 24 * HOUR).fetches, 0);
    assert_int_equal(view(&w, NOON - 24 * HOUR).day, w.r.day - 1);
}

static void days_change_at_midnight_in_shanghai(void **s)
{
    (void)s;
    assert_int_equal(itr_record_day(0), 0);
    assert_int_equal(itr_record_day(16 * HOUR - 1), 0);
    assert_int_equal(itr_record_day(16 * HOUR), 1);
    assert_int_equal(itr_record_next_day_ms(0), 16 * HOUR);
    assert_int_equal(itr_record_next_day_ms(16 * HOUR - 1), 16 * HOUR);
    assert_int_equal(itr_record_next_day_ms(16 * HOUR), 40 * HOUR);
    assert_int_equal(itr_record_next_day_ms(NOON), MIDNIGHT);
}

static void a_clock_out_of_its_mind_is_cut(void **s)
{
    static const struct itr_record_outcome failed = {
        .is = ITR_OUTCOME_FAILED, .error = {.kind = ITR_HTTP}, .age_ms = 1000};
    struct itr_record_verdict v;
    struct with w;

    (void)s;
    setup(&w);
    v = fix_decide(&w.r, INT64_MAX, &w.wish, ITR_VERDICT_ACQUIRE);
    assert_int_equal(v.next.lease_end_ms, ITR_RECORD_TIME_MAX + LEASE);
    w.wish.why.held_fence = FENCE;
    v = fix_decide(&w.r, INT64_MIN, &w.wish, ITR_VERDICT_ACQUIRE);
    assert_int_equal(v.next.lease_end_ms, LEASE);

    /* So is it for those who look at their lease, and who settle. */
    w.r = fix_leased(w.r, LEASE);
    assert_true(itr_record_lease_stands(&w.r, INT64_MIN, w.r.owner, w.r.lease_fence));
    assert_false(itr_record_lease_stands(&w.r, INT64_MAX, w.r.owner, w.r.lease_fence));
    w.wish.self.name = w.r.owner;
    assert_int_equal(fix_settle(&w.r, INT64_MAX, &w.wish, w.r.lease_fence, &failed).failed_ms,
                     ITR_RECORD_TIME_MAX - 1000);
    assert_int_equal(fix_settle(&w.r, INT64_MIN, &w.wish, w.r.lease_fence, &failed).failed_ms, 0);
}

/* Whoever wrote it: a count of nothing is not taken back. */
static void a_lease_that_was_not_counted_is_not_taken_back(void **s)
{
    static const struct itr_record_outcome not_sent = {.is = ITR_OUTCOME_NOT_SENT};
    struct itr_record v;
    struct with w;

    (void)s;
    setup(&w);
    w.r = fix_leased(w.r, NOON + LEASE);
    w.r.day = itr_record_day(NOON);
    w.r.fetches = 0;
    w.wish.self.name = w.r.owner;
    itr_record_view_for(&w.r, NOON, &w.wish.self, &v);
    assert_int_equal(v.fetches, 0);
    assert_int_equal(fix_settle(&w.r, NOON, &w.wish, w.r.lease_fence, &not_sent).fetches, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_in_its_own_time_is_left_alone),
        cmocka_unit_test(a_token_from_the_future_keeps_its_life),
        cmocka_unit_test(a_token_from_the_future_that_ended_before_it_was_born_ends_at_0),
        cmocka_unit_test(a_life_of_years_is_a_month),
        cmocka_unit_test(a_lease_from_the_future_has_lapsed),
        cmocka_unit_test(a_lease_of_hours_is_eleven_minutes),
        cmocka_unit_test(a_failure_in_the_future_holds_nothing),
        cmocka_unit_test(a_refusal_in_the_future_is_none),
        cmocka_unit_test(another_day_has_no_count_before_or_after),
        cmocka_unit_test(days_change_at_midnight_in_shanghai),
        cmocka_unit_test(a_clock_out_of_its_mind_is_cut),
        cmocka_unit_test(a_lease_that_was_not_counted_is_not_taken_back),
    };

    return cmocka_run_group_tests_name("token_record_view", tests, NULL, NULL);
}
