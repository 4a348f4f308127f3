#include "core/fetch/from_server.h"

#include "core/base/bound.h"
#include "core/fetch/server_answer.h"
#include "core/http/exchange.h"
#include "core/http/server_address.h"

/*
 * Design notes
 * - What holds the next request back is this process's own business, kept in the fetch (local_...):
 *   failures of whatever kind count like "nothing was sent" of docs/design.md 4.2, and a server
 * that says Retry-After is left alone so long. A token in memory goes on being used meanwhile.
 * - Nobody else waits for what a process has out here, so its end cancels it; but it does wait for
 *   that (leased), or TLS would be gone from under the transport.
 */

#define ANSWER_MAX ((size_t)64 * 1024)
#define URL_MAX 16384
#define HEADER_MAX 8192
#define BODY_MAX 64
#define LOOK_MS 200                /* how often a sleeper looks whether the process ends */
#define JITTER_MAX_MS 5000         /* so that clients do not move together */
#define RETRY_AFTER_MAX_MS 3600000 /* a server that says more than an hour is asked then */

/* One fetch. */
struct ask {
    struct itr_fetch *f;
    const struct itr_fetch_wish *wish;
    struct itr_fetch_result *out;
    struct itr_buf token;
    struct itr_server_grant grant;
    int64_t retry_after_ms; /* as the server says; -1: it does not */
};

static int64_t now_mono(const struct ask *a)
{
    return itr_clock_mono_ms(a->f->parts.clock);
}

static bool ends(void *ctx)
{
    const struct ask *a = ctx;

    return atomic_load(&a->f->stop);
}

/* ---- what holds a request back ---- */

/* Waits out a hold that is short. False: it is not, or the process ends; then that is the result.
 */
static bool pass_hold(struct ask *a)
{
    int64_t left;

    while ((left = a->f->local_retry_mono_ms - now_mono(a)) > 0) {
        if (left >= ITR_FETCH_SHORT_HOLD_MS || ends(a)) {
            a->out->error = a->f->local_error;
            a->out->retry_after_ms = left;
            return false;
        }
        itr_clock_sleep_ms(a->f->parts.clock, itr_min64(left, LOOK_MS));
    }
    return true;
}

static void note_failure(struct ask *a)
{
    struct itr_fetch *f = a->f;
    uint64_t random = itr_clock_random(f->parts.clock);
    int64_t hold_ms = a->retry_after_ms >= 0 ? itr_min64(a->retry_after_ms, RETRY_AFTER_MAX_MS)
                                             : itr_record_backoff_ms(f->local_failures + 1, random);

    f->local_failures++;
    f->local_retry_mono_ms = now_mono(a) + hold_ms;
    f->local_error = a->out->error;
    a->out->retry_after_ms = hold_ms;
}

static void note_success(struct ask *a)
{
    a->f->local_failures = 0;
    a->f->local_retry_mono_ms = 0;
}

/* ---- asking ---- */

static bool wants_newer(const struct itr_fetch_wish *wish)
{
    return wish->refused != NULL || wish->asked;
}

/* The texts of one request, until it is over. */
struct texts {
    struct itr_buf url, header, body;
    const char *headers[2];
};

static void init_texts(struct texts *t)
{
    itr_buf_init(&t->url, URL_MAX);
    itr_buf_init_secret(&t->header, HEADER_MAX);
    itr_buf_init(&t->body, BODY_MAX);
    t->headers[0] = t->headers[1] = NULL;
}

static void clear_texts(struct texts *t)
{
    itr_buf_clear(&t->url);
    itr_buf_clear(&t->header);
    itr_buf_clear(&t->body);
}

static enum itr_status write_texts(struct texts *t, const struct itr_config *c,
                                   const struct itr_fetch_wish *wish)
{
    enum itr_status s =
        itr_server_address_url(c->token_store, c->app_id, wants_newer(wish), &t->url);

    if (s == ITR_OK && c->token_store_key != NULL)
        s = itr_server_address_header(c->token_store_key, &t->header);
    if (s == ITR_OK && wants_newer(wish))
        s = itr_server_address_body(wish->refused != NULL ? wish->refused->fence : 0, &t->body);
    if (t->header.len > 0)
        t->headers[0] = itr_buf_str(&t->header);
    return s;
}

