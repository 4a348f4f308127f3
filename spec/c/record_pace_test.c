/* What paces the fetches that callers cause (docs/design.md 4.2): by refusals, the last row of the
 * table of holds; by asking; and the jitter of those that nobody causes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/record_driver.h"

/* ---- row: a fetch caused by a refusal that was answered with a token ---- */

static void setup_refused(struct record_driver *w)
{
    record_driver_init(w);
    w->r = fix_token(NOON - MINUTE);
    w->wish.held_fence = FENCE;
    w->wish.refused = "tok";
}

/* A refusal-caused fetch, answered with another token, which is refused in turn. */
static void refused_fetch(struct record_driver *w, int64_t now_ms)
{
    bool first = strcmp(w->r.text, "one") == 0;
    struct itr_record_outcome o = fix_got(first ? "two" : "one");

    o.refused = w->wish.refused;
    record_driver_fetch(w, now_ms, o);
    w->wish.held_fence = w->r.fence;
    w->wish.refused = first ? "two" : "one";
}

static void row_refusals_the_second_at_once_then_doubling_to_1_h(void **s)
{
    static const int64_t distance_s[] = {0, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600};
    struct record_driver w;
    int64_t now = NOON;
    size_t i;

    (void)s;
    setup_refused(&w);
    assert_int_equal(record_driver_held_until(&w, now), 0);
    for (i = 0; i < sizeof distance_s / sizeof distance_s[0]; i++) {
        int64_t until = now + distance_s[i] * SECOND;

        refused_fetch(&w, now);
        assert_int_equal(w.r.refused_ms, now);
        assert_int_equal(w.r.refused_distance_ms, distance_s[i] * SECOND);
        if (i > 0)
            record_driver_assert_held(&w, now, until, ITR_TOKEN);
        now = until;
    }
}

static void row_refusals_name_both_causes_and_are_not_waited_out(void **s)
{
    struct record_driver w;

    (void)s;
    setup_refused(&w);
    refused_fetch(&w, NOON);
    refused_fetch(&w, NOON);
    record_driver_held_until(&w, NOON);
    assert_true(w.after_refusal);
    assert_non_null(strstr(w.error.text, "another program fetches tokens for this app"));
    assert_non_null(strstr(w.error.text, "token_error_codes"));
}

static void row_refusals_hold_nobody_else(void **s)
{
    struct record_driver w;

    (void)s;
    setup_refused(&w);
    refused_fetch(&w, NOON);
    refused_fetch(&w, NOON);
    w.wish.refused = NULL;
    assert_int_equal(record_driver_held_until(&w, NOON), 0);
}

static void row_refusals_start_over_after_an_hour_of_peace(void **s)
{
    struct record_driver w;

    (void)s;
    setup_refused(&w);
    refused_fetch(&w, NOON);
    refused_fetch(&w, NOON + HOUR); /* just within */
    assert_int_equal(w.r.refused_distance_ms, INTERVAL);
    refused_fetch(&w, NOON + 2 * HOUR + 1); /* just not */
    assert_int_equal(w.r.refused_distance_ms, 0);
}

static void row_refusals_start_over_after_twice_a_longer_distance(void **s)
{
    struct record_driver w;

    (void)s;
    setup_refused(&w);
    refused_fetch(&w, NOON);
    w.r.refused_distance_ms = HOUR;
    refused_fetch(&w, NOON + 2 * HOUR);
    assert_int_equal(w.r.refused_distance_ms, HOUR);
    refused_fetch(&w, NOON + 4 * HOUR + 1);
    assert_int_equal(w.r.refused_distance_ms, 0);
}

/* From noon, twelve hours are left of the day. */
static void row_refusals_with_a_daily_limit_are_spread_from_the_third_on(void **s)
{
    struct record_driver w;

    (void)s;
    setup_refused(&w);
    w.rules.daily_limit = 50;
    refused_fetch(&w, NOON);
    assert_int_equal(record_driver_held_until(&w, NOON), 0);
    refused_fetch(&w, NOON);
    record_driver_assert_held(&w, NOON, NOON + 2 * (12 * HOUR / 48), ITR_TOKEN);

    /* Never more than 4 h. */
    w.rules.daily_limit = 3;
    refused_fetch(&w, NOON + HOUR);
    w.rules.daily_limit = 4; /* for that row would hold too */
    record_driver_assert_held(&w, NOON + HOUR, NOON + 5 * HOUR, ITR_TOKEN);
}

static void the_refused_string_again_counts_as_a_refusals_fetch_not_as_a_failure(void **s)
{
    struct record_driver w;
    struct itr_record_outcome same = fix_got("tok");

    (void)s;
    setup_refused(&w);
    same.refused = "tok";
    record_driver_fetch(&w, NOON, same);
    assert_int_equal(w.r.failures, 0);
    assert_int_equal(w.r.refused_ms, NOON);
    w.wish.held_fence = w.r.fence;
    record_driver_fetch(&w, NOON, same);
    w.wish.held_fence = w.r.fence;
    record_driver_assert_held(&w, NOON, NOON + INTERVAL, ITR_TOKEN);
}

