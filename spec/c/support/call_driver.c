#include "support/call_driver.h"

#include <stdio.h>
#include <stdlib.h>

int call_driver_setup(void **state)
{
    struct call_driver *t = calloc(1, sizeof *t);

    if (t == NULL)
        return -1;
    fixture_config(&t->config);
    itr_call_init(&t->call, &t->config);
    itr_call_reset(&t->call);
    t->now = 1000;
    *state = t;
    return 0;
}

int call_driver_teardown(void **state)
{
    struct call_driver *t = *state;

    itr_call_clear(&t->call);
    itr_config_clear(&t->config);
    free(t);
    return 0;
}

/* ---- the owner's part ---- */

void call_driver_begin(struct call_driver *t)
{
    struct itr_error e;

    if (t->call.path.len == 0)
        assert_int_equal(itr_url_path("/a/b", 4, !t->call.post, &t->call.path, &e), ITR_OK);
    itr_call_begin(&t->call, t->now);
}

void call_driver_give(struct call_driver *t, const char *text, enum itr_status error)
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

void call_driver_request(struct call_driver *t)
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

void call_driver_answer(struct call_driver *t, int status, const char *body)
{
    struct itr_response *r = &t->call.exchange.response;

    call_driver_request(t);
    assert_int_equal(t->call.step, ITR_CALL_SEND);
    r->sent = true;
    r->http_status = status;
    assert_int_equal(itr_buf_append_str(&r->body, body), ITR_OK);
    itr_call_answered(&t->call, t->now, 0);
}

void call_driver_answer_429(struct call_driver *t, int64_t retry_after_ms)
{
    struct itr_response *r = &t->call.exchange.response;

    call_driver_request(t);
    r->sent = true;
    r->http_status = 429;
    r->retry_after_ms = retry_after_ms;
    itr_call_answered(&t->call, t->now, 0);
}

void call_driver_break(struct call_driver *t, enum itr_status carried, bool sent, uint64_t random)
{
    struct itr_response *r = &t->call.exchange.response;

    call_driver_request(t);
    r->carried = carried;
    r->sent = sent;
    snprintf(r->detail, sizeof r->detail, "what the transport says");
    itr_call_answered(&t->call, t->now, random);
}

void call_driver_end_wait(struct call_driver *t)
{
    assert_int_equal(t->call.step, ITR_CALL_WAIT);
    t->now = t->call.wait_until_mono_ms;
    itr_call_waited(&t->call);
}

void call_driver_to_send(struct call_driver *t)
{
    call_driver_begin(t);
    call_driver_give(t, OLD, ITR_OK);
}

void call_driver_assert_failed(const struct call_driver *t, enum itr_status kind, bool retryable)
{
    assert_int_equal(t->call.step, ITR_CALL_FAILED);
    assert_int_equal(t->call.error.kind, kind);
    assert_int_equal(t->call.error.retryable, retryable);
}
