/* Every edge of decide (docs/design.md 4.2); settle, the table of holds, stepped clocks and the
 * text form have a test file each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/record/record.h"
#include "core/record/sound.h"
#include "support/record_fixture.h"

struct with {
    struct itr_record_rules rules;
    struct fix_wish wish;
};

static void setup(struct with *w)
{
    w->rules = fix_rules();
    w->wish = fix_wish(&w->rules);
}

/* ---- TAKE ---- */

static void takes_a_token_with_a_higher_fence(void **s)
{
    struct itr_record r = fix_token(NOON);
    struct with w;

    (void)s;
    setup(&w);
    fix_decide(&r, NOON, &w.wish, ITR_VERDICT_TAKE);
    w.wish.why.held_fence = FENCE - 1;
    fix_decide(&r, NOON, &w.wish, ITR_VERDICT_TAKE);
}

static void takes_before_it_minds_a_lease(void **s)
{
    struct itr_record r = fix_leased(fix_token(NOON), NOON + LEASE);
    struct with w;

    (void)s;
    setup(&w);
    fix_decide(&r, NOON, &w.wish, ITR_VERDICT_TAKE);
}

static void takes_one_that_is_due(void **s)
{
    struct itr_record r = fix_token(NOON - TTL + 1);
    struct with w;

    (void)s;
    setup(&w);
    fix_decide(&r, NOON, &w.wish, ITR_VERDICT_TAKE);
}

static void takes_when_asked_for_a_refresh_that_another_has_done(void **s)
{
    struct itr_record r = fix_token(NOON);
    struct with w;

    (void)s;
    setup(&w);
    w.wish.why.held_fence = FENCE - 1;
    w.wish.why.asked = true;
    fix_decide(&r, NOON, &w.wish, ITR_VERDICT_TAKE);
}

static void takes_in_place_of_a_refused_one(void **s)
{
    struct itr_record r = fix_token(NOON);
    struct with w;

    (void)s;
    setup(&w);
    w.wish.why.held_fence = FENCE - 1;
    w.wish.why.refused = "earlier";
    fix_decide(&r, NOON, &w.wish, ITR_VERDICT_TAKE);
}

static void does_not_take_what_it_holds(void **s)
{
    struct itr_record r = fix_token(NOON);
    struct with w;

    (void)s;
    setup(&w);
    w.wish.why.held_fence = FENCE;
    fix_decide(&r, NOON + TTL - MARGIN, &w.wish, ITR_VERDICT_ACQUIRE);
}

static void does_not_take_the_refused_string_of_whatever_fence(void **s)
{
    struct itr_record r = fix_token(NOON);
    struct with w;

    (void)s;
    setup(&w);
    w.wish.why.held_fence = FENCE - 1;
    w.wish.why.refused = "tok";
    fix_decide(&r, NOON, &w.wish, ITR_VERDICT_ACQUIRE);
}

static void does_not_take_an_expired_one_while_a_better_may_be_fetched(void **s)
{
    struct itr_record r = fix_token(NOON - TTL);
    struct with w;

    (void)s;
    setup(&w);
    fix_decide(&r, NOON, &w.wish, ITR_VERDICT_ACQUIRE);
}

static void takes_an_expired_one_while_a_fetch_is_held_back(void **s)
{
    struct itr_record r = fix_leased(fix_token(NOON - TTL), NOON - HOUR);
    struct with w;

    (void)s;
    setup(&w);
    w.rules.daily_limit = 1;
    fix_decide(&r, NOON, &w.wish, ITR_VERDICT_TAKE);

    /* But never the refused one. */
    w.wish.why.refused = "tok";
    fix_decide(&r, NOON, &w.wish, ITR_VERDICT_HOLD);
}

