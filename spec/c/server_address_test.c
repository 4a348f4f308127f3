/* http/server_address: a central server's address, what is asked of it, and what its answer means.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/fetch/server_answer.h"
#include "core/http/server_address.h"

#define LEN(a) (sizeof(a) / sizeof *(a))
#define SERVER "https://tokens.test:8700"
#define KEY "key-of-this-client-0123456789"

/* ---- the address ---- */

static void a_server_is_distinguished_from_a_store_by_its_scheme(void **s)
{
    static const char *const servers[] = {"http://127.0.0.1:8700",
                                          "https://tokens.test",
                                          "unix:/x",
                                          "HTTPS://tokens.test",
                                          "http:",
                                          "unix:"};
    static const char *const stores[] = {
        "file:", "file:/unix:/x", "memory:", "redis://http/0", "redis+unix:/x",
        "",      "httpx://a",     "/http:"};
    size_t i;

    (void)s;
    for (i = 0; i < LEN(servers); i++)
        assert_true(itr_server_address_is_named(servers[i]));
    for (i = 0; i < LEN(stores); i++)
        assert_false(itr_server_address_is_named(stores[i]));
    assert_false(itr_server_address_is_named(NULL));
    assert_true(itr_server_address_is_socket("unix:/x"));
    assert_false(itr_server_address_is_socket(SERVER));
}

static void an_address_has_one_normal_form(void **s)
{
    static const struct {
        const char *given, *normal;
    } rows[] = {
        {"http://127.0.0.1:8700", "http://127.0.0.1:8700"},
        {"HTTP://LocalHost:8700/", "http://localhost:8700"},
        {"http://[::1]:8700", "http://[::1]:8700"},
        {"https://Tokens.Internal:8700", "https://tokens.internal:8700"},
        {"unix:/run/itriggerd.sock", "unix:/run/itriggerd.sock"},
        {"UNIX:/run/Itriggerd.sock", "unix:/run/Itriggerd.sock"},
    };
    struct itr_error e;
    struct itr_buf out;
    size_t i;

    (void)s;
    itr_buf_init(&out, 300);
    for (i = 0; i < LEN(rows); i++) {
        itr_buf_reset(&out);
        assert_int_equal(itr_server_address_normal(rows[i].given, &out, &e), ITR_OK);
        assert_string_equal(itr_buf_str(&out), rows[i].normal);
    }
    itr_buf_clear(&out);
}

static void a_wrong_address_says_what_is_wrong(void **s)
{
    static const struct {
        const char *given, *word;
    } rows[] = {
        {"http://tokens.internal:8700", "https://tokens.internal"},
        {"http://10.0.0.1:8700", "http is for localhost"},
        {"https://host/v1", "path"},
        {"https://host?x=1", "query"},
        {"https://host#x", "fragment"},
        {"https://me:password@host", "user"},
        {"https://", "host is missing"},
        {"https://host:0", "port"},
        {"http:", "not an absolute URL"},
        {"unix:", "must begin"},
        {"unix:run.sock", "must begin"},
        {"unix://run/x.sock", "must begin"},
        {"unix:/", "is \"/\""},
        {"unix:/run/x.sock?key=password", "query"},
        {"unix:/run/x.sock#x", "fragment"},
        {"unix:/0123456789012345678901234567890123456789012345678901234567890123456789012345678"
         "901234567890123456789012345",
         NULL}, /* 107 bytes: fits */
        {"unix:/01234567890123456789012345678901234567890123456789012345678901234567890123456789"
         "0123456789012345678901234567",
         "too long"},
    };
    struct itr_error e;
    struct itr_buf out;
    size_t i;

    (void)s;
    itr_buf_init(&out, 300);
    for (i = 0; i < LEN(rows); i++) {
        enum itr_status expected = rows[i].word != NULL ? ITR_CONFIG : ITR_OK;
        itr_buf_reset(&out);
        if (itr_server_address_normal(rows[i].given, &out, &e) != expected)
            fail_msg("%s: not as expected", rows[i].given);
        if (rows[i].word == NULL)
            continue;
        if (strstr(e.text, rows[i].word) == NULL)
            fail_msg("%s: %s", rows[i].given, e.text);
        assert_non_null(strstr(e.text, "option token_store"));
        assert_null(strstr(e.text, "password"));
        assert_null(strstr(e.text, "gateway"));
        assert_int_equal(out.len, 0);
    }
    itr_buf_clear(&out);
}

