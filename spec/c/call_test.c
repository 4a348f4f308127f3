/* call: every edge of the machine (docs/design.md 5). Pure: time, tokens and answers are given. */
#include "support/fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/call.h"

#define OLD "token-old-1"
#define FRESH "token-fresh-2"
#define OK_BODY "{\"code\":200,\"message\":\"操作成功\",\"data\":\"ok\"}"

struct t {
    struct itr_config config;
    struct itr_call call;
    int64_t now;
};

static int setup(void **state)
{
    struct t *t = calloc(1, sizeof *t);

    fixture_config(&t->config);
    itr_call_init(&t->call, &t->config);
    itr_call_reset(&t->call);
    t->now = 1000;
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct t *t = *state;

    itr_call_clear(&t->call);
    itr_config_clear(&t->config);
    free(t);
    return 0;
}

/* ---- the owner's part ---- */

static void begin(struct t *t)
{
    struct itr_error e;

    if (t->call.path.len == 0)
        assert_int_equal(itr_url_path("/a/b", 4, !t->call.post, &t->call.path, &e), ITR_OK);
    itr_call_begin(&t->call, t->now);
}

static void give(struct t *t, const char *text, enum itr_status error)
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
static void request(struct t *t)
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

static void answer(struct t *t, int status, const char *body)
{
    struct itr_response *r = &t->call.exchange.response;

    request(t);
    assert_int_equal(t->call.step, ITR_CALL_SEND);
    r->sent = true;
    r->http_status = status;
    assert_int_equal(itr_buf_append_str(&r->body, body), ITR_OK);
    itr_call_answered(&t->call, t->now, 0);
}

static void answer_429(struct t *t, int64_t retry_after_ms)
{
    struct itr_response *r = &t->call.exchange.response;

    request(t);
    r->sent = true;
    r->http_status = 429;
    r->retry_after_ms = retry_after_ms;
    itr_call_answered(&t->call, t->now, 0);
}

static void broken(struct t *t, enum itr_status carried, bool sent, uint64_t random)
{
    struct itr_response *r = &t->call.exchange.response;

    request(t);
    r->carried = carried;
    r->sent = sent;
    snprintf(r->detail, sizeof r->detail, "what the transport says");
    itr_call_answered(&t->call, t->now, random);
}

static void wait_over(struct t *t)
{
    assert_int_equal(t->call.step, ITR_CALL_WAIT);
    t->now = t->call.wait_until_mono_ms;
    itr_call_waited(&t->call);
}

static void to_send(struct t *t)
{
    begin(t);
    give(t, OLD, ITR_OK);
}

static void assert_failed(const struct t *t, enum itr_status kind, bool retryable)
{
    assert_int_equal(t->call.step, ITR_CALL_FAILED);
    assert_int_equal(t->call.error.kind, kind);
    assert_int_equal(t->call.error.retryable, retryable);
}

static void set_retries(struct t *t, int64_t n)
{
    t->config.retries = n;
}

/* ---- the straight way ---- */

static void a_call_takes_a_token_sends_and_is_done(void **state)
{
    struct t *t = *state;
    struct itr_call *c = &t->call;

    assert_int_equal(c->step, ITR_CALL_IDLE);
    begin(t);
    assert_int_equal(c->step, ITR_CALL_TOKEN);
    assert_null(itr_call_ask(c).refused);
    assert_int_equal(itr_call_ask(c).min_valid_ms, 0);
    assert_false(itr_call_ask(c).refresh);
    give(t, OLD, ITR_OK);
    t->now += 250;
    answer(t, 200, OK_BODY);
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
    struct t *t = *state;

    t->call.min_valid_ms = 60000;
    begin(t);
    assert_int_equal(itr_call_ask(&t->call).min_valid_ms, 60000);
}

