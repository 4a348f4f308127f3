#include "itriggerd/serve.h"

#include <stddef.h>
#include <string.h>

#include "itriggerd/monitor.h"
#include "itriggerd/now.h"

#define FETCH_WAIT_MS 15000 /* how long a request waits for a fetch that is out */

void serving_init(struct serving *s, struct server *server)
{
    memset(s, 0, offsetof(struct serving, call));
    memset(&s->snapshot, 0, sizeof *s - offsetof(struct serving, snapshot));
    s->server = server;
    s->call.key[0] = '\0';
    reply_init(&s->reply);
}

static void stop_polling(struct serving *s)
{
    if (s->polls)
        atomic_fetch_sub(&s->app->pollers, 1);
    s->polls = false;
}

/* Nobody wakes the waiter after this, and no wake is under way. */
static void stop_asking(struct serving *s)
{
    if (s->asked)
        itr_source_forget(s->app->source, &s->wait);
    s->asked = false;
    stop_polling(s);
    waiting_leave(&s->server->waiting, &s->waiter);
}

void serving_clear(struct serving *s)
{
    stop_asking(s);
    snapshot_release(s->snapshot);
    s->snapshot = NULL;
    itr_wipe(s->call.key, strlen(s->call.key));
    reply_clear(&s->reply);
}

/* ---- the answer ---- */

