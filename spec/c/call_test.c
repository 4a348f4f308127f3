/* call: the straight way, what goes out, what a reset keeps, what is masked (docs/design.md 5).
 * Pure. */
#include <stdio.h>
#include <stdlib.h>

#include "support/call_driver.h"

/* ---- the straight way ---- */

static void a_call_takes_a_token_sends_and_is_done(void **state)
{
    struct call_driver *t = *state;
    struct itr_call *c = &t->call;

    assert_int_equal(c->step, ITR_CALL_IDLE);
    call_driver_begin(t);
    assert_int_equal(c->step, ITR_CALL_TOKEN);
    assert_null(itr_call_ask(c).refused);
    assert_int_equal(itr_call_ask(c).min_valid_ms, 0);
    assert_false(itr_call_ask(c).refresh);
    call_driver_give(t, OLD, ITR_OK);
    t->now += 250;
    call_driver_answer(t, 200, OK_BODY);
    assert_int_equal(c->step, ITR_CALL_DONE);
    assert_int_equal(c->exchange.request.timeout_ms, 30000 - 250); /* what is left, not the whole */
    assert_true(c->envelope.present);
    assert_int_equal(c->envelope.scan.code, 200);
    assert_string_equal(c->envelope.scan.text, OK_BODY);
    assert_int_equal(c->error.kind, ITR_OK);
    assert_int_equal(c->n_refused + c->n_repeated, 0);
}

static void min_valid_is_asked_of_the_source(void **state)
{
    struct call_driver *t = *state;

    t->call.min_valid_ms = 60000;
    call_driver_begin(t);
    assert_int_equal(itr_call_ask(&t->call).min_valid_ms, 60000);
}

static void min_valid_beyond_a_whole_life_is_a_usage_error(void **state)
{
    struct call_driver *t = *state;

    t->call.min_valid_ms = t->config.token_ttl_ms;
    call_driver_begin(t);
    assert_int_equal(t->call.step, ITR_CALL_TOKEN);
    itr_call_reset(&t->call);
    t->call.min_valid_ms = t->config.token_ttl_ms + 1;
    call_driver_begin(t);
    call_driver_assert_failed(t, ITR_USAGE, false);
    assert_non_null(strstr(t->call.error.text, "min_valid"));
}

static void a_timeout_of_nothing_is_a_usage_error(void **state)
{
    struct call_driver *t = *state;

    t->call.timeout_ms = 0;
    call_driver_begin(t);
    call_driver_assert_failed(t, ITR_USAGE, false);
    itr_call_reset(&t->call);
    t->call.timeout_ms = -1;
    call_driver_begin(t);
    call_driver_assert_failed(t, ITR_USAGE, false);
}

/* ---- what goes out ---- */

static void add(struct call_driver *t, const char *name, const char *value)
{
    struct itr_error e;

    assert_int_equal(itr_query_add(&t->call.query, name, strlen(name), value, strlen(value), &e),
                     ITR_OK);
}

static void a_get_url_has_the_token_first_then_sorted_escaped_parameters(void **state)
{
    struct call_driver *t = *state;

    add(t, "storeNo", "1159374785466208256");
    add(t, "名", "a b&c=d+e/f");
    add(t, "mobile", "18899888899");
    add(t, "appId", "666"); /* a business parameter may be called that */
    add(t, "mobile", "2");
    call_driver_begin(t);
    call_driver_give(t, "a+b/c=d", ITR_OK); /* opaque: may need escaping */
    call_driver_request(t);
    assert_false(t->call.exchange.request.post);
    assert_string_equal(t->call.exchange.request.url,
                        FIXTURE_GATEWAY "/a/b?accessToken=a%2Bb%2Fc%3Dd&appId=666&mobile="
                                        "18899888899&mobile=2&storeNo=1159374785466208256&"
                                        "%E5%90%8D=a%20b%26c%3Dd%2Be%2Ff");
    assert_int_equal(t->call.exchange.request.body_len, 0);
}