/* So that a new script has it at once. */
static void takes_an_expired_one_while_fetching_fails(void **s)
{
    struct itr_record r = fix_token(NOON - TTL);
    struct itr_record_outcome failed = fix_failed();
    struct with w;

    (void)s;
    setup(&w);
    r = fix_fetch(&r, NOON, &w.wish, &failed);
    fix_decide(&r, NOON + HOUR, &w.wish, ITR_VERDICT_TAKE);
    w.wish.why.held_fence = FENCE;
    fix_decide(&r, NOON + HOUR, &w.wish, ITR_VERDICT_ACQUIRE);
}

/* client:refresh() as the first call of a process. */
static void who_asks_and_holds_none_gets_a_fetch_unless_it_is_too_early(void **s)
{
    struct itr_record r = fix_token(NOON);
    struct with w;

    (void)s;
    setup(&w);
    w.wish.why.asked = true;
    fix_decide(&r, NOON + INTERVAL - 1, &w.wish, ITR_VERDICT_TAKE);
    fix_decide(&r, NOON + INTERVAL, &w.wish, ITR_VERDICT_ACQUIRE);
}

/* Of another process's token only the fence is known: a central server that was just started. */
static void who_learned_of_a_rejected_fence_takes_a_newer_token_and_no_other(void **s)
{
    struct itr_record r = fix_token(NOON);
    struct with w;

    (void)s;
    setup(&w);
    w.wish.why.asked = true;
    w.wish.why.refused_fence = FENCE - 1;
    fix_decide(&r, NOON + INTERVAL, &w.wish, ITR_VERDICT_TAKE);
    w.wish.why.refused_fence = FENCE;
    fix_decide(&r, NOON + INTERVAL, &w.wish, ITR_VERDICT_ACQUIRE);
}

/* ---- WAIT ---- */

static void waits_for_anothers_lease_until_its_end(void **s)
{
    struct itr_record r = fix_leased(fix_empty(), NOON + 1);
    struct itr_record_verdict v;
    struct with w;

    (void)s;
    setup(&w);
    v = fix_decide(&r, NOON, &w.wish, ITR_VERDICT_WAIT);
    assert_int_equal(v.until_ms, NOON + 1);
    fix_decide(&r, NOON + 1, &w.wish, ITR_VERDICT_ACQUIRE);
}

static void waits_rather_than_take_an_expired_one_or_hold(void **s)
{
    struct itr_record r = fix_leased(fix_token(NOON - TTL), NOON + LEASE);
    struct with w;

    (void)s;
    setup(&w);
    fix_decide(&r, NOON, &w.wish, ITR_VERDICT_WAIT);

    /* The one who fetches may end what holds us back. */
    w.wish.why.held_fence = FENCE;
    w.rules.daily_limit = 1;
    fix_decide(&r, NOON, &w.wish, ITR_VERDICT_WAIT);
}

/* ---- HOLD (each row: record_hold_test) ---- */

static void holds_until_then_with_the_reason(void **s)
{
    struct itr_record r = fix_leased(fix_empty(), NOON - 1);
    struct itr_record_verdict v;
    struct with w;

    (void)s;
    setup(&w);
    w.rules.daily_limit = 1;
    v = fix_decide(&r, NOON, &w.wish, ITR_VERDICT_HOLD);
    assert_int_equal(v.until_ms, MIDNIGHT);
    assert_int_equal(v.error.kind, ITR_QUOTA);
}

/* ---- ACQUIRE ---- */

static void acquires_with_our_lease_and_the_fetch_counted(void **s)
{
    struct itr_record r = fix_token(NOON - TTL);
    struct itr_record_verdict v;
    struct with w;

    (void)s;
    setup(&w);
    v = fix_decide(&r, NOON, &w.wish, ITR_VERDICT_ACQUIRE);
    assert_string_equal(v.next.owner, "us");
    assert_int_equal(v.next.lease_begin_ms, NOON);
    assert_int_equal(v.next.lease_end_ms, NOON + LEASE);
    assert_int_equal(v.next.fetches, 1);
    assert_int_equal(v.next.day, (NOON + 8 * HOUR) / (24 * HOUR));
    assert_int_equal(v.next.failures, 0);

    /* The token stays, for those who find nothing better. */
    assert_string_equal(v.next.text, "tok");
    assert_int_equal(v.next.fence, FENCE);
}

