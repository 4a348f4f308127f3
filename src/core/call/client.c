#include "core/call/client.h"

#include <stdlib.h>

#include "core/base/bound.h"
#include "core/call/trace.h"
#include "core/os/fork.h"

/*
 * A call that was started is in one of three lists: `todo` (needs a token, waits, or is about to be
 * sent), `sent` (the transport has it), or its group's `completed`. A round pushes all of todo as
 * far as they go, then waits for an answer, a token (the source wakes the transport) or the nearest
 * time in todo.
 */
struct itr_client {
    struct itr_config config;                    /* ours; of a sibling, the other's */
    bool sibling;                                /* made by itr_client_sibling */
    const struct itr_clock *clock;               /* borrowed, static */
    const struct itr_transport_factory *factory; /* borrowed, static; NULL: */
    struct itr_transport_maker maker;            /* opens the transport instead */
    struct itr_transport *transport;             /* ours; NULL after a fork until opened again */
    unsigned generation;                         /* of the process that opened it (fork.h) */
    struct itr_source *source;                   /* counted */
    struct itr_list todo, sent;                  /* of borrowed calls (their `node`) */
    struct itr_list ready;                       /* of borrowed groups (their `node`) */
    struct itr_client_counters counters;
};

static struct itr_call *call_of(struct itr_list *node)
{
    return node == NULL ? NULL : ITR_CONTAINER(node, struct itr_call, node);
}

static struct itr_call_group *group_of(struct itr_list *node)
{
    return node == NULL ? NULL : ITR_CONTAINER(node, struct itr_call_group, node);
}

static struct itr_call *first_call(const struct itr_list *list)
{
    return call_of(itr_list_first(list));
}

static struct itr_call *next_call(const struct itr_list *list, const struct itr_call *call)
{
    return call_of(itr_list_next(list, &call->node));
}

static bool is_completed(const struct itr_call *call)
{
    return call->step == ITR_CALL_DONE || call->step == ITR_CALL_FAILED;
}

static int64_t now_mono_ms(const struct itr_client *c)
{
    return itr_clock_mono_ms(c->clock);
}

/* Has the group's party look again. */
static void announce(struct itr_client *c, struct itr_call_group *g)
{
    if (!itr_list_is_linked(&g->node))
        itr_list_append(&c->ready, &g->node);
}

/* ---- lifetime ---- */

static enum itr_status open_transport(struct itr_client *c, struct itr_error *e)
{
    struct itr_transport_options options;

    itr_config_transport(&c->config, &options);
    c->generation = itr_fork_generation();
    if (c->factory == NULL)
        return c->maker.open(c->maker.ctx, &options, &c->transport, e);
    return c->factory->open(&options, &c->transport, e);
}

static struct itr_client *make(const struct itr_config *config, const struct itr_clock *clock)
{
    struct itr_client *c = calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    c->config = *config;
    c->clock = clock;
    itr_list_init(&c->todo);
    itr_list_init(&c->sent);
    itr_list_init(&c->ready);
    return c;
}

enum itr_status itr_client_new(struct itr_config *config, const struct itr_parts *parts,
                               struct itr_client **out, struct itr_error *e)
{
    struct itr_client *c = make(config, parts->clock);
    enum itr_status s;

    *out = NULL;
    if (c == NULL)
        return itr_error_set(e, ITR_NOMEM, "no memory");
    c->factory = parts->transport;

    /* The transport first: its library's exit handlers must be registered before ours. */
    if ((s = open_transport(c, e)) != ITR_OK)
        goto err0;
    if ((s = itr_source_open(&c->config, parts, &c->source, e)) != ITR_OK)
        goto err1;
    itr_config_init(config); /* the client now owns its strings */
    *out = c;
    return ITR_OK;

err1:
    c->transport->ops->free(c->transport);
err0:
    free(c);
    return s;
}

enum itr_status itr_client_sibling(const struct itr_client *c,
                                   const struct itr_transport_maker *maker, struct itr_client **out,
                                   struct itr_error *e)
{
    struct itr_client *made = make(&c->config, c->clock);
    enum itr_status s;

    *out = NULL;
    if (made == NULL)
        return itr_error_set(e, ITR_NOMEM, "no memory");
    made->sibling = true;
    made->maker = *maker;
    if ((s = open_transport(made, e)) != ITR_OK) {
        free(made);
        return s;
    }
    made->source = itr_source_retain(c->source);
    *out = made;
    return ITR_OK;
}

