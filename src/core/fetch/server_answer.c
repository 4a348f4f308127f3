#include "core/fetch/server_answer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/utf8.h"
#include "core/http/url.h"
#include "core/json/member.h"
#include "core/json/number.h"
#include "core/json/scan.h"
#include "core/record/sound.h"

#define SERVER_SHOWN 120 /* bytes of its address in a message */
#define SAID_MAX 160     /* bytes of its own words */
#define DETAIL_MAX 240   /* bytes of the transport's */
#define DIGITS_MAX 1e17  /* more digits than these say nothing about milliseconds */
#define EXPONENT_MAX 400
#define TIME_MAX_MS (INT64_C(1) << 52)

/* One answer while it is judged. */
struct judged {
    const struct itr_server_answer *a;
    char server[SERVER_SHOWN + 1];
    char said[SAID_MAX + 1]; /* ": " and its message in one line, without the key; or "" */
    struct itr_json_scan scan;
    struct itr_error *e;
};

/* ---- errors ---- */

/* All but the way there: what, then what to do. */
static enum itr_status fail(struct judged *j, enum itr_status kind, const char *what,
                            const char *advice)
{
    (void)itr_error_set(j->e, kind, "the token server %s %s%s%s", j->server, what, j->said, advice);
    j->e->http_status = j->a->http_status;
    return kind;
}

static enum itr_status fail_without_memory(struct judged *j)
{
    return itr_error_set(j->e, ITR_NOMEM, "no memory to read the token server's answer");
}

static enum itr_status with_code(struct judged *j, enum itr_status kind)
{
    j->e->has_code = true;
    j->e->code = j->scan.code;
    return kind;
}

/* Somebody else's words, as whole as they are here: the key may be echoed in them. */
static void cut_out_key(const struct judged *j, char *text, size_t n)
{
    if (j->a->key != NULL)
        itr_redact_mask_cut(text, n, j->a->key, strlen(j->a->key));
}

/* ---- no answer ---- */

static enum itr_status judge_uncarried(struct judged *j)
{
    const char *why = j->a->detail != NULL ? j->a->detail : itr_status_name(j->a->carried);
    char detail[DETAIL_MAX + 1];

    if (j->a->carried == ITR_NOMEM)
        return fail_without_memory(j);
    (void)itr_utf8_show(why, strlen(why), detail, sizeof detail);
    cut_out_key(j, detail, strlen(detail));
    (void)itr_error_set(j->e, ITR_STORE, "no token from the token server %s: %s", j->server,
                        detail);
    j->e->http_status = j->a->http_status;
    j->e->retryable = true;
    return ITR_STORE;
}

/* ---- an answer without a token ---- */

static const char *advice_of(int64_t code)
{
    switch (code) {
    case 401:
        return ": check token_store_key";
    case 403:
        return ": the key in token_store_key has no right to this app; check it, app_id, and the "
               "key's apps on the server";
    case 404:
        return ": check app_id, that the app is set up there, and token_store";
    default:
        return "";
    }
}

/* The gateway's own codes of the token endpoint (docs/protocol.md, Token). */
static enum itr_status judge_passed_on(struct judged *j)
{
    if (j->scan.code == 40004)
        return fail(j, ITR_QUOTA, "got no token: the tenant's limit of fetches is reached (40004)",
                    "");
    return fail(j, ITR_TOKEN, "got no token: the gateway refused the app's credentials",
                ": they are that server's to mend");
}

static enum itr_status judge_code(struct judged *j)
{
    char what[80];

    if (j->scan.code >= 40001 && j->scan.code <= 40004)
        return with_code(j, judge_passed_on(j));
    (void)snprintf(what, sizeof what, "gave no token (code %lld)", (long long)j->scan.code);
    return with_code(j, fail(j, ITR_STORE, what, advice_of(j->scan.code)));
}

/* Nobody's envelope: a proxy's page, another program on that port. */
static enum itr_status judge_no_envelope(struct judged *j)
{
    char what[80];
    int http = j->a->http_status;

    (void)snprintf(what, sizeof what, "answered with HTTP %d and no envelope", http);
    return fail(j, ITR_STORE, what,
                http / 100 == 4 ? advice_of(http) : ": is it one? check token_store");
}

static enum itr_status take_message(struct judged *j)
{
    struct itr_buf text;
    enum itr_status s;

    if (j->scan.message.at == NULL || j->scan.message.len == 0)
        return ITR_OK;
    itr_buf_init_secret(&text, j->scan.message.len); /* unescaping never makes it longer */
    s = itr_json_unescape(j->scan.message, &text);
    if (s == ITR_OK && text.len > 0) {
        cut_out_key(j, text.data, text.len);
        memcpy(j->said, ": ", 3);
        (void)itr_utf8_show(text.data, text.len, j->said + 2, sizeof j->said - 2);
    }
    itr_buf_clear(&text);
    return s;
}

/* ---- an answer with a token ---- */

/* The decimal exponent behind a number's digits. */
static int read_exponent(const char *p, const char *end)
{
    int sign = 1, value = 0;

    if (p < end && (*p == '-' || *p == '+'))
        sign = *p++ == '-' ? -1 : 1;
    for (; p < end && value < EXPONENT_MAX; p++)
        value = value * 10 + (*p - '0');
    return sign * value;
}