static void acquires_an_ahead_refresh_whatever_the_record_thinks_of_it(void **s)
{
    struct itr_record r = fix_token(NOON);
    struct with w;

    (void)s;
    setup(&w);
    w.wish.why.held_fence = FENCE;
    fix_decide(&r, NOON + 1, &w.wish, ITR_VERDICT_ACQUIRE);
}

static void acquiring_over_a_lapsed_lease_counts_a_failure(void **s)
{
    struct itr_record r = fix_leased(fix_empty(), NOON);
    struct itr_record_verdict v;
    struct with w;

    (void)s;
    setup(&w);
    v = fix_decide(&r, NOON, &w.wish, ITR_VERDICT_ACQUIRE);
    assert_int_equal(v.next.failures, 1);
    assert_int_equal(v.next.failure, ITR_FAILURE_LAPSED);
    assert_int_equal(v.next.failed_ms, NOON); /* when it lapsed, not when we saw it */
    assert_int_equal(v.next.wasted, 1);
    assert_int_equal(v.next.fetches, 2);
}

static void a_lapsed_lease_leaves_nothing_of_an_earlier_failure(void **s)
{
    struct itr_record r = fix_leased(fix_empty(), NOON);
    struct itr_record_verdict v;
    struct with w;

    (void)s;
    setup(&w);
    r.failures = 1;
    r.failure = ITR_FAILURE_FORBIDDEN;
    r.error.kind = ITR_TOKEN;
    r.error.has_code = true;
    r.error.code = 40003;
    r.error.http_status = 401;
    (void)snprintf(r.forbidden, sizeof r.forbidden, "0123456789abcdef");
    v = fix_decide(&r, NOON, &w.wish, ITR_VERDICT_ACQUIRE);
    assert_int_equal(v.next.failures, 2);
    assert_string_equal(v.next.forbidden, "");
    assert_int_equal(v.next.error.kind, ITR_TIMEOUT);
    assert_string_equal(v.next.error.text, "the process that was fetching stopped or died");
    assert_false(v.next.error.has_code);
    assert_int_equal(v.next.error.code, 0);
    assert_int_equal(v.next.error.http_status, 0);
}

/* The swap that acquired was done, and its answer was lost: nothing was sent under that lease. */
static void our_own_lease_is_taken_again_and_counted_once(void **s)
{
    struct itr_record r = fix_token(NOON - TTL);
    struct itr_record_verdict first, again;
    struct with w;

    (void)s;
    setup(&w);
    w.rules.daily_limit = 1;
    first = fix_decide(&r, NOON, &w.wish, ITR_VERDICT_ACQUIRE);
    again = fix_decide(&first.next, NOON + 1, &w.wish, ITR_VERDICT_ACQUIRE);
    assert_int_equal(again.next.fetches, 1);
    assert_int_equal(again.next.failures, 0);
    assert_true(again.next.lease_fence > first.next.lease_fence);

    /* Also when it has lapsed meanwhile. */
    again = fix_decide(&first.next, NOON + LEASE, &w.wish, ITR_VERDICT_ACQUIRE);
    assert_int_equal(again.next.failures, 0);

    /* A request of ours may have been sent under it: it was counted rightly. */
    w.rules.daily_limit = 0;
    w.wish.self.sent_fence = first.next.lease_fence;
    again = fix_decide(&first.next, NOON + 1, &w.wish, ITR_VERDICT_ACQUIRE);
    assert_int_equal(again.next.fetches, 2);
}

static void a_new_day_begins_with_nothing_counted(void **s)
{
    struct itr_record r = fix_leased(fix_empty(), NOON);
    struct itr_record_verdict v;
    struct with w;

    (void)s;
    setup(&w);
    v = fix_decide(&r, MIDNIGHT - 1, &w.wish, ITR_VERDICT_ACQUIRE);
    assert_int_equal(v.next.fetches, 2);
    v = fix_decide(&r, MIDNIGHT, &w.wish, ITR_VERDICT_ACQUIRE);
    assert_int_equal(v.next.fetches, 1);
    assert_int_equal(v.next.day, r.day + 1);
}

