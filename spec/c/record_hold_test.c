/* Each row of the table "no fetch before" (docs/design.md 4.2), and the figures behind it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/bound.h"
#include "support/record_driver.h"

/* A failed fetch whose lease had a fence that draws the longest jitter: all readers draw the same.
 */
static int64_t longest_wait(struct record_driver *w, int64_t now_ms)
{
    int64_t longest = 0;
    int i;

    for (i = 0; i < 2000; i++) {
        w->r.lease_fence = FENCE + (uint64_t)i;
        longest = itr_max64(longest, record_driver_held_until(w, now_ms) - now_ms);
    }
    return longest;
}

/* ---- row: nothing was sent ---- */

static void row_nothing_was_sent_delays_no_other_process(void **s)
{
    struct record_driver w;

    (void)s;
    record_driver_init(&w);
    record_driver_fetch(&w, NOON, fix_not_sent());
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
        int64_t until;

        record_driver_fetch(&w, now, fix_failed());
        assert_int_equal(w.r.failures, i + 1);
        until = record_driver_held_until(&w, now);
        record_driver_assert_held(&w, now, until, ITR_HTTP);
        assert_in_range(longest_wait(&w, now), longest_s[i] * 990, longest_s[i] * SECOND);
        now = until + 10 * MINUTE;
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

/* Readers of any version must draw the same: the one who may fetch first is the same for all. */
static void the_jitter_of_a_lease_never_changes(void **s)
{
    struct record_driver w;

    (void)s;
    record_driver_init(&w);
    record_driver_fetch(&w, NOON, fix_failed());
    w.r.failures = 10;
    w.r.lease_fence = FENCE;
    assert_int_equal(record_driver_held_until(&w, NOON) - NOON, 175521);
    w.r.lease_fence = NOON;
    assert_int_equal(record_driver_held_until(&w, NOON) - NOON, 24310);
}

/* ---- the daily limit is spread, whatever wastes it ---- */

/* Twelve hours are left of the day. */
static void wasted_fetches_are_spread_over_the_day_after_a_few(void **s)
{
    struct record_driver w;
    int i;

    (void)s;
    record_driver_init(&w);
    w.rules.daily_limit = 31;
    for (i = 0; i < 6; i++)
        record_driver_fetch(&w, NOON - (6 - i) * 10 * MINUTE, fix_failed());
    assert_true(record_driver_held_until(&w, NOON - 10 * MINUTE) <= NOON - 9 * MINUTE);
    record_driver_fetch(&w, NOON, fix_failed());
    record_driver_assert_held(&w, NOON, NOON + 12 * HOUR / (31 - 7), ITR_HTTP);
}

static void a_small_limit_is_spread_after_a_quarter_of_it(void **s)
{
    struct record_driver w;

    (void)s;
    record_driver_init(&w);
    w.rules.daily_limit = 8;
    record_driver_fetch(&w, NOON - HOUR, fix_failed());
    record_driver_fetch(&w, NOON - HOUR / 2, fix_failed());
    assert_true(record_driver_held_until(&w, NOON - HOUR / 2) < NOON);
    record_driver_fetch(&w, NOON, fix_failed());
    record_driver_assert_held(&w, NOON, NOON + 12 * HOUR / (8 - 3), ITR_HTTP);
}

/* Which limit makes how many wasted fetches too many. */
static void few_is_6_or_a_quarter_of_the_limit_but_at_least_1(void **s)
{
    static const struct {
        int limit, few;
    } rows[] = {{0, 6}, {100, 6}, {28, 6}, {24, 6}, {23, 5}, {12, 3}, {8, 2}, {7, 1}, {3, 1}};
    struct record_driver w;
    size_t i;

    (void)s;
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        record_driver_init(&w);
        w.rules.daily_limit = rows[i].limit;
        w.wish.why.asked = true;
        record_driver_fetch(&w, NOON, fix_refused_with(40003));
        w.r.wasted = rows[i].few;
        assert_int_equal(record_driver_held_until(&w, NOON), NOON + INTERVAL);
        w.r.wasted++;
        assert_true(record_driver_held_until(&w, NOON) >= NOON + 10 * MINUTE);
    }
}

/* Whatever goes wrong all day, and whoever asks: what is mended is noticed soon, and the day ends
 * with fetches left. */
