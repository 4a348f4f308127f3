/* Every edge of settle (docs/design.md 4.2, and 4.4 for a string that is given again). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/record/record.h"
#include "support/record_fixture.h"

/* Our lease in a record that has an expired token, an error, and one fetch of today. */
struct with {
    struct itr_record_rules rules;
    struct fix_wish wish;
    struct itr_record leased;
    uint64_t fence; /* of our lease */
};

static void setup_on(struct with *w, const struct itr_record *r)
{
    struct itr_record_verdict v;

    w->rules = fix_rules();
    w->wish = fix_wish(&w->rules);
    w->wish.why.held_fence = r->fence;
    v = fix_decide(r, NOON, &w->wish, ITR_VERDICT_ACQUIRE);
    w->leased = v.next;
    w->fence = v.next.lease_fence;
}

static void setup(struct with *w)
{
    struct itr_record r = fix_token(NOON - 3 * TTL);

    setup_on(w, &r);
}

static struct itr_record settle(struct with *w, int64_t now_ms, struct itr_record_outcome outcome)
{
    return fix_settle(&w->leased, now_ms, &w->wish, w->fence, &outcome);
}

static void assert_lease_is_gone(const struct itr_record *r, const struct with *w)
{
    assert_string_equal(r->owner, "");
    assert_int_equal(r->lease_end_ms, 0);
    assert_int_equal(r->lease_fence, w->fence); /* so that the next is higher */
}

/* ---- a token ---- */

static void a_token_is_saved_with_its_lifes_times(void **s)
{
    struct itr_record r;
    struct with w;

    (void)s;
    setup(&w);
    r = settle(&w, NOON + 700, fix_got("new"));
    assert_string_equal(r.text, "new");
    assert_int_equal(r.fence, w.fence);
    assert_int_equal(r.born_ms, NOON + 700);
    assert_int_equal(r.fetched_ms, NOON + 700);
    assert_int_equal(r.refresh_ms, NOON + 700 + TTL - MARGIN);
    assert_int_equal(r.end_ms, NOON + 700 + TTL);
    assert_int_equal(r.fetches, 1);
    assert_lease_is_gone(&r, &w);
}

static void the_margin_is_at_most_a_quarter_of_the_life(void **s)
{
    struct itr_record r;
    struct with w;

    (void)s;
    setup(&w);
    w.rules.token_ttl_ms = 100;
    r = settle(&w, NOON, fix_got("new"));
    assert_int_equal(r.refresh_ms, NOON + 75);
    assert_int_equal(r.end_ms, NOON + 100);
}

static void a_token_ends_all_failures(void **s)
{
    struct itr_record_outcome failed = fix_failed();
    struct itr_record_outcome frozen = fix_refused_with(40003);
    struct itr_record r = fix_empty();
    struct with w;

    (void)s;
    setup(&w);
    r = fix_fetch(&r, NOON - HOUR, &w.wish, &failed);
    r = fix_fetch(&r, NOON - HOUR + SECOND, &w.wish, &frozen);
    assert_int_equal(r.failures, 2);
    setup_on(&w, &r);
    r = settle(&w, NOON, fix_got("new"));
    assert_int_equal(r.failures, 0);
    assert_int_equal(r.failure, ITR_FAILURE_NONE);
    assert_int_equal(r.failed_ms, 0);
    assert_string_equal(r.forbidden, "");
    assert_int_equal(r.error.kind, ITR_OK);
}

/* ---- the same string again: now, and what the record then says (its token was born at NOON) ----
 */