static void the_transport_has_the_socket_and_no_proxy_where_nobody_is_between(void **s)
{
    struct itr_transport_options o = {.proxy = "http://proxy.test:3128"};

    (void)s;
    itr_server_address_transport(SERVER, &o);
    assert_string_equal(o.proxy, "http://proxy.test:3128");
    assert_null(o.unix_socket);
    itr_server_address_transport("http://127.0.0.1:8700", &o);
    assert_string_equal(o.proxy, "");
    o.proxy = NULL;
    itr_server_address_transport("https://localhost", &o);
    assert_string_equal(o.proxy, "");
    o.proxy = "http://proxy.test:3128";
    itr_server_address_transport("unix:/run/x.sock", &o);
    assert_string_equal(o.proxy, "");
    assert_string_equal(o.unix_socket, "/run/x.sock");
}

/* ---- what is asked ---- */

static void assert_url(const char *server, const char *app, bool refresh, const char *expected)
{
    struct itr_buf url;

    itr_buf_init(&url, 300);
    assert_int_equal(itr_server_address_url(server, app, refresh, &url), ITR_OK);
    assert_string_equal(itr_buf_str(&url), expected);
    itr_buf_clear(&url);
}

static void the_request_is_as_the_server_documents_it(void **s)
{
    struct itr_buf b;

    (void)s;
    assert_url(SERVER, "APPID", false, SERVER "/v1/apps/APPID/token");
    assert_url(SERVER, "APPID", true, SERVER "/v1/apps/APPID/refresh");
    assert_url("unix:/run/x.sock", "APPID", false, "http://localhost/v1/apps/APPID/token");
    assert_url(SERVER, "../a b/?#%应", false,
               SERVER "/v1/apps/..%2Fa%20b%2F%3F%23%25%E5%BA%94/token");

    itr_buf_init_secret(&b, 100);
    assert_int_equal(itr_server_address_header("the-key", &b), ITR_OK);
    assert_string_equal(itr_buf_str(&b), "Authorization: Bearer the-key");
    itr_buf_reset(&b);
    assert_int_equal(itr_server_address_body(0, &b), ITR_OK);
    assert_string_equal(itr_buf_str(&b), "{}");
    itr_buf_reset(&b);
    assert_int_equal(itr_server_address_body(INT64_MAX, &b), ITR_OK);
    assert_string_equal(itr_buf_str(&b), "{\"refused\":9223372036854775807}");
    itr_buf_clear(&b);
}

/* ---- what its answer means ---- */

struct judged {
    enum itr_status s;
    struct itr_server_grant grant;
    struct itr_error e;
    char token[600];
};

static struct judged judge(const struct itr_response *a)
{
    static const char *const secrets[] = {KEY, NULL};
    struct judged j = {0};
    struct itr_buf token;

    itr_buf_init_secret(&token, 512);
    assert_int_equal(itr_buf_append_str(&token, "an earlier one"), ITR_OK);
    j.s = itr_server_answer_read(SERVER, a, secrets, &token, &j.grant, &j.e);
    assert_int_equal(j.e.kind, j.s);
    snprintf(j.token, sizeof j.token, "%s", itr_buf_str(&token));
    if (j.s != ITR_OK) {
        assert_int_equal(token.len, 0);
        assert_non_null(strstr(j.e.text, "token server"));
        assert_null(strstr(j.e.text, KEY));
    }
    itr_buf_clear(&token);
    return j;
}

static struct judged judge_http(int status, const char *body)
{
    struct itr_response a = {.carried = ITR_OK};
    size_t n = strlen(body);
    char *exact = malloc(n > 0 ? n : 1); /* a sanitizer sees one byte too far */
    struct judged j;