static void min_valid_beyond_a_whole_life_is_a_usage_error(void **state)
{
    struct t *t = *state;

    t->call.min_valid_ms = t->config.token_ttl_ms;
    begin(t);
    assert_int_equal(t->call.step, ITR_CALL_TOKEN);
    itr_call_reset(&t->call);
    t->call.min_valid_ms = t->config.token_ttl_ms + 1;
    begin(t);
    assert_failed(t, ITR_USAGE, false);
    assert_non_null(strstr(t->call.error.text, "min_valid"));
}

static void a_timeout_of_nothing_is_a_usage_error(void **state)
{
    struct t *t = *state;

    t->call.timeout_ms = 0;
    begin(t);
    assert_failed(t, ITR_USAGE, false);
    itr_call_reset(&t->call);
    t->call.timeout_ms = -1;
    begin(t);
    assert_failed(t, ITR_USAGE, false);
}

/* ---- what goes out ---- */

static void add(struct t *t, const char *name, const char *value)
{
    struct itr_error e;

    assert_int_equal(itr_query_add(&t->call.query, name, strlen(name), value, strlen(value), &e),
                     ITR_OK);
}

static void a_get_url_has_the_token_first_then_sorted_escaped_parameters(void **state)
{
    struct t *t = *state;

    add(t, "storeNo", "1159374785466208256");
    add(t, "名", "a b&c=d+e/f");
    add(t, "mobile", "18899888899");
    add(t, "appId", "666"); /* a business parameter may be called that */
    add(t, "mobile", "2");
    begin(t);
    give(t, "a+b/c=d", ITR_OK); /* opaque: may need escaping */
    request(t);
    assert_false(t->call.exchange.request.post);
    assert_string_equal(t->call.exchange.request.url,
                        FIXTURE_GATEWAY "/a/b?accessToken=a%2Bb%2Fc%3Dd&appId=666&mobile="
                                        "18899888899&mobile=2&storeNo=1159374785466208256&"
                                        "%E5%90%8D=a%20b%26c%3Dd%2Be%2Ff");
    assert_int_equal(t->call.exchange.request.body_len, 0);
}

static void a_post_url_has_the_token_alone_and_the_body_is_the_json(void **state)
{
    struct t *t = *state;
    static const char *const headers[] = {"X-Trace: 1", NULL};

    t->call.post = true;
    t->call.headers = headers;
    add(t, "never", "seen"); /* the gateway ignores a POST's query, so none is ever sent */
    assert_int_equal(itr_buf_append_str(&t->call.body, "{\"city\":\"北京\"}"), ITR_OK);
    to_send(t);
    request(t);
    assert_true(t->call.exchange.request.post);
    assert_string_equal(t->call.exchange.request.url, FIXTURE_GATEWAY "/a/b?accessToken=" OLD);
    assert_int_equal(t->call.exchange.request.body_len, strlen("{\"city\":\"北京\"}"));
    assert_memory_equal(t->call.exchange.request.body, "{\"city\":\"北京\"}",
                        t->call.exchange.request.body_len);
    assert_ptr_equal(t->call.exchange.request.headers, headers);
}

static void headers_are_collected_only_for_raw(void **state)
{
    struct t *t = *state;

    to_send(t);
    request(t);
    assert_false(t->call.exchange.request.want_headers);
    itr_call_reset(&t->call);
    t->call.raw = true;
    to_send(t);
    request(t);
    assert_true(t->call.exchange.request.want_headers);
}

/* ---- (a) the gateway refused the token: once ---- */

static void a_refused_token_is_reported_and_the_call_repeated_once_with_another(void **state)
{
    struct t *t = *state;
    struct itr_token_ask ask;

    to_send(t);
    answer(t, 401, "{\"code\":401,\"message\":\"no\"}");
    assert_int_equal(t->call.step, ITR_CALL_TOKEN);
    ask = itr_call_ask(&t->call);
    assert_non_null(ask.refused);
    assert_string_equal(ask.refused->text, OLD);
    give(t, FRESH, ITR_OK);
    answer(t, 200, OK_BODY);
    assert_int_equal(t->call.step, ITR_CALL_DONE);
    assert_non_null(strstr(t->call.exchange.request.url, "accessToken=" FRESH));
    assert_int_equal(t->call.error.kind, ITR_OK);
    assert_null(t->call.error_name);
    assert_int_equal(t->call.n_refused, 1);
    assert_int_equal(t->call.n_repeated, 1);
    assert_int_equal(t->call.repeats, 0); /* does not eat into `retries` */
}

