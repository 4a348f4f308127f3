#include "core/envelope.h"

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

const char *itr_envelope_error_name(enum itr_envelope_is is, bool has_code, int64_t code)
{
    if (is == ITR_ENVELOPE_TOKEN_REFUSED)
        return "token_refused";
    if (is == ITR_ENVELOPE_NO_PERMISSION)
        return "no_permission";
    return has_code ? itr_envelope_code_name(code) : NULL;
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
    /* Permission first: it never touches the token, so it is the safe reading of an unclear text. */
    if (has_word(message, permission_words))
        return ITR_ENVELOPE_NO_PERMISSION;
    if (has_word(message, token_words) && has_word(message, refusal_words))
        return ITR_ENVELOPE_TOKEN_REFUSED;
    return ITR_ENVELOPE_ERROR;
}

enum itr_envelope_is itr_envelope_judge(const struct itr_json_scan *scan, int http_status,
                                        const char *message, const struct itr_config *config)
{
    bool is_envelope = scan != NULL && scan->code_is == ITR_JSON_CODE_INTEGER;

    if (http_status == 401)
        return ITR_ENVELOPE_TOKEN_REFUSED;
    if (http_status == 403)
        return ITR_ENVELOPE_NO_PERMISSION;
    if (!is_envelope)
        return ITR_ENVELOPE_NONE;
    if (http_status / 100 == 2 && scan->code / 100 == 2 && scan->code > 0)
        return ITR_ENVELOPE_SUCCESS;
    return judge_code(scan->code, message, config);
}