static void trouble_all_day_never_uses_the_limit_up(void **s)
{
    static const int limits[] = {24, 50, 100};
    static const int codes[] = {0, 40001, 40003, 40004};
    size_t l, c;
    int asked;

    (void)s;
    for (l = 0; l < 3; l++)
        for (c = 0; c < 4; c++)
            for (asked = 0; asked < 2; asked++) {
                struct record_driver w;
                int64_t now, until, longest = 0;
                int n = 0;

                record_driver_init(&w);
                w.rules.daily_limit = limits[l];
                w.wish.why.asked = asked;
                for (now = MIDNIGHT; now < MIDNIGHT + 24 * HOUR; n++) {
                    record_driver_fetch(&w, now,
                                        codes[c] == 0 ? fix_failed() : fix_refused_with(codes[c]));
                    assert_true(w.r.fetches <= limits[l]);
                    until = record_driver_held_until(&w, now);
                    assert_true(now >= MIDNIGHT + 23 * HOUR || w.error.kind != ITR_QUOTA ||
                                w.error.has_code);
                    longest = itr_max64(longest, until - now);
                    now = itr_max64(until, now + MINUTE);
                }
                assert_true(longest <= itr_max64(30 * MINUTE, 24 * HOUR / (limits[l] - 9)));
            }
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
        /* Noted by one whose clock is a little ahead. */
        w.r = fix_decide(&w.r, NOON, &w.wish, ITR_VERDICT_ACQUIRE).next;
        w.r.failed_ms += SECOND;
        assert_int_equal(record_driver_held_until(&w, NOON), 0);
    }
    record_driver_init(&w);
    w.r = fix_leased(fix_empty(), NOON);
    w.r.failures = 3;
    assert_in_range(longest_wait(&w, NOON), 7900, 8000);
    w.r.lease_fence = 8000;
    until = record_driver_held_until(&w, NOON);
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
    w.r.wasted = 7;
    record_driver_assert_held(&w, NOON, NOON + 12 * HOUR / 24, ITR_TIMEOUT);
    w.r.failures = 2; /* the third in a row */
    assert_int_equal(record_driver_held_until(&w, NOON), 0);
    w.r.failures = INT32_MAX;
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
        w.wish.self.name = owners[i];
        w.r = fix_decide(&w.r, now, &w.wish, ITR_VERDICT_ACQUIRE).next;
        now = w.r.lease_end_ms;
    }
    w.wish.self.name = "e";
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
    w.wish.why.asked = true;
    record_driver_assert_held(&w, NOON, NOON + INTERVAL, ITR_TOKEN);
    w.r.wasted = 6;
    record_driver_assert_held(&w, NOON, NOON + INTERVAL, ITR_TOKEN);
}

