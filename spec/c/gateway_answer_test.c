/* The token request, and each answer that the documentation names (docs/protocol.md, Token). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/fetch/gateway_answer.h"

#define SECRET "s3cr3t+0123456789/abcdef"
#define TOKEN_ROOM 4096

/* ---- the request ---- */

static void assert_url(enum itr_token_endpoint endpoint, const char *id, const char *secret,
                       const char *expected)
{
    struct itr_buf url;

    itr_buf_init_secret(&url, 1024);
    assert_int_equal(itr_gateway_answer_url("https://gw.example:8443", endpoint, id, secret, &url),
                     ITR_OK);
    assert_string_equal(itr_buf_str(&url), expected);
    itr_buf_clear(&url);
}

static void the_request_is_as_documented(void **s)
{
    (void)s;
    assert_url(ITR_ENDPOINT_TOKEN, "APPID", "APPSECRET",
               "https://gw.example:8443/itrigger-tenant/v1/basic/accessTokenOpen/token"
               "?appId=APPID&appSecret=APPSECRET");
    assert_url(ITR_ENDPOINT_REFRESH, "APPID", "APPSECRET",
               "https://gw.example:8443/itrigger-tenant/v1/basic/accessTokenOpen/token/refresh"
               "?appId=APPID&appSecret=APPSECRET");
}

static void what_needs_escaping_is_escaped(void **s)
{
    (void)s;
    assert_url(ITR_ENDPOINT_TOKEN, "a&b=c", "d+e/f %#?",
               "https://gw.example:8443/itrigger-tenant/v1/basic/accessTokenOpen/token"
               "?appId=a%26b%3Dc&appSecret=d%2Be%2Ff%20%25%23%3F");
}

static void a_url_that_does_not_fit_is_an_error(void **s)
{
    struct itr_buf url;
    size_t max;

    (void)s;
    for (max = 0; max < 100; max += 7) {
        itr_buf_init_secret(&url, max);
        assert_int_equal(
            itr_gateway_answer_url("https://gw.example", ITR_ENDPOINT_TOKEN, "id", SECRET, &url),
            ITR_FULL);
        itr_buf_clear(&url);
    }
}

/* ---- judging ---- */

struct judged {
    struct itr_buf token;
    struct itr_record_outcome out;
};

static void judge(struct judged *j, const struct itr_response *a)
{
    static const char *const secrets[] = {SECRET, "held-token-01", "", NULL};

    itr_buf_init_secret(&j->token, TOKEN_ROOM);
    assert_int_equal(itr_buf_append_str(&j->token, "an earlier one"), ITR_OK);
    itr_gateway_answer_read(a, secrets, &j->token, &j->out);
    assert_null(strstr(j->out.error.text, SECRET));
    if (j->out.is != ITR_OUTCOME_TOKEN)
        assert_int_equal(j->token.len, 0);
}

/* The body lies in memory of just its size, so that a sanitizer sees a byte too many. */
static void judge_body_n(struct judged *j, int http_status, const char *body, size_t n)
{
    struct itr_response a = {.carried = ITR_OK, .sent = true, .http_status = http_status};
    char *exact = malloc(n > 0 ? n : 1);

    assert_non_null(exact);
    if (n > 0)
        memcpy(exact, body, n);
    a.body.data = n > 0 ? exact : NULL;
    a.body.len = n;
    judge(j, &a);
    free(exact);
}

static void judge_body(struct judged *j, int http_status, const char *body)
{
    judge_body_n(j, http_status, body, strlen(body));
}

static void tokens_are_taken_as_they_are(void **s)
{
    static const struct {
        const char *body, *token;
    } rows[] = {
        {"{\"code\":200,\"message\":\"操作成功\",\"data\":{\"accessToken\":"
         "\"74065e4f764d4f00a313525e4ab0423e\"}}",
         "74065e4f764d4f00a313525e4ab0423e"},
        {"{\"code\":\"200\",\"data\":{\"accessToken\":\"t\"}}", "t"},
        {"{\"code\":204,\"data\":{\"accessToken\":\"t\"}}", "t"},
        {"{\"data\":{\"x\":[1],\"accessToken\":\"a b&c=d%+/\\u4ee4\"},\"code\":299}",
         "a b&c=d%+/\xE4\xBB\xA4"},
        {"{\"code\":200,\"wide\":123456789012345678901,\"data\":{\"accessToken\":\"t\"}}", "t"},
    };
    size_t i;

    (void)s;
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct judged j;

        judge_body(&j, 200, rows[i].body);
        assert_int_equal(j.out.is, ITR_OUTCOME_TOKEN);
        assert_int_equal(j.out.error.kind, ITR_OK);
        assert_string_equal(itr_buf_str(&j.token), rows[i].token);
        assert_ptr_equal(j.out.text, j.token.data);
        itr_buf_clear(&j.token);
    }
}