static void a_refusal_is_repeated_even_with_no_retries(void **state)
{
    struct t *t = *state;

    set_retries(t, 0);
    to_send(t);
    answer(t, 200, "{\"code\":500,\"message\":\"令牌过期\"}");
    give(t, FRESH, ITR_OK);
    answer(t, 200, OK_BODY);
    assert_int_equal(t->call.step, ITR_CALL_DONE);
}

static void the_same_string_again_fails_with_the_refusal(void **state)
{
    struct t *t = *state;

    to_send(t);
    answer(t, 401, "{\"code\":401,\"message\":\"你的令牌\"}");
    give(t, OLD, ITR_OK);
    assert_failed(t, ITR_TOKEN, true);
    assert_string_equal(t->call.error_name, "token_refused");
    assert_non_null(strstr(t->call.error.text, "你的令牌"));
    assert_true(t->call.envelope.present); /* the refusal is still err.response */
}

static void the_same_string_again_fails_with_the_fetchs_error_if_there_is_one(void **state)
{
    struct t *t = *state;

    to_send(t);
    answer(t, 401, "");
    give(t, OLD, ITR_QUOTA);
    assert_failed(t, ITR_QUOTA, true);
    assert_string_equal(t->call.error.text, "the fetch's own error");
}

static void no_token_at_all_fails_with_the_fetchs_error(void **state)
{
    struct t *t = *state;

    begin(t);
    give(t, NULL, ITR_STORE);
    assert_failed(t, ITR_STORE, true);
    assert_null(t->call.error_name);
    assert_int_equal(t->call.n_refused, 0);
}

static void a_stale_token_beside_an_error_is_used(void **state)
{
    struct t *t = *state;

    begin(t);
    give(t, OLD, ITR_NETWORK); /* the gateway is the judge */
    answer(t, 200, OK_BODY);
    assert_int_equal(t->call.step, ITR_CALL_DONE);
    assert_int_equal(t->call.error.kind, ITR_OK);
}

static void refused_twice_fails_with_kind_token_and_is_not_asked_again(void **state)
{
    struct t *t = *state;

    to_send(t);
    answer(t, 401, "");
    give(t, FRESH, ITR_OK);
    answer(t, 200, "{\"code\":401,\"message\":\"again\"}");
    assert_failed(t, ITR_TOKEN, true);
    assert_string_equal(t->call.error_name, "token_refused");
    assert_non_null(strstr(t->call.error.text, "again"));
    assert_true(t->call.error.has_code);
    assert_int_equal(t->call.error.code, 401);
    assert_int_equal(t->call.n_refused, 2);
    assert_int_equal(t->call.n_repeated, 1);
}

/* ---- (b) nothing was sent: `retries` times ---- */

static void what_was_not_sent_is_repeated_retries_times(void **state)
{
    static const enum itr_status kinds[] = {ITR_NETWORK, ITR_TLS, ITR_TIMEOUT};
    struct t *t = *state;
    size_t i;
    int n;

    for (i = 0; i < count_of(kinds); i++) {
        itr_call_reset(&t->call);
        set_retries(t, 3);
        to_send(t);
        for (n = 0; n < 3; n++) {
            broken(t, kinds[i], false, 0);
            wait_over(t);
        }
        broken(t, kinds[i], false, 0);
        assert_failed(t, kinds[i], true);
        assert_string_equal(t->call.error.text, "what the transport says");
        assert_int_equal(t->call.n_repeated, 3);
    }
}

static void what_was_not_sent_may_succeed_later(void **state)
{
    struct t *t = *state;

    to_send(t);
    broken(t, ITR_NETWORK, false, 0);
    wait_over(t);
    answer(t, 200, OK_BODY);
    assert_int_equal(t->call.step, ITR_CALL_DONE);
    assert_int_equal(t->call.error.kind, ITR_OK);
    assert_non_null(strstr(t->call.exchange.request.url, OLD)); /* the token is kept */
}