static void fill_request(struct itr_request *r, const struct texts *t, const struct ask *a)
{
    r->url = itr_buf_str(&t->url);
    r->headers = t->headers;
    r->post = wants_newer(a->wish);
    r->body = itr_buf_str(&t->body);
    r->body_len = t->body.len;
    r->timeout_ms = a->f->config->token_timeout_ms;
}

static void exchange(struct ask *a, struct itr_exchange *x)
{
    struct itr_transport_options options;
    struct itr_exchange_call t = {a->f->parts.transport, &options, ends, a};

    itr_config_transport(a->f->config, &options);
    itr_server_address_transport(a->f->config->token_store, &options);
    atomic_store(&a->f->leased, true);
    if (!ends(a))
        itr_exchange_call_run(&t, x);
    else
        itr_exchange_call_fail(x, ITR_NETWORK, "the process ends");
    atomic_store(&a->f->leased, false);
}

static enum itr_status judge(struct ask *a, const struct itr_response *r)
{
    struct itr_server_answer answer = {0};

    answer.server = a->f->config->token_store;
    answer.key = a->f->config->token_store_key;
    answer.carried = r->carried;
    answer.detail = r->detail;
    answer.http_status = r->http_status;
    answer.body = itr_buf_str(&r->body);
    answer.body_len = r->body.len;
    a->retry_after_ms = r->retry_after_ms;
    return itr_server_answer_read(&answer, &a->token, &a->grant, &a->out->error);
}

/* One request from its texts to what the answer means. */
static enum itr_status ask_server(struct ask *a)
{
    struct itr_exchange x;
    struct texts texts;
    enum itr_status s;

    itr_exchange_init(&x, ANSWER_MAX);
    init_texts(&texts);
    if ((s = write_texts(&texts, a->f->config, a->wish)) == ITR_OK) {
        fill_request(&x.request, &texts, a);
        exchange(a, &x);
    } else {
        itr_exchange_call_fail(&x, s, "no room for the request");
    }
    s = judge(a, &x.response);
    clear_texts(&texts);
    itr_exchange_clear(&x);
    return s;
}

/* ---- the result ---- */

/* Refresh comes a little later than the server's own, at most half the way from there to the end.
 */
static struct itr_token_times times_of(const struct ask *a)
{
    int64_t now = now_mono(a);
    int64_t life_ms = itr_min64(a->grant.expires_in_ms, a->f->config->token_ttl_ms);
    int64_t refresh_ms = itr_min64(a->grant.refresh_in_ms, life_ms);
    int64_t jitter_ms = itr_min64(JITTER_MAX_MS, (life_ms - refresh_ms) / 2);
    uint64_t random = itr_clock_random(a->f->parts.clock);

    refresh_ms += (int64_t)(random % (uint64_t)(jitter_ms + 1));
    return (struct itr_token_times){now, now + refresh_ms, now + life_ms};
}

static void give(struct ask *a)
{
    a->out->token = itr_token_new(itr_buf_str(&a->token), a->token.len, a->grant.fence, times_of(a),
                                  ITR_FROM_SERVER);
    if (a->out->token == NULL)
        (void)itr_error_set(&a->out->error, ITR_NOMEM, "no memory");
}

/* True: the server has nothing newer for whoever was refused, and says so by answering the same. */
static bool is_refused_again(const struct ask *a)
{
    return a->wish->refused != NULL && a->grant.fence <= a->wish->refused->fence;
}

static void answered(struct ask *a)
{
    note_success(a);
    if (!is_refused_again(a)) {
        give(a);
        return;
    }
    (void)itr_error_set(&a->out->error, ITR_TOKEN,
                        "the gateway refused the token, and the token server %.120s has no newer "
                        "one",
                        a->f->config->token_store);
    a->out->retry_after_ms = ITR_FETCH_SHORT_HOLD_MS;
}

void itr_fetch_from_server(struct itr_fetch *f, const struct itr_fetch_wish *wish,
                           struct itr_fetch_result *out)
{
    struct ask a = {.f = f, .wish = wish, .out = out};

    if (!pass_hold(&a))
        return;
    itr_buf_init_secret(&a.token, ITR_TOKEN_MAX);
    if (ask_server(&a) == ITR_OK)
        answered(&a);
    else
        note_failure(&a);
    itr_buf_clear(&a.token);
}