struct row {
    int http_status;
    const char *body;
    enum itr_record_outcome_is is;
    enum itr_status kind;
    int64_t code;     /* 0: none */
    const char *says; /* what the message must contain */
};

static const struct row documented_rows[] = {
    {200, "{\"code\":40001,\"message\":\"x\"}", ITR_OUTCOME_FORBIDDEN, ITR_TOKEN, 40001,
     "check app_id and app_secret"},
    {200, "{\"code\":40002}", ITR_OUTCOME_FORBIDDEN, ITR_TOKEN, 40002, "gateway"},
    {200, "{\"code\":40003}", ITR_OUTCOME_FORBIDDEN, ITR_TOKEN, 40003, "frozen"},
    {200, "{\"code\":\"40003\"}", ITR_OUTCOME_FORBIDDEN, ITR_TOKEN, 40003, "frozen"},
    {200, "{\"code\":40004}", ITR_OUTCOME_LIMIT, ITR_QUOTA, 40004, "token_store"},
    /* Whatever the HTTP status. */
    {401, "{\"code\":40001}", ITR_OUTCOME_FORBIDDEN, ITR_TOKEN, 40001, "check"},
    {500, "{\"code\":40002}", ITR_OUTCOME_FORBIDDEN, ITR_TOKEN, 40002, "check"},
    {403, "{\"code\":40003}", ITR_OUTCOME_FORBIDDEN, ITR_TOKEN, 40003, "frozen"},
    {429, "{\"code\":40004}", ITR_OUTCOME_LIMIT, ITR_QUOTA, 40004, "limit"},
    /* A token beside such a code does not count. */
    {200, "{\"code\":40004,\"data\":{\"accessToken\":\"t\"}}", ITR_OUTCOME_LIMIT, ITR_QUOTA, 40004,
     "limit"},
};

static const struct row other_code_rows[] = {
    {200, "{\"code\":500,\"message\":\"系统异常\"}", ITR_OUTCOME_FAILED, ITR_API, 500,
     "(code 500): 系统异常"},
    {500, "{\"code\":500}", ITR_OUTCOME_FAILED, ITR_API, 500, "does not say why"},
    {200, "{\"code\":-1,\"message\":\"a\\nb\"}", ITR_OUTCOME_FAILED, ITR_API, -1, "(code -1): a b"},
    {200, "{\"code\":0}", ITR_OUTCOME_FAILED, ITR_API, 0, "(code 0)"},
    {200, "{\"code\":199,\"data\":{\"accessToken\":\"t\"}}", ITR_OUTCOME_FAILED, ITR_API, 199, ""},
    {200, "{\"code\":300,\"data\":{\"accessToken\":\"t\"}}", ITR_OUTCOME_FAILED, ITR_API, 300, ""},
    {200, "{\"code\":401,\"message\":\"no\"}", ITR_OUTCOME_FAILED, ITR_API, 401, "no"},
};