static void no_retries_means_none(void **state)
{
    struct t *t = *state;

    set_retries(t, 0);
    to_send(t);
    broken(t, ITR_NETWORK, false, 0);
    assert_failed(t, ITR_NETWORK, true);
}

static void the_wait_before_a_repeat_doubles_and_half_of_it_is_random(void **state)
{
    struct t *t = *state;
    int64_t longest = 200;
    int n;

    set_retries(t, 100);
    t->call.timeout_ms = 3600000;
    to_send(t);
    for (n = 0; n < 12; n++) {
        int64_t before = t->now;
        broken(t, ITR_NETWORK, false, n % 2 == 0 ? 0 : UINT64_MAX);
        assert_in_range(t->call.wait_until_mono_ms - before, longest / 2, longest);
        if (n % 2 == 0)
            assert_int_equal(t->call.wait_until_mono_ms - before, longest / 2);
        if (longest < 5000)
            longest *= 2;
        wait_over(t);
    }
}

static void an_answer_too_large_or_no_memory_is_never_repeated(void **state)
{
    struct t *t = *state;

    t->call.idempotent = true;
    to_send(t);
    broken(t, ITR_HTTP, true, 0);
    assert_failed(t, ITR_HTTP, false);
    itr_call_reset(&t->call);
    to_send(t);
    broken(t, ITR_NOMEM, false, 0);
    assert_int_equal(t->call.step, ITR_CALL_FAILED);
    assert_int_equal(t->call.error.kind, ITR_NOMEM);
}

/* ---- what was sent: never, unless (d) the caller said idempotent ---- */

static void what_was_sent_is_never_repeated(void **state)
{
    static const enum itr_status kinds[] = {ITR_NETWORK, ITR_TLS, ITR_TIMEOUT};
    struct t *t = *state;
    size_t i;

    for (i = 0; i < count_of(kinds); i++) {
        itr_call_reset(&t->call);
        to_send(t);
        broken(t, kinds[i], true, 0);
        assert_failed(t, kinds[i], false);
        assert_int_equal(t->call.n_repeated, 0);
    }
    itr_call_reset(&t->call);
    to_send(t);
    answer(t, 503, "");
    assert_failed(t, ITR_HTTP, false);
    itr_call_reset(&t->call);
    to_send(t);
    answer(t, 500, "{\"code\":500,\"message\":\"x\"}");
    assert_failed(t, ITR_API, false);
}

static void an_idempotent_call_is_repeated_after_a_break_and_after_5xx(void **state)
{
    struct t *t = *state;

    t->call.idempotent = true;
    to_send(t);
    broken(t, ITR_NETWORK, true, 0);
    wait_over(t);
    answer(t, 502, "<html>");
    wait_over(t);
    answer(t, 200, OK_BODY);
    assert_int_equal(t->call.step, ITR_CALL_DONE);
    assert_int_equal(t->call.n_repeated, 2);
}

static void an_idempotent_call_is_bounded_by_retries_too(void **state)
{
    struct t *t = *state;

    t->call.idempotent = true;
    set_retries(t, 1);
    to_send(t);
    answer(t, 500, "{\"code\":500,\"message\":\"x\"}");
    wait_over(t);
    answer(t, 500, "{\"code\":500,\"message\":\"y\"}");
    assert_failed(t, ITR_API, false);
    assert_string_equal(t->call.error.text, "y");
    assert_string_equal(t->call.error_name, "system_error");
}

static void an_idempotent_call_is_not_repeated_after_4xx_or_an_api_error(void **state)
{
    struct t *t = *state;

    t->call.idempotent = true;
    to_send(t);
    answer(t, 404, "");
    assert_failed(t, ITR_HTTP, false);
    itr_call_reset(&t->call);
    t->call.idempotent = true;
    to_send(t);
    answer(t, 200, "{\"code\":500,\"message\":\"x\"}");
    assert_failed(t, ITR_API, false);
}

