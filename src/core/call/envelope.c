#include "core/call/envelope.h"

#include <string.h>
#include <strings.h>

static const struct itr_code_name codes[] = {
    {200, "success"},
    {204, "success"},
    {500, "system_error"},
    {61451, "bad_parameter"},
    {63001, "missing_parameter"},
    {46004, "user_not_found"},
    {80001, "member_exists"},
    {80002, "member_not_found"},
    {40001, "credentials_missing"},
    {40002, "credentials_malformed"},
    {40003, "app_frozen"},
    {40004, "limit_reached"},
    {0, NULL},
};

/* No code is documented for a refused token or a missing permission: these words are the rule of
 * docs/protocol.md. */
static const char *const token_words[] = {"accessToken", "access_token", "token", "令牌", NULL};
static const char *const refusal_words[] = {"过期",   "失效", "超时",    "无效",    "不存在",
                                            "不正确", "错误", "expired", "invalid", NULL};
static const char *const permission_words[] = {"无权限", "没有权限", "permission", NULL};

const struct itr_code_name *itr_envelope_codes(void)
{
    return codes;
}

const char *itr_envelope_code_name(int64_t code)
{
    const struct itr_code_name *c = codes;

    while (c->name != NULL && c->code != code)
        c++;
    return c->name;
}

static bool is_success_code(int64_t code)
{
    return code >= 200 && code <= 299;
}

const char *itr_envelope_error_name(enum itr_envelope_is is, bool has_code, int64_t code)
{
    if (is == ITR_ENVELOPE_TOKEN_REFUSED)
        return "token_refused";
    if (is == ITR_ENVELOPE_NO_PERMISSION)
        return "no_permission";
    /* A code of success in an answer that failed (HTTP 500, say) is no name for an error. */
    return has_code && !is_success_code(code) ? itr_envelope_code_name(code) : NULL;
}

static bool has_word(const char *text, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strcasestr(text, *words) != NULL)
            return true;
    return false;
}

static bool has_code(const struct itr_codes *set, int64_t code)
{
    size_t i;

    for (i = 0; i < set->n; i++)
        if (set->code[i] == code)
            return true;
    return false;
}

/* A documented code speaks for itself; 500 is what gateways say when they mean anything. */
static bool words_count(int64_t code)
{
    return code == 500 || itr_envelope_code_name(code) == NULL;
}

static enum itr_envelope_is judge_code(int64_t code, const char *message,
                                       const struct itr_config *config)
{
    if (code == 401 || has_code(&config->token_error_codes, code))
        return ITR_ENVELOPE_TOKEN_REFUSED;
    if (code == 403 || has_code(&config->permission_error_codes, code))
        return ITR_ENVELOPE_NO_PERMISSION;
    if (!words_count(code))
        return ITR_ENVELOPE_ERROR;
    /* Permission first: it never touches the token, so it is the safe reading of an unclear text.
     */
    if (has_word(message, permission_words))
        return ITR_ENVELOPE_NO_PERMISSION;
    if (has_word(message, token_words) && has_word(message, refusal_words))
        return ITR_ENVELOPE_TOKEN_REFUSED;
    return ITR_ENVELOPE_ERROR;
}

static bool is_success(const struct itr_envelope *en, int http_status)
{
    return http_status / 100 == 2 && en->present && is_success_code(en->scan.code);
}

static enum itr_envelope_is judge_failure(const struct itr_envelope *en, int http_status,
                                          const char *message, const struct itr_config *config)
{
    if (http_status == 401)
        return ITR_ENVELOPE_TOKEN_REFUSED;
    if (http_status == 403)
        return ITR_ENVELOPE_NO_PERMISSION;
    return en->present ? judge_code(en->scan.code, message, config) : ITR_ENVELOPE_NONE;
}

/* ---- reading ---- */

/* Scans the body. If it is not an envelope, it is not present, and en->error says why. */
static void scan_body(const struct itr_buf *body, struct itr_envelope *en)
{
    if (body->len == 0)
        itr_error_set(&en->error, ITR_DECODE, "the answer is empty");
    else if (itr_json_scan(body->data, body->len, &en->scan, &en->error) != ITR_OK)
        return;
    else if (!en->scan.is_object)
        itr_error_set(&en->error, ITR_DECODE, "the answer is JSON, but not an object");
    else if (en->scan.code_is == ITR_JSON_CODE_ABSENT)
        itr_error_set(&en->error, ITR_DECODE, "the answer is an object without \"code\"");
    else if (en->scan.code_is != ITR_JSON_CODE_INTEGER)
        itr_error_set(&en->error, ITR_DECODE, "\"code\" in the answer is not an integer");
    else
        en->present = true;
}

static void describe_present(struct itr_envelope *en, const char *message)
{
    itr_error_set(&en->error, en->is == ITR_ENVELOPE_TOKEN_REFUSED ? ITR_TOKEN : ITR_API, "%s",
                  *message != '\0' ? message : "(no message)");
    en->error.has_code = true;
    en->error.code = en->scan.code;
}

/* Who may have answered in place of the API, by the status; for people. */
static const char *hint_of(int http_status)
{
    if (http_status == 404)
        return "; check the path, and the option gateway";
    return http_status >= 500 ? "; a proxy or a maintenance page may have answered" : "";
}

/* In a 2xx answer en->error says already why there is none. */
static void describe_absent(struct itr_envelope *en, int http_status)
{
    enum itr_status kind = en->is == ITR_ENVELOPE_TOKEN_REFUSED ? ITR_TOKEN : ITR_HTTP;

    if (http_status / 100 == 2)
        return;
    if (http_status / 100 == 3)
        itr_error_set(&en->error, ITR_HTTP,
                      "HTTP %d: the gateway redirects, which is not followed; check the option "
                      "gateway",
                      http_status);
    else
        itr_error_set(&en->error, kind, "HTTP %d, and the body is no answer of the API%s",
                      http_status, hint_of(http_status));
}

/* What is wrong with an answer that is no success. */
static enum itr_status describe(struct itr_envelope *en, int http_status,
                                const struct itr_config *config)
{
    const struct itr_json_piece none = {NULL, 0};
    const struct itr_json_piece piece = en->present ? en->scan.message : none;
    struct itr_buf message;
    enum itr_status s;

    itr_buf_init(&message, piece.len); /* unescaped it is never longer */
    if ((s = itr_json_unescape(piece, &message)) == ITR_OK) {
        en->is = judge_failure(en, http_status, itr_buf_str(&message), config);
        if (en->present)
            describe_present(en, itr_buf_str(&message));
        else
            describe_absent(en, http_status);
        en->error.http_status = http_status;
        en->error_name = itr_envelope_error_name(en->is, en->present, en->error.code);
    }
    itr_buf_clear(&message);
    return s;
}

enum itr_status itr_envelope_read(const struct itr_response *r, const struct itr_config *config,
                                  struct itr_envelope *out)
{
    out->present = false;
    out->error_name = NULL;
    itr_error_clear(&out->error);
    scan_body(&r->body, out);
    out->is = ITR_ENVELOPE_SUCCESS; /* which needs no look at the message */
    if (!is_success(out, r->http_status))
        return describe(out, r->http_status, config);
    return ITR_OK;
}
