#include "core/fetch/gateway_answer.h"

#include <string.h>

#include "core/http/url.h"
#include "core/json/scan.h"
#include "core/record/sound.h"

#define SHOWN_MAX 240 /* bytes of a foreign text in one of our messages */

static const char path_token[] = "/itrigger-tenant/v1/basic/accessTokenOpen/token";
static const char path_refresh[] = "/itrigger-tenant/v1/basic/accessTokenOpen/token/refresh";

enum itr_status itr_gateway_answer_url(const char *gateway, enum itr_token_endpoint endpoint,
                                       const char *app_id, const char *app_secret,
                                       struct itr_buf *out)
{
    const char *path = endpoint == ITR_ENDPOINT_REFRESH ? path_refresh : path_token;
    enum itr_status s = itr_buf_append_fmt(out, "%s%s?appId=", gateway, path);

    if (s == ITR_OK)
        s = itr_url_escape(app_id, strlen(app_id), out);
    if (s == ITR_OK)
        s = itr_buf_append_str(out, "&appSecret=");
    if (s == ITR_OK)
        s = itr_url_escape(app_secret, strlen(app_secret), out);
    return s;
}

/* ---- the outcome ---- */

/* The documented codes of the token endpoint (docs/protocol.md, Token). */
static const struct {
    int64_t code;
    enum itr_record_outcome_is is;
    enum itr_status kind;
    const char *text;
} documented[] = {
    {40001, ITR_OUTCOME_FORBIDDEN, ITR_TOKEN,
     "the gateway says that app id or app secret is empty (40001): check app_id and app_secret"},
    {40002, ITR_OUTCOME_FORBIDDEN, ITR_TOKEN,
     "the gateway says that app id or app secret is malformed (40002): check app_id, app_secret, "
     "and that gateway is their environment's"},
    {40003, ITR_OUTCOME_FORBIDDEN, ITR_TOKEN,
     "the gateway says that this app is frozen (40003): only the vendor can unfreeze it"},
    {40004, ITR_OUTCOME_LIMIT, ITR_QUOTA,
     "the tenant's limit of token fetches is reached (40004): let all programs of this app share "
     "one token_store, or ask the vendor for more"},
};

static void fail(struct itr_record_outcome *out, const struct itr_gateway_answer *a,
                 enum itr_status kind, const char *text)
{
    out->is = ITR_OUTCOME_FAILED;
    (void)itr_error_set(&out->error, kind, "%s", text);
    out->error.http_status = a->http_status;
}

static void fail_without_memory(struct itr_record_outcome *out, const struct itr_gateway_answer *a)
{
    fail(out, a, ITR_NOMEM, "no memory to read the gateway's answer");
}

static void set_code(struct itr_record_outcome *out, int64_t code)
{
    out->error.has_code = true;
    out->error.code = code;
}

static bool judge_documented(const struct itr_gateway_answer *a, int64_t code,
                             struct itr_record_outcome *out)
{
    size_t i;

    for (i = 0; i < sizeof documented / sizeof documented[0]; i++) {
        if (documented[i].code != code)
            continue;
        fail(out, a, documented[i].kind, documented[i].text);
        out->is = documented[i].is;
        set_code(out, code);
        return true;
    }
    return false;
}

/* ---- the gateway's own words ---- */

/* The secret may be echoed in them, so it is cut out before anything else is. The text becomes one
 * line of at most SHOWN_MAX bytes. */
static void tidy(struct itr_buf *text, const char *app_secret)
{
    size_t i;

    if (text->len == 0)
        return;
    itr_redact_mask(text->data, text->len, app_secret, strlen(app_secret));
    for (i = 0; i < text->len; i++)
        if ((unsigned char)text->data[i] < 0x20 || text->data[i] == 0x7F)
            text->data[i] = ' ';
    if (text->len <= SHOWN_MAX)
        return;
    for (i = SHOWN_MAX; i > 0 && ((unsigned char)text->data[i] & 0xC0) == 0x80; i--)
        ;
    text->data[i] = '\0';
    text->len = i;
}

static void judge_other_code(const struct itr_gateway_answer *a, const struct itr_json_scan *scan,
                             const char *app_secret, struct itr_record_outcome *out)
{
    struct itr_buf message;

    /* Unescaping never makes it longer. */
    itr_buf_init_secret(&message, scan->message.len);
    if (scan->message.at != NULL && itr_json_unescape(scan->message, &message) != ITR_OK)
        itr_buf_reset(&message);
    tidy(&message, app_secret);
    fail(out, a, ITR_API, "");
    (void)itr_error_set(&out->error, ITR_API, "the gateway gave no token (code %lld): %s",
                        (long long)scan->code,
                        message.len > 0 ? itr_buf_str(&message) : "it does not say why");
    out->error.http_status = a->http_status;
    set_code(out, scan->code);
    itr_buf_clear(&message);
}

/* ---- an envelope of success ---- */