static void an_earlier_answer_is_not_the_response_of_a_later_failure(void **state)
{
    struct t *t = *state;

    t->call.idempotent = true;
    set_retries(t, 1);
    to_send(t);
    answer(t, 500, "{\"code\":500,\"message\":\"x\"}");
    wait_over(t);
    broken(t, ITR_NETWORK, true, 0);
    assert_failed(t, ITR_NETWORK, false);
    assert_false(t->call.envelope.present); /* its text is gone from the buffer */
    assert_null(t->call.error_name);
    assert_false(t->call.error.has_code);
}

/* ---- (c) HTTP 429 ---- */

static void http_429_waits_what_retry_after_says(void **state)
{
    struct t *t = *state;

    to_send(t);
    answer_429(t, 7000);
    assert_int_equal(t->call.step, ITR_CALL_WAIT);
    assert_int_equal(t->call.wait_until_mono_ms, t->now + 7000);
    assert_int_equal(t->call.slow_until_mono_ms, t->now + 7000);
    wait_over(t);
    answer(t, 200, OK_BODY);
    assert_int_equal(t->call.step, ITR_CALL_DONE);
    assert_int_equal(t->call.n_repeated, 1);
}

static void http_429_without_a_time_waits_a_second(void **state)
{
    struct t *t = *state;

    to_send(t);
    answer_429(t, -1);
    assert_int_equal(t->call.wait_until_mono_ms, t->now + 1000);
    wait_over(t);
    answer_429(t, 0); /* "Retry-After: 0" is a time */
    assert_int_equal(t->call.wait_until_mono_ms, t->now);
}

static void http_429_is_bounded_by_retries(void **state)
{
    struct t *t = *state;

    to_send(t);
    answer_429(t, 10);
    wait_over(t);
    answer_429(t, 10);
    wait_over(t);
    answer_429(t, 10);
    assert_failed(t, ITR_HTTP, true);
    assert_int_equal(t->call.error.http_status, 429);
}

static void a_retry_after_beyond_the_deadline_fails_at_once(void **state)
{
    struct t *t = *state;

    to_send(t);
    answer_429(t, 30000);
    assert_failed(t, ITR_HTTP, true);
    itr_call_reset(&t->call);
    to_send(t);
    answer_429(t, 29999);
    assert_int_equal(t->call.step, ITR_CALL_WAIT);
    itr_call_reset(&t->call);
    to_send(t);
    answer_429(t, INT64_MAX);
    assert_failed(t, ITR_HTTP, true);
}

static void http_429_with_an_envelope_is_an_api_error_in_the_end(void **state)
{
    struct t *t = *state;

    set_retries(t, 0);
    to_send(t);
    answer(t, 429, "{\"code\":9,\"message\":\"slow down\"}");
    assert_failed(t, ITR_API, true);
    assert_string_equal(t->call.error.text, "slow down");
}

/* ---- one deadline ---- */

static void the_deadline_in_token(void **state)
{
    struct t *t = *state;

    begin(t);
    assert_int_equal(t->call.deadline_mono_ms, t->now + 30000);
    t->now += 30000;
    itr_call_expired(&t->call);
    assert_failed(t, ITR_TIMEOUT, true);
    assert_non_null(strstr(t->call.error.text, "no token"));
    itr_call_reset(&t->call);
    begin(t);
    t->now += 30000;
    give(t, OLD, ITR_OK); /* too late */
    assert_failed(t, ITR_TIMEOUT, true);
}

static void the_deadline_in_wait(void **state)
{
    struct t *t = *state;

    to_send(t);
    broken(t, ITR_NETWORK, false, 0);
    assert_int_equal(t->call.step, ITR_CALL_WAIT);
    itr_call_expired(&t->call);
    assert_failed(t, ITR_TIMEOUT, true);
}

