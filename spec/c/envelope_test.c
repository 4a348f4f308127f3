/* envelope: what an answer means (docs/protocol.md, Codes). */
#include "support/fixture.h"

#include <stdio.h>

#include "core/call/envelope.h"

struct row {
    int status;
    const char *body;
    enum itr_envelope_is is;
    enum itr_status kind;
    const char *name;
};

/* Reads one answer; *scan text stays valid until the buffers are cleared, which the caller need not
 * see: only values are returned. */
static struct itr_envelope read_with(const struct itr_config *config, int status, const char *body)
{
    struct itr_response r = {0};
    struct itr_envelope en;

    memset(&en, 0x5a, sizeof en); /* nothing of an earlier answer may count */
    r.http_status = status;
    itr_buf_init(&r.body, 65536);
    assert_int_equal(itr_buf_append_str(&r.body, body), ITR_OK);
    assert_int_equal(itr_envelope_read(&r, config, &en), ITR_OK);
    itr_buf_clear(&r.body);
    return en;
}

static void check(const struct itr_config *config, const struct row *rows, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        const struct row *r = &rows[i];
        struct itr_envelope en = read_with(config, r->status, r->body);
        if (en.is != r->is || en.error.kind != r->kind)
            fail_msg("HTTP %d %s: is %d kind %s (%s), not %d %s", r->status, r->body, (int)en.is,
                     itr_status_name(en.error.kind), en.error.text, (int)r->is,
                     itr_status_name(r->kind));
        if (r->name == NULL ? en.error_name != NULL
                            : en.error_name == NULL || strcmp(en.error_name, r->name) != 0)
            fail_msg("HTTP %d %s: name %s, not %s", r->status, r->body,
                     en.error_name != NULL ? en.error_name : "(none)",
                     r->name != NULL ? r->name : "(none)");
        if (r->is != ITR_ENVELOPE_SUCCESS)
            assert_int_equal(en.error.http_status, r->status);
    }
}

#define SUCCESS ITR_ENVELOPE_SUCCESS, ITR_OK, NULL
#define REFUSED ITR_ENVELOPE_TOKEN_REFUSED, ITR_TOKEN, "token_refused"
#define FORBIDDEN ITR_ENVELOPE_NO_PERMISSION, ITR_API, "no_permission"
#define ERROR(name) ITR_ENVELOPE_ERROR, ITR_API, name
#define NONE(kind) ITR_ENVELOPE_NONE, kind, NULL

static void codes_200_to_299_in_a_2xx_answer_are_success(void **state)
{
    static const struct row rows[] = {
        {200, "{\"code\":200,\"message\":\"操作成功\",\"data\":\"ok\"}", SUCCESS},
        {200, "{\"code\":\"200\",\"message\":\"操作成功\"}",
         SUCCESS}, /* documented as String too */
        {200, "{\"code\":204,\"message\":\"操作成功\",\"data\":null}", SUCCESS},
        {200, "{\"code\":299}", SUCCESS},
        {201, "{\"code\":200}", SUCCESS},
        {299, "{\"code\":250}", SUCCESS},
        {200, "{\"code\":199,\"message\":\"x\"}", ERROR(NULL)},
        {200, "{\"code\":300,\"message\":\"x\"}", ERROR(NULL)},
        {200, "{\"code\":0,\"message\":\"x\"}", ERROR(NULL)},
        {200, "{\"code\":-200,\"message\":\"x\"}", ERROR(NULL)},
        {200, "{\"code\":2000,\"message\":\"x\"}", ERROR(NULL)},
        /* a code of success does not help an answer that failed, nor does it name the error */
        {500, "{\"code\":200,\"message\":\"操作成功\"}", ERROR(NULL)},
        {404, "{\"code\":204}", ERROR(NULL)},
    };
    struct itr_config c;

    (void)state;
    fixture_config(&c);
    check(&c, rows, count_of(rows));
    itr_config_clear(&c);
}