static void the_fence_is_above_all_that_were(void **s)
{
    static const struct {
        uint64_t token, lease, held;
        int64_t now;
        uint64_t expected;
    } rows[] = {
        {0, 0, 0, NOON, NOON},
        {FENCE, FENCE, FENCE, NOON, NOON}, /* the store lost its memory: its clock goes on */
        {NOON + 5, NOON + 5, 0, NOON, NOON + 6},
        {NOON + 5, NOON + 9, 0, NOON, NOON + 10},
        {NOON + 5, NOON + 9, NOON + 20, NOON, NOON + 21},
        {NOON - 1, NOON - 1, NOON - 1, NOON, NOON},
        {NOON, NOON, NOON, NOON, NOON + 1},
        {NOON, NOON, NOON, 0, NOON + 1}, /* and if that lost its mind: the others */
    };
    struct with w;
    size_t i;

    (void)s;
    setup(&w);
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct itr_record r = rows[i].token == 0 ? fix_empty() : fix_token(0);

        r.fence = rows[i].token;
        r.lease_fence = rows[i].lease;
        w.wish.why.held_fence = rows[i].held;
        w.wish.why.refused = "tok";
        assert_int_equal(fix_decide(&r, rows[i].now, &w.wish, ITR_VERDICT_ACQUIRE).next.lease_fence,
                         rows[i].expected);
    }
}

/* The store forgot, within one millisecond: no name and fence are used twice. */
static void the_fence_is_above_our_own_last(void **s)
{
    struct itr_record r = fix_empty();
    struct with w;

    (void)s;
    setup(&w);
    w.wish.self.last_fence = NOON + 3;
    assert_int_equal(fix_decide(&r, NOON, &w.wish, ITR_VERDICT_ACQUIRE).next.lease_fence, NOON + 4);

    /* There is none above the highest: of what was forgotten, the time is the only trace. */
    w.wish.self.last_fence = ITR_RECORD_FENCE_MAX;
    assert_int_equal(fix_decide(&r, NOON, &w.wish, ITR_VERDICT_ACQUIRE).next.lease_fence, NOON);
    assert_int_equal(fix_decide(&r, 0, &w.wish, ITR_VERDICT_ACQUIRE).next.lease_fence, 1);
    r.lease_fence = NOON + 7;
    assert_int_equal(fix_decide(&r, NOON, &w.wish, ITR_VERDICT_ACQUIRE).next.lease_fence, NOON + 8);
    r.lease_fence = 0;
    w.wish.self.last_fence = ITR_RECORD_FENCE_MAX - 1;
    assert_true(fix_decide(&r, NOON, &w.wish, ITR_VERDICT_ACQUIRE).next.lease_fence ==
                ITR_RECORD_FENCE_MAX);
}

static void a_record_without_room_for_a_higher_fence_counts_as_none(void **s)
{
    struct itr_record r = fix_token(NOON), back;
    struct itr_record_verdict v;
    struct itr_buf text;
    struct itr_error e;
    struct with w;

    (void)s;
    setup(&w);
    r.fence = r.lease_fence = ITR_RECORD_FENCE_MAX;
    w.wish.why.refused = r.text;
    v = fix_decide(&r, NOON, &w.wish, ITR_VERDICT_ACQUIRE);
    itr_buf_init(&text, ITR_RECORD_MAX);
    assert_int_equal(itr_record_encode(&v.next, &text), ITR_OK);
    assert_int_equal(itr_record_decode(text.data, text.len, &back, &e), ITR_OK);
    assert_true(itr_record_lease_stands(&back, NOON, "us", v.next.lease_fence));
    itr_buf_clear(&text);
}

