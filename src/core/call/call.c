#include "core/call/call.h"

#include <string.h>

#define URL_MAX ((size_t)2 << 20)
#define KEPT_BYTES ((size_t)1 << 16)
#define FIRST_WAIT_MS 200 /* before the first repeat; doubles */
#define LONGEST_WAIT_MS 5000
#define SLOW_DOWN_MS 1000                   /* after a 429 that names no time */
#define SLOW_DOWN_MAX_MS (INT64_C(1) << 40) /* no server means more; keeps sums in range */

/* ---- memory ---- */

void itr_call_init(struct itr_call *c, const struct itr_config *config)
{
    *c = (struct itr_call){0};
    c->config = config;
    itr_buf_init(&c->path, URL_MAX);
    itr_query_init(&c->query);
    itr_buf_init(&c->body, ITR_BODY_MAX);
    itr_buf_init_secret(&c->url, URL_MAX);
    itr_exchange_init(&c->exchange, (size_t)config->max_response_bytes);
    c->exchange.owner = c;
    itr_list_init(&c->node);
}

static void forget_arguments(struct itr_call *c)
{
    c->post = c->idempotent = c->raw = false;
    c->timeout_ms = c->config->timeout_ms;
    c->min_valid_ms = 0;
    c->headers = NULL;
}

static void forget_result(struct itr_call *c)
{
    itr_token_release(c->token);
    itr_token_release(c->refused_token);
    c->token = c->refused_token = NULL;
    c->refused = c->executed = c->envelope.present = false;
    c->repeats = 0;
    c->error_name = NULL;
    c->n_refused = c->n_repeated = c->n_sent = 0;
    itr_error_clear(&c->error);
}

/* A buffer that a large answer needed is given back, for there may be a thousand calls; the usual
 * ones are kept. */
static void reset_buf(struct itr_buf *b)
{
    if (b->cap > KEPT_BYTES)
        itr_buf_clear(b);
    else
        itr_buf_reset(b);
}

void itr_call_reset(struct itr_call *c)
{
    c->step = ITR_CALL_IDLE;
    itr_buf_reset(&c->path);
    itr_query_reset(&c->query);
    reset_buf(&c->body);
    reset_buf(&c->url);
    reset_buf(&c->exchange.response.body);
    itr_buf_reset(&c->exchange.response.headers);
    forget_arguments(c);
    forget_result(c);
}

void itr_call_clear(struct itr_call *c)
{
    forget_result(c);
    itr_buf_clear(&c->path);
    itr_query_clear(&c->query);
    itr_buf_clear(&c->body);
    itr_buf_clear(&c->url);
    itr_exchange_clear(&c->exchange);
}

/* ---- ends ---- */

typedef void masker(char *text, size_t len, const char *secret, size_t n);

/* No secret that we know leaves in a text of the gateway's. */
static void mask(const struct itr_call *c, char *text, size_t len, masker *put_out)
{
    const char *secret = c->config->app_secret;

    if (len == 0)
        return;
    if (c->token != NULL)
        put_out(text, len, c->token->text, c->token->len);
    if (c->refused_token != NULL)
        put_out(text, len, c->refused_token->text, c->refused_token->len);
    if (secret != NULL)
        put_out(text, len, secret, strlen(secret));
}

static void fail(struct itr_call *c)
{
    struct itr_buf *body = &c->exchange.response.body;

    mask(c, c->error.text, strlen(c->error.text), itr_redact_mask_cut);
    mask(c, body->data, body->len, itr_redact_mask);
    if (c->executed)
        c->error.retryable = false;
    c->step = ITR_CALL_FAILED;
}

static void fail_with(struct itr_call *c, enum itr_status kind, bool retryable, const char *text)
{
    itr_error_set(&c->error, kind, "%s", text);
    c->error.retryable = retryable;
    fail(c);
}

void itr_call_abort(struct itr_call *c, const struct itr_error *error)
{
    c->error = *error;
    c->error_name = NULL;
    c->envelope.present = false;
    c->step = ITR_CALL_FAILED;
}

/* ---- begin, token ---- */

void itr_call_begin(struct itr_call *c, int64_t now_mono_ms)
{
    c->deadline_mono_ms = now_mono_ms + c->timeout_ms;
    c->step = ITR_CALL_TOKEN;
    if (c->timeout_ms <= 0)
        fail_with(c, ITR_USAGE, false, "timeout must be a number of seconds above 0");
    else if (c->min_valid_ms > c->config->token_ttl_ms)
        fail_with(c, ITR_USAGE, false, "min_valid is more than token_ttl, the lifetime of a token");
}

