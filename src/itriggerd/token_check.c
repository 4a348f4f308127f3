#include "itriggerd/token_check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/call/envelope.h"
#include "core/http/url.h"
#include "itriggerd/log.h"
#include "itriggerd/now.h"
#include "itriggerd/server.h"

#define TEST_PATH "/itrigger-tenant/v1/basic/openAPItest/test/get"
#define ANSWER_MAX ((size_t)64 * 1024)
#define URL_MAX 16384
#define TIMEOUT_MS 5000
#define IDLE_MS 200 /* how often it looks whether a check is due */
#define CARRY_MS 20 /* the same while some are in flight */
#define LEAST_MS SERVER_CHECK_LEAST_MS

/* A check in flight; app NULL: this one is free. */
struct token_check_request {
    struct itr_exchange x;
    struct itr_buf url;      /* has the token */
    struct app *app;         /* a reference */
    struct itr_token *token; /* a reference */
};

/* ---- one check ---- */

static void clear(struct token_check *c, struct token_check_request *r)
{
    itr_exchange_clear(&r->x);
    itr_buf_clear(&r->url);
    itr_token_release(r->token);
    app_release(r->app);
    r->app = NULL;
    c->in_flight--;
}

/* The source takes it as a client's report, and fetches as far as its rules allow. */
static void report(struct app *a, struct itr_token *t)
{
    const struct itr_token_ask ask = {.refused = t};
    struct itr_wait wait = {.wake = NULL};

    (void)itr_source_ask(a->source, &ask, &wait);
    itr_source_forget(a->source, &wait);
}

static void judge(struct token_check *c, struct token_check_request *r)
{
    struct app *a = r->app;
    struct itr_envelope answer = {.is = ITR_ENVELOPE_NONE};
    bool answered = r->x.response.carried == ITR_OK;

    if (answered)
        answered = itr_envelope_read(&r->x.response, a->config, &answer) == ITR_OK;
    if (answered && answer.is == ITR_ENVELOPE_TOKEN_REFUSED) {
        atomic_store(&a->refused_fence, r->token->fence);
        counters_add(a->counters, APP_CHECKED_REFUSED);
        log_warning("check", a->name, "the gateway rejects the token sha256:%s; fetching a new one",
                    r->token->id);
        report(a, r->token);
    } else if (answered && answer.present) {
        /* Whatever else it says, it knows the token. */
        uint64_t fence = r->token->fence;
        (void)atomic_compare_exchange_strong(&a->refused_fence, &fence, 0);
        counters_add(a->counters, APP_CHECKED_GOOD);
        waiting_wake_checks(&c->server->waiting, a);
    } else {
        counters_add(a->counters, APP_CHECKED_IN_VAIN);
        log_debug("check", a->name, "the gateway does not say whether the token is good: %s",
                  r->x.response.carried != ITR_OK ? r->x.response.detail
                                                  : "its answer is not an envelope");
        waiting_wake_checks(&c->server->waiting, a);
    }
}

/* One transport for all that want the same of it. False: it is in use for others, or there is none.
 */
static bool ensure_transport(struct token_check *c, struct app *a)
{
    struct itr_transport_options options;
    struct itr_error e;

    if (c->transport != NULL &&
        itr_config_same(c->options_of->config, a->config, ITR_USE_TRANSPORT))
        return true;
    if (c->in_flight > 0)
        return false;
    if (c->transport != NULL)
        c->transport->ops->free(c->transport);
    app_release(c->options_of);
    c->options_of = NULL;
    c->transport = NULL;
    itr_config_transport(a->config, &options);
    if (c->parts->transport->open(&options, &c->transport, &e) != ITR_OK) {
        c->transport = NULL;
        return false;
    }
    c->options_of = app_retain(a);
    return true;
}

static enum itr_status write_url(const struct app *a, const struct itr_token *t,
                                 struct itr_buf *url)
{
    enum itr_status s = itr_buf_append_str(url, a->config->gateway);

    if (s == ITR_OK)
        s = itr_buf_append_str(url, TEST_PATH "?accessToken=");
    return s == ITR_OK ? itr_url_escape(t->text, t->len, url) : s;
}