/* It could not be read as soon as it was written, and everybody would fetch. */
static void a_lease_is_taken_where_no_higher_fence_is_left(void **s)
{
    struct itr_record r = fix_leased(fix_token(NOON - TTL), NOON);
    struct itr_record_outcome got = fix_got("new");
    struct itr_record_verdict v;
    struct with w;

    (void)s;
    setup(&w);
    r.fence = 1;
    r.lease_fence = ITR_RECORD_FENCE_MAX - 1;
    v = fix_decide(&r, NOON, &w.wish, ITR_VERDICT_ACQUIRE);
    assert_true(v.next.lease_fence == ITR_RECORD_FENCE_MAX);
    assert_true(itr_record_lease_stands(&v.next, NOON, "us", v.next.lease_fence));
    assert_string_equal(v.next.text, "tok");
    assert_int_equal(v.next.failures, 1);

    r.lease_fence++;
    v = fix_decide(&r, NOON, &w.wish, ITR_VERDICT_ACQUIRE);
    assert_int_equal(v.next.lease_fence, NOON);
    assert_true(itr_record_lease_stands(&v.next, NOON, "us", v.next.lease_fence));
    assert_string_equal(v.next.text, "");
    assert_int_equal(v.next.failures, 0);
    assert_int_equal(v.next.fetches, 1);
    assert_int_equal(v.next.day, (NOON + 8 * HOUR) / (24 * HOUR));
    assert_string_equal(fix_settle(&v.next, NOON, &w.wish, NOON, &got).text, "new");
}

/* A lease is bounded by its own times, not by what the reader would give it. */
static void a_reader_with_a_shorter_timeout_waits_for_a_longer_lease(void **s)
{
    struct itr_record r = fix_empty();
    struct itr_record_rules longer = fix_rules();
    struct fix_wish holder;
    struct itr_record_verdict v;
    struct with w;

    (void)s;
    setup(&w);
    longer.lease_ms = 65 * SECOND;
    holder = fix_wish(&longer);
    holder.self.name = "other";
    r = fix_decide(&r, NOON, &holder, ITR_VERDICT_ACQUIRE).next;
    v = fix_decide(&r, NOON + 1, &w.wish, ITR_VERDICT_WAIT);
    assert_int_equal(v.until_ms, NOON + 65 * SECOND);
}

/* ---- the look before the first byte ---- */

static void a_lease_is_ours_by_owner_and_fence_until_its_end(void **s)
{
    struct itr_record r = fix_empty();
    struct itr_record_verdict v;
    uint64_t fence;
    struct with w;

    (void)s;
    setup(&w);
    v = fix_decide(&r, NOON, &w.wish, ITR_VERDICT_ACQUIRE);
    fence = v.next.lease_fence;
    assert_true(itr_record_lease_stands(&v.next, NOON, "us", fence));
    assert_true(itr_record_lease_stands(&v.next, NOON + LEASE - 1, "us", fence));
    assert_false(itr_record_lease_stands(&v.next, NOON + LEASE, "us", fence));
    assert_false(itr_record_lease_stands(&v.next, NOON, "other", fence));
    assert_false(itr_record_lease_stands(&v.next, NOON, "us", fence + 1));
    assert_false(itr_record_lease_stands(&r, NOON, "", 0));
}

/* ---- a token's times on our own clock ---- */

static void jitter_is_up_to_a_sixth_of_the_margin(void **s)
{
    struct itr_record r = fix_token(NOON);
    int64_t refresh = 5000 + TTL - MARGIN;

    (void)s;
    assert_int_equal(itr_record_token_times(&r, NOON, 5000, TTL, 0).refresh_mono_ms, refresh);
    assert_int_equal(
        itr_record_token_times(&r, NOON, 5000, TTL, (uint64_t)MARGIN / 6).refresh_mono_ms,
        refresh - MARGIN / 6);
    assert_int_equal(
        itr_record_token_times(&r, NOON, 5000, TTL, (uint64_t)MARGIN / 6 + 1).refresh_mono_ms,
        refresh);
    r.refresh_ms = r.end_ms; /* a token given again */
    assert_int_equal(itr_record_token_times(&r, NOON, 5000, TTL, UINT64_MAX).refresh_mono_ms,
                     5000 + TTL);
}

