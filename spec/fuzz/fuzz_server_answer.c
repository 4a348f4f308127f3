/*
 * fetch/server_answer on any answer. The first byte of the input says how it was carried, the
 * second which HTTP status it has; the rest is the body (or the transport's detail).
 *
 * There is always an outcome: a token that a URL can carry, with a fence and with times in their
 * bounds, or an error of a kind that fits; and never the key in a message.
 */
#include "core/base/utf8.h"
#include "core/fetch/server_answer.h"
#include "core/record/sound.h"
#include "core/record/token.h"
#include "fuzz.h"

#define KEY "key-0123456789"

static void check_token(const struct itr_buf *token, const struct itr_server_grant *grant)
{
    CHECK(itr_record_can_carry(token->data, token->len));
    CHECK(itr_utf8_valid(token->data, token->len));
    CHECK(grant->fence >= 1 && grant->fence <= INT64_MAX);
    CHECK(grant->refresh_in_ms >= 0 && grant->refresh_in_ms <= grant->expires_in_ms);
    CHECK(grant->expires_in_ms <= INT64_C(1) << 52);
}

static void check_error(const struct itr_buf *token, const struct itr_error *e, enum itr_status s)
{
    bool passed_on = e->has_code && e->code >= 40001 && e->code <= 40004;

    CHECK(e->kind == s && token->len == 0 && e->text[0] != '\0');
    CHECK(s == ITR_STORE || s == ITR_TOKEN || s == ITR_QUOTA);
    CHECK(passed_on == (s != ITR_STORE));
    CHECK(strstr(e->text, KEY) == NULL);
    CHECK(itr_utf8_valid(e->text, strlen(e->text)));
}

static void set_answer(struct itr_response *a, const uint8_t *knobs, char *text, size_t n)
{
    static const enum itr_status kinds[] = {ITR_OK, ITR_OK, ITR_OK, ITR_TIMEOUT};
    static const int statuses[] = {200, 201, 301, 400, 401, 403, 404, 429, 500, 503, 0, 999};

    a->carried = kinds[knobs[0] % 4];
    a->http_status = statuses[knobs[1] % (sizeof statuses / sizeof statuses[0])];
    snprintf(a->detail, sizeof a->detail, "%s", text);
    a->body.data = text;
    a->body.len = n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const secrets[] = {KEY, NULL};
    struct itr_response a = {0};
    struct itr_server_grant grant;
    struct itr_error e;
    struct itr_buf token;
    enum itr_status s;
    char *text;

    if (size < 2)
        return 0;
    text = fuzz_string(data + 2, size - 2);
    set_answer(&a, data, text, size - 2);
    itr_buf_init_secret(&token, ITR_TOKEN_MAX);
    s = itr_server_answer_read("https://tokens.test:8700", &a, secrets, &token, &grant, &e);
    if (s == ITR_OK)
        check_token(&token, &grant);
    else
        check_error(&token, &e, s);
    itr_buf_clear(&token);
    free(text);
    return 0;
}