static void row_refused_credentials_are_not_tried_often_because_somebody_asks(void **s)
{
    struct record_driver w;

    (void)s;
    record_driver_init(&w);
    w.wish.why.asked = true;
    record_driver_fetch(&w, NOON, fix_refused_with(40003));
    w.r.wasted = 7;
    record_driver_assert_held(&w, NOON, NOON + 10 * MINUTE, ITR_TOKEN);
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

static void a_clock_out_of_its_mind_is_cut_here_too(void **s)
{
    struct record_driver w;

    (void)s;
    record_driver_init(&w);
    w.rules.daily_limit = 1;
    w.r.fetches = 1;
    assert_int_equal(record_driver_held_until(&w, INT64_MIN), 16 * HOUR);
}

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
        w.wish.why.held_fence = w.r.fence;
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

static void the_row_that_holds_longest_is_told(void **s)
{
    struct record_driver w;

    (void)s;
    record_driver_init(&w);
    w.rules.daily_limit = 4;
    record_driver_fetch(&w, NOON, fix_refused_with(40004));
    w.r.fetches = 4;
    assert_int_equal(record_driver_held_until(&w, NOON), MIDNIGHT);
    assert_false(w.error.has_code);
    w.rules.daily_limit = 0;
    assert_int_equal(record_driver_held_until(&w, NOON), NOON + 30 * MINUTE);
    assert_true(w.error.has_code);
    w.rules.daily_limit = 4; /* of two that hold equally long, the first */
    w.r.failed_ms = MIDNIGHT - MINUTE;
    assert_int_equal(record_driver_held_until(&w, MIDNIGHT - MINUTE), MIDNIGHT);
    assert_true(w.error.has_code);
}

/* An asked fetch that comes too early is no fault, but it hides none either: late in the day it is
 * held longer than the daily limit holds. */
static void a_row_without_an_error_hides_none(void **s)
{
    struct record_driver w;
    int64_t late = MIDNIGHT - 2 * 60 * MINUTE;

    (void)s;
    record_driver_init(&w);
    w.rules.daily_limit = 1;
    record_driver_fetch(&w, late, fix_got("tok"));
    w.r.wasted = 2;
    w.wish.why.held_fence = w.r.fence;
    w.wish.why.asked = true;
    assert_true(record_driver_held_until(&w, late + 1) > MIDNIGHT);
    assert_int_equal(w.error.kind, ITR_QUOTA);
}

/* ---- row: a fetch caused by a refusal that was answered with a token ---- */

static void setup_refused(struct record_driver *w)
{
    record_driver_init(w);
    w->r = fix_token(NOON - MINUTE);
    w->wish.why.held_fence = FENCE;
    w->wish.why.refused = "tok";
}

/* A refusal-caused fetch, answered with another token, which is refused in turn. */
static void refused_fetch(struct record_driver *w, int64_t now_ms)
{
    bool first = strcmp(w->r.text, "one") == 0;
    struct itr_record_outcome o = fix_got(first ? "two" : "one");

    o.after_refusal = true;
    record_driver_fetch(w, now_ms, o);
    w->wish.why.held_fence = w->r.fence;
    w->wish.why.refused = first ? "two" : "one";
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
    w.r.refusals = 1;
    w.r.refused_ms = now + SECOND; /* by a clock that is a little ahead */
    assert_int_equal(record_driver_held_until(&w, now), 0);
    setup_refused(&w);
    for (i = 0; i < sizeof distance_s / sizeof distance_s[0]; i++) {
        int64_t until = now + distance_s[i] * SECOND;

        refused_fetch(&w, now);
        assert_int_equal(w.r.refused_ms, now);
        assert_int_equal(w.r.refusals, i + 1);
        if (i > 0)
            record_driver_assert_held(&w, now, until, ITR_TOKEN);
        now = until;
    }
}

static void row_refusals_name_both_causes(void **s)
{
    struct record_driver w;

    (void)s;
    setup_refused(&w);
    refused_fetch(&w, NOON);
    refused_fetch(&w, NOON);
    record_driver_held_until(&w, NOON);
    assert_non_null(strstr(w.error.text, "another program fetches tokens for this app"));
    assert_non_null(strstr(w.error.text, "token_error_codes"));
}

static void row_rejections_delay_no_other_process(void **s)
{
    struct record_driver w;

    (void)s;
    setup_refused(&w);
    refused_fetch(&w, NOON);
    refused_fetch(&w, NOON);
    w.wish.why.refused = NULL;
    assert_int_equal(record_driver_held_until(&w, NOON), 0);
}

static void row_refusals_start_over_after_an_hour_of_peace(void **s)
{
    struct record_driver w;

    (void)s;
    setup_refused(&w);
    refused_fetch(&w, NOON);
    refused_fetch(&w, NOON + HOUR); /* just within */
    assert_int_equal(w.r.refusals, 2);
    refused_fetch(&w, NOON + 2 * HOUR + 1); /* just not */
    assert_int_equal(w.r.refusals, 1);

    /* Whatever the distance would be: after one there is none yet. */
    w.rules.min_refresh_interval_ms = 2 * HOUR;
    refused_fetch(&w, NOON + 3 * HOUR + 2);
    assert_int_equal(w.r.refusals, 1);
}

/* An interval of 0 and no daily limit: nothing holds the second back. */
static void row_refusals_without_an_interval_begin_with_none(void **s)
{
    struct record_driver w;

    (void)s;
    setup_refused(&w);
    w.rules.min_refresh_interval_ms = 0;
    refused_fetch(&w, NOON);
    refused_fetch(&w, NOON);
    assert_int_equal(w.r.refusals, 2);
    assert_int_equal(record_driver_held_until(&w, NOON), 0);
    w.r.refused_ms++; /* noted by one whose clock is a little ahead */
    assert_int_equal(record_driver_held_until(&w, NOON), 0);
}

static void row_refusals_start_over_after_twice_a_longer_distance(void **s)
{
    struct record_driver w;

    (void)s;
    setup_refused(&w);
    refused_fetch(&w, NOON);
    w.r.refusals = 20; /* an hour */
    refused_fetch(&w, NOON + 2 * HOUR);
    assert_int_equal(w.r.refusals, 21);
    refused_fetch(&w, NOON + 4 * HOUR + 1);
    assert_int_equal(w.r.refusals, 1);
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
    refused_fetch(&w, NOON + HOUR);
    w.rules.daily_limit = 4;
    record_driver_assert_held(&w, NOON + HOUR, NOON + 5 * HOUR, ITR_TOKEN);
}

static void the_refused_string_again_counts_as_a_refusals_fetch_not_as_a_failure(void **s)
{
    struct record_driver w;
    struct itr_record_outcome same = fix_got("tok");

    (void)s;
    setup_refused(&w);
    same.after_refusal = true;
    record_driver_fetch(&w, NOON, same);
    assert_int_equal(w.r.failures, 0);
    assert_int_equal(w.r.refusals, 1);
    w.wish.why.held_fence = w.r.fence;
    record_driver_fetch(&w, NOON, same);
    w.wish.why.held_fence = w.r.fence;
    record_driver_assert_held(&w, NOON, NOON + INTERVAL, ITR_TOKEN);
}

static void a_refusals_fetch_without_a_token_is_none_of_these(void **s)
{
    struct record_driver w;
    struct itr_record_outcome failed = fix_failed();

    (void)s;
    setup_refused(&w);
    failed.after_refusal = true;
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

/* ---- row: asked, soon after a token came ---- */

static void asked_fetch(struct record_driver *w, int64_t now_ms)
{
    struct itr_record_outcome got = fix_got(strcmp(w->r.text, "one") == 0 ? "two" : "one");

    got.asked = true;
    w->wish.why.asked = true;
    record_driver_fetch(w, now_ms, got);
    w->wish.why.held_fence = w->r.fence;
}

/* A script that calls refresh() each minute, or wants a min_valid that no token has. */
static int fetches_of_a_day_of_asking(int64_t daily_limit)
{
    struct record_driver w;
    int64_t now;
    int n = 0;

    record_driver_init(&w);
    w.rules.daily_limit = daily_limit;
    for (now = MIDNIGHT; now < MIDNIGHT + 24 * HOUR; now += MINUTE) {
        w.wish.why.asked = true;
        if (record_driver_held_until(&w, now) != 0) {
            assert_int_equal(w.error.kind, ITR_OK); /* the present token is the answer */
            continue;
        }
        asked_fetch(&w, now);
        n++;
    }
    return n;
}

static void asking_all_day_is_bounded_and_never_uses_the_limit_up(void **s)
{
    (void)s;
    assert_in_range(fetches_of_a_day_of_asking(0), 200, 300);
    assert_in_range(fetches_of_a_day_of_asking(50), 20, 49);
    assert_in_range(fetches_of_a_day_of_asking(24), 12, 23);
}

static void asked_keeps_the_interval_and_then_nothing_is_wrong(void **s)
{
    struct record_driver w;

    (void)s;
    record_driver_init(&w);
    record_driver_fetch(&w, NOON, fix_got("tok"));
    assert_int_equal(record_driver_held_until(&w, NOON), 0);
    w.wish.why.asked = true;
    w.wish.why.held_fence = w.r.fence;
    record_driver_assert_held(&w, NOON, NOON + INTERVAL, ITR_OK);

    /* The same string again, an hour later: the interval is that from the last answer. */
    record_driver_fetch(&w, NOON + HOUR, fix_got("tok"));
    w.wish.why.held_fence = w.r.fence;
    record_driver_assert_held(&w, NOON + HOUR, NOON + HOUR + INTERVAL, ITR_OK);

    /* A refused one is not asked for, it is needed. */
    w.wish.why.refused = "tok";
    assert_int_equal(record_driver_held_until(&w, NOON + HOUR), 0);
}

/* Six may be wasted at the least interval, then it is 5 min; or twice the share of a limit. */
static void asked_waits_longer_once_many_were_wasted(void **s)
{
    struct record_driver w;

    (void)s;
    record_driver_init(&w);
    record_driver_fetch(&w, NOON, fix_got("tok"));
    w.wish.why.asked = true;
    w.wish.why.held_fence = w.r.fence;
    w.r.wasted = 6;
    record_driver_assert_held(&w, NOON, NOON + INTERVAL, ITR_OK);
    w.r.wasted = 7;
    record_driver_assert_held(&w, NOON, NOON + 5 * MINUTE, ITR_OK);
    w.rules.daily_limit = 24 + w.r.fetches; /* of which 12 hours are left, so half an hour each */
    record_driver_assert_held(&w, NOON, NOON + HOUR, ITR_OK);
    w.rules.daily_limit = 2 + w.r.fetches;
    record_driver_assert_held(&w, NOON, NOON + 4 * HOUR, ITR_OK);
}

static void asked_without_a_good_token_is_not_held_back(void **s)
{
    struct record_driver w;

    (void)s;
    record_driver_init(&w);
    w.wish.why.asked = true;
    assert_int_equal(record_driver_held_until(&w, NOON), 0);
    w.rules.token_ttl_ms = SECOND;
    record_driver_fetch(&w, NOON, fix_got("tok"));
    assert_int_equal(record_driver_held_until(&w, NOON + SECOND), 0);
    w.wish.why.held_fence = w.r.fence;
    assert_int_equal(record_driver_held_until(&w, NOON + SECOND), NOON + INTERVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row_nothing_was_sent_delays_no_other_process),
        cmocka_unit_test(row_failures_double_from_1_s_to_5_min),
        cmocka_unit_test(the_jitter_of_a_lease_never_changes),
        cmocka_unit_test(backoff_has_full_jitter_but_is_never_0),
        cmocka_unit_test(wasted_fetches_are_spread_over_the_day_after_a_few),
        cmocka_unit_test(a_small_limit_is_spread_after_a_quarter_of_it),
        cmocka_unit_test(few_is_6_or_a_quarter_of_the_limit_but_at_least_1),
        cmocka_unit_test(trouble_all_day_never_uses_the_limit_up),
        cmocka_unit_test(row_lapsed_leases_hold_back_from_the_fourth_on),
        cmocka_unit_test(row_lapsed_leases_are_spread_as_failures_are),
        cmocka_unit_test(four_processes_that_die_fetching_hold_the_fifth_back),
        cmocka_unit_test(row_refused_credentials_hold_10_min_for_this_secret),
        cmocka_unit_test(row_refused_credentials_may_be_tried_when_asked),
        cmocka_unit_test(row_refused_credentials_are_not_tried_often_because_somebody_asks),
        cmocka_unit_test(row_the_tenants_limit_holds_30_min),
        cmocka_unit_test(row_the_tenants_limit_ends_with_the_day),
        cmocka_unit_test(a_clock_out_of_its_mind_is_cut_here_too),
        cmocka_unit_test(row_the_daily_limit_holds_until_the_next_day),
        cmocka_unit_test(without_a_daily_limit_fetches_are_only_counted),
        cmocka_unit_test(the_row_that_holds_longest_is_told),
        cmocka_unit_test(a_row_without_an_error_hides_none),
        cmocka_unit_test(row_refusals_the_second_at_once_then_doubling_to_1_h),
        cmocka_unit_test(row_refusals_name_both_causes),
        cmocka_unit_test(row_rejections_delay_no_other_process),
        cmocka_unit_test(row_refusals_start_over_after_an_hour_of_peace),
        cmocka_unit_test(row_refusals_without_an_interval_begin_with_none),
        cmocka_unit_test(row_refusals_start_over_after_twice_a_longer_distance),
        cmocka_unit_test(row_refusals_with_a_daily_limit_are_spread_from_the_third_on),
        cmocka_unit_test(the_refused_string_again_counts_as_a_refusals_fetch_not_as_a_failure),
        cmocka_unit_test(a_refusals_fetch_without_a_token_is_none_of_these),
        cmocka_unit_test(an_endpoint_misread_as_a_refusal_costs_31_fetches_a_day),
        cmocka_unit_test(asking_all_day_is_bounded_and_never_uses_the_limit_up),
        cmocka_unit_test(asked_keeps_the_interval_and_then_nothing_is_wrong),
        cmocka_unit_test(asked_waits_longer_once_many_were_wasted),
        cmocka_unit_test(asked_without_a_good_token_is_not_held_back),
    };

    return cmocka_run_group_tests_name("token_record_hold", tests, NULL, NULL);
}