/* Begin a check of the token t, whose reference it takes over. False: not now. */
static bool begin(struct token_check *c, struct app *a, struct itr_token *t)
{
    struct token_check_request *r = c->requests;
    struct itr_error e;

    while (r->app != NULL)
        r++;
    r->app = app_retain(a);
    r->token = t;
    itr_buf_init_secret(&r->url, URL_MAX);
    itr_exchange_init(&r->x, ANSWER_MAX);
    r->x.owner = r;
    r->x.request.timeout_ms = TIMEOUT_MS;
    c->in_flight++;
    if (write_url(a, t, &r->url) == ITR_OK) {
        r->x.request.url = itr_buf_str(&r->url);
        if (c->transport->ops->start(c->transport, &r->x, &e) == ITR_OK)
            return true;
    }
    clear(c, r);
    return false;
}

/* ---- which are due ---- */

static bool is_due(struct app *a, int64_t now_mono_ms)
{
    int64_t checked = atomic_load(&a->checked_mono_ms), due = atomic_load(&a->check_mono_ms);

    if (a->check_interval_ms == 0 || due == 0) /* 0: it has no token yet */
        return false;
    return now_mono_ms >= due ||
           (atomic_load(&a->check_wanted) && (checked == 0 || now_mono_ms - checked >= LEAST_MS));
}

/* Return false if it has to wait until the checks in flight, which use another transport, have
 * ended. No other check may begin before it then, or a gateway that hangs would keep it waiting for
 * ever. */
static bool begin_if_due(struct token_check *c, struct app *a, int64_t now_mono_ms)
{
    struct itr_token *t;

    if (!is_due(a, now_mono_ms) || (t = itr_source_held(a->source)) == NULL)
        return true;
    if (!ensure_transport(c, a)) {
        itr_token_release(t);
        return c->transport == NULL;
    }
    atomic_store(&a->checked_mono_ms, now_mono_ms);
    atomic_store(&a->check_mono_ms, now_mono_ms + a->check_interval_ms);
    atomic_store(&a->check_wanted, false);
    (void)begin(c, a, t);
    return true;
}

static void begin_all(struct token_check *c)
{
    struct snapshot *all = server_snapshot(c->server);
    int64_t now_mono_ms = now_mono();
    size_t i;

    for (i = 0; i < all->n_apps && c->in_flight < TOKEN_CHECKS_MAX; i++)
        if (!begin_if_due(c, all->apps[(c->first + i) % all->n_apps], now_mono_ms))
            break;
    c->first += i;
    snapshot_release(all);
}

/* ---- the thread ---- */

static void carry(struct token_check *c)
{
    struct itr_exchange *x;

    while (c->in_flight > 0 && (x = c->transport->ops->wait(c->transport, CARRY_MS)) != NULL) {
        judge(c, x->owner);
        clear(c, x->owner);
    }
}

static void cancel_all(struct token_check *c)
{
    size_t i;

    for (i = 0; i < TOKEN_CHECKS_MAX; i++)
        if (c->requests[i].app != NULL) {
            c->transport->ops->cancel(c->transport, &c->requests[i].x);
            clear(c, &c->requests[i]);
        }
    if (c->transport != NULL)
        c->transport->ops->free(c->transport);
    app_release(c->options_of);
}

static void *run(void *arg)
{
    struct token_check *c = arg;

    while (!atomic_load(&c->stop)) {
        begin_all(c);
        if (c->in_flight > 0)
            carry(c);
        else
            itr_nap_take(&c->server->want_check, IDLE_MS);
    }
    cancel_all(c);
    return NULL;
}

int token_check_start(struct token_check *c, struct server *server, const struct itr_parts *parts)
{
    int failed;

    *c = (struct token_check){.server = server, .parts = parts};
    if ((c->requests = calloc(TOKEN_CHECKS_MAX, sizeof *c->requests)) == NULL)
        return ENOMEM;
    atomic_init(&c->stop, false);
    if ((failed = pthread_create(&c->thread, NULL, run, c)) != 0)
        free(c->requests);
    return failed;
}

void token_check_stop(struct token_check *c)
{
    atomic_store(&c->stop, true);
    itr_nap_wake(&c->server->want_check);
    pthread_join(c->thread, NULL);
    free(c->requests);
}