    assert_non_null(exact);
    if (n > 0)
        memcpy(exact, body, n);
    a.http_status = status;
    a.body.data = n > 0 ? exact : NULL;
    a.body.len = n;
    j = judge(&a);
    free(exact);
    return j;
}

static void assert_grant(const char *data, uint64_t fence, int64_t expires_in_ms,
                         int64_t refresh_in_ms)
{
    char body[800];
    struct judged j;

    snprintf(body, sizeof body, " {\"code\":200,\"message\":\"ok\",\"data\":{%s}}\n", data);
    j = judge_http(200, body);
    if (j.s != ITR_OK)
        fail_msg("%s: %s", data, j.e.text);
    assert_string_equal(j.token, "a-token");
    assert_true(j.grant.fence == fence);
    assert_int_equal(j.grant.expires_in_ms, expires_in_ms);
    assert_int_equal(j.grant.refresh_in_ms, refresh_in_ms);
}

#define DATA(fence, expires, refresh)                                                              \
    "\"accessToken\":\"a-token\",\"fence\":" fence ",\"expiresIn\":" expires                       \
    ",\"refreshIn\":" refresh

static void a_token_comes_with_fence_and_times(void **s)
{
    (void)s;
    assert_grant(DATA("1795500000000", "7140", "5290"), UINT64_C(1795500000000), 7140000, 5290000);
    assert_grant(DATA("1", "2.5", "0.0625"), 1, 2500, 62);
    assert_grant(DATA("9007199254740993", "7.14e3", "5.29E+3"), UINT64_C(9007199254740993), 7140000,
                 5290000);
    assert_grant(DATA("9223372036854775807", "7140000e-3", "0.00001"), INT64_MAX, 7140000, 0);
    assert_grant("\"refreshIn\":1,\"more\":{\"fence\":\"x\",\"expiresIn\":[9]},\"expiresIn\":2,"
                 "\"fence\":3,\"accessToken\":\"a-t\\u006fken\"",
                 3, 2000, 1000);
}

static void times_are_brought_into_their_bounds(void **s)
{
    static const int64_t most = INT64_C(1) << 52;

    (void)s;
    assert_grant(DATA("7", "0", "0"), 7, 0, 0);
    assert_grant(DATA("7", "-1", "-1e300"), 7, 0, 0);
    assert_grant(DATA("7", "-0", "-0.0"), 7, 0, 0);
    assert_grant(DATA("7", "10", "20"), 7, 10000, 10000);
    assert_grant(DATA("7", "1e300", "1e299"), 7, most, most);
    assert_grant(DATA("7", "1e99999999999999999999", "0e99999999999999999999"), 7, most, 0);
    assert_grant(DATA("7", "1e-99999999999999999999", "1e-400"), 7, 0, 0);
    assert_grant(DATA("7", "100000000000000000000000000000000000000000000000000", "5"), 7, most,
                 5000);
    assert_grant(DATA("7", "60.0000000000000000000000000000000000000000000000001", "5"), 7, 60000,
                 5000);
}

