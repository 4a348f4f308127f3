#include "core/call/client.h"

#include <stdlib.h>

#include "core/base/bound.h"
#include "core/call/client_state.h"
#include "core/os/fork.h"

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
    made->source = itr_source_retain(c->source);
    *out = made;
    return ITR_OK;
}

void itr_client_drop_transport(struct itr_client *c)
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
    if (c == NULL)
        return;
    while (c->todo.first != NULL)
        itr_client_cancel(c, c->todo.first);
    while (c->sent.first != NULL)
        itr_client_cancel(c, c->sent.first);
    while (c->ready != NULL)
        itr_call_group_list_remove(c->ready);
    itr_client_drop_transport(c);
    itr_source_release(c->source);
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

struct itr_source *itr_client_source(const struct itr_client *c)
{
    return c->source;
}

/* In the child of a fork: what was sent is the parent's, who waited for a token asks again. */
static void start_anew(struct itr_client *c)
{
    struct itr_call *call;
    struct itr_error e;

    itr_error_set(&e, ITR_NETWORK,
                  "the process was forked while this call was out: it is the parent's");
    itr_client_end_all(c, &c->sent, &e);
    for (call = c->todo.first; call != NULL; call = call->next) {
        if (call->asked)
            itr_source_forget(c->source, &call->wait);
        call->asked = false;
    }
    itr_client_drop_transport(c);
}

/* After a fork the child makes its own connections. */
enum itr_status itr_client_ready_transport(struct itr_client *c, struct itr_error *e)
{
    if (c->generation != itr_fork_generation())
        start_anew(c);
    return c->transport != NULL ? ITR_OK : open_transport(c, e);
}

/* ---- all calls ---- */

static void push_all(struct itr_client *c, int64_t now)
{
    struct itr_call *call, *next;

    for (call = c->todo.first; call != NULL; call = next) {
        next = call->next;
        itr_client_push(c, call, now);
    }
}

/* When todo wants attention next, of one group or (NULL) of all; INT64_MAX: never. */
static int64_t nearest(const struct itr_client *c, const struct itr_call_group *g)
{
    const struct itr_call *call;
    int64_t at = INT64_MAX;

    for (call = c->todo.first; call != NULL; call = call->next) {
        if (g != NULL && call->group != g)
            continue;
        at = itr_min64(at, call->deadline_mono_ms);
        if (call->step == ITR_CALL_WAIT)
            at = itr_min64(at, call->wait_until_mono_ms);
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
    enum itr_status s = itr_client_ready_transport(c, e);

    if (s != ITR_OK)
        return s;
    c->counters.calls++;
    call->group = g;
    g->n_out++;
    itr_call_begin(call, now);
    itr_call_list_add(&c->todo, call);
    itr_client_push(c, call, now);
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
        x = c->transport->ops->wait(c->transport,
                                    ms_until(itr_min64(nearest(c, NULL), until), now));
        if (x != NULL)
            itr_client_take_answer(c, x->owner);
    }
}

/* The transport stands; or else nothing of todo can be done. */
static bool can_carry(struct itr_client *c)
{
    struct itr_error e;

    if (itr_client_ready_transport(c, &e) == ITR_OK)
        return true;
    itr_client_end_all(c, &c->todo, &e);
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
        itr_client_take_answer(c, x->owner);
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
    if (itr_client_is_over(call)) {
        itr_call_list_remove(call);
        return;
    }
    if (call->asked)
        itr_source_forget(c->source, &call->wait);
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
