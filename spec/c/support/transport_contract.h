/*
 * transport_contract: what core/transport.h promises and libcurl alone does not, as tests that run
 * on every transport of ours. A test program names its kind in loop_fixture_opener and puts
 * TRANSPORT_CONTRACT_TESTS among its tests.
 */
#ifndef SPEC_TRANSPORT_CONTRACT_H
#define SPEC_TRANSPORT_CONTRACT_H

void transport_a_get_arrives_as_it_was_meant(void **state);
void transport_a_post_arrives_byte_for_byte(void **state);
void transport_a_post_without_body_and_a_get_after_it(void **state);
void transport_own_headers_come_in_place_of_ours(void **state);
void transport_headers_of_the_last_answer_are_collected_on_request(void **state);
void transport_the_connection_is_kept(void **state);
void transport_only_https_or_loopback_is_called(void **state);
void transport_waiting_with_nothing_to_carry_ends_by_its_time(void **state);
void transport_a_wake_from_another_thread_ends_the_wait(void **state);
void transport_a_cancelled_exchange_says_what_left_and_closes_its_connection(void **state);
void transport_that_is_freed_ends_what_runs(void **state);

#define TRANSPORT_CONTRACT_TESTS                                                                   \
    cmocka_unit_test(transport_a_get_arrives_as_it_was_meant),                                     \
        cmocka_unit_test(transport_a_post_arrives_byte_for_byte),                                  \
        cmocka_unit_test(transport_a_post_without_body_and_a_get_after_it),                        \
        cmocka_unit_test(transport_own_headers_come_in_place_of_ours),                             \
        cmocka_unit_test(transport_headers_of_the_last_answer_are_collected_on_request),           \
        cmocka_unit_test(transport_the_connection_is_kept),                                        \
        cmocka_unit_test(transport_only_https_or_loopback_is_called),                              \
        cmocka_unit_test(transport_waiting_with_nothing_to_carry_ends_by_its_time),                \
        cmocka_unit_test(transport_a_wake_from_another_thread_ends_the_wait),                      \
        cmocka_unit_test(transport_a_cancelled_exchange_says_what_left_and_closes_its_connection), \
        cmocka_unit_test(transport_that_is_freed_ends_what_runs)

#endif
