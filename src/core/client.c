#include "core/client.h"

#include <stdlib.h>

#include "core/call_list.h"
#include "core/fork.h"
#include "core/trace.h"

/*
 * A call that was started is in one of three lists: `todo` (needs a token, waits, or is about to be
 * sent), `sent` (the transport has it), or its group's `over`. A round pushes all of todo as far as
 * they go, then waits for an answer, a token (the source wakes the transport) or the nearest time in
 * todo.
 */
struct itr_client {
    struct itr_config config;                    /* ours; of one beside another, the other's */
    bool beside;                                 /* made by itr_client_beside */
    const struct itr_clock *clock;               /* borrowed, static */
    const struct itr_transport_factory *factory; /* borrowed, static; NULL: */
    struct itr_carrier carrier;                  /* who makes the transport instead */
    struct itr_transport *transport;             /* ours; NULL after a fork until it is made anew */
    unsigned generation;                         /* of the process that made transport (fork.h) */
    struct itr_token_source *source;             /* counted */
    struct itr_call_list todo, sent;             /* of borrowed ones */
    struct itr_call_group *ready;                /* borrowed */
    struct itr_client_counters counters;
};

/* ---- lifetime ---- */

static enum itr_status open_transport(struct itr_client *c, struct itr_error *e)
{
    struct itr_transport_options options;

    itr_config_transport(&c->config, &options);
    c->generation = itr_fork_generation();
    if (c->factory == NULL)
        return c->carrier.open(c->carrier.ctx, &options, &c->transport, e);
    return c->factory->open(&options, &c->transport, e);
}

enum itr_status itr_client_new(struct itr_config *config, const struct itr_parts *parts,
                               struct itr_client **out, struct itr_error *e)
{
    struct itr_client *c = calloc(1, sizeof *c);
    enum itr_status s;

    *out = NULL;
    if (c == NULL)
        return itr_error_set(e, ITR_NOMEM, "no memory");
    c->config = *config;
    c->clock = parts->clock;
    c->factory = parts->transport;
    itr_call_list_init(&c->todo);
    itr_call_list_init(&c->sent);

    /* The transport first: its library's exit handlers must be registered before ours. */
    if ((s = open_transport(c, e)) != ITR_OK)
        goto err0;
    if ((s = itr_token_source_open(&c->config, parts, &c->source, e)) != ITR_OK)
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

enum itr_status itr_client_beside(const struct itr_client *c, const struct itr_carrier *carrier,
                                  struct itr_client **out, struct itr_error *e)
{
    struct itr_client *made = calloc(1, sizeof *made);
    enum itr_status s;

