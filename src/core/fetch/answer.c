#include "core/fetch/answer.h"

#include <string.h>

#include "core/base/utf8.h"
#include "core/http/url.h"
#include "core/record/sound.h"

static void mask(struct itr_buf *text, const char *secret, size_t n, bool was_cut)
{
    if (n == 0 || text->len == 0)
        return;
    if (was_cut)
        itr_redact_mask_cut(text->data, text->len, secret, n);
    else
        itr_redact_mask(text->data, text->len, secret, n);
}

/* The token in the answer: nobody else knows it yet. */
static enum itr_status mask_new_token(const struct itr_answer *a, struct itr_buf *text)
{
    struct itr_buf token;
    enum itr_status s;

    if (!a->has_envelope || a->scan.access_token.at == NULL)
        return ITR_OK;
    itr_buf_init_secret(&token, a->scan.access_token.len);
    s = itr_json_unescape(a->scan.access_token, &token);
    mask(text, itr_buf_str(&token), token.len, false);
    itr_buf_clear(&token);
    return s;
}

/* Masks first and cuts then, or the head of a secret would show. */
static enum itr_status say(struct itr_answer *a, struct itr_buf *text, const char *const *secrets,
                           bool was_cut)
{
    enum itr_status s = mask_new_token(a, text);
    size_t i;

    for (; *secrets != NULL; secrets++)
        mask(text, *secrets, strlen(*secrets), was_cut);
    for (i = 0; i < text->len; i++)
        if ((unsigned char)text->data[i] < 0x20)
            text->data[i] = ' '; /* one line */
    (void)itr_utf8_show(itr_buf_str(text), text->len, a->said, sizeof a->said);
    return s;
}

static enum itr_status say_message(struct itr_answer *a, const char *const *secrets)
{
    struct itr_buf text;
    enum itr_status s;

    if (a->scan.message.at == NULL)
        return ITR_OK;
    itr_buf_init_secret(&text, a->scan.message.len); /* unescaping never makes it longer */
    if ((s = itr_json_unescape(a->scan.message, &text)) == ITR_OK)
        s = say(a, &text, secrets, false);
    itr_buf_clear(&text);
    return s;
}

/* The transport has cut its own words already. */
static enum itr_status say_detail(struct itr_answer *a, const char *const *secrets)
{
    const char *detail = a->response->detail;
    struct itr_buf text;
    enum itr_status s;

    if (detail[0] == '\0')
        detail = itr_status_name(a->response->carried);
    itr_buf_init_secret(&text, ITR_TRANSPORT_DETAIL);
    if ((s = itr_buf_append_str(&text, detail)) == ITR_OK)
        s = say(a, &text, secrets, true);
    itr_buf_clear(&text);
    return s;
}

static void scan(struct itr_answer *a)
{
    const struct itr_buf *body = &a->response->body;
    const char *text = body->data != NULL ? body->data : "";
    enum itr_status s = itr_json_scan(text, body->len, &a->scan, &a->scan_error);

    if (s != ITR_OK)
        a->why_not = a->scan_error.text;
    else if (a->scan.code_is != ITR_JSON_CODE_INTEGER)
        a->why_not = "it has no code that is an integer";
    else
        a->has_envelope = true;
}

enum itr_status itr_answer_read(struct itr_answer *a, const struct itr_response *response,
                                const char *const *secrets)
{
    memset(a, 0, sizeof *a);
    a->response = response;
    if (response->carried != ITR_OK)
        return response->carried == ITR_NOMEM ? ITR_NOMEM : say_detail(a, secrets);
    scan(a);
    return a->has_envelope ? say_message(a, secrets) : ITR_OK;
}

enum itr_status itr_answer_token(const struct itr_answer *a, struct itr_buf *token,
                                 const char **wrong)
{
    enum itr_status s = ITR_OK;

    *wrong = NULL;
    if (a->scan.access_token.at == NULL)
        *wrong = a->scan.has_access_token ? "its data.accessToken is not a string"
                                          : "it has no data.accessToken";
    else if ((s = itr_json_unescape(a->scan.access_token, token)) == ITR_NOMEM)
        return ITR_NOMEM;
    else if (s == ITR_OK && token->len == 0)
        *wrong = "its data.accessToken is empty";
    else if (s != ITR_OK || !itr_record_can_carry(token->data, token->len))
        *wrong = "its data.accessToken is too long or contains control characters";
    return ITR_OK;
}