static void the_deadline_in_send(void **state)
{
    struct t *t = *state;

    to_send(t);
    t->now += 30000;
    itr_call_request(&t->call, t->now);
    assert_failed(t, ITR_TIMEOUT, true);
}

static void no_repeat_is_begun_that_cannot_end_in_time(void **state)
{
    struct t *t = *state;

    to_send(t);
    t->now += 29900;
    broken(t, ITR_NETWORK, false, 0); /* the shortest wait is 100 ms */
    assert_failed(t, ITR_NETWORK, true);
}

static void a_deadline_after_something_was_executed_is_not_retryable(void **state)
{
    struct t *t = *state;

    t->call.idempotent = true;
    to_send(t);
    answer(t, 500, "{\"code\":500,\"message\":\"x\"}");
    wait_over(t);
    t->now = t->call.deadline_mono_ms;
    itr_call_request(&t->call, t->now);
    assert_failed(t, ITR_TIMEOUT, false);
    assert_null(t->call.error_name); /* of the timeout, not of the earlier answer */
}

static void once_executed_a_call_is_not_retryable_whatever_ends_it(void **state)
{
    struct t *t = *state;

    t->call.idempotent = true;
    set_retries(t, 1);
    to_send(t);
    broken(t, ITR_NETWORK, true, 0); /* may have been executed */
    wait_over(t);
    broken(t, ITR_NETWORK, false, 0);
    assert_failed(t, ITR_NETWORK, false);
    itr_call_reset(&t->call);
    t->call.idempotent = true;
    to_send(t);
    answer(t, 500, "{\"code\":500,\"message\":\"x\"}");
    wait_over(t);
    answer(t, 401, "");
    give(t, OLD, ITR_OK);
    assert_failed(t, ITR_TOKEN, false);
    itr_call_reset(&t->call);
    to_send(t);
    broken(t, ITR_NETWORK, false, 0);
    wait_over(t);
    broken(t, ITR_NETWORK, false, 0);
    assert_failed(t, ITR_NETWORK, true);
}

/* ---- raw ---- */

static void raw_is_done_whatever_the_answer_says(void **state)
{
    static const struct {
        int status;
        const char *body;
    } answers[] = {
        {200, OK_BODY}, {200, "<html>"}, {200, ""}, {404, "{\"code\":9,\"message\":\"x\"}"},
        {403, ""},      {500, "<html>"}, {302, ""}, {200, "{\"code\":80002}"},
    };
    struct t *t = *state;
    size_t i;

    for (i = 0; i < count_of(answers); i++) {
        itr_call_reset(&t->call);
        t->call.raw = true;
        to_send(t);
        answer(t, answers[i].status, answers[i].body);
        assert_int_equal(t->call.step, ITR_CALL_DONE);
        assert_int_equal(t->call.exchange.response.http_status, answers[i].status);
        assert_string_equal(itr_buf_str(&t->call.exchange.response.body), answers[i].body);
    }
}

static void raw_repeats_a_refused_token_once_then_gives_the_answer(void **state)
{
    struct t *t = *state;

    t->call.raw = true;
    to_send(t);
    answer(t, 401, "first");
    assert_int_equal(t->call.step, ITR_CALL_TOKEN);
    give(t, FRESH, ITR_OK);
    answer(t, 401, "second");
    assert_int_equal(t->call.step, ITR_CALL_DONE);
    assert_int_equal(t->call.exchange.response.http_status, 401);
    assert_string_equal(itr_buf_str(&t->call.exchange.response.body), "second");
    assert_int_equal(t->call.n_refused, 2);
}

static void raw_waits_for_429_and_gives_the_last_answer(void **state)
{
    struct t *t = *state;

    set_retries(t, 1);
    t->call.raw = true;
    to_send(t);
    answer_429(t, 10);
    wait_over(t);
    answer_429(t, 10);
    assert_int_equal(t->call.step, ITR_CALL_DONE);
    assert_int_equal(t->call.exchange.response.http_status, 429);
}

