#include "itriggerd/serve.h"

#include <stddef.h>
#include <string.h>

#include "core/base/bound.h"
#include "itriggerd/log.h"
#include "itriggerd/monitor.h"
#include "itriggerd/now.h"

#define FETCH_WAIT_MS 15000 /* how long a request waits for a fetch in flight */
#define LOOK_WAIT_MS                                                                               \
    1500                   /* ... for a token of another itriggerd: the store is read each second  \
                            */
#define CHECK_WAIT_MS 3000 /* ... for the gateway to say whether the held token is good */

void serving_init(struct serving *s, struct server *server)
{
    memset(s, 0, offsetof(struct serving, call));
    memset(&s->begun_mono_ms, 0, sizeof *s - offsetof(struct serving, begun_mono_ms));
    s->server = server;
    s->call.key[0] = '\0';
    s->call.route = NULL;
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
    s->waiter.checks = NULL;
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

static void count(struct serving *s, enum app_count which)
{
    counters_add(s->app->counters, which);
}

static void count_of_client(struct serving *s, enum client_count which)
{
    if (s->client != NULL)
        counters_add(s->client->counters, which);
}

static void say_token(struct serving *s)
{
    count(s, APP_TOKENS);
    reply_token(&s->reply, s->wait.token, now_mono(), s->call.route->vendor);
}

static void say_failure(struct serving *s, const struct itr_error *e)
{
    count_of_client(s, CLIENT_FAILURES);
    reply_failure(&s->reply, e, s->call.route->vendor);
    counters_add(s->app->counters, APP_ERRORS + request_code_index(s->reply.code));
}

/* What was refused is all there is, because of something else than that refusal: a fetch that
 * failed. (A refusal that is held back as such, kind token without a code of the gateway's, is
 * answered with the same fence.) */
static bool fails_for_refused(const struct serving *s)
{
    const struct itr_error *e = &s->wait.error;

    return s->reported && e->kind != ITR_OK && s->wait.token->fence <= s->call.refused &&
           (e->kind != ITR_TOKEN || e->has_code);
}

static void say_answer(struct serving *s)
{
    if (s->wait.token == NULL || fails_for_refused(s))
        say_failure(s, &s->wait.error);
    else
        say_token(s);
}

/* ---- rights ---- */

/* A monitor has no right to a token; a client to its own apps, nor does it learn which there are.
 */
static bool lacks_right(const struct client *client, const struct app *app)
{
    return client->monitor || (!client->all && (app == NULL || !client_may(client, app)));
}

/* False: the reply says why not. */
static bool check_rights(struct serving *s, const struct client *client, struct app *app)
{
    const struct api_call *c = &s->call;

    if (!s->trusted && client == NULL)
        api_say_no_key(c, &s->reply);
    else if (client != NULL && lacks_right(client, app))
        api_say_no_right(c, &s->reply);
    else if (app == NULL)
        api_say_no_app(c, &s->reply);
    else
        return true;
    return false;
}

static bool admit(struct serving *s)
{
    struct app *app = snapshot_app(s->snapshot, s->call.app_id);

    if (!check_rights(s, s->client, app))
        return false;
    s->app = app;
    return true;
}

/* A reload may have taken the key away while the request waited. */
static bool is_still_admitted(struct serving *s)
{
    struct snapshot *now;
    bool may;
    int key;

    if (!s->waited)
        return true;
    now = server_snapshot(s->server);
    may = now == s->snapshot ||
          check_rights(s, snapshot_client(now, s->call.key, strlen(s->call.key), &key),
                       snapshot_app(now, s->call.app_id));
    snapshot_release(now);
    return may;
}

/* ---- asking ---- */

/* A number that is the client's, over reloads too. */
static uint64_t who_asks(const struct serving *s)
{
    uint64_t client = s->client != NULL ? (uint64_t)(uintptr_t)s->client->counters >> 4 : 0;

    return (client ^ s->peer) * UINT64_C(0x9e3779b97f4a7c15) >> 16;
}

/* 0: over a Unix socket. */
static size_t budget_of(const struct serving *s)
{
    return s->client != NULL ? s->client->budget : 0;
}

static enum serve_result finish(struct serving *s)
{
    if (is_still_admitted(s))
        say_answer(s);
    /* What was reported is all there is: is it refused indeed? */
    if (s->reported && s->wait.token != NULL && s->wait.token->fence <= s->call.refused)
        (void)server_want_check(s->server, s->app);
    stop_asking(s);
    return SERVE_DONE;
}

static enum serve_result fail_busy(struct serving *s, const char *why)
{
    struct itr_error e;

    (void)itr_error_set(&e, ITR_TIMEOUT, "%s", why);
    stop_asking(s);
    if (is_still_admitted(s))
        say_failure(s, &e);
    return SERVE_DONE;
}

/* Asks once; whether the answer is there. */
static bool ask(struct serving *s, const struct itr_token_ask *what, bool wakes)
{
    s->wait.wake = wakes ? waiter_wake : NULL;
    s->wait.ctx = &s->waiter;
    s->asked = true;
    return itr_source_ask(s->app->source, what, &s->wait);
}

/* The usual case takes no place among those who wait: the token is there. */
static bool ask_for_held(struct serving *s)
{
    static const struct itr_token_ask any = {0};

    if (ask(s, &any, false))
        return true;
    itr_source_forget(s->app->source, &s->wait);
    s->asked = false;
    return false;
}

static enum serve_result ask_and_wait(struct serving *s, enum serve_waits waits,
                                      const struct itr_token_ask *what, int64_t wait_ms);

/* The reported token came from the store meanwhile: now it is the held one that was refused. */
static bool has_reported_one(const struct serving *s)
{
    return s->call.refused != 0 && s->wait.token != NULL && s->wait.error.kind == ITR_OK &&
           s->wait.token->fence == s->call.refused &&
           (s->waits == SERVE_WAITS_LOOK || s->wait.origin != ITR_FROM_MEMORY);
}

/* The answer is there: say it, or report that very token, once. */
static enum serve_result take_answer(struct serving *s)
{
    const struct itr_token_ask refused = {.refused_fence = s->call.refused};

    if (s->past_look || !has_reported_one(s))
        return finish(s);
    stop_asking(s);
    s->past_look = true;
    return ask_and_wait(s, SERVE_WAITS_FETCH, &refused, FETCH_WAIT_MS);
}

/* What is asked has its effect also where there is no place to wait for the answer. */
static enum serve_result ask_and_wait(struct serving *s, enum serve_waits waits,
                                      const struct itr_token_ask *what, int64_t wait_ms)
{
    bool room;

    s->waits = waits;
    s->waiter.polls = s->polls;
    s->waiter.client = s->client != NULL ? s->client->counters : NULL;
    s->waiter.app = s->app->counters;
    room = waiting_enter(&s->server->waiting, &s->waiter, now_mono() + wait_ms);
    if (ask(s, what, room))
        return take_answer(s);
    if (!room)
        return fail_busy(s, "too many requests are waiting for a token; try again");
    s->waited = true;
    return SERVE_WAIT;
}

static enum serve_result poll_newer(struct serving *s)
{
    const struct itr_token_ask news = {.newer_than = s->call.newer_than};
    int64_t wait_ms = s->call.wait_ms;

    s->polls = true;
    atomic_fetch_add(&s->app->pollers, 1);
    /* A fence from before the store was lost would wait in vain. */
    if (s->call.newer_than > atomic_load(&s->app->fence))
        wait_ms = itr_min64(wait_ms, LOOK_WAIT_MS);
    server_want_look(s->server);
    return ask_and_wait(s, SERVE_WAITS_NEWER, &news, wait_ms);
}

/* A drop-in client cannot say that the gateway rejected its token; it can only come back. */
static enum serve_result check_held(struct serving *s)
{
    const struct itr_token_ask news = {.newer_than = atomic_load(&s->app->fence)};
    enum serve_result result;

    s->past_check = true;
    s->waiter.checks = s->app;
    result = ask_and_wait(s, SERVE_WAITS_CHECK, &news, CHECK_WAIT_MS);
    if (result == SERVE_WAIT && !server_want_check(s->server, s->app))
        waiting_wake_checks(&s->server->waiting, s->app); /* it was checked just now */
    return result;
}

static enum serve_result get_token(struct serving *s)
{
    static const struct itr_token_ask any = {0};
    const struct api_call *c = &s->call;

    if (c->newer_than != 0 && c->wait_ms > 0 && !s->past_poll)
        return poll_newer(s);
    if (c->route->vendor && !s->past_check &&
        app_note_drop_in(s->app, who_asks(s), atomic_load(&s->app->fence), now_mono()))
        return check_held(s);
    return ask_for_held(s) ? finish(s) : ask_and_wait(s, SERVE_WAITS_FETCH, &any, FETCH_WAIT_MS);
}

/* A report of the token with that fence. */
static enum serve_result report(struct serving *s)
{
    const struct itr_token_ask refused = {.refused_fence = s->call.refused}, any = {0};
    const struct itr_token_ask news = {.newer_than = s->call.refused - 1};
    uint64_t held = atomic_load(&s->app->fence);

    s->reported = true;
    if (held == 0 || s->call.refused <= held)
        return ask_and_wait(s, SERVE_WAITS_FETCH, &refused, FETCH_WAIT_MS);
    /* Above the held one's it is another itriggerd's, or nobody's: it costs a look, not a fetch. */
    if (s->past_look)
        return ask_and_wait(s, SERVE_WAITS_FETCH, &any, FETCH_WAIT_MS);
    server_want_look(s->server);
    return ask_and_wait(s, SERVE_WAITS_LOOK, &news, LOOK_WAIT_MS);
}

static enum serve_result refresh(struct serving *s)
{
    struct itr_token_ask what = {.refresh = true};

    if (!app_may_spend(s->app, budget_of(s), itr_clock_wall_ms(itr_clock_system()))) {
        count(s, APP_SAVED);
        what.refresh = false;
    }
    return ask_and_wait(s, SERVE_WAITS_FETCH, &what, FETCH_WAIT_MS);
}

static void count_request(struct serving *s)
{
    const struct api_call *c = &s->call;

    count_of_client(s, CLIENT_REQUESTS);
    if (c->route->what != API_REFRESH)
        return;
    count(s, c->refused != 0 ? APP_REFUSALS : APP_ASKED);
    count_of_client(s, c->refused != 0 ? CLIENT_REFUSALS : CLIENT_REFRESHES);
}

static enum serve_result begin_asking(struct serving *s)
{
    app_note_use(s->app);
    if (s->call.route->what == API_TOKEN)
        return get_token(s);
    return s->call.refused != 0 ? report(s) : refresh(s);
}

/* ---- after waiting ---- */

static enum serve_result go_on(struct serving *s)
{
    if (itr_wait_is_ready(&s->wait))
        return take_answer(s);
    if (s->waits == SERVE_WAITS_FETCH)
        return fail_busy(s, "the token is still being fetched; try again");
    stop_asking(s);
    s->past_look = s->past_poll = true;
    return begin_asking(s);
}

/* ---- the routes ---- */

/* A load balancer leaves this one alone from the first moment of its end. */
static void say_ready(struct serving *s)
{
    int64_t now = now_mono();
    size_t i, missing = 0;

    for (i = 0; i < s->snapshot->n_apps; i++)
        missing += !app_is_ready(s->snapshot->apps[i], now);
    if (atomic_load(&s->server->draining))
        reply_say(&s->reply, 503, 503, "stopping");
    else if (missing == 0)
        reply_say(&s->reply, 200, 200, "ok");
    else
        reply_say(&s->reply, 503, 503, "an app is not ready; the status page says which and why");
}

static void say_health(struct serving *s)
{
    if (server_is_alive(s->server))
        reply_say(&s->reply, 200, 200, "ok");
    else
        reply_say(&s->reply, 503, 503, "the timer thread is stuck");
}

/* Who may see the page and the metrics sees those of its own apps; without a client: all. */
static bool admit_monitor(struct serving *s)
{
    if (s->trusted || s->client != NULL || s->snapshot->open_status)
        return true;
    api_say_no_key(&s->call, &s->reply);
    return false;
}

static enum serve_result begin(struct serving *s, const struct api_request *request)
{
    bool understood = api_read(request, &s->call, &s->reply);

    /* Also of a request that is wrong the log says whose it is, as far as its key was read. */
    s->snapshot = server_snapshot(s->server);
    if (!s->trusted)
        s->client = snapshot_client(s->snapshot, s->call.key, strlen(s->call.key), &s->key);
    s->admitted = s->trusted || s->client != NULL;
    if (!understood)
        return SERVE_DONE;
    switch (s->call.route->what) {
    case API_HEALTH:
        say_health(s);
        return SERVE_DONE;
    case API_READY:
        say_ready(s);
        return SERVE_DONE;
    case API_METRICS:
        if (admit_monitor(s))
            monitor_metrics(s->server, s->snapshot, s->client, &s->reply);
        return SERVE_DONE;
    case API_PAGE:
        if (admit_monitor(s))
            monitor_page(s->snapshot, s->client, page_language_of(request->accept_language),
                         &s->reply);
        return SERVE_DONE;
    case API_TOKEN:
    case API_REFRESH:
        break;
    }
    if (!admit(s))
        return SERVE_DONE;
    count_request(s);
    return begin_asking(s);
}

/* ---- what is counted of it ---- */

static enum serve_result note(struct serving *s, enum serve_result result)
{
    static const struct api_route none = {.kind = REQUEST_OTHER, .name = "unknown"};
    const struct api_call *c = &s->call;
    const struct api_route *route = c->route != NULL ? c->route : &none;
    bool polls = c->wait_ms > 0;
    int64_t ms;

    if (result != SERVE_DONE)
        return result;
    ms = now_mono() - s->begun_mono_ms;
    request_metrics_note(&s->server->requests, polls ? REQUEST_POLL : route->kind, s->reply.code,
                         ms);
    log_access(&(struct log_request){
        .request = polls || c->refused != 0 ? route->other_name : route->name,
        .client = s->client != NULL ? s->client->name
                  : s->trusted      ? "(socket)"
                                    : NULL,
        .key = s->key,
        .app = s->app != NULL ? s->app->name : NULL,
        .drop_in = route->vendor,
        .costs = route->what == API_REFRESH,
        .http_status = s->reply.http_status,
        .code = s->reply.code,
        .ms = ms,
    });
    return result;
}

enum serve_result serve_begin(struct serving *s, const struct api_request *request, bool trusted)
{
    s->begun_mono_ms = now_mono();
    s->peer = request->peer;
    s->trusted = s->admitted = trusted;
    return note(s, begin(s, request));
}

enum serve_result serve_again(struct serving *s)
{
    return note(s, go_on(s));
}