static void the_same_string_keeps_its_birth_and_is_asked_for_at_its_end(void **s)
{
    static const struct {
        int64_t age, ttl, refresh_in;
    } rows[] = {
        {HOUR, TTL, HOUR},                       /* not past its end: then */
        {TTL, TTL, MINUTE},                      /* at its end: a minute */
        {TTL + 10 * MINUTE, TTL, 10 * MINUTE},   /* it outlives our idea: ever more seldom */
        {9 * HOUR, TTL, TTL - MARGIN},           /* but at most as a new one */
        {30 * SECOND, 40 * SECOND, 30 * SECOND}, /* a short life: the minute is cut too */
        {HOUR - SECOND, HOUR, MINUTE},           /* "if later": the end is nearer */
    };
    size_t i;

    (void)s;
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct itr_record_rules rules = fix_rules();
        struct fix_wish wish = fix_wish(&rules);
        struct itr_record_outcome first = fix_got("same"), again = fix_got("same");
        struct itr_record r = fix_empty();
        int64_t now = NOON + rows[i].age;

        rules.token_ttl_ms = rows[i].ttl;
        r = fix_fetch(&r, NOON, &wish, &first);
        wish.why.held_fence = r.fence;
        r = fix_fetch(&r, now, &wish, &again);
        assert_int_equal(r.born_ms, NOON);
        assert_int_equal(r.fetched_ms, now);
        assert_int_equal(r.refresh_ms, now + rows[i].refresh_in);
        assert_int_equal(r.end_ms, r.refresh_ms);
        assert_true(r.fence > wish.why.held_fence);
        assert_int_equal(itr_record_token_times(&r, now, 0, rules.token_ttl_ms, 7).refresh_mono_ms,
                         rows[i].refresh_in); /* no jitter */
    }
}

static void the_same_string_ends_failures_too(void **s)
{
    struct itr_record r;
    struct with w;

    (void)s;
    setup(&w);
    w.leased.failures = 3;
    w.leased.failure = ITR_FAILURE_NO_ANSWER;
    w.leased.error.kind = ITR_HTTP;
    r = settle(&w, NOON, fix_got("tok"));
    assert_int_equal(r.failures, 0);
}

/* ---- no token ---- */

static void a_failure_is_noted_and_the_token_kept(void **s)
{
    struct itr_record_outcome failed = fix_failed();
    struct itr_record r;
    struct with w;

    (void)s;
    setup(&w);
    r = settle(&w, NOON, failed);
    assert_int_equal(r.failures, 1);
    assert_int_equal(r.failure, ITR_FAILURE_NO_ANSWER);
    assert_int_equal(r.failed_ms, NOON);
    assert_int_equal(r.wasted, 1);
    assert_int_equal(r.error.kind, ITR_HTTP);
    assert_int_equal(r.error.http_status, 502);
    assert_string_equal(r.error.text, "HTTP 502");
    assert_int_equal(r.fetches, 1);
    assert_string_equal(r.text, "tok");
    assert_int_equal(r.fence, FENCE);
    assert_lease_is_gone(&r, &w);
}

static void refused_credentials_are_noted_for_this_secret(void **s)
{
    struct itr_record r;
    struct with w;

    (void)s;
    setup(&w);
    r = settle(&w, NOON, fix_refused_with(40001));
    assert_int_equal(r.failure, ITR_FAILURE_FORBIDDEN);
    assert_string_equal(r.forbidden, w.rules.secret_digest);
    assert_int_equal(r.failed_ms, NOON);
    assert_int_equal(r.error.kind, ITR_TOKEN);
    assert_true(r.error.has_code);
    assert_int_equal(r.error.code, 40001);
    assert_int_equal(r.failures, 1);
    assert_lease_is_gone(&r, &w);
}

static void the_tenants_limit_is_noted(void **s)
{
    struct itr_record r;
    struct with w;

    (void)s;
    setup(&w);
    r = settle(&w, NOON, fix_refused_with(40004));
    assert_int_equal(r.failure, ITR_FAILURE_LIMIT);
    assert_int_equal(r.failed_ms, NOON);
    assert_int_equal(r.error.kind, ITR_QUOTA);
    assert_int_equal(r.failures, 1);
}

static void another_failure_forgets_which_secret_was_forbidden(void **s)
{
    struct itr_record r;
    struct with w;

    (void)s;
    setup(&w);
    (void)snprintf(w.leased.forbidden, sizeof w.leased.forbidden, "00ff");
    r = settle(&w, NOON, fix_failed());
    assert_string_equal(r.forbidden, "");
    r = settle(&w, NOON, fix_refused_with(40004));
    assert_string_equal(r.forbidden, "");
}

/* ---- what a fetch was worth ---- */