static const struct row no_token_rows[] = {
    {200, "{\"code\":200}", ITR_OUTCOME_FAILED, ITR_TOKEN, 0, "no data.accessToken"},
    {200, "{\"code\":200,\"accessToken\":\"t\"}", ITR_OUTCOME_FAILED, ITR_TOKEN, 0,
     "no data.accessToken"},
    {200, "{\"code\":200,\"data\":[{\"accessToken\":\"t\"}]}", ITR_OUTCOME_FAILED, ITR_TOKEN, 0,
     "no data.accessToken"},
    {200, "{\"code\":200,\"data\":{\"accessToken\":\"\"}}", ITR_OUTCOME_FAILED, ITR_TOKEN, 0,
     "empty"},
    {200, "{\"code\":200,\"data\":{\"accessToken\":null}}", ITR_OUTCOME_FAILED, ITR_TOKEN, 0,
     "not a string"},
    {200, "{\"code\":200,\"data\":{\"accessToken\":12}}", ITR_OUTCOME_FAILED, ITR_TOKEN, 0,
     "not a string"},
    {200, "{\"code\":200,\"data\":{\"accessToken\":\"a\\nb\"}}", ITR_OUTCOME_FAILED, ITR_TOKEN, 0,
     "control"},
    {200, "{\"code\":200,\"data\":{\"accessToken\":\"a\\u0000b\"}}", ITR_OUTCOME_FAILED, ITR_TOKEN,
     0, "control"},
    {200, "{\"code\":200,\"data\":{\"accessToken\":\"a\\u007f\"}}", ITR_OUTCOME_FAILED, ITR_TOKEN,
     0, "control"},
};

static const struct row no_envelope_rows[] = {
    {200, "", ITR_OUTCOME_FAILED, ITR_DECODE, 0, "check gateway"},
    {200, "<html><body>hello</body></html>", ITR_OUTCOME_FAILED, ITR_DECODE, 0, "not an envelope"},
    {200, "{\"code\":200,\"data\":{\"accessTok", ITR_OUTCOME_FAILED, ITR_DECODE, 0,
     "not an envelope"},
    {200, "[200]", ITR_OUTCOME_FAILED, ITR_DECODE, 0, "no code"},
    {200, "{}", ITR_OUTCOME_FAILED, ITR_DECODE, 0, "no code"},
    {200, "{\"code\":2e2,\"data\":{\"accessToken\":\"t\"}}", ITR_OUTCOME_FAILED, ITR_DECODE, 0, ""},
    {200, "{\"code\":200,\"code\":200}", ITR_OUTCOME_FAILED, ITR_DECODE, 0, ""},
    {200, "{\"code\":200,\"data\":{\"accessToken\":\"t\",\"accessToken\":\"u\"}}",
     ITR_OUTCOME_FAILED, ITR_DECODE, 0, ""},
    {200, "{\"code\":200,\"data\":{\"accessToken\":\"\xFF\"}}", ITR_OUTCOME_FAILED, ITR_DECODE, 0,
     ""},
    {502, "<html></html>", ITR_OUTCOME_FAILED, ITR_HTTP, 0, "HTTP 502"},
    {302, "", ITR_OUTCOME_FAILED, ITR_HTTP, 0, "redirect"},
    {401, "{}", ITR_OUTCOME_FAILED, ITR_HTTP, 0, "HTTP 401"},
    /* Which of the two is true? */
    {500, "{\"code\":200,\"data\":{\"accessToken\":\"t\"}}", ITR_OUTCOME_FAILED, ITR_HTTP, 0,
     "HTTP 500"},
};

static void check_row(const struct row *row)
{
    struct judged j;
    const struct itr_error *e = &j.out.error;
    bool has_code = row->kind == ITR_API || row->code != 0;

    judge_body(&j, row->http_status, row->body);
    if (j.out.is != row->is || e->kind != row->kind || e->has_code != has_code ||
        e->code != row->code || strstr(e->text, row->says) == NULL)
        fail_msg("HTTP %d %s: outcome %d, kind %s, code %lld, \"%s\"", row->http_status, row->body,
                 (int)j.out.is, itr_status_name(e->kind), (long long)e->code, e->text);
    assert_int_equal(e->http_status, row->http_status);
    assert_null(j.out.text);
    itr_buf_clear(&j.token);
}

static void check_rows(const struct row *rows, size_t n)
{
    for (; n > 0; n--)
        check_row(rows++);
}

static void documented_codes_are_what_they_say(void **s)
{
    (void)s;
    check_rows(documented_rows, sizeof documented_rows / sizeof documented_rows[0]);
}

static void other_codes_are_api_errors_with_the_gateways_words(void **s)
{
    (void)s;
    check_rows(other_code_rows, sizeof other_code_rows / sizeof other_code_rows[0]);
}

static void success_without_a_usable_token_is_a_token_error(void **s)
{
    (void)s;
    check_rows(no_token_rows, sizeof no_token_rows / sizeof no_token_rows[0]);
}

