/* Each row of the table "what holds a fetch back" (docs/design.md 4.2), and the figures behind it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/record_driver.h"

/* ---- row: nothing was sent ---- */

static void row_nothing_was_sent_holds_this_machine_only(void **s)
{
    struct itr_error local;
    struct record_driver w;

    (void)s;
    record_driver_init(&w);
    record_driver_fetch(&w, NOON, fix_not_sent());
    assert_int_equal(record_driver_held_until(&w, NOON), 0);

    itr_error_set(&local, ITR_NETWORK, "connection refused");
    w.wish.local_error = &local;
    w.wish.local_retry_ms = NOON + MINUTE;
    record_driver_assert_held(&w, NOON, NOON + MINUTE, ITR_NETWORK);
    record_driver_held_until(&w, NOON);
    assert_string_equal(w.error.text, "connection refused");
    assert_false(w.after_refusal);

    /* More than its rule can give: our idea of the store's clock is wrong. */
    w.wish.local_retry_ms = NOON + 5 * MINUTE + 1;
    assert_int_equal(record_driver_held_until(&w, NOON), 0);
}

/* ---- row: sent, no usable answer ---- */

static void row_failures_double_from_1_s_to_5_min(void **s)
{
    static const int64_t longest_s[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300};
    struct record_driver w;
    int64_t now = NOON;
    size_t i;

    (void)s;
    record_driver_init(&w);
    for (i = 0; i < sizeof longest_s / sizeof longest_s[0]; i++) {
        struct itr_record_outcome failed = fix_failed();

        failed.random = (uint64_t)longest_s[i] * 1000; /* full jitter at its most */
        record_driver_fetch(&w, now, failed);
        record_driver_assert_held(&w, now, now + longest_s[i] * SECOND, ITR_HTTP);
        assert_int_equal(w.r.failures, i + 1);
        now = w.r.retry_ms;
    }
}

static void backoff_has_full_jitter_but_is_never_0(void **s)
{
    (void)s;
    assert_int_equal(itr_record_backoff_ms(1, 0), 100);
    assert_int_equal(itr_record_backoff_ms(1, 99), 100);
    assert_int_equal(itr_record_backoff_ms(1, 555), 555);
    assert_int_equal(itr_record_backoff_ms(1, 1001), 100);
    assert_int_equal(itr_record_backoff_ms(2, 2001), 100);
    assert_int_equal(itr_record_backoff_ms(9, 256001), 100);
    assert_int_equal(itr_record_backoff_ms(9, 256000), 256000);
    assert_int_equal(itr_record_backoff_ms(INT32_MAX, 300000), 300000);
    assert_int_equal(itr_record_backoff_ms(INT32_MAX, 300001), 100);
}

/* Twelve hours are left of the day. */
static void row_failures_with_a_daily_limit_are_spread_after_six(void **s)
{
    struct record_driver w;
    int i;

    (void)s;
    record_driver_init(&w);
    w.rules.daily_limit = 31;
    for (i = 0; i < 6; i++)
        record_driver_fetch(&w, NOON - (6 - i) * SECOND, fix_failed());
    assert_int_equal(w.r.retry_ms, NOON - SECOND + 100);
    record_driver_fetch(&w, NOON, fix_failed());
    record_driver_assert_held(&w, NOON, NOON + 12 * HOUR / (31 - 7), ITR_HTTP);
}

static void an_endpoint_that_is_down_all_day_does_not_burn_the_limit(void **s)
{
    struct record_driver w;
    int64_t now;
    int n = 0;

    (void)s;
    record_driver_init(&w);
    w.rules.daily_limit = 100;
    for (now = NOON; now < NOON + 48 * HOUR && n < 10000; n++) {
        record_driver_fetch(&w, now, fix_failed());
        assert_true(w.r.fetches <= 100);
        record_driver_held_until(&w, w.r.retry_ms - 1);
        assert_int_equal(w.error.kind, ITR_HTTP); /* spread, not used up */
        now = w.r.retry_ms;
    }
    assert_true(n > 150 && n <= 300);
}

/* ---- row: a lease that lapsed, from the fourth failure in a row ---- */