static void fetches_that_nobody_needed_are_counted_as_wasted(void **s)
{
    struct itr_record_outcome got = fix_got("new");
    struct itr_record r;
    struct with w;

    (void)s;
    setup(&w); /* its token is long expired */
    assert_int_equal(settle(&w, NOON, got).wasted, 0);
    got.asked = true; /* but it was due */
    assert_int_equal(settle(&w, NOON, got).wasted, 0);
    got.after_refusal = true;
    assert_int_equal(settle(&w, NOON, got).wasted, 1);
    assert_int_equal(settle(&w, NOON, fix_refused_with(40003)).wasted, 1);
    assert_int_equal(settle(&w, NOON, fix_not_sent()).wasted, 0);
    r = fix_token(NOON);
    setup_on(&w, &r);
    got.after_refusal = false;
    assert_int_equal(settle(&w, NOON + 1, got).wasted, 1);
    assert_int_equal(settle(&w, r.refresh_ms - 1, got).wasted, 1);
    assert_int_equal(settle(&w, r.refresh_ms, got).wasted, 0);
    got.asked = false;
    assert_int_equal(settle(&w, NOON + 1, got).wasted, 0);
}

/* ---- an answer that is settled late ---- */

static void what_is_settled_late_is_settled_as_of_the_answer(void **s)
{
    struct itr_record_outcome got = fix_got("new"), failed = fix_failed();
    struct itr_record r;
    struct with w;

    (void)s;
    setup(&w);
    got.age_ms = failed.age_ms = 17 * SECOND;
    r = settle(&w, NOON + 20 * SECOND, got);
    assert_int_equal(r.born_ms, NOON + 3 * SECOND);
    assert_int_equal(r.end_ms, NOON + 3 * SECOND + TTL);
    r = settle(&w, NOON + 20 * SECOND, failed);
    assert_int_equal(r.failed_ms, NOON + 3 * SECOND);
}

/* Its outcome was given up, for the store failed until the lease had ended. */
static void a_lease_whose_request_was_sent_keeps_its_count_when_it_is_given_back(void **s)
{
    struct itr_record r;
    struct with w;

    (void)s;
    setup(&w);
    w.wish.self.sent_fence = w.fence;
    r = settle(&w, NOON + HOUR, fix_not_sent());
    assert_int_equal(r.fetches, 1);
    assert_lease_is_gone(&r, &w);
}

static void what_was_not_sent_is_taken_back_and_nothing_else_noted(void **s)
{
    struct itr_record expected, r;
    struct with w;

    (void)s;
    setup(&w);
    w.leased.fetches = 3;
    w.leased.failures = 2;
    w.leased.failure = ITR_FAILURE_NO_ANSWER;
    w.leased.error.kind = ITR_HTTP;
    expected = w.leased;
    expected.fetches = 2;
    expected.owner[0] = '\0';
    expected.lease_begin_ms = expected.lease_end_ms = 0;
    r = settle(&w, NOON + 1, fix_not_sent());
    fix_assert_same(&r, &expected);
}

/* ---- the count, over midnight ---- */

static void a_fetch_over_midnight_counts_on_both_days(void **s)
{
    struct itr_record r;
    struct with w;

    (void)s;
    setup(&w);
    r = settle(&w, MIDNIGHT, fix_got("new"));
    assert_int_equal(r.day, w.leased.day + 1);
    assert_int_equal(r.fetches, 1);
    r = settle(&w, MIDNIGHT, fix_not_sent());
    assert_int_equal(r.fetches, 0);
}

/* ---- whose record is it? ---- */

/* Its swap was lost, and then came a store of the past; the fence of what was sent stays. */
static void an_earlier_lease_of_ours_gives_way_to_what_came_of_the_later(void **s)
{
    struct itr_record_outcome outcomes[] = {fix_got("new"), fix_failed(), fix_not_sent()};
    struct itr_record r;
    struct with w;
    size_t i;

    (void)s;
    setup(&w);
    for (i = 0; i < 3; i++) {
        r = fix_settle(&w.leased, NOON + 9, &w.wish, w.fence + 3, &outcomes[i]);
        assert_string_equal(r.owner, "");
        assert_int_equal(r.lease_fence, w.fence + (outcomes[i].is == ITR_OUTCOME_NOT_SENT ? 0 : 3));
        assert_int_equal(r.fetches, outcomes[i].is == ITR_OUTCOME_NOT_SENT ? 0 : 1);
    }
}