static void close_transport(struct itr_client *c)
{
    if (c->transport == NULL)
        return;
    itr_source_await_wakes(c->source); /* one may be about to touch it */
    if (c->generation == itr_fork_generation())
        c->transport->ops->free(c->transport);
    else
        c->transport->ops->abandon(c->transport);
    c->transport = NULL;
}

void itr_client_free(struct itr_client *c)
{
    struct itr_call *call;

    if (c == NULL)
        return;
    while ((call = first_call(&c->todo)) != NULL || (call = first_call(&c->sent)) != NULL)
        itr_client_cancel(c, call);
    while (itr_list_take_first(&c->ready) != NULL)
        ;
    close_transport(c);
    itr_source_release(c->source);
    if (!c->sibling)
        itr_config_clear(&c->config);
    free(c);
}

const struct itr_config *itr_client_config(const struct itr_client *c)
{
    return &c->config;
}

const struct itr_client_counters *itr_client_counters(const struct itr_client *c)
{
    return &c->counters;
}

struct itr_source *itr_client_source(const struct itr_client *c)
{
    return c->source;
}

/* ---- one call ---- */

/* Leaves the source's queue. */
static void stop_asking(struct itr_client *c, struct itr_call *call)
{
    if (call->asked)
        itr_source_forget(c->source, &call->wait);
    call->asked = false;
}

/* It is DONE or FAILED: moves it from its list to its group's. */
static void complete(struct itr_client *c, struct itr_call *call)
{
    itr_list_remove(&call->node);
    call->elapsed_us = itr_clock_mono_us(c->clock) - call->started_mono_us;
    c->counters.refused += call->n_refused;
    c->counters.repeated += call->n_repeated;
    call->group->n_pending--;
    itr_list_append(&call->group->completed, &call->node);
    announce(c, call->group);
}

/* As the wake of a wait for a token; ctx: the transport. */
static void wake(void *ctx)
{
    struct itr_transport *t = ctx;

    t->ops->wake(t);
}

/* TOKEN: asks once, then takes the answer when it is there; at half of its time the token that is
 * held, if that is not doubted: the rest is for the call itself. */
static void push_token(struct itr_client *c, struct itr_call *call, int64_t now)
{
    struct itr_token_ask ask;

    if (!call->asked) {
        ask = itr_call_ask(call);
        call->wait.wake = wake;
        call->wait.ctx = c->transport;
        call->asked = true;
        call->take_held_mono_ms = now + (call->deadline_mono_ms - now) / 2;
        (void)itr_source_ask(c->source, &ask, &call->wait);
    }
    if (now >= call->take_held_mono_ms) {
        call->take_held_mono_ms = INT64_MAX;
        (void)itr_source_take_held(c->source, &call->wait);
    }
    if (itr_wait_is_ready(&call->wait)) {
        call->asked = false;
        itr_call_token(call, now, call->wait.token, &call->wait.error);
        call->wait.token = NULL; /* the call now owns it */
    } else if (now >= call->deadline_mono_ms) {
        stop_asking(c, call);
        itr_call_expired(call);
    }
}

static void send(struct itr_client *c, struct itr_call *call, int64_t now)
{
    struct itr_error e;

    if (now < call->deadline_mono_ms && !itr_pace_take(&call->group->pace, now)) {
        itr_call_postpone(call, itr_pace_turn_mono_ms(&call->group->pace, now, 0));
        announce(c, call->group); /* it waits for something else now */
        return;
    }
    itr_call_request(call, now);
    if (call->step != ITR_CALL_SEND)
        return;
    itr_list_remove(&call->node);
    if (c->transport->ops->start(c->transport, &call->exchange, &e) == ITR_OK) {
        itr_list_append(&c->sent, &call->node);
        call->n_sent++;
        return;
    }
    if (e.kind == ITR_NETWORK) /* this time nothing began */
        e.retryable = !call->executed;
    itr_call_abort(call, &e);
}

static void push_wait(struct itr_call *call, int64_t now)
{
    if (now >= call->deadline_mono_ms)
        itr_call_expired(call);
    else if (now >= call->wait_until_mono_ms)
        itr_call_waited(call);
}