/* NULL, or what is wrong with the token that was appended to `token`. */
static const char *reject(const struct itr_buf *token)
{
    if (token->len == 0)
        return "the gateway's answer has code 200 and an empty data.accessToken";
    if (!itr_record_can_carry(token->data, token->len))
        return "the gateway's answer has a data.accessToken that is too long or has control "
               "characters in it";
    return NULL;
}

static void judge_token(const struct itr_gateway_answer *a, const struct itr_json_scan *scan,
                        struct itr_buf *token, struct itr_record_outcome *out)
{
    const char *wrong;
    enum itr_status s;

    if (scan->access_token.at == NULL) {
        fail(out, a, ITR_TOKEN,
             scan->has_access_token
                 ? "the gateway's answer has a data.accessToken that is no string"
                 : "the gateway's answer has code 200 but no data.accessToken: check gateway and "
                   "token_endpoint");
        return;
    }
    s = itr_json_unescape(scan->access_token, token);
    if (s == ITR_NOMEM) {
        fail_without_memory(out, a);
        return;
    }
    wrong = s == ITR_FULL ? "the gateway's answer has a data.accessToken that is too long"
                          : reject(token);
    if (wrong != NULL) {
        fail(out, a, ITR_TOKEN, wrong);
        return;
    }
    out->is = ITR_OUTCOME_TOKEN;
    out->text = itr_buf_str(token);
}

/* ---- judging ---- */

/* Not even carried. What was not sent was not counted, and is this machine's trouble. */
static void judge_uncarried(const struct itr_gateway_answer *a, const char *app_secret,
                            struct itr_record_outcome *out)
{
    struct itr_buf detail;

    itr_buf_init_secret(&detail, ITR_ERROR_TEXT);
    if (a->detail != NULL)
        (void)itr_buf_append(&detail, a->detail, strnlen(a->detail, ITR_ERROR_TEXT));
    tidy(&detail, app_secret);
    out->is = a->sent ? ITR_OUTCOME_FAILED : ITR_OUTCOME_NOT_SENT;
    (void)itr_error_set(&out->error, a->carried, "no token could be fetched: %s",
                        detail.len > 0 ? itr_buf_str(&detail) : itr_status_name(a->carried));
    out->error.http_status = a->http_status;
    itr_buf_clear(&detail);
}

static void judge_no_envelope(const struct itr_gateway_answer *a, const char *why,
                              struct itr_record_outcome *out)
{
    bool is_redirect = a->http_status / 100 == 3;

    fail(out, a, ITR_HTTP, "");
    if (a->http_status / 100 == 2)
        (void)itr_error_set(&out->error, ITR_DECODE,
                            "the gateway's answer to the token request is no envelope (%.*s): "
                            "check gateway",
                            SHOWN_MAX, why);
    else
        (void)itr_error_set(&out->error, ITR_HTTP, "the token request was answered with HTTP %d%s",
                            a->http_status,
                            is_redirect ? ", a redirect, which is not followed: check gateway"
                                        : " and no usable envelope: check gateway, or try later");
    out->error.http_status = a->http_status;
}

static void judge_envelope(const struct itr_gateway_answer *a, const struct itr_json_scan *scan,
                           const char *app_secret, struct itr_buf *token,
                           struct itr_record_outcome *out)
{
    if (judge_documented(a, scan->code, out))
        return;
    if (scan->code < 200 || scan->code > 299)
        judge_other_code(a, scan, app_secret, out);
    else if (a->http_status / 100 != 2)
        judge_no_envelope(a, "", out); /* which of the two is true? no token comes of it */
    else
        judge_token(a, scan, token, out);
}

static void judge_body(const struct itr_gateway_answer *a, const char *app_secret,
                       struct itr_buf *rewritten, struct itr_buf *token,
                       struct itr_record_outcome *out)
{
    struct itr_json_scan scan;
    struct itr_error e;
    enum itr_status s = itr_json_scan(a->body, a->body_len, rewritten, &scan, &e);

    if (s == ITR_NOMEM)
        fail_without_memory(out, a);
    else if (s != ITR_OK)
        judge_no_envelope(a, e.text, out);
    else if (scan.code_is != ITR_JSON_CODE_INTEGER)
        judge_no_envelope(a, "it has no code that is an integer", out);
    else
        judge_envelope(a, &scan, app_secret, token, out);
}

void itr_gateway_answer_read(const struct itr_gateway_answer *answer, const char *app_secret,
                             struct itr_buf *token, struct itr_record_outcome *out)
{
    struct itr_buf rewritten;

    memset(out, 0, sizeof *out);
    itr_error_clear(&out->error);
    itr_buf_reset(token);
    if (answer->carried != ITR_OK) {
        judge_uncarried(answer, app_secret, out);
        return;
    }
    /* A wide integer has 16 digits or more and gets two quotes. */
    itr_buf_init_secret(&rewritten, answer->body_len + answer->body_len / 8 + 2);
    judge_body(answer, app_secret, &rewritten, token, out);
    itr_buf_clear(&rewritten);
    if (out->is != ITR_OUTCOME_TOKEN)
        itr_buf_reset(token);
}