static void documented_codes_carry_their_names(void **state)
{
    static const struct row rows[] = {
        {200, "{\"code\":500,\"message\":\"系统异常\"}", ERROR("system_error")},
        {500, "{\"code\":500,\"message\":\"系统异常\"}", ERROR("system_error")},
        {200, "{\"code\":61451,\"message\":\"参数错误\"}", ERROR("bad_parameter")},
        {200, "{\"code\":63001,\"message\":\"x\"}", ERROR("missing_parameter")},
        {200, "{\"code\":46004,\"message\":\"x\"}", ERROR("user_not_found")},
        {200, "{\"code\":80001,\"message\":\"x\"}", ERROR("member_exists")},
        {200, "{\"code\":80002,\"message\":\"x\"}", ERROR("member_not_found")},
        {400, "{\"code\":\"80002\",\"message\":\"x\"}", ERROR("member_not_found")},
        {200, "{\"code\":40001,\"message\":\"x\"}", ERROR("credentials_missing")},
        {200, "{\"code\":40002,\"message\":\"x\"}", ERROR("credentials_malformed")},
        {200, "{\"code\":40003,\"message\":\"x\"}", ERROR("app_frozen")},
        {200, "{\"code\":40004,\"message\":\"x\"}", ERROR("limit_reached")},
        {200, "{\"code\":12345,\"message\":\"x\"}", ERROR(NULL)},
    };
    struct itr_config c;

    (void)state;
    fixture_config(&c);
    check(&c, rows, count_of(rows));
    itr_config_clear(&c);
}

static void a_refused_token_is_known_by_status_code_option_or_words(void **state)
{
    static const struct row rows[] = {
        {401, "{\"code\":500,\"message\":\"x\"}", REFUSED},
        {401, "{\"code\":200}", REFUSED},
        {401, "", REFUSED},
        {401, "<html>", REFUSED},
        {200, "{\"code\":401,\"message\":\"x\"}", REFUSED},
        {200, "{\"code\":\"401\"}", REFUSED},
        {200, "{\"code\":47001,\"message\":\"x\"}", REFUSED}, /* option token_error_codes */
        {200, "{\"code\":500,\"message\":\"accessToken 已过期\"}", REFUSED},
        {200, "{\"code\":9,\"message\":\"access_token失效\"}", REFUSED},
        {200, "{\"code\":9,\"message\":\"令牌超时\"}", REFUSED},
        {200, "{\"code\":9,\"message\":\"token无效\"}", REFUSED},
        {200, "{\"code\":9,\"message\":\"令牌不存在\"}", REFUSED},
        {200, "{\"code\":9,\"message\":\"令牌不正确\"}", REFUSED},
        {200, "{\"code\":9,\"message\":\"Token 错误\"}", REFUSED},
        {200, "{\"code\":9,\"message\":\"ACCESSTOKEN EXPIRED\"}", REFUSED},
        {400, "{\"code\":9,\"message\":\"the token is invalid\"}", REFUSED},
        {500, "{\"code\":500,\"message\":\"Invalid accessToken\"}", REFUSED},
        {200, "{\"code\":9,\"message\":\"\\u4ee4\\u724c\\u8fc7\\u671f\"}", REFUSED}, /* escaped */
        /* one word alone is not enough */
        {200, "{\"code\":9,\"message\":\"token\"}", ERROR(NULL)},
        {200, "{\"code\":9,\"message\":\"已过期\"}", ERROR(NULL)},
        {200, "{\"code\":9,\"message\":\"优惠券无效\"}", ERROR(NULL)},
        {200, "{\"code\":9}", ERROR(NULL)},
        {200, "{\"code\":9,\"message\":7}", ERROR(NULL)},
        /* words elsewhere in the answer do not count */
        {200, "{\"code\":9,\"message\":\"x\",\"data\":\"token expired\"}", ERROR(NULL)},
        /* nor in a success */
        {200, "{\"code\":200,\"message\":\"token expired\"}", SUCCESS},
    };
    struct itr_config c;
    struct itr_error e;

    (void)state;
    fixture_config(&c);
    assert_int_equal(itr_config_add_code(&c, "token_error_codes", 47001, &e), ITR_OK);
    check(&c, rows, count_of(rows));
    itr_config_clear(&c);
}