static void count(atomic_uint_fast64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static void say_token(struct serving *s)
{
    count(&s->app->counters->tokens);
    if (s->call.route->vendor)
        reply_vendor_token(&s->reply, s->wait.token);
    else
        reply_token(&s->reply, s->wait.token, now_mono());
}

static void say_failure(struct serving *s, const struct itr_error *e)
{
    count(&s->app->counters->failures);
    if (s->call.route->vendor)
        reply_vendor_failure(&s->reply, e);
    else
        reply_failure(&s->reply, e);
    count(&s->app->counters->errors[request_code_index(s->reply.code)]);
}

/* What was refused is all there is, because of something else than that refusal: a fetch that
 * failed. (A refusal that is held back as such, kind token without a code of the gateway's, is told
 * by answering with the same fence.) */
static bool fails_for_refused(const struct serving *s)
{
    const struct itr_error *e = &s->wait.error;

    return s->reported && e->kind != ITR_OK && s->wait.token->fence <= s->call.refused &&
           (e->kind != ITR_TOKEN || e->has_code);
}

static void say(struct serving *s)
{
    if (s->wait.token == NULL || fails_for_refused(s))
        say_failure(s, &s->wait.error);
    else
        say_token(s);
}

/* ---- asking ---- */

static void fill_ask(struct serving *s, struct itr_token_ask *ask)
{
    const struct api_call *c = &s->call;

    *ask = (struct itr_token_ask){0};
    if (c->route->what == API_REFRESH) {
        s->reported = true;
        ask->refused_fence = c->refused;
        ask->refresh = c->refused == 0;
    } else if (s->polls) {
        ask->newer_than = c->newer_than;
    }
}

static void fail_busy(struct serving *s, const char *why)
{
    struct itr_error e;

    (void)itr_error_set(&e, ITR_TIMEOUT, "%s", why);
    say_failure(s, &e);
}

/* A higher fence than ours was refused, and that token is ours by now: it was another itriggerd's.
 */
static bool is_that_one(const struct serving *s)
{
    return s->call.refused != 0 && s->wait.token != NULL && s->wait.error.kind == ITR_OK &&
           s->wait.token->fence == s->call.refused && s->wait.origin != ITR_FROM_MEMORY;
}

static enum serve_result finish(struct serving *s)
{
    say(s);
    stop_asking(s);
    return SERVE_DONE;
}

/* Asks once; whether the answer is there. */
static bool ask(struct serving *s)
{
    struct itr_token_ask what;

    fill_ask(s, &what);
    s->wait.wake = waiter_wake;
    s->wait.ctx = &s->waiter;
    s->asked = true;
    return itr_source_ask(s->app->source, &what, &s->wait);
}

static enum serve_result ask_and_wait(struct serving *s, int64_t wait_ms)
{
    if (!waiting_enter(&s->server->waiting, &s->waiter, now_mono() + wait_ms)) {
        stop_polling(s);
        fail_busy(s, "too many requests wait for a token here");
        return SERVE_DONE;
    }
    return ask(s) ? finish(s) : SERVE_WAIT;
}

/* The usual case takes no place among those who wait: the token is at hand. */
static bool ask_for_held(struct serving *s)
{
    struct itr_token_ask what = {0};

    if (s->call.route->what != API_TOKEN || (s->call.newer_than != 0 && !s->past_poll))
        return false;
    s->wait.wake = NULL;
    s->asked = true;
    if (itr_source_ask(s->app->source, &what, &s->wait))
        return true;
    itr_source_forget(s->app->source, &s->wait);
    s->asked = false;
    return false;
}

static enum serve_result begin_asking(struct serving *s)
{
    app_note_use(s->app);
    if (s->call.route->what == API_REFRESH)
        count(s->call.refused != 0 ? &s->app->counters->refusals : &s->app->counters->asked);
    if (ask_for_held(s))
        return finish(s);
    s->polls = s->call.newer_than != 0 && s->call.wait_ms > 0 && s->call.route->what == API_TOKEN &&
               !s->past_poll;
    if (s->polls)
        atomic_fetch_add(&s->app->pollers, 1);
    return ask_and_wait(s, s->polls ? s->call.wait_ms : FETCH_WAIT_MS);
}

static enum serve_result go_on(struct serving *s)
{
    bool polled = s->polls;

    if (itr_wait_is_ready(&s->wait)) {
        if (!is_that_one(s) || s->past_poll)
            return finish(s);
        stop_asking(s);
        s->past_poll = true; /* once more only */
        return ask_and_wait(s, FETCH_WAIT_MS);
    }
    stop_asking(s);
    if (polled && !atomic_load(&s->server->draining)) {
        s->past_poll = true;
        return begin_asking(s);
    }
    fail_busy(s, "the token is still being fetched");
    return SERVE_DONE;
}

/* ---- who may ---- */

/* False: the reply says why not. */
static bool admit(struct serving *s, bool trusted)
{
    const struct api_call *c = &s->call;
    const struct client *client = NULL;

    if (!trusted && (client = snapshot_client(s->snapshot, c->key, strlen(c->key))) == NULL) {
        api_say_no_key(c, &s->reply);
        return false;
    }
    s->app = snapshot_app(s->snapshot, c->app_id);
    if (client != NULL && !client->all && (s->app == NULL || !client_may(client, s->app)))
        api_say_no_right(c, &s->reply); /* nor does it learn which apps there are */
    else if (s->app == NULL)
        api_say_no_app(c, &s->reply);
    else
        return true;
    s->app = NULL;
    return false;
}

static void say_ready(struct serving *s)
{
    int64_t now = now_mono();
    size_t i, missing = 0;

    for (i = 0; i < s->snapshot->n_apps; i++)
        missing += !app_is_ready(s->snapshot->apps[i], now);
    if (missing == 0)
        reply_say(&s->reply, 200, 200, "ok");
    else
        reply_say(&s->reply, 503, 503, "an app has no usable token");
}

/* Who may see the page and the metrics sees those of its own apps; NULL: all. */
static bool admit_monitor(struct serving *s, bool trusted, const struct client **client)
{
    const struct api_call *c = &s->call;

    *client = NULL;
    if (trusted || s->snapshot->open_status)
        return true;
    if ((*client = snapshot_client(s->snapshot, c->key, strlen(c->key))) == NULL)
        api_say_no_key(c, &s->reply);
    return *client != NULL;
}

static enum serve_result begin(struct serving *s, const struct api_request *request, bool trusted)
{
    const struct client *client;

    if (!api_read(request, &s->call, &s->reply))
        return SERVE_DONE;
    s->snapshot = server_snapshot(s->server);
    switch (s->call.route->what) {
    case API_HEALTH:
        reply_say(&s->reply, 200, 200, "ok");
        return SERVE_DONE;
    case API_READY:
        say_ready(s);
        return SERVE_DONE;
    case API_METRICS:
        if (admit_monitor(s, trusted, &client))
            monitor_metrics(s->server, s->snapshot, client, &s->reply);
        return SERVE_DONE;
    case API_PAGE:
        if (admit_monitor(s, trusted, &client))
            monitor_page(s->snapshot, client, page_language_of(request->accept_language),
                         &s->reply);
        return SERVE_DONE;
    case API_TOKEN:
    case API_REFRESH:
        break;
    }
    return admit(s, trusted) ? begin_asking(s) : SERVE_DONE;
}

/* ---- what is counted of it ---- */

static enum request_kind kind_of(const struct api_call *c)
{
    if (c->route == NULL)
        return REQUEST_OTHER;
    if (c->route->what == API_TOKEN)
        return c->wait_ms > 0 ? REQUEST_POLL : REQUEST_TOKEN;
    return c->route->what == API_REFRESH ? REQUEST_REFRESH : REQUEST_OTHER;
}

static enum serve_result note(struct serving *s, enum serve_result result)
{
    if (result == SERVE_DONE)
        request_metrics_note(&s->server->requests, kind_of(&s->call), s->reply.code,
                             now_mono() - s->begun_mono_ms);
    return result;
}

enum serve_result serve_begin(struct serving *s, const struct api_request *request, bool trusted)
{
    s->begun_mono_ms = now_mono();
    return note(s, begin(s, request, trusted));
}

enum serve_result serve_again(struct serving *s)
{
    return note(s, go_on(s));
}