static void no_envelope_is_decode_or_http(void **s)
{
    (void)s;
    check_rows(no_envelope_rows, sizeof no_envelope_rows / sizeof no_envelope_rows[0]);
}

/* ---- sizes ---- */

static void judge_token_of(struct judged *j, const char *piece, size_t n)
{
    struct itr_buf body;

    itr_buf_init(&body, 100 + n * strlen(piece));
    itr_buf_append_str(&body, "{\"code\":200,\"data\":{\"accessToken\":\"");
    for (; n > 0; n--)
        itr_buf_append_str(&body, piece);
    itr_buf_append_str(&body, "\"}}");
    judge_body_n(j, 200, body.data, body.len);
    itr_buf_clear(&body);
}

static void a_token_is_at_most_512_bytes_and_1024_escaped(void **s)
{
    static const struct {
        const char *piece;
        size_t n;
        enum itr_record_outcome_is is;
    } rows[] = {
        {"x", 512, ITR_OUTCOME_TOKEN},       {"x", 513, ITR_OUTCOME_FAILED},
        {"\\u0078", 512, ITR_OUTCOME_TOKEN}, /* escapes in JSON do not count */
        {" ", 341, ITR_OUTCOME_TOKEN},       {" ", 342, ITR_OUTCOME_FAILED},
        {"x", 65536, ITR_OUTCOME_FAILED},
    };
    size_t i;

    (void)s;
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct judged j;

        judge_token_of(&j, rows[i].piece, rows[i].n);
        assert_int_equal(j.out.is, rows[i].is);
        assert_int_equal(j.out.error.kind, rows[i].is == ITR_OUTCOME_TOKEN ? ITR_OK : ITR_TOKEN);
        if (rows[i].is != ITR_OUTCOME_TOKEN)
            assert_non_null(strstr(j.out.error.text, "too long"));
        itr_buf_clear(&j.token);
    }
}

/* ---- the secret ---- */

static void the_secret_is_cut_out_of_the_gateways_words(void **s)
{
    struct judged j;

    (void)s;
    judge_body(&j, 200, "{\"code\":500,\"message\":\"bad secret: s3cr3t+0123456789/abcdef!\"}");
    assert_non_null(strstr(j.out.error.text, "bad secret: ****"));
    itr_buf_clear(&j.token);

    /* However it is written. */
    judge_body(&j, 200, "{\"code\":500,\"message\":\"\\u00733cr3t+0123456789\\/abcdef\"}");
    assert_null(strstr(j.out.error.text, "s3cr3t"));
    itr_buf_clear(&j.token);
    judge_body(&j, 200, "{\"code\":500,\"message\":\"s3cr3t%2B0123456789%2Fabcdef\"}");
    assert_null(strstr(j.out.error.text, "s3cr3t"));
    itr_buf_clear(&j.token);
}

/* Its own token, too, which nobody knows yet; and those that are known. */
static void tokens_are_cut_out_of_the_gateways_words(void **s)
{
    struct judged j;

    (void)s;
    judge_body(&j, 200,
               "{\"code\":500,\"message\":\"new fresh-token-77 for held-token-01\","
               "\"data\":{\"accessToken\":\"fresh-token-77\"}}");
    assert_non_null(strstr(j.out.error.text, "new ****"));
    assert_null(strstr(j.out.error.text, "fresh-token"));
    assert_null(strstr(j.out.error.text, "held-token"));
    itr_buf_clear(&j.token);
}

/* Cut first and masked then, the head of the secret would show. */
static void the_secret_is_cut_out_before_a_long_text_is_cut(void **s)
{
    struct judged j;
    char body[256];

    (void)s;
    snprintf(body, sizeof body, "{\"code\":500,\"message\":\"%0110d%s\"}", 0, SECRET);
    judge_body(&j, 200, body);
    assert_null(strstr(j.out.error.text, "s3cr"));
    assert_int_equal(j.out.error.text[strlen(j.out.error.text) - 1], '*');
    itr_buf_clear(&j.token);
}