void itr_call_restart(struct itr_call *c)
{
    uint64_t n_refused = c->n_refused, n_repeated = c->n_repeated, n_sent = c->n_sent;

    forget_result(c);
    c->n_refused = n_refused;
    c->n_repeated = n_repeated + 1;
    c->n_sent = n_sent;
    c->step = ITR_CALL_TOKEN;
}

struct itr_token_ask itr_call_ask(const struct itr_call *c)
{
    struct itr_token_ask ask = {0};

    ask.min_valid_ms = c->min_valid_ms;
    if (c->refused)
        ask.refused = c->token;
    return ask;
}

/* After a refusal the call goes on only with another token. */
static bool is_refused_one(const struct itr_call *c, const struct itr_token *token)
{
    return c->refused && itr_token_same(c->token, token);
}

static void fail_without_token(struct itr_call *c, const struct itr_error *error)
{
    struct itr_error refusal = c->error;

    if (error != NULL && error->kind != ITR_OK)
        c->error = *error;
    else
        itr_error_set(&c->error, ITR_TOKEN,
                      "the gateway rejected the token and no other token is available: %s",
                      refusal.text);
    c->error.retryable = true; /* nothing of this call was executed */
    c->error_name = c->error.has_code ? itr_envelope_code_name(c->error.code) : NULL;
    if (c->refused && c->error_name == NULL)
        c->error_name = "token_refused";
    fail(c);
}

void itr_call_token(struct itr_call *c, int64_t now_mono_ms, struct itr_token *token,
                    const struct itr_error *error)
{
    if (token == NULL || is_refused_one(c, token)) {
        itr_token_release(token);
        fail_without_token(c, error);
        return;
    }
    if (now_mono_ms >= c->deadline_mono_ms) {
        itr_token_release(token);
        itr_call_expired(c);
        return;
    }
    c->refused_token = c->token; /* NULL, unless this is the second one */
    c->token = token;            /* the call now owns it */
    c->step = ITR_CALL_SEND;
}

/* ---- send ---- */

enum itr_status itr_call_write_url(struct itr_call *c, const struct itr_token *token)
{
    enum itr_status s;

    itr_buf_reset(&c->url);
    s = itr_buf_append_str(&c->url, c->config->gateway);
    if (s == ITR_OK)
        s = itr_buf_append(&c->url, c->path.data, c->path.len);
    if (s == ITR_OK)
        s = itr_buf_append_str(&c->url, "?accessToken=");
    if (s == ITR_OK)
        s = token != NULL ? itr_url_escape(token->text, token->len, &c->url)
                          : itr_buf_append_str(&c->url, "***");
    if (s == ITR_OK && !c->post)
        s = itr_query_write(&c->query, &c->url);
    return s;
}

void itr_call_request(struct itr_call *c, int64_t now_mono_ms)
{
    struct itr_request *r = &c->exchange.request;
    enum itr_status s;

    if (now_mono_ms >= c->deadline_mono_ms) {
        itr_call_expired(c);
        return;
    }
    if ((s = itr_call_write_url(c, c->token)) != ITR_OK) {
        fail_with(c, s == ITR_FULL ? ITR_USAGE : s, false, "the parameters make the URL too long");
        return;
    }
    r->post = c->post;
    r->url = c->url.data;
    r->body = c->body.data;
    r->body_len = c->body.len;
    r->headers = c->headers;
    r->timeout_ms = c->deadline_mono_ms - now_mono_ms;
    r->want_headers = c->raw;
}

/* ---- repeats ---- */

/* Waits before a repeat; fails with the present error if there are no more or no time is left. */
static void wait_or_fail(struct itr_call *c, int64_t now_mono_ms, int64_t wait_ms)
{
    if (!c->error.retryable)
        c->executed = true;
    if (c->repeats >= c->config->retries || wait_ms >= c->deadline_mono_ms - now_mono_ms) {
        fail(c);
        return;
    }
    c->repeats++;
    c->n_repeated++;
    c->wait_until_mono_ms = now_mono_ms + wait_ms;
    c->step = ITR_CALL_WAIT;
}

/* Doubling, half of it random, so that callers who failed together do not come back together. */
static int64_t backoff_ms(const struct itr_call *c, uint64_t random)
{
    int64_t ms = FIRST_WAIT_MS;
    int i;

    for (i = 0; i < c->repeats && ms < LONGEST_WAIT_MS; i++)
        ms *= 2;
    return ms / 2 + (int64_t)(random % (uint64_t)(ms / 2 + 1));
}