static void a_life_is_never_longer_than_our_own_option(void **s)
{
    struct itr_record r = fix_token(NOON);
    struct itr_token_times t = itr_record_token_times(&r, NOON, 5000, HOUR, 0);

    (void)s;
    assert_int_equal(t.end_mono_ms, 5000 + HOUR);
    assert_true(t.refresh_mono_ms <= t.end_mono_ms);
}

static void times_are_those_of_our_own_clock(void **s)
{
    struct itr_record r = fix_token(NOON);
    struct itr_token_times t = itr_record_token_times(&r, NOON + MINUTE, 5 * HOUR, TTL, 0);

    (void)s;
    assert_int_equal(t.born_mono_ms, 5 * HOUR - MINUTE);
    assert_int_equal(t.refresh_mono_ms, 5 * HOUR - MINUTE + TTL - MARGIN);
    assert_int_equal(t.end_mono_ms, 5 * HOUR - MINUTE + TTL);
    t = itr_record_token_times(&r, NOON - SECOND, 5 * HOUR, TTL, 0); /* clocks differ a little */
    assert_int_equal(t.born_mono_ms, 5 * HOUR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_a_token_with_a_higher_fence),
        cmocka_unit_test(takes_before_it_minds_a_lease),
        cmocka_unit_test(takes_one_that_is_due),
        cmocka_unit_test(takes_when_asked_for_a_refresh_that_another_has_done),
        cmocka_unit_test(takes_in_place_of_a_refused_one),
        cmocka_unit_test(does_not_take_what_it_holds),
        cmocka_unit_test(does_not_take_the_refused_string_of_whatever_fence),
        cmocka_unit_test(does_not_take_an_expired_one_while_a_better_may_be_fetched),
        cmocka_unit_test(takes_an_expired_one_while_a_fetch_is_held_back),
        cmocka_unit_test(takes_an_expired_one_while_fetching_fails),
        cmocka_unit_test(who_asks_and_holds_none_gets_a_fetch_unless_it_is_too_early),
        cmocka_unit_test(who_learned_of_a_rejected_fence_takes_a_newer_token_and_no_other),
        cmocka_unit_test(waits_for_anothers_lease_until_its_end),
        cmocka_unit_test(waits_rather_than_take_an_expired_one_or_hold),
        cmocka_unit_test(holds_until_then_with_the_reason),
        cmocka_unit_test(acquires_with_our_lease_and_the_fetch_counted),
        cmocka_unit_test(acquires_an_ahead_refresh_whatever_the_record_thinks_of_it),
        cmocka_unit_test(acquiring_over_a_lapsed_lease_counts_a_failure),
        cmocka_unit_test(a_lapsed_lease_leaves_nothing_of_an_earlier_failure),
        cmocka_unit_test(our_own_lease_is_taken_again_and_counted_once),
        cmocka_unit_test(a_new_day_begins_with_nothing_counted),
        cmocka_unit_test(the_fence_is_above_all_that_were),
        cmocka_unit_test(the_fence_is_above_our_own_last),
        cmocka_unit_test(a_record_without_room_for_a_higher_fence_counts_as_none),
        cmocka_unit_test(a_lease_is_taken_where_no_higher_fence_is_left),
        cmocka_unit_test(a_reader_with_a_shorter_timeout_waits_for_a_longer_lease),
        cmocka_unit_test(a_lease_is_ours_by_owner_and_fence_until_its_end),
        cmocka_unit_test(jitter_is_up_to_a_sixth_of_the_margin),
        cmocka_unit_test(a_life_is_never_longer_than_our_own_option),
        cmocka_unit_test(times_are_those_of_our_own_clock),
    };

    return cmocka_run_group_tests_name("token_record", tests, NULL, NULL);
}