static void words_never_overrule_a_documented_code_but_500(void **state)
{
    const struct itr_code_name *n = itr_envelope_codes();
    struct itr_config c;
    char body[256];

    (void)state;
    fixture_config(&c);
    for (; n->name != NULL; n++) {
        bool is_500 = n->code == 500;
        struct itr_envelope en;
        snprintf(body, sizeof body, "{\"code\":%d,\"message\":\"token expired 令牌过期\"}",
                 (int)n->code);
        en = read_with(&c, 400, body);
        assert_int_equal(en.is, is_500 ? ITR_ENVELOPE_TOKEN_REFUSED : ITR_ENVELOPE_ERROR);
        snprintf(body, sizeof body, "{\"code\":%d,\"message\":\"无权限 permission\"}",
                 (int)n->code);
        en = read_with(&c, 400, body);
        assert_int_equal(en.is, is_500 ? ITR_ENVELOPE_NO_PERMISSION : ITR_ENVELOPE_ERROR);
    }
    itr_config_clear(&c);
}

static void options_overrule_a_documented_code(void **state)
{
    static const struct row rows[] = {
        {200, "{\"code\":500,\"message\":\"x\"}", REFUSED},
        {200, "{\"code\":61451,\"message\":\"x\"}", FORBIDDEN},
    };
    struct itr_config c;
    struct itr_error e;

    (void)state;
    fixture_config(&c);
    assert_int_equal(itr_config_add_code(&c, "token_error_codes", 500, &e), ITR_OK);
    assert_int_equal(itr_config_add_code(&c, "permission_error_codes", 61451, &e), ITR_OK);
    check(&c, rows, count_of(rows));
    itr_config_clear(&c);
}

static void a_missing_permission_never_touches_the_token(void **state)
{
    static const struct row rows[] = {
        {403, "{\"code\":403,\"message\":\"x\"}", FORBIDDEN},
        {403, "{\"code\":500,\"message\":\"token expired\"}", FORBIDDEN},
        {200, "{\"code\":403,\"message\":\"token 无效\"}", FORBIDDEN},
        {200, "{\"code\":\"403\"}", FORBIDDEN},
        {200, "{\"code\":47002,\"message\":\"token expired\"}", FORBIDDEN}, /* the option */
        {200, "{\"code\":9,\"message\":\"无权限\"}", FORBIDDEN},
        {200, "{\"code\":500,\"message\":\"您没有权限访问\"}", FORBIDDEN},
        {200, "{\"code\":9,\"message\":\"No Permission\"}", FORBIDDEN},
        {200, "{\"code\":9,\"message\":\"invalid token: no permission\"}", FORBIDDEN},
        /* 403 without an envelope: still that, but what came is no envelope */
        {403, "", ITR_ENVELOPE_NO_PERMISSION, ITR_HTTP, "no_permission"},
        {403, "<html>403 Forbidden</html>", ITR_ENVELOPE_NO_PERMISSION, ITR_HTTP, "no_permission"},
    };
    struct itr_config c;
    struct itr_error e;

    (void)state;
    fixture_config(&c);
    assert_int_equal(itr_config_add_code(&c, "permission_error_codes", 47002, &e), ITR_OK);
    check(&c, rows, count_of(rows));
    itr_config_clear(&c);
}

static void no_envelope_is_decode_in_2xx_and_http_elsewhere(void **state)
{
    static const struct row rows[] = {
        {200, "", NONE(ITR_DECODE)},
        {200, "<html>", NONE(ITR_DECODE)},
        {200, "[]", NONE(ITR_DECODE)},
        {200, "7", NONE(ITR_DECODE)},
        {200, "null", NONE(ITR_DECODE)},
        {200, "{}", NONE(ITR_DECODE)},
        {200, "{\"data\":1}", NONE(ITR_DECODE)},
        {200, "{\"code\":null}", NONE(ITR_DECODE)},
        {200, "{\"code\":200.0}", NONE(ITR_DECODE)},
        {200, "{\"code\":2e2}", NONE(ITR_DECODE)},
        {200, "{\"code\":true}", NONE(ITR_DECODE)},
        {200, "{\"code\":\"ok\"}", NONE(ITR_DECODE)},
        {200, "{\"code\":\"\"}", NONE(ITR_DECODE)},
        {200, "{\"code\":\"200 \"}", NONE(ITR_DECODE)},
        {200, "{\"code\":99999999999999999999}", NONE(ITR_DECODE)},
        {200, "{\"code\":200,\"code\":200}", NONE(ITR_DECODE)},
        {200, "{\"code\":200", NONE(ITR_DECODE)},
        {200, "{\"code\":200}x", NONE(ITR_DECODE)},
        {200, "{\"code\":200,\"m\":\"\xff\"}", NONE(ITR_DECODE)},
        {204, "", NONE(ITR_DECODE)},
        {301, "", NONE(ITR_HTTP)},
        {302, "<a>", NONE(ITR_HTTP)},
        {404, "<html>", NONE(ITR_HTTP)},
        {500, "", NONE(ITR_HTTP)},
        {502, "{}", NONE(ITR_HTTP)},
        {429, "slow down", NONE(ITR_HTTP)},
        /* an envelope in a failed answer is an envelope */
        {404, "{\"code\":80002,\"message\":\"x\"}", ERROR("member_not_found")},
        {502, "{\"code\":9,\"message\":\"x\"}", ERROR(NULL)},
    };
    struct itr_config c;

    (void)state;
    fixture_config(&c);
    check(&c, rows, count_of(rows));
    itr_config_clear(&c);
}