static void a_post_url_has_the_token_alone_and_the_body_is_the_json(void **state)
{
    struct call_driver *t = *state;
    static const char *const headers[] = {"X-Trace: 1", NULL};

    t->call.post = true;
    t->call.headers = headers;
    add(t, "never", "seen"); /* the gateway ignores a POST's query, so none is ever sent */
    assert_int_equal(itr_buf_append_str(&t->call.body, "{\"city\":\"北京\"}"), ITR_OK);
    call_driver_to_send(t);
    call_driver_request(t);
    assert_true(t->call.exchange.request.post);
    assert_string_equal(t->call.exchange.request.url, FIXTURE_GATEWAY "/a/b?accessToken=" OLD);
    assert_int_equal(t->call.exchange.request.body_len, strlen("{\"city\":\"北京\"}"));
    assert_memory_equal(t->call.exchange.request.body, "{\"city\":\"北京\"}",
                        t->call.exchange.request.body_len);
    assert_ptr_equal(t->call.exchange.request.headers, headers);
}

static void headers_are_collected_only_for_raw(void **state)
{
    struct call_driver *t = *state;

    call_driver_to_send(t);
    call_driver_request(t);
    assert_false(t->call.exchange.request.want_headers);
    itr_call_reset(&t->call);
    t->call.raw = true;
    call_driver_to_send(t);
    call_driver_request(t);
    assert_true(t->call.exchange.request.want_headers);
}

/* ---- secrets ---- */

static void a_secret_that_the_gateway_echoes_is_masked(void **state)
{
    struct call_driver *t = *state;
    const struct itr_buf *body = &t->call.exchange.response.body;

    call_driver_to_send(t);
    call_driver_answer(t, 200,
                       "{\"code\":80002,\"message\":\"bad " OLD "\",\"data\":\"" OLD
                       " " FIXTURE_SECRET "\"}");
    call_driver_assert_failed(t, ITR_API, false);
    assert_null(strstr(t->call.error.text, OLD));
    assert_non_null(strstr(t->call.error.text, "bad ***"));
    assert_null(strstr(itr_buf_str(body), OLD));
    assert_null(strstr(itr_buf_str(body), FIXTURE_SECRET));
    assert_non_null(strstr(itr_buf_str(body), "80002"));
}

/* An error's text has room for so much only: half a secret must not be its end. */
static void a_secret_at_the_cut_of_a_long_message_is_masked(void **state)
{
    struct call_driver *t = *state;
    char body[800], pad[500], begin[5] = {0};
    int n;

    memcpy(begin, FIXTURE_SECRET, 4);
    for (n = 440; n < ITR_ERROR_TEXT; n++) {
        memset(pad, 'x', sizeof pad);
        pad[n] = '\0';
        snprintf(body, sizeof body, "{\"code\":9,\"message\":\"%s" FIXTURE_SECRET "\"}", pad);
        itr_call_reset(&t->call);
        call_driver_to_send(t);
        call_driver_answer(t, 200, body);
        assert_int_equal(t->call.step, ITR_CALL_FAILED);
        assert_null(strstr(t->call.error.text, begin));
    }
}

static void both_tokens_of_a_call_are_masked(void **state)
{
    struct call_driver *t = *state;

    call_driver_to_send(t);
    call_driver_answer(t, 401, "");
    call_driver_give(t, FRESH, ITR_OK);
    call_driver_answer(t, 200, "{\"code\":9,\"message\":\"" OLD " and " FRESH "\"}");
    assert_int_equal(t->call.step, ITR_CALL_FAILED);
    assert_null(strstr(t->call.error.text, FRESH));
    assert_null(strstr(t->call.error.text, OLD));
}

static void the_transports_detail_is_masked(void **state)
{
    struct call_driver *t = *state;
    struct itr_response *r = &t->call.exchange.response;

    call_driver_to_send(t);
    call_driver_request(t);
    r->carried = ITR_NETWORK;
    r->sent = true;
    snprintf(r->detail, sizeof r->detail, "cannot reach ?accessToken=%s", OLD);
    itr_call_answered(&t->call, t->now, 0);
    call_driver_assert_failed(t, ITR_NETWORK, false);
    assert_null(strstr(t->call.error.text, OLD));
}