static void raw_fails_without_an_answer(void **state)
{
    struct t *t = *state;

    t->call.raw = true;
    to_send(t);
    broken(t, ITR_NETWORK, true, 0);
    assert_failed(t, ITR_NETWORK, false);
    itr_call_reset(&t->call);
    t->call.raw = true;
    begin(t);
    give(t, NULL, ITR_QUOTA);
    assert_failed(t, ITR_QUOTA, true);
}

/* ---- secrets ---- */

static void a_secret_that_the_gateway_echoes_is_masked(void **state)
{
    struct t *t = *state;
    const struct itr_buf *body = &t->call.exchange.response.body;

    to_send(t);
    answer(t, 200,
           "{\"code\":80002,\"message\":\"bad " OLD "\",\"data\":\"" OLD " " FIXTURE_SECRET "\"}");
    assert_failed(t, ITR_API, false);
    assert_null(strstr(t->call.error.text, OLD));
    assert_non_null(strstr(t->call.error.text, "bad ***"));
    assert_null(strstr(itr_buf_str(body), OLD));
    assert_null(strstr(itr_buf_str(body), FIXTURE_SECRET));
    assert_non_null(strstr(itr_buf_str(body), "80002"));
}

static void a_secret_is_masked_in_the_rewritten_text_too(void **state)
{
    struct t *t = *state;

    to_send(t);
    answer(t, 200, "{\"code\":9,\"id\":226529926389059299,\"message\":\"" OLD "\"}");
    assert_failed(t, ITR_API, false);
    assert_true(t->call.envelope.scan.has_wide);
    assert_null(strstr(t->call.envelope.scan.text, OLD));
    assert_non_null(strstr(t->call.envelope.scan.text, "\"226529926389059299\""));
}

/* An error's text has room for so much only: half a secret must not be its end. */
static void a_secret_at_the_cut_of_a_long_message_is_masked(void **state)
{
    struct t *t = *state;
    char body[800], pad[500];
    int n;

    for (n = 440; n < ITR_ERROR_TEXT; n++) {
        memset(pad, 'x', sizeof pad);
        pad[n] = '\0';
        snprintf(body, sizeof body, "{\"code\":9,\"message\":\"%s" FIXTURE_SECRET "\"}", pad);
        itr_call_reset(&t->call);
        to_send(t);
        answer(t, 200, body);
        assert_int_equal(t->call.step, ITR_CALL_FAILED);
        assert_null(strstr(t->call.error.text, (char[]){FIXTURE_SECRET[0], FIXTURE_SECRET[1],
                                                        FIXTURE_SECRET[2], FIXTURE_SECRET[3], 0}));
    }
}

static void both_tokens_of_a_call_are_masked(void **state)
{
    struct t *t = *state;

    to_send(t);
    answer(t, 401, "");
    give(t, FRESH, ITR_OK);
    answer(t, 200, "{\"code\":9,\"message\":\"" OLD " and " FRESH "\"}");
    assert_int_equal(t->call.step, ITR_CALL_FAILED);
    assert_null(strstr(t->call.error.text, FRESH));
    assert_null(strstr(t->call.error.text, OLD));
}

static void the_transports_detail_is_masked(void **state)
{
    struct t *t = *state;
    struct itr_response *r = &t->call.exchange.response;

    to_send(t);
    request(t);
    r->carried = ITR_NETWORK;
    r->sent = true;
    snprintf(r->detail, sizeof r->detail, "cannot reach ?accessToken=%s", OLD);
    itr_call_answered(&t->call, t->now, 0);
    assert_failed(t, ITR_NETWORK, false);
    assert_null(strstr(t->call.error.text, OLD));
}

/* ---- reset ---- */

static void reset_keeps_the_buffers_and_forgets_everything_else(void **state)
{
    struct t *t = *state;
    struct itr_call *c = &t->call;
    const char *url, *body;

    c->raw = c->idempotent = true;
    c->timeout_ms = 5;
    c->min_valid_ms = 7;
    add(t, "a", "1");
    to_send(t);
    answer(t, 401, "{\"code\":401,\"message\":\"x\"}");
    give(t, OLD, ITR_OK);
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
    assert_int_equal(c->slow_until_mono_ms, 0);

    to_send(t);
    answer(t, 200, OK_BODY);
    assert_int_equal(c->step, ITR_CALL_DONE);
    assert_string_equal(c->exchange.request.url, FIXTURE_GATEWAY "/a/b?accessToken=" OLD);
    assert_ptr_equal(c->url.data, url);
    assert_ptr_equal(c->exchange.response.body.data, body);
}