static void the_error_is_the_gateways_own_message(void **state)
{
    struct itr_config c;
    struct itr_envelope en;

    (void)state;
    fixture_config(&c);
    en = read_with(&c, 200, "{\"code\":80002,\"message\":\"没有\\u8be5\\\"会员\\\"\"}");
    assert_true(en.present && en.error.has_code);
    assert_int_equal(en.error.code, 80002);
    assert_string_equal(en.error.text, "没有该\"会员\"");
    en = read_with(&c, 200, "{\"code\":80002}");
    assert_string_equal(en.error.text, "(no message)");
    en = read_with(&c, 404, "<html>");
    assert_false(en.present || en.error.has_code);
    assert_non_null(strstr(en.error.text, "404"));
    en = read_with(&c, 302, "");
    assert_non_null(strstr(en.error.text, "redirect"));
    en = read_with(&c, 200, "{\"code\":200}");
    assert_int_equal(en.error.kind, ITR_OK);
    itr_config_clear(&c);
}

static void a_long_message_is_cut_not_lost(void **state)
{
    struct itr_config c;
    struct itr_envelope en;
    char body[9000];
    size_t n;

    (void)state;
    fixture_config(&c);
    n = (size_t)snprintf(body, sizeof body, "{\"code\":9,\"message\":\"token expired ");
    while (n < 8000) {
        memcpy(body + n, "令", 3);
        n += 3;
    }
    memcpy(body + n, "\"}", 3);
    en = read_with(&c, 200, body);
    assert_int_equal(en.is, ITR_ENVELOPE_TOKEN_REFUSED);
    assert_int_equal(strncmp(en.error.text, "token expired", 13), 0);
    assert_true(itr_utf8_valid(en.error.text, strlen(en.error.text)));
    itr_config_clear(&c);
}

static void names_go_by_meaning_before_code(void **state)
{
    (void)state;
    assert_string_equal(itr_envelope_error_name(ITR_ENVELOPE_TOKEN_REFUSED, true, 500),
                        "token_refused");
    assert_string_equal(itr_envelope_error_name(ITR_ENVELOPE_NO_PERMISSION, true, 61451),
                        "no_permission");
    assert_string_equal(itr_envelope_error_name(ITR_ENVELOPE_ERROR, true, 61451), "bad_parameter");
    assert_null(itr_envelope_error_name(ITR_ENVELOPE_ERROR, true, 200)); /* no name for an error */
    assert_null(itr_envelope_error_name(ITR_ENVELOPE_ERROR, false, 61451));
    assert_null(itr_envelope_error_name(ITR_ENVELOPE_NONE, false, 0));
    assert_null(itr_envelope_code_name(1));
    assert_string_equal(itr_envelope_code_name(204), "success");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_200_to_299_in_a_2xx_answer_are_success),
        cmocka_unit_test(documented_codes_carry_their_names),
        cmocka_unit_test(a_refused_token_is_known_by_status_code_option_or_words),
        cmocka_unit_test(words_never_overrule_a_documented_code_but_500),
        cmocka_unit_test(options_overrule_a_documented_code),
        cmocka_unit_test(a_missing_permission_never_touches_the_token),
        cmocka_unit_test(no_envelope_is_decode_in_2xx_and_http_elsewhere),
        cmocka_unit_test(the_error_is_the_gateways_own_message),
        cmocka_unit_test(a_long_message_is_cut_not_lost),
        cmocka_unit_test(names_go_by_meaning_before_code),
    };

    fixture_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
