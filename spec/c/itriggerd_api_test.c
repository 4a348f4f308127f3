/* itriggerd, its pure parts: what a request asks for, addresses, keys, replies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "itriggerd/address.h"
#include "itriggerd/http_api.h"
#include "itriggerd/key.h"

#define VENDOR "/itrigger-tenant/v1/basic/accessTokenOpen"

static struct api_call call;

/* 0: it is understood; else the HTTP status of the answer. */
static int read_it(struct api_request q)
{
    struct reply r;
    int status = 0;

    reply_init(&r);
    if (q.method == NULL)
        q.method = "GET";
    if (!api_read(&q, &call, &r))
        status = r.http_status;
    reply_clear(&r);
    return status;
}

static void a_digest_of_next_to_nothing_is_trivial(void **state)
{
    static const char *const keys[] = {"", "\n", "x", "x\n", "\r\n", "7\r\n"};
    struct key_digest digest;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof keys / sizeof *keys; i++) {
        key_digest_of(keys[i], strlen(keys[i]), &digest);
        assert_true(key_digest_is_trivial(&digest));
    }
    key_digest_of("key-of-a-client-0123456789", 26, &digest);
    assert_false(key_digest_is_trivial(&digest));
}

static void a_path_names_an_app_percent_decoded(void **state)
{
    static const struct {
        const char *path, *app_id;
        int status;
    } rows[] = {
        {"/v1/apps/a/token", "a", 0},
        {"/v1/apps/a%2Fb/token", "a/b", 0},
        {"/v1/apps/%e5%ba%97/token", "店", 0},
        {"/v1/apps/a+b/token", "a+b", 0},
        {"/v1/apps/%/token", "", 400},
        {"/v1/apps/%4/token", "", 400},
        {"/v1/apps/%g0/token", "", 400},
        {"/v1/apps/a%00b/token", "", 400},
        {"/v1/apps//token", "", 404},
        {"/v1/apps/a/b/token", "", 404},
        {"/v1/apps/a/token/", "", 404},
        {"/v1/apps/a", "", 404},
        {"", "", 404},
        {"*", "", 404},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(read_it((struct api_request){.path = rows[i].path}), rows[i].status);
        if (rows[i].status == 0)
            assert_string_equal(call.app_id, rows[i].app_id);
    }
}

static void a_key_comes_as_bearer_or_as_a_password(void **state)
{
    static const struct {
        const char *header, *key;
        int status;
    } rows[] = {
        {NULL, "", 0},
        {"Bearer abc", "abc", 0},
        {"bearer  abc", "abc", 0},
        {"Bearer", "", 401},
        {"Bearerabc", "", 401},
        {"Basic dXNlcjpwYXNz", "pass", 0}, /* user:pass */
        {"BASIC OnBhc3M=", "pass", 0},     /* :pass */
        {"Basic dXNlcjpwYTpz", "pa:s", 0}, /* user:pa:s */
        {"Basic dXNlcg==", "", 401},       /* user */
        {"Basic dXNlcjpwYXNz!", "", 401},
        {"Basic dXNlcjoAcGFzcw==", "", 401}, /* a NUL in it */
        {"Digest x", "", 401},
        {"", "", 401},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct api_request q = {.path = "/metrics", .authorization = rows[i].header};
        assert_int_equal(read_it(q), rows[i].status);
        if (rows[i].status == 0)
            assert_string_equal(call.key, rows[i].key);
        /* A browser repeats Basic by itself, also for another site's page: it gives no token. */
        q.path = "/v1/apps/a/token";
        if (rows[i].header != NULL && rows[i].header[0] == 'B' && (rows[i].header[1] | 0x20) == 'a')
            assert_int_equal(read_it(q), 401);
    }
}