/* Pushes a call of `todo` as far as it goes. */
static void push(struct itr_client *c, struct itr_call *call, int64_t now)
{
    if (call->step == ITR_CALL_TOKEN)
        push_token(c, call, now);
    if (call->step == ITR_CALL_WAIT)
        push_wait(call, now);
    if (call->step == ITR_CALL_SEND)
        send(c, call, now);
    if (is_completed(call))
        complete(c, call);
}

/* The gateway wants less: of this group, for no longer than a call would wait. */
static void slow_down(const struct itr_client *c, struct itr_call *call, int64_t now)
{
    int64_t until = now + itr_min64(itr_call_slow_down_ms(call), c->config.timeout_ms);

    call->group->slow_until_mono_ms = itr_max64(call->group->slow_until_mono_ms, until);
}

/* An answer came: judges it, and pushes the call on if it is not completed. */
static void take_answer(struct itr_client *c, struct itr_call *call)
{
    int64_t now = now_mono_ms(c);
    uint64_t random = call->exchange.response.carried == ITR_OK ? 0 : itr_clock_random(c->clock);

    if (call->exchange.response.http_status >= 429)
        random = itr_clock_random(c->clock);
    itr_call_answered(call, now, random);
    if (c->config.trace)
        itr_trace_call(call);
    if (call->exchange.response.http_status == 429)
        slow_down(c, call, now);
    itr_list_remove(&call->node);
    if (!is_completed(call))
        itr_list_append(&c->todo, &call->node);
    push(c, call, now);
    /* It waits for something else now: what its party was told of the next look no longer holds. */
    if (call->step == ITR_CALL_TOKEN || call->step == ITR_CALL_WAIT)
        announce(c, call->group);
}

/* ---- forks ---- */

/* Ends every call of the list with this error. */
static void fail_all(struct itr_client *c, struct itr_list *list, const struct itr_error *e)
{
    struct itr_call *call;

    while ((call = first_call(list)) != NULL) {
        stop_asking(c, call);
        itr_call_abort(call, e);
        complete(c, call);
    }
}

/* In the child of a fork: what was sent is the parent's, who waited for a token asks again. */
static void start_anew(struct itr_client *c)
{
    struct itr_call *call;
    struct itr_error e;

    itr_error_set(
        &e, ITR_NETWORK,
        "the process forked while this call was in flight; the call belongs to the parent");
    fail_all(c, &c->sent, &e);
    for (call = first_call(&c->todo); call != NULL; call = next_call(&c->todo, call))
        stop_asking(c, call);
    close_transport(c);
}

/* Opens the transport if there is none: after a fork the child makes its own connections. */
static enum itr_status ensure_transport(struct itr_client *c, struct itr_error *e)
{
    if (c->generation != itr_fork_generation())
        start_anew(c);
    return c->transport != NULL ? ITR_OK : open_transport(c, e);
}

/* Without a transport nothing of todo can be done. */
static bool can_drive(struct itr_client *c)
{
    struct itr_error e;

    if (ensure_transport(c, &e) == ITR_OK)
        return true;
    fail_all(c, &c->todo, &e);
    return false;
}

/* ---- all calls ---- */

static void push_all(struct itr_client *c, int64_t now)
{
    struct itr_call *call, *next;

    for (call = first_call(&c->todo); call != NULL; call = next) {
        next = next_call(&c->todo, call);
        push(c, call, now);
    }
}

/* When todo wants attention next, of one group or (NULL) of all; INT64_MAX: never. */
static int64_t nearest(const struct itr_client *c, const struct itr_call_group *g)
{
    const struct itr_call *call;
    int64_t at = INT64_MAX;

    for (call = first_call(&c->todo); call != NULL; call = next_call(&c->todo, call)) {
        if (g != NULL && call->group != g)
            continue;
        at = itr_min64(at, call->deadline_mono_ms);
        if (call->step == ITR_CALL_WAIT)
            at = itr_min64(at, call->wait_until_mono_ms);
        if (call->step == ITR_CALL_TOKEN && call->asked)
            at = itr_min64(at, call->take_held_mono_ms);
    }
    return at;
}

/* As a transport's wait and an event loop's sleep take it. */
static int64_t ms_until(int64_t at, int64_t now)
{
    return at == INT64_MAX ? -1 : itr_max64(at - now, 0);
}

