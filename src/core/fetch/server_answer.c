#include "core/fetch/server_answer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/bound.h"
#include "core/base/decimal.h"
#include "core/base/utf8.h"
#include "core/fetch/answer.h"
#include "core/json/member.h"
#include "core/json/number.h"

#define SERVER_SHOWN 120 /* bytes of its address in a message */
#define SAID_SHOWN 160   /* bytes of its own words */
#define TIME_MAX_MS (INT64_C(1) << 52)

/* One answer while it is judged. */
struct judged {
    struct itr_answer answer;
    char server[SERVER_SHOWN + 1];
    struct itr_error *e;
};

/* ---- errors ---- */

/* What, what the server says of it, then what to do. */
static enum itr_status fail_saying(struct judged *j, enum itr_status kind, const char *what,
                                   const char *said, const char *advice)
{
    char shown[SAID_SHOWN + 1];

    (void)itr_utf8_show(said, strlen(said), shown, sizeof shown);
    (void)itr_error_set(j->e, kind, "the token server %s %s%s%s%s", j->server, what,
                        shown[0] != '\0' ? ": " : "", shown, advice);
    j->e->http_status = j->answer.response->http_status;
    return kind;
}

static enum itr_status fail(struct judged *j, enum itr_status kind, const char *what,
                            const char *advice)
{
    return fail_saying(j, kind, what, "", advice);
}

static enum itr_status fail_without_memory(struct itr_error *e)
{
    return itr_error_set(e, ITR_NOMEM, "no memory to read the token server's answer");
}

static enum itr_status with_code(struct judged *j, enum itr_status kind)
{
    j->e->has_code = true;
    j->e->code = j->answer.scan.code;
    return kind;
}

/* ---- no answer ---- */

static enum itr_status judge_uncarried(struct judged *j)
{
    (void)itr_error_set(j->e, ITR_STORE, "no token from the token server %s: %s", j->server,
                        j->answer.said);
    j->e->http_status = j->answer.response->http_status;
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
    const char *said = j->answer.said;

    if (j->answer.scan.code == 40004)
        return fail_saying(j, ITR_QUOTA,
                           "got no token: the tenant's limit of fetches is reached (40004)", said,
                           "");
    return fail_saying(j, ITR_TOKEN, "got no token: the gateway rejected the app's credentials",
                       said, ": check the app's id and secret on that server");
}

static enum itr_status judge_code(struct judged *j)
{
    int64_t code = j->answer.scan.code;
    char what[80];

    if (code >= 40001 && code <= 40004)
        return with_code(j, judge_passed_on(j));
    (void)snprintf(what, sizeof what, "gave no token (code %lld)", (long long)code);
    return with_code(j, fail_saying(j, ITR_STORE, what, j->answer.said, advice_of(code)));
}

/* Nobody's envelope: a proxy's page, another program on that port. */
static enum itr_status judge_no_envelope(struct judged *j)
{
    int http = j->answer.response->http_status;
    char what[80];

    (void)snprintf(what, sizeof what, "answered with HTTP %d and no envelope", http);
    return fail(j, ITR_STORE, what,
                http / 100 == 4 ? advice_of(http) : ": is it itriggerd? check token_store");
}

/* ---- an answer with a token ---- */

/* Seconds as milliseconds; false: not a number. (The smallest part more, for 1.001 s are a little
 * less than 1001 ms in binary.) */
static bool read_time(struct itr_json_piece data, const char *name, int64_t *ms)
{
    struct itr_json_piece v = itr_json_member(data, name);
    double value;

    if (v.at == NULL || !itr_decimal_read(v.at, v.len, &value))
        return false;
    value = value > 0 ? floor(value * 1000 + 1e-6) : 0;
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
static const char *read_grant(const struct itr_buf *body, struct itr_server_grant *grant)
{
    struct itr_json_piece all = {body->data, body->len}, data;

    while (all.len > 0 && *all.at != '{')
        all.at++, all.len--;
    data = itr_json_member(all, "data");
    if (!read_fence(data, &grant->fence))
        return "its fence is not an integer above 0";
    if (!read_time(data, "expiresIn", &grant->expires_in_ms))
        return "its expiresIn is not a number";
    if (!read_time(data, "refreshIn", &grant->refresh_in_ms))
        return "its refreshIn is not a number";
    grant->refresh_in_ms = itr_min64(grant->refresh_in_ms, grant->expires_in_ms);
    return NULL;
}

static enum itr_status judge_token(struct judged *j, struct itr_buf *token,
                                   struct itr_server_grant *grant)
{
    const char *wrong;
    char what[120];

    if (itr_answer_token(&j->answer, token, &wrong) != ITR_OK)
        return fail_without_memory(j->e);
    if (wrong == NULL)
        wrong = read_grant(&j->answer.response->body, grant);
    if (wrong == NULL)
        return ITR_OK;
    (void)snprintf(what, sizeof what, "gave an answer that cannot be used: %s", wrong);
    return fail(j, ITR_STORE, what, ": is it itriggerd? check token_store");
}

/* ---- judging ---- */

static enum itr_status judge(struct judged *j, struct itr_buf *token,
                             struct itr_server_grant *grant)
{
    const struct itr_answer *a = &j->answer;

    if (a->response->carried != ITR_OK)
        return judge_uncarried(j);
    if (!a->has_envelope)
        return judge_no_envelope(j);
    if (a->scan.code < 200 || a->scan.code > 299)
        return judge_code(j);
    if (a->response->http_status / 100 != 2)
        return judge_no_envelope(j); /* which of the two is true? no token comes of it */
    return judge_token(j, token, grant);
}

enum itr_status itr_server_answer_read(const char *server, const struct itr_response *response,
                                       const char *const *secrets, struct itr_buf *token,
                                       struct itr_server_grant *grant, struct itr_error *e)
{
    struct judged j = {.e = e};
    enum itr_status s;

    itr_error_clear(e);
    itr_buf_reset(token);
    (void)itr_utf8_show(server, strlen(server), j.server, sizeof j.server);
    if (itr_answer_read(&j.answer, response, secrets) == ITR_OK)
        s = judge(&j, token, grant);
    else
        s = fail_without_memory(e);
    if (s != ITR_OK)
        itr_buf_reset(token);
    return s;
}