static void a_refresh_names_a_fence_or_nothing(void **state)
{
    static const struct {
        const char *body;
        uint64_t fence;
        int status;
    } rows[] = {
        {"", 0, 0},
        {"{}", 0, 0},
        {" {\"refused\" : 7 } ", 7, 0},
        {"{\"refused\":9223372036854775807}", INT64_MAX, 0},
        {"{\"refused\":9223372036854775808}", 0, 400},
        {"{\"refused\":-1}", 0, 400},
        {"{\"refused\":1.0}", 0, 400},
        {"{\"refused\":1e3}", 0, 400},
        {"{\"refused\":\"7\"}", 0, 400},
        {"{\"refused\":null}", 0, 400},
        {"{\"refuse\":7}", 0, 400},
        {"{\"Refused\":7}", 0, 400},
        {" { \n} ", 0, 0},
        {"{\"refused\":7", 0, 400},
        {"[7]", 0, 400},
        {"7", 0, 400},
        {"{\"refused\":7} x", 0, 400},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct api_request q = {.method = "POST",
                                .path = "/v1/apps/a/refresh",
                                .body = rows[i].body,
                                .body_len = strlen(rows[i].body)};
        assert_int_equal(read_it(q), rows[i].status);
        if (rows[i].status == 0)
            assert_true(call.refused == rows[i].fence);
    }
}

static void a_poll_is_bounded(void **state)
{
    struct api_request q = {.path = "/v1/apps/a/token", .query_newer_than = "5"};

    (void)state;
    assert_int_equal(read_it(q), 0);
    assert_true(call.newer_than == 5 && call.wait_ms == 0);
    q.query_wait = "30";
    assert_int_equal(read_it(q), 0);
    assert_int_equal(call.wait_ms, 30000);
    q.query_wait = "9223372036854775807";
    assert_int_equal(read_it(q), 0);
    assert_int_equal(call.wait_ms, API_WAIT_MAX_MS);
    q.query_wait = "9223372036854775808";
    assert_int_equal(read_it(q), 400);
    q.query_wait = "";
    assert_int_equal(read_it(q), 400);
}

static void a_method_is_for_its_path(void **state)
{
    (void)state;
    assert_int_equal(read_it((struct api_request){.path = "/v1/apps/a/refresh"}), 405);
    assert_int_equal(read_it((struct api_request){.path = "/healthz", .method = "POST"}), 405);
    assert_int_equal(read_it((struct api_request){.path = "/healthz", .method = "HEAD"}), 0);
    assert_int_equal(read_it((struct api_request){.path = "/healthz", .method = "GE"}), 405);
    assert_int_equal(read_it((struct api_request){.path = "/healthz", .method = "get"}), 405);
}

static void the_vendors_paths_take_all_from_the_query(void **state)
{
    struct api_request q = {
        .path = VENDOR "/token", .query_app_id = "a%20b", .query_app_secret = "k"};

    (void)state;
    assert_int_equal(read_it(q), 0);
    assert_string_equal(call.app_id, "a b");
    assert_string_equal(call.key, "k");
    q.query_app_secret = NULL;
    assert_int_equal(read_it(q), 200); /* with 40001 */
}

static void an_address_is_an_ip_or_a_socket(void **state)
{
    static const struct {
        const char *text;
        bool good, loopback;
    } rows[] = {
        {"127.0.0.1:8700", true, true},    {"127.9.9.9:0", true, true},
        {"localhost:1", true, true},       {"0.0.0.0:1", true, false},
        {"*:65535", true, false},          {"[::1]:1", true, true},
        {"[::]:1", true, false},           {"unix:/x", true, false},
        {"unix:x", false, false},          {"127.0.0.1", false, false},
        {"127.0.0.1:", false, false},      {":1", false, false},
        {"127.0.0.1:65536", false, false}, {"127.0.0.1:-1", false, false},
        {"::1:1", false, false},           {"[::1:1", false, false},
        {"a.example:1", false, false},     {"", false, false},
    };
    struct address a;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(address_parse(rows[i].text, &a) == NULL, rows[i].good);
        if (rows[i].good)
            assert_int_equal(a.is_loopback, rows[i].loopback);
    }
}