static void an_answer_that_cannot_be_used_is_the_stores_kind(void **s)
{
    static const struct {
        const char *body, *word;
    } rows[] = {
        {"", "no envelope"},
        {"<html>", "no envelope"},
        {"[]", "no envelope"},
        {"{}", "no envelope"},
        {"{\"code\":200", "no envelope"},
        {"{\"code\":200.0,\"data\":{}}", "no envelope"},
        {"{\"code\":200,\"data\":{\"accessToken\":\"a\",\"accessToken\":\"b\"}}", "no envelope"},
        {"{\"code\":200}", "accessToken"},
        {"{\"code\":200,\"data\":null}", "accessToken"},
        {"{\"code\":200,\"data\":\"a\"}", "accessToken"},
        {"{\"code\":200,\"data\":{\"accessToken\":\"\",\"fence\":1}}", "accessToken"},
        {"{\"code\":200,\"data\":{\"accessToken\":7,\"fence\":1}}", "accessToken"},
        {"{\"code\":200,\"data\":{\"accessToken\":\"a\\nb\",\"fence\":1}}", "accessToken"},
        {"{\"code\":200,\"data\":{\"accessToken\":\"a\"}}", "fence"},
        {"{\"code\":200,\"data\":{" DATA("\"1795500000000\"", "1", "1") "}}", "fence"},
        {"{\"code\":200,\"data\":{" DATA("1.5", "1", "1") "}}", "fence"},
        {"{\"code\":200,\"data\":{" DATA("1e3", "1", "1") "}}", "fence"},
        {"{\"code\":200,\"data\":{" DATA("0", "1", "1") "}}", "fence"},
        {"{\"code\":200,\"data\":{" DATA("-5", "1", "1") "}}", "fence"},
        {"{\"code\":200,\"data\":{" DATA("9223372036854775808", "1", "1") "}}", "fence"},
        {"{\"code\":200,\"data\":{" DATA("null", "1", "1") "}}", "fence"},
        {"{\"code\":200,\"data\":{" DATA("1", "\"7140\"", "1") "}}", "expiresIn"},
        {"{\"code\":200,\"data\":{" DATA("1", "null", "1") "}}", "expiresIn"},
        {"{\"code\":200,\"data\":{" DATA("1", "1", "[1]") "}}", "refreshIn"},
        {"{\"code\":200,\"data\":{\"accessToken\":\"a\",\"fence\":1,\"expiresIn\":1}}",
         "refreshIn"},
        {"{\"code\":200,\"data\":{\"accessToken\":\"a\",\"x\":{\"fence\":1}}}", "fence"},
    };
    size_t i;

    (void)s;
    for (i = 0; i < LEN(rows); i++) {
        struct judged j = judge_http(200, rows[i].body);
        assert_int_equal(j.s, ITR_STORE);
        if (strstr(j.e.text, rows[i].word) == NULL)
            fail_msg("%s: %s", rows[i].body, j.e.text);
        assert_non_null(strstr(j.e.text, SERVER));
        assert_int_equal(j.e.http_status, 200);
    }
}

static void a_success_with_another_http_status_is_none(void **s)
{
    static const char body[] = "{\"code\":200,\"data\":{" DATA("1", "1", "1") "}}";

    (void)s;
    assert_int_equal(judge_http(500, body).s, ITR_STORE);
    assert_int_equal(judge_http(301, body).s, ITR_STORE);
    assert_int_equal(judge_http(201, body).s, ITR_OK);
}

static void refusals_name_what_to_mend(void **s)
{
    static const struct {
        int http;
        const char *body, *word;
        bool has_code;
    } rows[] = {
        {401, "{\"code\":401,\"message\":\"no such key\"}", "token_store_key", true},
        {403, "{\"code\":403,\"message\":\"not for this app\"}", "token_store_key", true},
        {404, "{\"code\":404,\"message\":\"no such app\"}", "app_id", true},
        {401, "<html>", "token_store_key", false},
        {404, "<html>", "token_store", false},
        {503, "{\"code\":503,\"message\":\"no token yet\"}", "no token yet", true},
        {429, "{\"code\":429,\"message\":\"slow down\"}", "slow down", true},
        {500, "{\"code\":500}", "code 500", true},
    };
    size_t i;

    (void)s;
    for (i = 0; i < LEN(rows); i++) {
        struct judged j = judge_http(rows[i].http, rows[i].body);
        assert_int_equal(j.s, ITR_STORE);
        if (strstr(j.e.text, rows[i].word) == NULL)
            fail_msg("%s: %s", rows[i].body, j.e.text);
        assert_int_equal(j.e.http_status, rows[i].http);
        assert_int_equal(j.e.has_code, rows[i].has_code);
        if (rows[i].has_code)
            assert_int_equal(j.e.code, rows[i].http);
    }
}