static void reset_gives_a_huge_answers_memory_back(void **state)
{
    struct t *t = *state;
    size_t n = (size_t)3 << 20;
    char *huge = malloc(n + 64);
    int at;

    assert_non_null(huge);
    at = snprintf(huge, 64, "{\"code\":200,\"data\":\"");
    memset(huge + at, 'x', n);
    memcpy(huge + at + n, "\"}", 3);
    to_send(t);
    answer(t, 200, huge);
    free(huge);
    assert_int_equal(t->call.step, ITR_CALL_DONE);
    itr_call_reset(&t->call);
    assert_true(t->call.exchange.response.body.cap <= 1 << 20);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(a_call_takes_a_token_sends_and_is_done),
        T(min_valid_is_asked_of_the_source),
        T(min_valid_beyond_a_whole_life_is_a_usage_error),
        T(a_timeout_of_nothing_is_a_usage_error),
        T(a_get_url_has_the_token_first_then_sorted_escaped_parameters),
        T(a_post_url_has_the_token_alone_and_the_body_is_the_json),
        T(headers_are_collected_only_for_raw),
        T(a_refused_token_is_reported_and_the_call_repeated_once_with_another),
        T(a_refusal_is_repeated_even_with_no_retries),
        T(the_same_string_again_fails_with_the_refusal),
        T(the_same_string_again_fails_with_the_fetchs_error_if_there_is_one),
        T(no_token_at_all_fails_with_the_fetchs_error),
        T(a_stale_token_beside_an_error_is_used),
        T(refused_twice_fails_with_kind_token_and_is_not_asked_again),
        T(what_was_not_sent_is_repeated_retries_times),
        T(what_was_not_sent_may_succeed_later),
        T(no_retries_means_none),
        T(the_wait_before_a_repeat_doubles_and_half_of_it_is_random),
        T(an_answer_too_large_or_no_memory_is_never_repeated),
        T(what_was_sent_is_never_repeated),
        T(an_idempotent_call_is_repeated_after_a_break_and_after_5xx),
        T(an_idempotent_call_is_bounded_by_retries_too),
        T(an_idempotent_call_is_not_repeated_after_4xx_or_an_api_error),
        T(an_earlier_answer_is_not_the_response_of_a_later_failure),
        T(http_429_waits_what_retry_after_says),
        T(http_429_without_a_time_waits_a_second),
        T(http_429_is_bounded_by_retries),
        T(a_retry_after_beyond_the_deadline_fails_at_once),
        T(http_429_with_an_envelope_is_an_api_error_in_the_end),
        T(the_deadline_in_token),
        T(the_deadline_in_wait),
        T(the_deadline_in_send),
        T(no_repeat_is_begun_that_cannot_end_in_time),
        T(a_deadline_after_something_was_executed_is_not_retryable),
        T(once_executed_a_call_is_not_retryable_whatever_ends_it),
        T(raw_is_done_whatever_the_answer_says),
        T(raw_repeats_a_refused_token_once_then_gives_the_answer),
        T(raw_waits_for_429_and_gives_the_last_answer),
        T(raw_fails_without_an_answer),
        T(a_secret_that_the_gateway_echoes_is_masked),
        T(a_secret_is_masked_in_the_rewritten_text_too),
        T(a_secret_at_the_cut_of_a_long_message_is_masked),
        T(both_tokens_of_a_call_are_masked),
        T(the_transports_detail_is_masked),
        T(reset_keeps_the_buffers_and_forgets_everything_else),
        T(reset_gives_a_huge_answers_memory_back),
    };

    fixture_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