static void a_key_is_known_by_its_digest(void **state)
{
    struct key_digest a, b;
    char made[KEY_TEXT_MAX], other[KEY_TEXT_MAX];

    (void)state;
    key_digest_of("abc", 3, &a);
    assert_true(
        key_digest_parse("BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015ad", &b));
    assert_true(key_digest_same(&a, &b));
    b.bytes[31] ^= 1;
    assert_false(key_digest_same(&a, &b));
    assert_false(key_digest_parse("ba", &b));
    assert_true(key_make(made) && key_make(other));
    assert_int_equal(strlen(made), 64);
    assert_string_not_equal(made, other);
}

static void a_token_is_given_with_whole_seconds_that_are_not_below_zero(void **state)
{
    struct itr_token_times times = {1000, 5000, 61500};
    struct itr_token *t = itr_token_new("a\"b", 3, INT64_MAX, times, ITR_FROM_GATEWAY);
    struct reply r;

    (void)state;
    reply_init(&r);
    reply_token(&r, t, 6000, false);
    assert_string_equal(
        itr_buf_str(&r.body),
        "{\"code\":200,\"message\":\"ok\",\"data\":{\"accessToken\":\"a\\\"b\",\"fence\":"
        "9223372036854775807,\"expiresIn\":55,\"refreshIn\":0}}");
    reply_token(&r, t, 4500, false); /* half a second is not none */
    assert_non_null(strstr(itr_buf_str(&r.body), "\"expiresIn\":57,\"refreshIn\":1}}"));
    reply_clear(&r);
    itr_token_release(t);
}

static void what_is_no_utf8_does_not_get_into_json(void **state)
{
    struct reply r;

    (void)state;
    reply_init(&r);
    reply_say(&r, 503, 503, "\xff\"\n店\\");
    assert_string_equal(itr_buf_str(&r.body), "{\"code\":503,\"message\":\"?\\\"\\n店\\\\\"}");
    reply_clear(&r);
}

static void a_failure_is_reported_with_the_code_that_it_has(void **state)
{
    struct itr_error e;
    struct reply r;

    (void)state;
    reply_init(&r);
    (void)itr_error_set(&e, ITR_QUOTA, "daily_limit"); /* ours: it has no code of its own */
    reply_failure(&r, &e, false);
    assert_int_equal(r.http_status, 429);
    assert_int_equal(r.code, 40004);
    assert_true(r.retry_after_s > 0);
    (void)itr_error_set(&e, ITR_TOKEN, "frozen");
    e.has_code = true;
    e.code = 40003;
    reply_failure(&r, &e, false);
    assert_int_equal(r.http_status, 503);
    assert_int_equal(r.code, 40003);
    reply_failure(&r, &e, true);
    assert_int_equal(r.http_status, 200);
    assert_int_equal(r.code, 40003);
    (void)itr_error_set(&e, ITR_NETWORK, "gone");
    reply_failure(&r, &e, false);
    assert_int_equal(r.code, 503);
    reply_clear(&r);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_digest_of_next_to_nothing_is_trivial),
        cmocka_unit_test(a_path_names_an_app_percent_decoded),
        cmocka_unit_test(a_key_comes_as_bearer_or_as_a_password),
        cmocka_unit_test(a_refresh_names_a_fence_or_nothing),
        cmocka_unit_test(a_poll_is_bounded),
        cmocka_unit_test(a_method_is_for_its_path),
        cmocka_unit_test(the_vendors_paths_take_all_from_the_query),
        cmocka_unit_test(an_address_is_an_ip_or_a_socket),
        cmocka_unit_test(a_key_is_known_by_its_digest),
        cmocka_unit_test(a_token_is_given_with_whole_seconds_that_are_not_below_zero),
        cmocka_unit_test(what_is_no_utf8_does_not_get_into_json),
        cmocka_unit_test(a_failure_is_reported_with_the_code_that_it_has),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
