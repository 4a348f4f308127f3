/*
 * fetch/gateway_answer on any answer. The first byte of the input says how it was carried, the
 * second which HTTP status it has; the rest is the body (or the transport's detail).
 *
 * There is always an outcome: a token that a record and a URL can carry, or an error of a kind that
 * fits; and never the secret in a message.
 */
#include "core/fetch/gateway_answer.h"
#include "core/json/scan.h"
#include "core/record/sound.h"
#include "fuzz.h"

#define SECRET "s3cr3t-0123456789"

static void check_token(const struct itr_buf *token, const struct itr_record_outcome *out)
{
    CHECK(out->text == token->data && strlen(out->text) == token->len);
    CHECK(itr_record_can_carry(token->data, token->len));
    CHECK(itr_utf8_valid(token->data, token->len));
    CHECK(out->error.kind == ITR_OK);
}

static void check_error(const struct itr_response *a, const struct itr_record_outcome *out)
{
    const struct itr_error *e = &out->error;

    CHECK(out->text == NULL && e->text[0] != '\0');
    CHECK(strstr(e->text, SECRET) == NULL);
    CHECK(a->carried == ITR_OK || e->kind == a->carried);
    CHECK((out->is == ITR_OUTCOME_NOT_SENT) == (a->carried != ITR_OK && !a->sent));
    CHECK((out->is == ITR_OUTCOME_LIMIT) == (e->has_code && e->code == 40004));
    CHECK((out->is == ITR_OUTCOME_FORBIDDEN) ==
          (e->has_code && e->code >= 40001 && e->code <= 40003));
    if (a->carried == ITR_OK)
        CHECK(e->kind == ITR_HTTP || e->kind == ITR_DECODE || e->kind == ITR_API ||
              e->kind == ITR_TOKEN || e->kind == ITR_QUOTA);
}

static void set_answer(struct itr_response *a, const uint8_t *knobs, char *text, size_t n)
{
    static const enum itr_status kinds[] = {ITR_OK, ITR_NETWORK, ITR_TLS, ITR_TIMEOUT};
    static const int statuses[] = {200, 204, 301, 400, 401, 403, 404, 429, 500, 502, 0, 999};

    a->carried = kinds[knobs[0] % 4];
    a->sent = a->carried == ITR_OK || knobs[0] / 4 % 2 == 1;
    a->http_status = statuses[knobs[1] % (sizeof statuses / sizeof statuses[0])];
    snprintf(a->detail, sizeof a->detail, "%s", text);
    a->body.data = text;
    a->body.len = n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const secrets[] = {SECRET, NULL};
    struct itr_response a = {.carried = ITR_OK};
    struct itr_record_outcome out;
    struct itr_buf token;
    char *text;

    if (size < 2)
        return 0;
    text = fuzz_string(data + 2, size - 2);
    set_answer(&a, data, text, size - 2);
    itr_buf_init_secret(&token, ITR_TOKEN_MAX);
    itr_gateway_answer_read(&a, secrets, &token, &out);
    if (out.is == ITR_OUTCOME_TOKEN)
        check_token(&token, &out);
    else
        check_error(&a, &out);
    itr_buf_clear(&token);
    free(text);
    return 0;
}