void itr_call_postpone(struct itr_call *c, int64_t until_mono_ms)
{
    c->wait_until_mono_ms = until_mono_ms;
    c->step = ITR_CALL_WAIT;
}

void itr_call_waited(struct itr_call *c)
{
    c->step = ITR_CALL_SEND;
}

void itr_call_expired(struct itr_call *c)
{
    bool token = c->step == ITR_CALL_TOKEN;

    itr_error_set(&c->error, ITR_TIMEOUT, "%s within the %lld ms of this call",
                  token ? "no token came" : "no answer came", (long long)c->timeout_ms);
    c->error.retryable = true; /* in these steps nothing of the call is in flight */
    c->error_name = NULL;
    fail(c);
}

/* ---- answers ---- */

static void not_carried(struct itr_call *c, int64_t now_mono_ms, uint64_t random)
{
    const struct itr_response *r = &c->exchange.response;
    bool again = !r->sent || c->idempotent;

    /* What an earlier answer said is over, and its text is gone from the buffers. */
    c->envelope.present = false;
    c->error_name = NULL;
    itr_error_set(&c->error, r->carried, "%s", r->detail);
    c->error.http_status = r->http_status;
    c->error.retryable = !r->sent;
    c->error.no_descriptors = r->no_descriptors;
    if (again && (r->carried == ITR_NETWORK || r->carried == ITR_TLS || r->carried == ITR_TIMEOUT))
        wait_or_fail(c, now_mono_ms, backoff_ms(c, random));
    else
        fail(c);
}

/* The text of c->error with a word before it. */
static void prefix_error(struct itr_call *c, const char *words)
{
    struct itr_error old = c->error;

    itr_error_set(&c->error, old.kind, "%s: %s", words, old.text);
    c->error.has_code = old.has_code;
    c->error.code = old.code;
    c->error.http_status = old.http_status;
    c->error.retryable = old.retryable;
}

static void token_refused(struct itr_call *c)
{
    c->n_refused++;
    c->error.retryable = true; /* a refused request is not executed */
    if (c->refused) {
        prefix_error(c, "the gateway rejected a new token too: " ITR_TOKEN_FRESH_REFUSED);
        fail(c);
        return;
    }
    c->refused = true;
    c->n_repeated++;
    c->step = ITR_CALL_TOKEN;
}

int64_t itr_call_slow_down_ms(const struct itr_call *c)
{
    int64_t wait_ms = c->exchange.response.retry_after_ms;

    if (wait_ms < 0)
        wait_ms = SLOW_DOWN_MS;
    return wait_ms < SLOW_DOWN_MAX_MS ? wait_ms : SLOW_DOWN_MAX_MS;
}

static void too_many(struct itr_call *c, int64_t now_mono_ms)
{
    c->error.retryable = true;
    wait_or_fail(c, now_mono_ms, itr_call_slow_down_ms(c));
}

/* What an HTTP answer leads to; c->error already says what is wrong if something is. */
static void act(struct itr_call *c, int64_t now_mono_ms, uint64_t random)
{
    int status = c->exchange.response.http_status;

    if (status == 429)
        too_many(c, now_mono_ms);
    else if (c->envelope.is == ITR_ENVELOPE_TOKEN_REFUSED)
        token_refused(c);
    else if (status / 100 == 5 && c->idempotent)
        wait_or_fail(c, now_mono_ms, backoff_ms(c, random));
    else if (c->raw || c->envelope.is == ITR_ENVELOPE_SUCCESS)
        c->step = ITR_CALL_DONE;
    else
        fail(c);
    if (c->raw && c->step == ITR_CALL_FAILED)
        c->step = ITR_CALL_DONE; /* the answer as it is, whatever it says */
}

static void answered(struct itr_call *c, int64_t now_mono_ms, uint64_t random)
{
    struct itr_envelope *en = &c->envelope;

    if (itr_envelope_read(&c->exchange.response, c->config, en) != ITR_OK) {
        fail_with(c, ITR_NOMEM, false, "no memory");
        return;
    }
    c->error = en->error;
    c->error_name = en->error_name;
    act(c, now_mono_ms, random);
}

void itr_call_answered(struct itr_call *c, int64_t now_mono_ms, uint64_t random)
{
    if (c->exchange.response.carried == ITR_OK)
        answered(c, now_mono_ms, random);
    else
        not_carried(c, now_mono_ms, random);
}