static enum itr_record_settled settle_in(struct with *w, const struct itr_record *r,
                                         struct itr_record *next)
{
    struct itr_record_outcome got = fix_got("new");

    return fix_settle_in(r, NOON + 1, &w->wish, w->fence, &got, next);
}

static void a_lease_that_lapsed_is_ours_until_another_takes_it(void **s)
{
    struct itr_record r;
    struct with w;

    (void)s;
    setup(&w);
    r = settle(&w, NOON + 10 * LEASE, fix_got("new"));
    assert_string_equal(r.text, "new");
    assert_int_equal(r.failures, 0);
}

static void anothers_lease_is_not_ours(void **s)
{
    struct itr_record r, next;
    struct with w;

    (void)s;
    setup(&w);
    r = w.leased;
    snprintf(r.owner, sizeof r.owner, "other");
    r.lease_fence++;
    assert_int_equal(settle_in(&w, &r, &next), ITR_NOT_OURS);
    r.lease_begin_ms = NOON - LEASE;
    r.lease_end_ms = NOON; /* lapsed too: it was taken over ours */
    assert_int_equal(settle_in(&w, &r, &next), ITR_NOT_OURS);
    r.lease_fence = w.fence; /* after a loss of memory two may draw one fence */
    r.lease_begin_ms = NOON;
    r.lease_end_ms = NOON + LEASE;
    assert_int_equal(settle_in(&w, &r, &next), ITR_NOT_OURS);
    r.lease_end_ms = NOON; /* of a process that died */
    assert_int_equal(settle_in(&w, &r, &next), ITR_SETTLED);
}

/* Whoever had a lower fence was through before we began, or the store would not have given us our
 * lease: what shows it is a record from the past, and in the present one our token is missing. */
static void a_live_lease_of_the_past_does_not_keep_a_token_out(void **s)
{
    struct itr_record_outcome not_sent = fix_not_sent();
    struct itr_record r, next;
    struct with w;

    (void)s;
    setup(&w);
    r = w.leased;
    snprintf(r.owner, sizeof r.owner, "other");
    r.lease_fence = w.fence - 1;
    r.lease_end_ms = NOON + LEASE + HOUR;
    assert_int_equal(fix_settle_in(&r, (int64_t)w.fence - 1, &w.wish, w.fence, &not_sent, &next),
                     ITR_NOT_OURS); /* the clock was set back */
    assert_int_equal(settle_in(&w, &r, &next), ITR_SETTLED);
    assert_string_equal(next.text, "new");
    assert_int_equal(next.lease_fence, w.fence);
    assert_int_equal(fix_settle_in(&r, NOON, &w.wish, w.fence, &not_sent, &next),
                     ITR_SETTLED_BEFORE);
}

static void a_higher_fence_is_not_ours(void **s)
{
    struct itr_record r = fix_token(NOON), next;
    struct with w;

    (void)s;
    setup(&w);
    r.fence = r.lease_fence = w.fence + 1; /* another took over, fetched, and settled */
    assert_int_equal(settle_in(&w, &r, &next), ITR_NOT_OURS);
    r.lease_fence = w.fence; /* no record of ours, but a token is a token */
    assert_int_equal(settle_in(&w, &r, &next), ITR_NOT_OURS);
    r = fix_empty();
    r.lease_fence = w.fence + 1; /* another took over, and failed */
    assert_int_equal(settle_in(&w, &r, &next), ITR_NOT_OURS);
}

static void a_store_that_forgot_takes_the_token_and_counts_it(void **s)
{
    struct itr_record r = fix_empty(), next;
    struct with w;

    (void)s;
    setup(&w);
    assert_int_equal(settle_in(&w, &r, &next), ITR_SETTLED);
    assert_string_equal(next.text, "new");
    assert_int_equal(next.fence, w.fence);
    assert_int_equal(next.fetches, 1);
    assert_lease_is_gone(&next, &w);

    /* An older copy came back, with a lease that has long lapsed. */
    r = fix_leased(fix_token(NOON - 3 * TTL), NOON - TTL);
    assert_int_equal(settle_in(&w, &r, &next), ITR_SETTLED);
    assert_string_equal(next.text, "new");
    assert_int_equal(next.fetches, 2);
}