/* A JSON number of at least 0, in thousandths. By hand: strtod minds the host's locale. */
static double read_thousandths(const char *p, const char *end)
{
    double digits = 0;
    int exponent = 3;
    bool fraction = false;

    for (; p < end && (*p | 0x20) != 'e'; p++) {
        if (*p == '.')
            fraction = true;
        else if (digits < DIGITS_MAX)
            digits = digits * 10 + (*p - '0'), exponent -= fraction;
        else
            exponent += !fraction;
    }
    if (p < end)
        exponent += read_exponent(p + 1, end);
    return digits > 0 ? digits * pow(10, exponent) : 0;
}

/* False: no number. */
static bool read_time(struct itr_json_piece data, const char *name, int64_t *ms)
{
    struct itr_json_piece v = itr_json_member(data, name);
    double value;

    if (v.at == NULL || (*v.at != '-' && (*v.at < '0' || *v.at > '9')))
        return false;
    value = *v.at == '-' ? 0 : read_thousandths(v.at, v.at + v.len);
    *ms = value < (double)TIME_MAX_MS ? (int64_t)value : TIME_MAX_MS;
    return true;
}

static bool read_fence(struct itr_json_piece data, uint64_t *fence)
{
    struct itr_json_piece v = itr_json_member(data, "fence");
    int64_t value;

    if (v.at == NULL || !itr_json_integer(v.at, v.len, &value) || value < 1)
        return false;
    *fence = (uint64_t)value;
    return true;
}

/* NULL, or what is wrong. */
static const char *read_grant(struct judged *j, struct itr_server_grant *grant)
{
    struct itr_json_piece all = {j->a->body, j->a->body_len}, data;

    while (all.len > 0 && *all.at != '{')
        all.at++, all.len--;
    data = itr_json_member(all, "data");
    if (!read_fence(data, &grant->fence))
        return "gave a token without a fence that is an integer above 0";
    if (!read_time(data, "expiresIn", &grant->expires_in_ms))
        return "gave a token without an expiresIn that is a number";
    if (!read_time(data, "refreshIn", &grant->refresh_in_ms))
        return "gave a token without a refreshIn that is a number";
    if (grant->refresh_in_ms > grant->expires_in_ms)
        grant->refresh_in_ms = grant->expires_in_ms;
    return NULL;
}

static enum itr_status judge_token(struct judged *j, struct itr_buf *token,
                                   struct itr_server_grant *grant)
{
    const char *wrong = NULL;
    enum itr_status s = ITR_FULL;

    j->said[0] = '\0'; /* "ok" */
    if (j->scan.access_token.at != NULL)
        s = itr_json_unescape(j->scan.access_token, token);
    if (s == ITR_NOMEM)
        return fail_without_memory(j);
    if (s != ITR_OK || !itr_record_can_carry(token->data, token->len))
        wrong = "answered without a data.accessToken that can be used";
    else
        wrong = read_grant(j, grant);
    return wrong != NULL ? fail(j, ITR_STORE, wrong, ": is it itriggerd? check token_store")
                         : ITR_OK;
}

/* ---- judging ---- */

static enum itr_status judge_envelope(struct judged *j, struct itr_buf *token,
                                      struct itr_server_grant *grant)
{
    if (take_message(j) != ITR_OK)
        return fail_without_memory(j);
    if (j->scan.code < 200 || j->scan.code > 299)
        return judge_code(j);
    if (j->a->http_status / 100 != 2)
        return judge_no_envelope(j); /* which of the two is true? no token comes of it */
    return judge_token(j, token, grant);
}

static enum itr_status judge_body(struct judged *j, struct itr_buf *token,
                                  struct itr_server_grant *grant)
{
    struct itr_buf rewritten;
    struct itr_error why;
    enum itr_status s;

    /* A wide integer has 16 digits or more and gets two quotes. */
    itr_buf_init_secret(&rewritten, j->a->body_len + j->a->body_len / 8 + 2);
    s = itr_json_scan(j->a->body, j->a->body_len, &rewritten, &j->scan, &why);
    if (s == ITR_NOMEM)
        s = fail_without_memory(j);
    else if (s != ITR_OK || j->scan.code_is != ITR_JSON_CODE_INTEGER)
        s = judge_no_envelope(j);
    else
        s = judge_envelope(j, token, grant);
    itr_buf_clear(&rewritten);
    return s;
}

enum itr_status itr_server_answer_read(const struct itr_server_answer *answer,
                                       struct itr_buf *token, struct itr_server_grant *grant,
                                       struct itr_error *e)
{
    struct judged j = {.a = answer, .e = e};
    enum itr_status s;

    itr_error_clear(e);
    itr_buf_reset(token);
    (void)itr_utf8_show(answer->server, strlen(answer->server), j.server, sizeof j.server);
    s = answer->carried != ITR_OK ? judge_uncarried(&j) : judge_body(&j, token, grant);
    if (s != ITR_OK)
        itr_buf_reset(token);
    return s;
}