static void the_gateways_own_codes_keep_kind_and_code(void **s)
{
    static const struct {
        const char *body;
        int64_t code;
        enum itr_status kind;
    } rows[] = {
        {"{\"code\":40001,\"message\":\"empty\"}", 40001, ITR_TOKEN},
        {"{\"code\":40002,\"message\":\"malformed\"}", 40002, ITR_TOKEN},
        {"{\"code\":40003,\"message\":\"frozen\"}", 40003, ITR_TOKEN},
        {"{\"code\":40004,\"message\":\"limit\"}", 40004, ITR_QUOTA},
        {"{\"code\":40005,\"message\":\"other\"}", 40005, ITR_STORE},
        {"{\"code\":40000,\"message\":\"other\"}", 40000, ITR_STORE},
    };
    size_t i;

    (void)s;
    for (i = 0; i < LEN(rows); i++) {
        struct judged j = judge_http(i % 2 == 0 ? 200 : 503, rows[i].body);
        assert_int_equal(j.s, rows[i].kind);
        assert_true(j.e.has_code);
        assert_int_equal(j.e.code, rows[i].code);
    }
}

static void the_key_is_cut_out_of_what_the_server_says(void **s)
{
    struct judged j = judge_http(401, "{\"code\":401,\"message\":\"key " KEY
                                      " is \\u006bey-of-this-client-0123456789\\u0000\\n\"}");

    (void)s;
    assert_non_null(strstr(j.e.text, "key ***"));
    assert_null(strstr(j.e.text, "0123456789"));
    assert_null(strchr(j.e.text, '\n'));
}

static void a_long_message_is_cut(void **s)
{
    char body[3000];
    struct judged j;
    int n = snprintf(body, sizeof body, "{\"code\":503,\"message\":\"");

    (void)s;
    while ((size_t)n < 2900)
        n += snprintf(body + n, sizeof body - (size_t)n, "慢" KEY);
    snprintf(body + n, sizeof body - (size_t)n, "\"}");
    j = judge_http(503, body);
    assert_int_equal(j.s, ITR_STORE);
    assert_true(strlen(j.e.text) < ITR_ERROR_TEXT - 1);
    assert_null(strstr(j.e.text, "key-of"));
}

static void what_was_not_carried_names_the_address_and_may_be_tried_again(void **s)
{
    static const enum itr_status kinds[] = {ITR_NETWORK, ITR_TLS, ITR_TIMEOUT, ITR_HTTP};
    struct itr_response a = {.carried = ITR_OK};
    struct judged j;
    size_t i;

    (void)s;
    for (i = 0; i < LEN(kinds); i++) {
        a.carried = kinds[i];
        snprintf(a.detail, sizeof a.detail, "could not connect, %s", KEY);
        j = judge(&a);
        assert_int_equal(j.s, ITR_STORE);
        assert_true(j.e.retryable);
        assert_non_null(strstr(j.e.text, SERVER ": could not connect"));
        a.detail[0] = '\0';
        assert_non_null(strstr(judge(&a).e.text, itr_status_name(kinds[i])));
    }
    a.carried = ITR_NOMEM;
    assert_int_equal(judge(&a).s, ITR_NOMEM);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_is_distinguished_from_a_store_by_its_scheme),
        cmocka_unit_test(an_address_has_one_normal_form),
        cmocka_unit_test(a_wrong_address_says_what_is_wrong),
        cmocka_unit_test(the_transport_has_the_socket_and_no_proxy_where_nobody_is_between),
        cmocka_unit_test(the_request_is_as_the_server_documents_it),
        cmocka_unit_test(a_token_comes_with_fence_and_times),
        cmocka_unit_test(times_are_brought_into_their_bounds),
        cmocka_unit_test(an_answer_that_cannot_be_used_is_the_stores_kind),
        cmocka_unit_test(a_success_with_another_http_status_is_none),
        cmocka_unit_test(refusals_name_what_to_mend),
        cmocka_unit_test(the_gateways_own_codes_keep_kind_and_code),
        cmocka_unit_test(the_key_is_cut_out_of_what_the_server_says),
        cmocka_unit_test(a_long_message_is_cut),
        cmocka_unit_test(what_was_not_carried_names_the_address_and_may_be_tried_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