/* ---- reset ---- */

static void reset_keeps_the_buffers_and_forgets_everything_else(void **state)
{
    struct call_driver *t = *state;
    struct itr_call *c = &t->call;
    const char *url, *body;

    c->raw = c->idempotent = true;
    c->timeout_ms = 5;
    c->min_valid_ms = 7;
    add(t, "a", "1");
    call_driver_to_send(t);
    call_driver_answer(t, 401, "{\"code\":401,\"message\":\"x\"}");
    call_driver_give(t, OLD, ITR_OK);
    assert_int_equal(c->step, ITR_CALL_FAILED);
    url = c->url.data;
    body = c->exchange.response.body.data;

    itr_call_reset(c);
    assert_int_equal(c->step, ITR_CALL_IDLE);
    assert_false(c->raw || c->idempotent || c->post || c->refused || c->envelope.present);
    assert_int_equal(c->timeout_ms, 30000);
    assert_int_equal(c->min_valid_ms, 0);
    assert_null(c->token);
    assert_null(c->error_name);
    assert_int_equal(c->error.kind, ITR_OK);
    assert_int_equal(c->query.n, 0);
    assert_int_equal(c->path.len + c->body.len, 0);
    assert_int_equal(c->n_refused + c->n_repeated, 0);

    call_driver_to_send(t);
    call_driver_answer(t, 200, OK_BODY);
    assert_int_equal(c->step, ITR_CALL_DONE);
    assert_string_equal(c->exchange.request.url, FIXTURE_GATEWAY "/a/b?accessToken=" OLD);
    assert_ptr_equal(c->url.data, url);
    assert_ptr_equal(c->exchange.response.body.data, body);
}

static void reset_forgets_a_429(void **state)
{
    struct call_driver *t = *state;

    call_driver_to_send(t);
    call_driver_answer_429(t, 5000);
    assert_int_equal(t->call.step, ITR_CALL_WAIT);
    assert_int_equal(t->call.repeats, 1);
    itr_call_reset(&t->call);
    assert_int_equal(t->call.repeats, 0);
    assert_int_equal(t->call.n_repeated, 0);
}

static void reset_gives_a_large_answers_memory_back(void **state)
{
    struct call_driver *t = *state;
    size_t n = (size_t)1 << 17;
    char *huge = malloc(n + 64);
    int at;

    assert_non_null(huge);
    at = snprintf(huge, 64, "{\"code\":200,\"data\":\"");
    memset(huge + at, 'x', n);
    memcpy(huge + at + n, "\"}", 3);
    call_driver_to_send(t);
    call_driver_answer(t, 200, huge);
    free(huge);
    assert_int_equal(t->call.step, ITR_CALL_DONE);
    itr_call_reset(&t->call);
    assert_true(t->call.exchange.response.body.cap <= 1 << 16);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        with_call_driver(a_call_takes_a_token_sends_and_is_done),
        with_call_driver(min_valid_is_asked_of_the_source),
        with_call_driver(min_valid_beyond_a_whole_life_is_a_usage_error),
        with_call_driver(a_timeout_of_nothing_is_a_usage_error),
        with_call_driver(a_get_url_has_the_token_first_then_sorted_escaped_parameters),
        with_call_driver(a_post_url_has_the_token_alone_and_the_body_is_the_json),
        with_call_driver(headers_are_collected_only_for_raw),
        with_call_driver(a_secret_that_the_gateway_echoes_is_masked),
        with_call_driver(a_secret_at_the_cut_of_a_long_message_is_masked),
        with_call_driver(both_tokens_of_a_call_are_masked),
        with_call_driver(the_transports_detail_is_masked),
        with_call_driver(reset_keeps_the_buffers_and_forgets_everything_else),
        with_call_driver(reset_forgets_a_429),
        with_call_driver(reset_gives_a_large_answers_memory_back),
    };

    fixture_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