static void row_lapsed_leases_hold_back_from_the_fourth_on(void **s)
{
    int64_t until;
    struct record_driver w;
    int failures;

    (void)s;
    for (failures = 0; failures < 3; failures++) {
        record_driver_init(&w);
        w.r = fix_leased(fix_empty(), NOON);
        w.r.failures = failures;
        assert_int_equal(record_driver_held_until(&w, NOON), 0);
    }
    w.r.failures = 3;
    w.r.lease_fence = 8000; /* every reader draws its jitter from this: all of 0 ... 8000 */
    until = NOON + 8 * SECOND;
    record_driver_assert_held(&w, NOON, until, ITR_TIMEOUT);
    assert_int_equal(fix_decide(&w.r, until, &w.wish, ITR_VERDICT_ACQUIRE).next.failures, 4);
}

static void row_lapsed_leases_are_spread_as_failures_are(void **s)
{
    struct record_driver w;

    (void)s;
    record_driver_init(&w);
    w.rules.daily_limit = 25;
    w.r = fix_leased(fix_empty(), NOON);
    w.r.failures = 6;
    record_driver_assert_held(&w, NOON, NOON + 12 * HOUR / 24, ITR_TIMEOUT);
}

static void four_processes_that_die_fetching_hold_the_fifth_back(void **s)
{
    static const char *const owners[] = {"a", "b", "c", "d"};
    struct record_driver w;
    int64_t now = NOON;
    size_t i;

    (void)s;
    record_driver_init(&w);
    for (i = 0; i < 4; i++) {
        w.wish.owner = owners[i];
        w.r = fix_decide(&w.r, now, &w.wish, ITR_VERDICT_ACQUIRE).next;
        now = w.r.lease_end_ms;
    }
    w.wish.owner = "e";
    assert_int_equal(w.r.failures, 3);
    assert_true(record_driver_held_until(&w, now) >= now + 100);
    assert_true(record_driver_held_until(&w, now) <= now + 8 * SECOND);
}

/* ---- row: 40001-40003 ---- */

static void row_refused_credentials_hold_10_min_for_this_secret(void **s)
{
    static const int codes[] = {40001, 40002, 40003};
    size_t i;

    (void)s;
    for (i = 0; i < 3; i++) {
        struct record_driver w;

        record_driver_init(&w);
        record_driver_fetch(&w, NOON, fix_refused_with(codes[i]));
        record_driver_assert_held(&w, NOON, NOON + 10 * MINUTE, ITR_TOKEN);
        record_driver_held_until(&w, NOON);
        assert_int_equal(w.error.code, codes[i]);
        assert_true(w.error.has_code);

        /* Another secret may be right. */
        snprintf(w.rules.secret_digest, sizeof w.rules.secret_digest, "ffff");
        assert_int_equal(record_driver_held_until(&w, NOON), 0);
    }
}

static void row_refused_credentials_may_be_tried_when_asked(void **s)
{
    struct record_driver w;

    (void)s;
    record_driver_init(&w);
    record_driver_fetch(&w, NOON, fix_refused_with(40003));
    w.wish.asked = true;
    record_driver_assert_held(&w, NOON, NOON + INTERVAL, ITR_TOKEN);
}

static void row_refused_credentials_have_their_own_words_after_another_error(void **s)
{
    struct record_driver w, other;

    (void)s;
    record_driver_init(&w);
    record_driver_fetch(&w, NOON, fix_refused_with(40003));
    record_driver_init(&other);
    other.r = w.r;
    snprintf(other.rules.secret_digest, sizeof other.rules.secret_digest, "ffff");
    record_driver_fetch(&other, NOON + SECOND, fix_failed());
    w.r = other.r;
    record_driver_assert_held(&w, NOON + MINUTE, NOON + 10 * MINUTE, ITR_TOKEN);
    record_driver_held_until(&w, NOON + MINUTE);
    assert_non_null(strstr(w.error.text, "app_secret"));
}

/* ---- row: 40004 ---- */

static void row_the_tenants_limit_holds_30_min(void **s)
{
    struct record_driver w;

    (void)s;
    record_driver_init(&w);
    record_driver_fetch(&w, NOON, fix_refused_with(40004));
    record_driver_assert_held(&w, NOON, NOON + 30 * MINUTE, ITR_QUOTA);
    record_driver_held_until(&w, NOON);
    assert_int_equal(w.error.code, 40004);
}

