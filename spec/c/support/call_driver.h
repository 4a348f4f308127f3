/*
 * call_driver: the owner of one call, as call.h describes it: time, tokens and answers are given by
 * hand. The functions are static: each test program has the few that it uses.
 */
#ifndef SPEC_CALL_DRIVER_H
#define SPEC_CALL_DRIVER_H

#include "core/call/call.h"
#include "support/fixture.h"
#include <stdio.h>
#include <stdlib.h>

#define OLD "token-old-1"
#define FRESH "token-fresh-2"
#define OK_BODY "{\"code\":200,\"message\":\"操作成功\",\"data\":\"ok\"}"

struct t {
    struct itr_config config;
    struct itr_call call;
    int64_t now;
};

static inline int setup(void **state)
{
    struct t *t = calloc(1, sizeof *t);

    fixture_config(&t->config);
    itr_call_init(&t->call, &t->config);
    itr_call_reset(&t->call);
    t->now = 1000;
    *state = t;
    return 0;
}

static inline int teardown(void **state)
{
    struct t *t = *state;

    itr_call_clear(&t->call);
    itr_config_clear(&t->config);
    free(t);
    return 0;
}

/* ---- the owner's part ---- */

static inline void begin(struct t *t)
{
    struct itr_error e;

    if (t->call.path.len == 0)
        assert_int_equal(itr_url_path("/a/b", 4, !t->call.post, &t->call.path, &e), ITR_OK);
    itr_call_begin(&t->call, t->now);
}

static inline void give(struct t *t, const char *text, enum itr_status error)
{
    struct itr_token_times times = {0, 3600000, 7200000};
    struct itr_token *token =
        text != NULL ? itr_token_new(text, strlen(text), 1, times, ITR_FROM_GATEWAY) : NULL;
    struct itr_error e;

    itr_error_clear(&e);
    if (error != ITR_OK)
        itr_error_set(&e, error, "the fetch's own error");
    assert_int_equal(t->call.step, ITR_CALL_TOKEN);
    itr_call_token(&t->call, t->now, token, &e);
}

/* SEND: puts the request in, as a transport's start would reset the response. */
static inline void request(struct t *t)
{
    struct itr_response *r = &t->call.exchange.response;

    assert_int_equal(t->call.step, ITR_CALL_SEND);
    itr_call_request(&t->call, t->now);
    itr_buf_reset(&r->body);
    r->carried = ITR_OK;
    r->sent = false;
    r->http_status = 0;
    r->retry_after_ms = -1;
    r->detail[0] = '\0';
}

static inline void answer(struct t *t, int status, const char *body)
{
    struct itr_response *r = &t->call.exchange.response;

    request(t);
    assert_int_equal(t->call.step, ITR_CALL_SEND);
    r->sent = true;
    r->http_status = status;
    assert_int_equal(itr_buf_append_str(&r->body, body), ITR_OK);
    itr_call_answered(&t->call, t->now, 0);
}

static inline void answer_429(struct t *t, int64_t retry_after_ms)
{
    struct itr_response *r = &t->call.exchange.response;

    request(t);
    r->sent = true;
    r->http_status = 429;
    r->retry_after_ms = retry_after_ms;
    itr_call_answered(&t->call, t->now, 0);
}

static inline void broken(struct t *t, enum itr_status carried, bool sent, uint64_t random)
{
    struct itr_response *r = &t->call.exchange.response;

    request(t);
    r->carried = carried;
    r->sent = sent;
    snprintf(r->detail, sizeof r->detail, "what the transport says");
    itr_call_answered(&t->call, t->now, random);
}

static inline void wait_over(struct t *t)
{
    assert_int_equal(t->call.step, ITR_CALL_WAIT);
    t->now = t->call.wait_until_mono_ms;
    itr_call_waited(&t->call);
}

static inline void to_send(struct t *t)
{
    begin(t);
    give(t, OLD, ITR_OK);
}

static inline void assert_failed(const struct t *t, enum itr_status kind, bool retryable)
{
    assert_int_equal(t->call.step, ITR_CALL_FAILED);
    assert_int_equal(t->call.error.kind, kind);
    assert_int_equal(t->call.error.retryable, retryable);
}

static inline void set_retries(struct t *t, int64_t n)
{
    t->config.retries = n;
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