    *out = NULL;
    if (made == NULL)
        return itr_error_set(e, ITR_NOMEM, "no memory");
    made->config = c->config;
    made->beside = true;
    made->clock = c->clock;
    made->carrier = *carrier;
    itr_call_list_init(&made->todo);
    itr_call_list_init(&made->sent);
    if ((s = open_transport(made, e)) != ITR_OK) {
        free(made);
        return s;
    }
    made->source = itr_token_source_retain(c->source);
    *out = made;
    return ITR_OK;
}

static void drop_transport(struct itr_client *c)
{
    if (c->transport == NULL)
        return;
    itr_token_source_await_wakes(c->source); /* one may be about to touch it */
    if (c->generation == itr_fork_generation())
        c->transport->ops->free(c->transport);
    else
        c->transport->ops->abandon(c->transport);
    c->transport = NULL;
}

void itr_client_free(struct itr_client *c)
{
    if (c == NULL)
        return;
    while (c->todo.first != NULL)
        itr_client_cancel(c, c->todo.first);
    while (c->sent.first != NULL)
        itr_client_cancel(c, c->sent.first);
    while (c->ready != NULL)
        itr_call_group_list_remove(c->ready);
    drop_transport(c);
    itr_token_source_release(c->source);
    if (!c->beside)
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

struct itr_token_source *itr_client_source(const struct itr_client *c)
{
    return c->source;
}

/* ---- ends ---- */

static bool is_over(const struct itr_call *call)
{
    return call->step == ITR_CALL_DONE || call->step == ITR_CALL_FAILED;
}

/* It is DONE or FAILED: from its list into its group's. */
static void end(struct itr_client *c, struct itr_call *call, int64_t now)
{
    itr_call_list_remove(call);
    call->ended_mono_ms = now;
    c->counters.refused += call->n_refused;
    c->counters.repeated += call->n_repeated;
    call->group->n_out--;
    itr_call_list_add(&call->group->over, call);
    itr_call_group_list_add(&c->ready, call->group);
}

static void end_all(struct itr_client *c, struct itr_call_list *list, const struct itr_error *e)
{
    while (list->first != NULL) {
        struct itr_call *call = list->first;
        if (call->asked)
            itr_token_source_forget(c->source, &call->wait);
        call->asked = false;
        itr_call_abort(call, e);
        end(c, call, itr_clock_mono_ms(c->clock));
    }
}

/* In the child of a fork: what was sent is the parent's, who waited for a token asks again. */
static void start_anew(struct itr_client *c)
{
    struct itr_call *call;
    struct itr_error e;

    itr_error_set(&e, ITR_NETWORK,
                  "the process was forked while this call was out: it is the parent's");
    end_all(c, &c->sent, &e);
    for (call = c->todo.first; call != NULL; call = call->next) {
        if (call->asked)
            itr_token_source_forget(c->source, &call->wait);
        call->asked = false;
    }
    drop_transport(c);
}

/* After a fork the child makes its own connections. */
static enum itr_status ready_transport(struct itr_client *c, struct itr_error *e)
{
    if (c->generation != itr_fork_generation())
        start_anew(c);
    return c->transport != NULL ? ITR_OK : open_transport(c, e);
}

/* ---- one call, one step ---- */

static void wake(void *ctx)
{
    struct itr_transport *t = ctx;

    t->ops->wake(t);
}

/* TOKEN: asks once, then takes the answer when it is there. */
static void push_token(struct itr_client *c, struct itr_call *call, int64_t now)
{
    struct itr_token_ask ask;

    if (!call->asked) {
        ask = itr_call_ask(call);
        call->wait.wake = wake;
        call->wait.ctx = c->transport;
        call->asked = true;
        (void)itr_token_source_ask(c->source, &ask, &call->wait);
    }
    if (itr_token_wait_is_ready(&call->wait)) {
        call->asked = false;
        itr_call_token(call, now, call->wait.token, &call->wait.error);
        call->wait.token = NULL; /* the call now owns it */
    } else if (now >= call->deadline_mono_ms) {
        itr_token_source_forget(c->source, &call->wait);
        call->asked = false;
        itr_call_expired(call);
    }
}

static void send(struct itr_client *c, struct itr_call *call, int64_t now)
{
    struct itr_error e;

    itr_call_request(call, now);
    if (call->step != ITR_CALL_SEND)
        return;
    itr_call_list_remove(call);
    if (c->transport->ops->start(c->transport, &call->exchange, &e) == ITR_OK) {
        itr_call_list_add(&c->sent, call);
        return;
    }
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
    if (is_over(call))
        end(c, call, now);
}

/* The gateway wants less: of this group, for no longer than a call would wait. */
static void slow_down(const struct itr_client *c, struct itr_call *call, int64_t now)
{
    int64_t ms = itr_call_slow_down_ms(call);
    int64_t until = now + (ms < c->config.timeout_ms ? ms : c->config.timeout_ms);

    if (call->group->slow_until_mono_ms < until)
        call->group->slow_until_mono_ms = until;
}

/* An answer came: judges it, and pushes the call on if it is not over. */
static void take_answer(struct itr_client *c, struct itr_call *call)
{
    int64_t now = itr_clock_mono_ms(c->clock);
    uint64_t random = call->exchange.response.carried == ITR_OK ? 0 : itr_clock_random(c->clock);

    if (call->exchange.response.http_status >= 429)
        random = itr_clock_random(c->clock);
    itr_call_answered(call, now, random);
    if (c->config.trace)
        itr_trace_call(call);
    if (call->exchange.response.http_status == 429)
        slow_down(c, call, now);
    itr_call_list_remove(call);
    if (!is_over(call))
        itr_call_list_add(&c->todo, call);
    push(c, call, now);
    /* It waits for something else now: what its party was told of the next look no longer holds. */
    if (call->list == &c->todo)
        itr_call_group_list_add(&c->ready, call->group);
}

/* ---- all calls ---- */

static void push_all(struct itr_client *c, int64_t now)
{
    struct itr_call *call, *next;

    for (call = c->todo.first; call != NULL; call = next) {
        next = call->next;
        push(c, call, now);
    }
}

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* When todo wants attention next, of one group or (NULL) of all; INT64_MAX: never. */
static int64_t nearest(const struct itr_client *c, const struct itr_call_group *g)
{
    const struct itr_call *call;
    int64_t at = INT64_MAX;

    for (call = c->todo.first; call != NULL; call = call->next) {
        if (g != NULL && call->group != g)
            continue;
        at = min64(at, call->deadline_mono_ms);
        if (call->step == ITR_CALL_WAIT)
            at = min64(at, call->wait_until_mono_ms);
    }
    return at;
}

/* As a transport's wait and an event loop's sleep take it. */
static int64_t ms_until(int64_t at, int64_t now)
{
    if (at == INT64_MAX)
        return -1;
    return at > now ? at - now : 0;
}

enum itr_status itr_client_start(struct itr_client *c, struct itr_call_group *g,
                                 struct itr_call *call, struct itr_error *e)
{
    int64_t now = itr_clock_mono_ms(c->clock);
    enum itr_status s = ready_transport(c, e);

    if (s != ITR_OK)
        return s;
    c->counters.calls++;
    call->group = g;
    g->n_out++;
    itr_call_begin(call, now);
    itr_call_list_add(&c->todo, call);
    push(c, call, now);
    return ITR_OK;
}

/* Carries all until one of the group's is over, none of it is out, or it is `until`. */
static void carry(struct itr_client *c, struct itr_call_group *g, int64_t until)
{
    while (g->over.first == NULL) {
        struct itr_exchange *x;
        int64_t now = itr_clock_mono_ms(c->clock);

        push_all(c, now);
        if (g->over.first != NULL || until <= now || (g->n_out == 0 && until == INT64_MAX))
            return;
        x = c->transport->ops->wait(c->transport, ms_until(min64(nearest(c, NULL), until), now));
        if (x != NULL)
            take_answer(c, x->owner);
    }
}

/* The transport stands; or else nothing of todo can be done. */
static bool can_carry(struct itr_client *c)
{
    struct itr_error e;

    if (ready_transport(c, &e) == ITR_OK)
        return true;
    end_all(c, &c->todo, &e);
    return false;
}

static struct itr_call *take(struct itr_call_group *g)
{
    if (g->over.first != NULL && g->over.first->next == NULL)
        itr_call_group_list_remove(g); /* it knows of all that it has */
    return itr_call_list_take(&g->over);
}

struct itr_call *itr_client_next(struct itr_client *c, struct itr_call_group *g,
                                 int64_t until_mono_ms)
{
    if (can_carry(c))
        carry(c, g, until_mono_ms);
    return take(g);
}

void itr_client_pump(struct itr_client *c)
{
    struct itr_exchange *x;

    if (!can_carry(c))
        return;
    push_all(c, itr_clock_mono_ms(c->clock));
    while ((x = c->transport->ops->wait(c->transport, 0)) != NULL)
        take_answer(c, x->owner);
}

struct itr_call *itr_client_look(struct itr_client *c, struct itr_call_group *g, int64_t *wait_ms)
{
    if (g->over.first == NULL)
        itr_client_pump(c);
    *wait_ms = ms_until(nearest(c, g), itr_clock_mono_ms(c->clock));
    return take(g);
}

struct itr_call_group *itr_client_ready(struct itr_client *c)
{
    struct itr_call_group *g = c->ready;

    if (g != NULL)
        itr_call_group_list_remove(g);
    return g;
}

void itr_client_cancel(struct itr_client *c, struct itr_call *call)
{
    if (c->generation != itr_fork_generation())
        start_anew(c);
    if (call->list == NULL) /* taken back already */
        return;
    if (is_over(call)) {
        itr_call_list_remove(call);
        return;
    }
    if (call->asked)
        itr_token_source_forget(c->source, &call->wait);
    call->asked = false;
    if (call->step == ITR_CALL_SEND)
        c->transport->ops->cancel(c->transport, &call->exchange);
    itr_call_list_remove(call);
    call->group->n_out--;
}

void itr_client_forget(struct itr_client *c, struct itr_call_group *g)
{
    (void)c;
    itr_call_group_list_remove(g);
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

static void wait_for_token(struct itr_client *c, struct itr_token_wait *w, int64_t timeout_ms)
{
    int64_t now = itr_clock_mono_ms(c->clock);
    int64_t deadline = now + timeout_ms;

    while (!itr_token_wait_is_ready(w) && now < deadline) {
        struct itr_exchange *x = c->transport->ops->wait(c->transport, deadline - now);
        if (x != NULL)
            take_answer(c, x->owner);
        now = itr_clock_mono_ms(c->clock);
    }
}

enum itr_status itr_client_check_ask(const struct itr_client *c, const struct itr_token_ask *ask,
                                     struct itr_error *e)
{
    if (ask->min_valid_ms > c->config.token_ttl_ms)
        return itr_error_set(e, ITR_USAGE,
                             "min_valid is more than token_ttl, the whole life of a token");
    return ITR_OK;
}

enum itr_status itr_client_ask_answer(const struct itr_token_ask *ask, struct itr_token_wait *w,
                                      int64_t now_mono_ms, int64_t timeout_ms,
                                      struct itr_token **token, struct itr_error *e)
{
    *token = NULL;
    if (!itr_token_wait_is_ready(w)) {
        itr_error_set(e, ITR_TIMEOUT, "no token came within %lld ms", (long long)timeout_ms);
        e->retryable = true;
        return ITR_TIMEOUT;
    }
    *token = w->token; /* the caller now owns it */
    w->token = NULL;
    *e = w->error;
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
    struct itr_token_wait w;
    enum itr_status s = ready_transport(c, e);

    *token = NULL;
    if (s != ITR_OK || (s = itr_client_check_ask(c, ask, e)) != ITR_OK)
        return s;
    w.wake = wake;
    w.ctx = c->transport;
    if (!itr_token_source_ask(c->source, ask, &w))
        wait_for_token(c, &w, timeout_ms);
    s = itr_client_ask_answer(ask, &w, itr_clock_mono_ms(c->clock), timeout_ms, token, e);
    *origin = w.origin;
    itr_token_source_forget(c->source, &w);
    return s;
}
