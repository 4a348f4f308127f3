/*
 * store_contract: what core/store.h promises, as tests that run on every store. A test program
 * names its kind with store_contract_use and puts STORE_CONTRACT_TESTS among its tests.
 */
#ifndef SPEC_STORE_CONTRACT_H
#define SPEC_STORE_CONTRACT_H

#include "support/fixture.h"

struct store_kind {
    enum itr_token_origin origin;
    bool is_shared; /* processes share its values */
    /* A store object on the values of the present test, with a reference for the caller. */
    struct itr_store *(*open)(void);
    void (*begin)(void);  /* before each test: no values */
    void (*forget)(void); /* what an administrator does to lose them all; NULL: cannot be done */
    void (*end)(void);
    /* Milliseconds since 1970 by the store's clock, at once or a little later. */
    int64_t (*now_ms)(void);
};

void store_contract_use(const struct store_kind *kind);

int store_contract_setup(void **state); /* *state: an open store */
int store_contract_teardown(void **state);

/* Verbs for tests of one kind. */
bool store_swap(struct itr_store *s, const char *key, const char *old, const char *fresh);
void store_assert_value(struct itr_store *s, const char *key, const char *value);
/* load or swap fails with kind "store", and the text has all of the words (NULL-ended) in it. */
void store_assert_load_fails(struct itr_store *s, const char *const *words);
void store_assert_swap_fails(struct itr_store *s, const char *const *words);

void store_gives_nothing_and_its_clock(void **state);
void store_swaps_only_what_stands_there(void **state);
void store_keeps_keys_apart(void **state);
void store_keeps_bytes_as_they_are(void **state);
void store_holds_the_longest_value(void **state);
void store_loses_no_swap_of_threads(void **state);
void store_loses_no_swap_of_processes(void **state);
void store_has_one_winner_from_nothing(void **state);
void store_is_counted(void **state);
void store_is_the_same_for_two_who_open_it(void **state);
void store_takes_keys_of_any_app_id(void **state);
void store_takes_up_again_after_it_forgot(void **state);
void store_keeps_a_newer_record_as_it_is(void **state);
void store_works_on_both_sides_of_a_fork(void **state);

#define STORE_TEST(f)                                                                              \
    cmocka_unit_test_setup_teardown(f, store_contract_setup, store_contract_teardown)

#define STORE_CONTRACT_TESTS                                                                       \
    STORE_TEST(store_gives_nothing_and_its_clock), STORE_TEST(store_swaps_only_what_stands_there), \
        STORE_TEST(store_keeps_keys_apart), STORE_TEST(store_keeps_bytes_as_they_are),             \
        STORE_TEST(store_holds_the_longest_value), STORE_TEST(store_loses_no_swap_of_threads),     \
        STORE_TEST(store_loses_no_swap_of_processes),                                              \
        STORE_TEST(store_has_one_winner_from_nothing), STORE_TEST(store_is_counted),               \
        STORE_TEST(store_is_the_same_for_two_who_open_it),                                         \
        STORE_TEST(store_takes_keys_of_any_app_id),                                                \
        STORE_TEST(store_takes_up_again_after_it_forgot),                                          \
        STORE_TEST(store_keeps_a_newer_record_as_it_is),                                           \
        STORE_TEST(store_works_on_both_sides_of_a_fork)

#endif
