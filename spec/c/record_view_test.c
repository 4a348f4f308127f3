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
    struct itr_record_wish wish;
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

    itr_record_view(&w->r, now_ms, &w->rules, &v);
    return v;
}

static int64_t held_until(const struct with *w, int64_t now_ms)
{
    struct itr_error e;
    bool after_refusal;

    return itr_record_held_until(&w->r, now_ms, &w->wish, &e, &after_refusal);
}

static void a_record_in_its_own_time_is_left_alone(void **s)
{
    struct itr_record v;
    struct with w;

    (void)s;
    setup(&w);
    w.rules.daily_limit = 10;
    w.r = fix_leased(w.r, NOON + LEASE);
    w.r.error.kind = ITR_HTTP;
    w.r.retry_ms = MIDNIGHT;
    snprintf(w.r.forbidden, sizeof w.r.forbidden, "%s", w.rules.secret_digest);
    w.r.forbidden_ms = NOON;
    w.r.refused_ms = NOON;
    w.r.refused_distance_ms = 4 * HOUR;
    v = view(&w, NOON);
    fix_assert_same(&v, &w.r);
}

static void a_token_lives_no_longer_than_its_life_from_now(void **s)
{
    struct itr_record v;
    struct with w;

    (void)s;
    setup(&w);
    v = view(&w, NOON - HOUR);
    assert_int_equal(v.born_ms, NOON - HOUR);
    assert_int_equal(v.fetched_ms, 0);
    assert_int_equal(v.end_ms, NOON - HOUR + TTL);
    assert_int_equal(v.refresh_ms, NOON - HOUR + TTL); /* it was at NOON + 1.5 h: cut to the end */
    v = view(&w, NOON - 10 * MINUTE);
    assert_int_equal(v.refresh_ms, NOON + TTL - MARGIN);
}

static void a_lease_from_the_future_has_lapsed(void **s)
{
    struct itr_record_verdict v;
    struct with w;

    (void)s;
    setup(&w);
    w.wish.held_fence = FENCE;
    w.r = fix_leased(w.r, NOON + LEASE);
    fix_decide(&w.r, NOON, &w.wish, ITR_VERDICT_WAIT);
    v = fix_decide(&w.r, NOON - 1, &w.wish, ITR_VERDICT_ACQUIRE);
    assert_int_equal(v.next.failures, 1);

    /* Its end cannot be counted from, or the hold would move on with the clock. */
    w.r.failures = 9;
    assert_int_equal(held_until(&w, NOON - 1), 0);
}

static void a_retry_beyond_its_longest_is_over(void **s)
{
    struct with w;

    (void)s;
    setup(&w);
    w.r.error.kind = ITR_HTTP;
    w.r.retry_ms = NOON + 30 * MINUTE;
    assert_int_equal(held_until(&w, NOON), NOON + 30 * MINUTE);
    assert_int_equal(held_until(&w, NOON - 1), 0);

    /* A daily limit can hold for the rest of the day. */
    w.rules.daily_limit = 10;
    w.r.retry_ms = MIDNIGHT;
    assert_int_equal(held_until(&w, NOON), MIDNIGHT);
    w.r.retry_ms = MIDNIGHT + 1;
    assert_int_equal(held_until(&w, NOON), 0);
}

static void forbidden_in_the_future_is_over(void **s)
{
    struct with w;

    (void)s;
    setup(&w);
    snprintf(w.r.forbidden, sizeof w.r.forbidden, "%s", w.rules.secret_digest);
    w.r.forbidden_ms = NOON;
    assert_int_equal(held_until(&w, NOON), NOON + 10 * MINUTE);
    assert_int_equal(held_until(&w, NOON - 1), 0);
}

static void refused_in_the_future_is_over(void **s)
{
    struct with w;

    (void)s;
    setup(&w);
    w.wish.refused = "tok";
    w.r.refused_ms = NOON;
    w.r.refused_distance_ms = HOUR;
    assert_int_equal(held_until(&w, NOON), NOON + HOUR);
    assert_int_equal(held_until(&w, NOON - 1), 0);
}

static void a_distance_beyond_its_longest_is_cut(void **s)
{
    struct with w;

    (void)s;
    setup(&w);
    w.wish.refused = "tok";
    w.r.refused_ms = NOON;
    w.r.refused_distance_ms = 5 * HOUR;
    assert_int_equal(held_until(&w, NOON), NOON + HOUR);
    w.rules.daily_limit = 10;
    assert_int_equal(held_until(&w, NOON), NOON + 4 * HOUR);
    w.rules.daily_limit = 0;
    w.rules.min_refresh_interval_ms = 2 * HOUR;
    assert_int_equal(held_until(&w, NOON), NOON + 2 * HOUR);
}

static void another_day_has_no_count_before_or_after(void **s)
{
    struct with w;

    (void)s;
    setup(&w);
    w.r.day = itr_record_day(NOON);
    w.r.fetches = 7;
    assert_int_equal(view(&w, NOON).fetches, 7);
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
    struct itr_record_verdict v;
    struct with w;

    (void)s;
    setup(&w);
    v = fix_decide(&w.r, INT64_MAX, &w.wish, ITR_VERDICT_ACQUIRE);
    assert_int_equal(v.next.lease_end_ms, ITR_RECORD_TIME_MAX + LEASE);
    w.wish.held_fence = FENCE;
    v = fix_decide(&w.r, INT64_MIN, &w.wish, ITR_VERDICT_ACQUIRE);
    assert_int_equal(v.next.lease_end_ms, LEASE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_in_its_own_time_is_left_alone),
        cmocka_unit_test(a_token_lives_no_longer_than_its_life_from_now),
        cmocka_unit_test(a_lease_from_the_future_has_lapsed),
        cmocka_unit_test(a_retry_beyond_its_longest_is_over),
        cmocka_unit_test(forbidden_in_the_future_is_over),
        cmocka_unit_test(refused_in_the_future_is_over),
        cmocka_unit_test(a_distance_beyond_its_longest_is_cut),
        cmocka_unit_test(another_day_has_no_count_before_or_after),
        cmocka_unit_test(days_change_at_midnight_in_shanghai),
        cmocka_unit_test(a_clock_out_of_its_mind_is_cut),
    };

    return cmocka_run_group_tests_name("token_record_view", tests, NULL, NULL);
}