static void add_call(struct itr_client *c, struct itr_call_group *g, struct itr_call *call,
                     int64_t now)
{
    call->group = g;
    g->n_pending++;
    itr_list_append(&c->todo, &call->node);
    push(c, call, now);
}

enum itr_status itr_client_start(struct itr_client *c, struct itr_call_group *g,
                                 struct itr_call *call, struct itr_error *e)
{
    int64_t now_us = itr_clock_mono_us(c->clock), now = now_us / 1000;
    enum itr_status s = ensure_transport(c, e);

    if (s != ITR_OK)
        return s;
    c->counters.calls++;
    call->started_mono_us = now_us;
    itr_call_begin(call, now);
    add_call(c, g, call, now);
    return ITR_OK;
}

enum itr_status itr_client_restart(struct itr_client *c, struct itr_call_group *g,
                                   struct itr_call *call, struct itr_error *e)
{
    enum itr_status s = ensure_transport(c, e);

    if (s != ITR_OK)
        return s;
    c->counters.refused -= call->n_refused; /* counted again at the end */
    c->counters.repeated -= call->n_repeated;
    itr_call_restart(call);
    add_call(c, g, call, now_mono_ms(c));
    return ITR_OK;
}

/* Drives all until one of the group's is completed, none of it is pending, or it is `until`. */
static void drive(struct itr_client *c, struct itr_call_group *g, int64_t until)
{
    while (itr_list_is_empty(&g->completed)) {
        struct itr_exchange *x;
        int64_t now = now_mono_ms(c);

        push_all(c, now);
        if (!itr_list_is_empty(&g->completed) || until <= now ||
            (g->n_pending == 0 && until == INT64_MAX))
            return;
        x = c->transport->ops->wait(c->transport,
                                    ms_until(itr_min64(nearest(c, NULL), until), now));
        if (x != NULL)
            take_answer(c, x->owner);
    }
}

/* Takes the group's oldest completed call. */
static struct itr_call *take(struct itr_call_group *g)
{
    struct itr_call *call = call_of(itr_list_take_first(&g->completed));

    if (itr_list_is_empty(&g->completed))
        itr_list_remove(&g->node); /* its party knows of all that it has */
    return call;
}

struct itr_call *itr_client_next(struct itr_client *c, struct itr_call_group *g,
                                 int64_t until_mono_ms)
{
    if (can_drive(c))
        drive(c, g, until_mono_ms);
    return take(g);
}

void itr_client_pump(struct itr_client *c)
{
    struct itr_exchange *x;

    if (!can_drive(c))
        return;
    push_all(c, now_mono_ms(c));
    while ((x = c->transport->ops->wait(c->transport, 0)) != NULL)
        take_answer(c, x->owner);
}

struct itr_call *itr_client_look(struct itr_client *c, struct itr_call_group *g, int64_t *wait_ms)
{
    if (itr_list_is_empty(&g->completed))
        itr_client_pump(c);
    *wait_ms = ms_until(nearest(c, g), now_mono_ms(c));
    return take(g);
}

/* How many of the group's calls want the next turn, or will when their token is there. */
static size_t count_waiting(const struct itr_client *c, const struct itr_call_group *g, int64_t now)
{
    int64_t turn = itr_max64(now, itr_pace_turn_mono_ms(&g->pace, now, 0));
    const struct itr_call *call;
    size_t n = 0;

    for (call = first_call(&c->todo); call != NULL; call = next_call(&c->todo, call))
        if (call->group == g && (call->step != ITR_CALL_WAIT || call->wait_until_mono_ms <= turn))
            n++;
    return n;
}

int64_t itr_client_pause_ms(const struct itr_client *c, const struct itr_call_group *g)
{
    int64_t at = g->slow_until_mono_ms, now, turn;

    if (at == 0 && !itr_pace_is_set(&g->pace))
        return 0;
    now = now_mono_ms(c);
    if (itr_pace_is_set(&g->pace)) {
        turn = itr_pace_turn_mono_ms(&g->pace, now, count_waiting(c, g, now));
        at = itr_max64(at, turn);
    }
    return itr_max64(at - now, 0);
}

void itr_client_put_back(struct itr_client *c, struct itr_call_group *g, struct itr_call *call)
{
    itr_list_append(g->completed.next, &call->node); /* before the first: it is the oldest */
    announce(c, g);
}