/* A swap of ours that came late, after the store forgot: nobody's. */
static void an_earlier_lease_of_ours_is_no_others(void **s)
{
    struct itr_record_outcome not_sent = fix_not_sent();
    struct itr_record r = fix_empty(), next;
    struct with w;

    (void)s;
    setup(&w);
    snprintf(r.owner, sizeof r.owner, "us");
    r.lease_fence = w.fence - 1;
    r.lease_begin_ms = NOON;
    r.lease_end_ms = NOON + LEASE;
    r.day = w.leased.day;
    r.fetches = 1;
    assert_int_equal(settle_in(&w, &r, &next), ITR_SETTLED);
    assert_string_equal(next.text, "new");
    assert_int_equal(next.fetches, 1);
    assert_int_equal(fix_settle_in(&r, NOON, &w.wish, w.fence, &not_sent, &next), ITR_SETTLED);
    assert_string_equal(next.owner, "");
    assert_int_equal(next.fetches, 0);
    assert_int_equal(next.lease_fence, r.lease_fence); /* ours was never there */
}

static void a_store_that_forgot_notes_failures_too(void **s)
{
    struct itr_record_outcome failed = fix_failed(), not_sent = fix_not_sent();
    struct itr_record r = fix_empty(), next;
    struct with w;

    (void)s;
    setup(&w);
    next = fix_settle(&r, NOON, &w.wish, w.fence, &failed);
    assert_int_equal(next.failures, 1);
    assert_int_equal(next.fetches, 1);
    next = fix_settle(&r, NOON, &w.wish, w.fence, &not_sent);
    assert_int_equal(next.fetches, 0);
}

/* The swap that settled was done, and its answer was lost. */
static void settling_twice_is_settling_once(void **s)
{
    struct itr_record_outcome outcomes[] = {fix_got("new"), fix_failed(), fix_refused_with(40003),
                                            fix_refused_with(40004), fix_not_sent()};
    size_t i;

    (void)s;
    for (i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) {
        struct itr_record once, twice;
        struct with w;

        setup(&w);
        once = settle(&w, NOON + 1, outcomes[i]);
        twice = fix_settle(&once, NOON + SECOND, &w.wish, w.fence, &outcomes[i]);
        fix_assert_same(&once, &twice);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_saved_with_its_lifes_times),
        cmocka_unit_test(the_margin_is_at_most_a_quarter_of_the_life),
        cmocka_unit_test(a_token_ends_all_failures),
        cmocka_unit_test(the_same_string_keeps_its_birth_and_is_asked_for_at_its_end),
        cmocka_unit_test(the_same_string_ends_failures_too),
        cmocka_unit_test(a_failure_is_noted_and_the_token_kept),
        cmocka_unit_test(refused_credentials_are_noted_for_this_secret),
        cmocka_unit_test(the_tenants_limit_is_noted),
        cmocka_unit_test(another_failure_forgets_which_secret_was_forbidden),
        cmocka_unit_test(an_earlier_lease_of_ours_gives_way_to_what_came_of_the_later),
        cmocka_unit_test(fetches_that_nobody_needed_are_counted_as_wasted),
        cmocka_unit_test(what_is_settled_late_is_settled_as_of_the_answer),
        cmocka_unit_test(a_lease_whose_request_was_sent_keeps_its_count_when_it_is_given_back),
        cmocka_unit_test(what_was_not_sent_is_taken_back_and_nothing_else_noted),
        cmocka_unit_test(a_fetch_over_midnight_counts_on_both_days),
        cmocka_unit_test(a_lease_that_lapsed_is_ours_until_another_takes_it),
        cmocka_unit_test(anothers_lease_is_not_ours),
        cmocka_unit_test(a_live_lease_of_the_past_does_not_keep_a_token_out),
        cmocka_unit_test(a_higher_fence_is_not_ours),
        cmocka_unit_test(a_store_that_forgot_takes_the_token_and_counts_it),
        cmocka_unit_test(an_earlier_lease_of_ours_is_no_others),
        cmocka_unit_test(a_store_that_forgot_notes_failures_too),
        cmocka_unit_test(settling_twice_is_settling_once),
    };

    return cmocka_run_group_tests_name("token_record_settle", tests, NULL, NULL);
}