static void a_long_text_is_cut_between_characters(void **s)
{
    struct judged j;
    char body[1024];
    size_t n = (size_t)snprintf(body, sizeof body, "{\"code\":500,\"message\":\"a");
    int i;

    (void)s;
    for (i = 0; i < 100; i++)
        n += (size_t)snprintf(body + n, sizeof body - n, "\xE8\xAF\xAF");
    snprintf(body + n, sizeof body - n, "\"}");
    judge_body(&j, 200, body);
    assert_true(strlen(j.out.error.text) < 320);
    assert_non_null(strstr(j.out.error.text, "(code 500): a\xE8\xAF\xAF"));
    assert_string_equal(j.out.error.text + strlen(j.out.error.text) - 3, "\xE8\xAF\xAF");
    itr_buf_clear(&j.token);
}

/* ---- not carried ---- */

static void what_was_not_carried_is_failed_only_if_it_was_sent(void **s)
{
    static const enum itr_status kinds[] = {ITR_NETWORK, ITR_TLS, ITR_TIMEOUT, ITR_HTTP, ITR_NOMEM};
    size_t i;

    (void)s;
    for (i = 0; i < 2 * sizeof kinds / sizeof kinds[0]; i++) {
        struct itr_response a = {.carried = kinds[i / 2], .sent = i % 2 == 1};
        struct judged j;

        snprintf(a.detail, sizeof a.detail, "could not connect to %s", SECRET);
        judge(&j, &a);
        assert_int_equal(j.out.is, a.sent ? ITR_OUTCOME_FAILED : ITR_OUTCOME_NOT_SENT);
        assert_int_equal(j.out.error.kind, a.carried);
        if (a.carried != ITR_NOMEM)
            assert_non_null(strstr(j.out.error.text, "could not connect to ***"));
        itr_buf_clear(&j.token);
    }
}

/* A transport's words are cut at their end, perhaps within a secret; a message is whole, and what
 * only looks like the head of one stays. */
static void the_head_of_a_secret_is_masked_where_words_were_cut(void **s)
{
    struct itr_response a = {.carried = ITR_NETWORK};
    char body[100];
    struct judged j;

    (void)s;
    (void)snprintf(a.detail, sizeof a.detail, "cut off at %.*s", (int)strlen(SECRET) - 2, SECRET);
    judge(&j, &a);
    assert_null(strstr(j.out.error.text, (char[]){SECRET[0], SECRET[1], SECRET[2], '\0'}));
    itr_buf_clear(&j.token);
    (void)snprintf(body, sizeof body, "{\"code\":500,\"message\":\"it ends with %.3s\"}", SECRET);
    judge_body(&j, 200, body);
    assert_non_null(strstr(j.out.error.text, "it ends with "));
    assert_null(strchr(j.out.error.text, '*'));
    itr_buf_clear(&j.token);
}

static void a_transport_without_words_still_gives_a_message(void **s)
{
    struct itr_response a = {.carried = ITR_TIMEOUT, .sent = true};
    struct judged j;

    (void)s;
    judge(&j, &a);
    assert_string_equal(j.out.error.text, "no token could be fetched: timeout");
    itr_buf_clear(&j.token);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_request_is_as_documented),
        cmocka_unit_test(what_needs_escaping_is_escaped),
        cmocka_unit_test(a_url_that_does_not_fit_is_an_error),
        cmocka_unit_test(tokens_are_taken_as_they_are),
        cmocka_unit_test(documented_codes_are_what_they_say),
        cmocka_unit_test(other_codes_are_api_errors_with_the_gateways_words),
        cmocka_unit_test(success_without_a_usable_token_is_a_token_error),
        cmocka_unit_test(no_envelope_is_decode_or_http),
        cmocka_unit_test(a_token_is_at_most_512_bytes_and_1024_escaped),
        cmocka_unit_test(the_secret_is_cut_out_of_the_gateways_words),
        cmocka_unit_test(tokens_are_cut_out_of_the_gateways_words),
        cmocka_unit_test(the_secret_is_cut_out_before_a_long_text_is_cut),
        cmocka_unit_test(a_long_text_is_cut_between_characters),
        cmocka_unit_test(what_was_not_carried_is_failed_only_if_it_was_sent),
        cmocka_unit_test(the_head_of_a_secret_is_masked_where_words_were_cut),
        cmocka_unit_test(a_transport_without_words_still_gives_a_message),
    };

    return cmocka_run_group_tests_name("token_grant", tests, NULL, NULL);
}