struct itr_call_group *itr_client_ready(struct itr_client *c)
{
    return group_of(itr_list_take_first(&c->ready));
}

void itr_client_cancel(struct itr_client *c, struct itr_call *call)
{
    if (c->generation != itr_fork_generation())
        start_anew(c);
    if (!itr_list_is_linked(&call->node)) /* taken already */
        return;
    itr_list_remove(&call->node);
    if (is_completed(call))
        return;
    stop_asking(c, call);
    if (call->step == ITR_CALL_SEND)
        c->transport->ops->cancel(c->transport, &call->exchange);
    call->group->n_pending--;
}

void itr_client_forget(struct itr_client *c, struct itr_call_group *g)
{
    (void)c;
    itr_list_remove(&g->node);
}

enum itr_status itr_client_run(struct itr_client *c, struct itr_call *call, struct itr_error *e)
{
    struct itr_call_group alone;
    enum itr_status s;

    itr_call_group_init(&alone, NULL);
    if ((s = itr_client_start(c, &alone, call, e)) != ITR_OK)
        return s;
    (void)itr_client_next(c, &alone, INT64_MAX);
    itr_client_forget(c, &alone);
    return ITR_OK;
}

/* ---- the token alone ---- */

enum itr_status itr_client_check_ask(const struct itr_client *c, const struct itr_token_ask *ask,
                                     struct itr_error *e)
{
    if (ask->min_valid_ms > c->config.token_ttl_ms)
        return itr_error_set(e, ITR_USAGE,
                             "min_valid is more than token_ttl, the lifetime of a token");
    return ITR_OK;
}

enum itr_status itr_client_ask(struct itr_client *c, const struct itr_token_ask *ask,
                               struct itr_wait *w, struct itr_error *e)
{
    enum itr_status s = ensure_transport(c, e);

    if (s != ITR_OK || (s = itr_client_check_ask(c, ask, e)) != ITR_OK)
        return s;
    w->wake = wake;
    w->ctx = c->transport;
    (void)itr_source_ask(c->source, ask, w);
    return ITR_OK;
}

void itr_client_await(struct itr_client *c, struct itr_wait *w, int64_t until_mono_ms)
{
    while (!itr_wait_is_ready(w)) {
        int64_t now = now_mono_ms(c);
        struct itr_exchange *x;

        if (now >= until_mono_ms)
            return;
        x = c->transport->ops->wait(c->transport, until_mono_ms - now);
        if (x != NULL)
            take_answer(c, x->owner);
    }
}

enum itr_status itr_client_ask_answer(struct itr_source *source, const struct itr_token_ask *ask,
                                      struct itr_wait *w, int64_t now_mono_ms, int64_t timeout_ms,
                                      struct itr_token **token, struct itr_error *e)
{
    *token = NULL;
    if (!itr_source_take_held(source, w)) {
        itr_error_set(e, ITR_TIMEOUT, "no token came within %lld ms", (long long)timeout_ms);
        e->retryable = true;
        return ITR_TIMEOUT;
    }
    *token = w->token; /* the caller now owns it */
    w->token = NULL;
    itr_error_copy(e, &w->error);
    if (*token == NULL)
        return e->kind;
    /* A fetch ahead of time that failed is no news for who has a token as good as was asked for. */
    if (!ask->refresh && now_mono_ms + ask->min_valid_ms < (*token)->end_mono_ms)
        itr_error_clear(e);
    return ITR_OK;
}

enum itr_status itr_client_token(struct itr_client *c, const struct itr_token_ask *ask,
                                 int64_t timeout_ms, struct itr_token **token,
                                 enum itr_token_origin *origin, struct itr_error *e)
{
    struct itr_wait w;
    enum itr_status s;

    *token = NULL;
    if ((s = itr_client_ask(c, ask, &w, e)) != ITR_OK)
        return s;
    itr_client_await(c, &w, now_mono_ms(c) + timeout_ms);
    s = itr_client_ask_answer(c->source, ask, &w, now_mono_ms(c), timeout_ms, token, e);
    *origin = w.origin;
    if (s == ITR_TIMEOUT)
        itr_source_forget(c->source, &w); /* it may still be in the queue */
    return s;
}
