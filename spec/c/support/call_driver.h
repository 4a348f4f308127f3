/*
 * call_driver: the owner of one call, as call.h describes it: the test gives time, tokens and
 * answers by hand.
 */
#ifndef SPEC_CALL_DRIVER_H
#define SPEC_CALL_DRIVER_H

#include "core/call/call.h"
#include "support/fixture.h"

#define OLD "token-old-1"
#define FRESH "token-fresh-2"
#define OK_BODY "{\"code\":200,\"message\":\"操作成功\",\"data\":\"ok\"}"

struct call_driver {
    struct itr_config config;
    struct itr_call call;
    int64_t now;
};

/* For cmocka: *state is a struct call_driver whose call has not begun. */
int call_driver_setup(void **state);
int call_driver_teardown(void **state);

#define with_call_driver(f)                                                                        \
    cmocka_unit_test_setup_teardown(f, call_driver_setup, call_driver_teardown)

/* Each fails the test when the call is in another step than the one that it needs. */

/* Begin the call, by default to /a/b. */
void call_driver_begin(struct call_driver *t);

/* TOKEN: give it this token, or none (NULL) and the error of the fetch. */
void call_driver_give(struct call_driver *t, const char *text, enum itr_status error);

/* Begin the call and give it OLD: it is in SEND then. */
void call_driver_to_send(struct call_driver *t);

/* SEND: put the request in, as a transport's start resets the response. */
void call_driver_request(struct call_driver *t);

/* SEND: put the request in and answer it. */
void call_driver_answer(struct call_driver *t, int status, const char *body);
void call_driver_answer_429(struct call_driver *t, int64_t retry_after_ms);

/* SEND: put the request in and fail it, before or after it was sent. */
void call_driver_break(struct call_driver *t, enum itr_status carried, bool sent, uint64_t random);

/* WAIT: advance the time to the end of the wait. */
void call_driver_end_wait(struct call_driver *t);

/* Fail the test unless the call failed like this. */
void call_driver_assert_failed(const struct call_driver *t, enum itr_status kind, bool retryable);

#endif
