/* tally: each call is counted once, by its outcome and in the bucket of its duration. Pure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/call/tally.h"

static void add(struct itr_tally *t, enum itr_status kind, int64_t elapsed_us)
{
    struct itr_outcome o = {.kind = kind, .elapsed_us = elapsed_us, .requests = 2, .refused = 1};

    itr_tally_add(t, &o);
}

static uint64_t bucket_sum(const struct itr_tally *t)
{
    uint64_t sum = 0;
    int i;

    for (i = 0; i <= ITR_TALLY_BUCKETS; i++)
        sum += t->buckets[i];
    return sum;
}

static void a_bound_belongs_to_its_bucket(void **state)
{
    struct itr_tally t = {0};
    int i;

    (void)state;
    for (i = 0; i < ITR_TALLY_BUCKETS; i++) {
        add(&t, ITR_OK, itr_tally_bounds_ms[i] * 1000);
        assert_int_equal(t.buckets[i], i == 0 ? 1 : 2);
        add(&t, ITR_OK, itr_tally_bounds_ms[i] * 1000 + 1);
        assert_int_equal(t.buckets[i + 1], 1);
    }
    assert_int_equal(bucket_sum(&t), t.outcomes[ITR_OK]);
}

static void sums_are_of_all_calls(void **state)
{
    struct itr_tally t = {0};

    (void)state;
    add(&t, ITR_OK, 1500);
    add(&t, ITR_TIMEOUT, 2500);
    add(&t, ITR_TIMEOUT, -1); /* a clock that jumped back */
    assert_int_equal(t.outcomes[ITR_OK], 1);
    assert_int_equal(t.outcomes[ITR_TIMEOUT], 2);
    assert_int_equal(t.elapsed_us, 4000);
    assert_int_equal(t.requests, 6);
    assert_int_equal(t.refused, 3);
    assert_int_equal(bucket_sum(&t), 3);
    assert_int_equal(t.buckets[0], 1);
}

static void a_call_that_was_not_started_took_no_time(void **state)
{
    struct itr_tally t = {0};
    struct itr_outcome o;

    (void)state;
    itr_outcome_of_unstarted("GET", ITR_USAGE, &o);
    itr_tally_add(&t, &o);
    assert_int_equal(t.outcomes[ITR_USAGE], 1);
    assert_int_equal(bucket_sum(&t), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bound_belongs_to_its_bucket),
        cmocka_unit_test(sums_are_of_all_calls),
        cmocka_unit_test(a_call_that_was_not_started_took_no_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
