#include "core/fetch/gateway_answer.h"

#include <string.h>

#include "core/fetch/answer.h"
#include "core/http/url.h"

#define NO_MEMORY "no memory to read the gateway's answer"

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

static void fail(struct itr_record_outcome *out, enum itr_status kind, const char *text)
{
    (void)itr_error_set(&out->error, kind, "%s", text);
}

static void set_code(struct itr_record_outcome *out, int64_t code)
{
    out->error.has_code = true;
    out->error.code = code;
}

static bool judge_documented(int64_t code, struct itr_record_outcome *out)
{
    size_t i;

    for (i = 0; i < sizeof documented / sizeof documented[0]; i++) {
        if (documented[i].code != code)
            continue;
        fail(out, documented[i].kind, documented[i].text);
        out->is = documented[i].is;
        set_code(out, code);
        return true;
    }
    return false;
}

static void judge_other_code(const struct itr_answer *a, struct itr_record_outcome *out)
{
    (void)itr_error_set(&out->error, ITR_API, "the gateway gave no token (code %lld): %s",
                        (long long)a->scan.code,
                        a->said[0] != '\0' ? a->said : "it does not say why");
    set_code(out, a->scan.code);
}

static void judge_token(const struct itr_answer *a, struct itr_buf *token,
                        struct itr_record_outcome *out)
{
    const char *wrong;

    if (itr_answer_token(a, token, &wrong) != ITR_OK) {
        fail(out, ITR_NOMEM, NO_MEMORY);
        return;
    }
    if (wrong != NULL) {
        (void)itr_error_set(&out->error, ITR_TOKEN,
                            "the gateway answered the token request with code %lld, but %s: check "
                            "gateway and token_endpoint",
                            (long long)a->scan.code, wrong);
        return;
    }
    out->is = ITR_OUTCOME_TOKEN;
    out->text = itr_buf_str(token);
}

/* Not even carried. What was not sent was not counted, and is this machine's trouble. */
static void judge_uncarried(const struct itr_answer *a, struct itr_record_outcome *out)
{
    (void)itr_error_set(&out->error, a->response->carried, "no token could be fetched: %s",
                        a->said);
}

static void judge_no_envelope(const struct itr_answer *a, struct itr_record_outcome *out)
{
    int http = a->response->http_status;

    if (http / 100 == 2)
        (void)itr_error_set(&out->error, ITR_DECODE,
                            "the gateway's answer to the token request is not an envelope (%.*s): "
                            "check gateway",
                            ITR_ANSWER_SAID, a->why_not);
    else
        (void)itr_error_set(
            &out->error, ITR_HTTP, "the token request was answered with HTTP %d%s", http,
            http / 100 == 3 ? ", a redirect, which is not followed: check gateway"
                            : " and no usable envelope: check gateway, or try later");
}

static void judge(const struct itr_answer *a, struct itr_buf *token, struct itr_record_outcome *out)
{
    bool success = a->has_envelope && a->scan.code >= 200 && a->scan.code <= 299;

    if (a->response->carried != ITR_OK)
        judge_uncarried(a, out);
    else if (a->has_envelope && judge_documented(a->scan.code, out))
        return;
    else if (!a->has_envelope || (success && a->response->http_status / 100 != 2))
        judge_no_envelope(a, out); /* of two that disagree neither is believed */
    else if (!success)
        judge_other_code(a, out);
    else
        judge_token(a, token, out);
}

void itr_gateway_answer_read(const struct itr_response *response, const char *const *secrets,
                             struct itr_buf *token, struct itr_record_outcome *out)
{
    bool was_sent = response->carried == ITR_OK || response->sent;
    struct itr_answer a;

    memset(out, 0, sizeof *out);
    itr_error_clear(&out->error);
    itr_buf_reset(token);
    out->is = was_sent ? ITR_OUTCOME_FAILED : ITR_OUTCOME_NOT_SENT;
    if (itr_answer_read(&a, response, secrets) == ITR_OK)
        judge(&a, token, out);
    else
        fail(out, ITR_NOMEM, NO_MEMORY);
    if (out->is == ITR_OUTCOME_TOKEN)
        return;
    out->error.http_status = response->http_status;
    itr_buf_reset(token);
}
