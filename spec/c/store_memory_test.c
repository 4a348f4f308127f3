/* store_memory: the contract of stores, and the process-wide one. */
#include "support/store_contract.h"

#include "store/stores.h"

static struct fake_clock clock;
static struct itr_store *only; /* an object is its values: whoever opens gets this one */

static void begin(void)
{
    fake_clock_init(&clock);
    only = itr_store_memory_new(&clock.clock);
}

static struct itr_store *open_store(void)
{
    if (only != NULL)
        only->ops->retain(only);
    return only;
}

static void end(void)
{
    only->ops->release(only);
}

static int64_t now_ms(void)
{
    return itr_clock_wall_ms(&clock.clock);
}

static const struct store_kind kind = {ITR_FROM_MEMORY, false, open_store, begin, NULL, end,
                                       now_ms};

static void the_process_wide_store_is_one(void **state)
{
    struct itr_store *a = itr_store_memory(), *b = itr_store_memory();

    (void)state;
    assert_non_null(a);
    assert_ptr_equal(a, b);
    assert_true(store_swap(a, "k", "", "a"));
    a->ops->release(a);
    store_assert_value(b, "k", "a");
    b->ops->release(b);
    a = itr_store_memory(); /* it outlives all who use it */
    store_assert_value(a, "k", "a");
    a->ops->release(a);
}

static void two_that_are_made_are_two(void **state)
{
    struct itr_store *other = itr_store_memory_new(&clock.clock);

    assert_string_not_equal(other->id, ((struct itr_store *)*state)->id);
    assert_true(store_swap(*state, "k", "", "a"));
    store_assert_value(other, "k", "");
    other->ops->release(other);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_CONTRACT_TESTS,
        STORE_TEST(two_that_are_made_are_two),
        cmocka_unit_test(the_process_wide_store_is_one),
    };

    fixture_main();
    store_contract_use(&kind);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