static void a_refusals_fetch_without_a_token_is_none_of_these(void **s)
{
    struct record_driver w;
    struct itr_record_outcome failed = fix_failed();

    (void)s;
    setup_refused(&w);
    failed.refused = "tok";
    record_driver_fetch(&w, NOON, failed);
    assert_int_equal(w.r.refused_ms, 0);
    assert_int_equal(w.r.failures, 1);
}

/* docs/design.md 4.2 gives the figure. */
static void an_endpoint_misread_as_a_refusal_costs_31_fetches_a_day(void **s)
{
    struct record_driver w;
    int64_t now;
    int n = 0;

    (void)s;
    setup_refused(&w);
    for (now = NOON; now < NOON + 24 * HOUR; now += SECOND)
        if (record_driver_held_until(&w, now) == 0) {
            refused_fetch(&w, now);
            n++;
        }
    assert_int_equal(n, 31);
}

/* ---- asked, soon after a token came ---- */

static void asked_keeps_the_interval_and_then_nothing_is_wrong(void **s)
{
    struct record_driver w;

    (void)s;
    record_driver_init(&w);
    record_driver_fetch(&w, NOON, fix_got("tok"));
    assert_int_equal(record_driver_held_until(&w, NOON), 0);
    w.wish.asked = true;
    w.wish.held_fence = w.r.fence;
    record_driver_assert_held(&w, NOON, NOON + INTERVAL, ITR_OK);
    assert_false(w.after_refusal);

    /* The same string again, an hour later: the interval is that from the last answer. */
    record_driver_fetch(&w, NOON + HOUR, fix_got("tok"));
    w.wish.held_fence = w.r.fence;
    record_driver_assert_held(&w, NOON + HOUR, NOON + HOUR + INTERVAL, ITR_OK);

    /* A refused one is not asked for, it is needed. */
    w.wish.refused = "tok";
    assert_int_equal(record_driver_held_until(&w, NOON + HOUR), 0);
}

static void asked_without_a_good_token_is_not_held_back(void **s)
{
    struct record_driver w;

    (void)s;
    record_driver_init(&w);
    w.wish.asked = true;
    assert_int_equal(record_driver_held_until(&w, NOON), 0);
    w.rules.token_ttl_ms = SECOND;
    record_driver_fetch(&w, NOON, fix_got("tok"));
    assert_int_equal(record_driver_held_until(&w, NOON + SECOND), 0);
    w.wish.held_fence = w.r.fence;
    assert_int_equal(record_driver_held_until(&w, NOON + SECOND), NOON + INTERVAL);
}

/* ---- jitter ---- */

static void jitter_is_up_to_a_sixth_of_the_margin(void **s)
{
    struct itr_record r = fix_token(NOON);

    (void)s;
    assert_int_equal(itr_record_jitter_ms(&r, 0), 0);
    assert_int_equal(itr_record_jitter_ms(&r, (uint64_t)MARGIN / 6), MARGIN / 6);
    assert_int_equal(itr_record_jitter_ms(&r, (uint64_t)MARGIN / 6 + 1), 0);
    r.refresh_ms = r.end_ms;
    assert_int_equal(itr_record_jitter_ms(&r, UINT64_MAX), 0);
    r.refresh_ms = r.end_ms + 1;
    assert_int_equal(itr_record_jitter_ms(&r, UINT64_MAX), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row_refusals_the_second_at_once_then_doubling_to_1_h),
        cmocka_unit_test(row_refusals_name_both_causes_and_are_not_waited_out),
        cmocka_unit_test(row_refusals_hold_nobody_else),
        cmocka_unit_test(row_refusals_start_over_after_an_hour_of_peace),
        cmocka_unit_test(row_refusals_start_over_after_twice_a_longer_distance),
        cmocka_unit_test(row_refusals_with_a_daily_limit_are_spread_from_the_third_on),
        cmocka_unit_test(the_refused_string_again_counts_as_a_refusals_fetch_not_as_a_failure),
        cmocka_unit_test(a_refusals_fetch_without_a_token_is_none_of_these),
        cmocka_unit_test(an_endpoint_misread_as_a_refusal_costs_31_fetches_a_day),
        cmocka_unit_test(asked_keeps_the_interval_and_then_nothing_is_wrong),
        cmocka_unit_test(asked_without_a_good_token_is_not_held_back),
        cmocka_unit_test(jitter_is_up_to_a_sixth_of_the_margin),
    };

    return cmocka_run_group_tests_name("token_record_pace", tests, NULL, NULL);
}