static void row_the_tenants_limit_ends_with_the_day(void **s)
{
    struct record_driver w;

    (void)s;
    record_driver_init(&w);
    record_driver_fetch(&w, MIDNIGHT - MINUTE, fix_refused_with(40004));
    record_driver_assert_held(&w, MIDNIGHT - MINUTE, MIDNIGHT, ITR_QUOTA);
}

/* ---- row: daily_limit ---- */

static void row_the_daily_limit_holds_until_the_next_day(void **s)
{
    struct record_driver w;
    int i;

    (void)s;
    record_driver_init(&w);
    w.rules.daily_limit = 3;
    for (i = 0; i < 3; i++) {
        assert_int_equal(record_driver_held_until(&w, NOON), 0);
        record_driver_fetch(&w, NOON, fix_got("tok"));
        w.wish.held_fence = w.r.fence;
    }
    record_driver_assert_held(&w, NOON, MIDNIGHT, ITR_QUOTA);
    record_driver_held_until(&w, NOON);
    assert_non_null(strstr(w.error.text, "daily_limit = 3"));
    assert_non_null(strstr(w.error.text, "00:00 Asia/Shanghai"));
}

static void without_a_daily_limit_fetches_are_only_counted(void **s)
{
    struct record_driver w;

    (void)s;
    record_driver_init(&w);
    w.r = fix_leased(fix_empty(), NOON - 1);
    w.r.fetches = INT32_MAX;
    assert_int_equal(record_driver_held_until(&w, NOON), 0);
    assert_int_equal(fix_decide(&w.r, NOON, &w.wish, ITR_VERDICT_ACQUIRE).next.fetches, INT32_MAX);
}

/* ---- which of several ---- */

static void the_row_that_is_over_last_holds(void **s)
{
    struct itr_error local;
    struct record_driver w;

    (void)s;
    record_driver_init(&w);
    itr_error_set(&local, ITR_NETWORK, "no route");
    record_driver_fetch(&w, NOON, fix_refused_with(40004));
    w.wish.local_error = &local;
    w.wish.local_retry_ms = NOON + MINUTE;
    assert_int_equal(record_driver_held_until(&w, NOON), NOON + 30 * MINUTE);
    assert_int_equal(w.error.kind, ITR_QUOTA);
    w.wish.local_retry_ms = NOON + 30 * MINUTE + SECOND;
    assert_int_equal(record_driver_held_until(&w, NOON + 26 * MINUTE), NOON + 30 * MINUTE + SECOND);
    assert_int_equal(w.error.kind, ITR_NETWORK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row_nothing_was_sent_holds_this_machine_only),
        cmocka_unit_test(row_failures_double_from_1_s_to_5_min),
        cmocka_unit_test(backoff_has_full_jitter_but_is_never_0),
        cmocka_unit_test(row_failures_with_a_daily_limit_are_spread_after_six),
        cmocka_unit_test(an_endpoint_that_is_down_all_day_does_not_burn_the_limit),
        cmocka_unit_test(row_lapsed_leases_hold_back_from_the_fourth_on),
        cmocka_unit_test(row_lapsed_leases_are_spread_as_failures_are),
        cmocka_unit_test(four_processes_that_die_fetching_hold_the_fifth_back),
        cmocka_unit_test(row_refused_credentials_hold_10_min_for_this_secret),
        cmocka_unit_test(row_refused_credentials_may_be_tried_when_asked),
        cmocka_unit_test(row_refused_credentials_have_their_own_words_after_another_error),
        cmocka_unit_test(row_the_tenants_limit_holds_30_min),
        cmocka_unit_test(row_the_tenants_limit_ends_with_the_day),
        cmocka_unit_test(row_the_daily_limit_holds_until_the_next_day),
        cmocka_unit_test(without_a_daily_limit_fetches_are_only_counted),
        cmocka_unit_test(the_row_that_is_over_last_holds),
    };

    return cmocka_run_group_tests_name("token_record_hold", tests, NULL, NULL);
}
