#include "bind/own_transport.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/call/call.h"

/* An exchange is in one of three lists; its `transfer` says in which. */
struct list {
    struct itr_exchange *first;
};

struct own_transport {
    struct itr_transport transport; /* first: this is what the caller holds */
    struct itr_transport **told;    /* the owner's: where we are */
    struct list fresh;              /* started, in nobody's hands */
    struct list taken;              /* in the hands of their parties */
    struct list finished;           /* to come out of wait */
    atomic_bool woken;
};

/* Whoever waits here for an answer that only Lua can bring waits for a token, or in vain. */
#define LONGEST_SLEEP_MS 5

static struct own_transport *of(struct itr_transport *t)
{
    return (struct own_transport *)(void *)t;
}

/* ---- lists, in the order of coming ---- */

static void add(struct list *list, struct itr_exchange *x)
{
    struct itr_exchange **at = &list->first;

    while (*at != NULL)
        at = &(*at)->next;
    x->next = NULL;
    x->transfer = list;
    *at = x;
}

static void take_out(struct itr_exchange *x)
{
    struct list *list = x->transfer;
    struct itr_exchange **at = &list->first;

    while (*at != x)
        at = &(*at)->next;
    *at = x->next;
    x->next = NULL;
    x->transfer = NULL;
}

static struct itr_exchange *of_group(const struct list *list, const struct itr_call_group *g)
{
    struct itr_exchange *x = list->first;

    while (x != NULL && ((const struct itr_call *)x->owner)->group != g)
        x = x->next;
    return x;
}

static void empty(struct list *list)
{
    while (list->first != NULL)
        take_out(list->first);
}

/* ---- the table ---- */

static enum itr_status own_start(struct itr_transport *t, struct itr_exchange *x,
                                 struct itr_error *e)
{
    struct itr_response *a = &x->response;

    if (x->request.may_send != NULL)
        return itr_error_set(e, ITR_USAGE, "this transport asks nobody before it sends");
    itr_buf_reset(&a->body);
    itr_buf_reset(&a->headers);
    a->carried = ITR_NETWORK;
    a->sent = false;
    a->http_status = 0;
    a->retry_after_ms = -1;
    a->elapsed_us = 0;
    a->detail[0] = '\0';
    add(&of(t)->fresh, x);
    return ITR_OK;
}

static struct itr_exchange *own_wait(struct itr_transport *t, int64_t timeout_ms)
{
    struct own_transport *own = of(t);
    struct itr_exchange *x = own->finished.first;

    if (x != NULL)
        take_out(x);
    else if (!atomic_exchange(&own->woken, false) && timeout_ms != 0)
        itr_clock_sleep_ms(itr_clock_system(), timeout_ms > 0 && timeout_ms < LONGEST_SLEEP_MS
                                                   ? timeout_ms
                                                   : LONGEST_SLEEP_MS);
    return x;
}

static void own_cancel(struct itr_transport *t, struct itr_exchange *x)
{
    (void)t;
    if (x->transfer != NULL)
        take_out(x);
}

static void own_wake(struct itr_transport *t)
{
    atomic_store(&of(t)->woken, true);
}

static void own_free(struct itr_transport *t)
{
    struct own_transport *own = of(t);

    if (own == NULL)
        return;
    empty(&own->fresh);
    empty(&own->taken);
    empty(&own->finished);
    *own->told = NULL;
    free(own);
}

static const struct itr_transport_ops OPS = {
    .version = ITR_TRANSPORT_VERSION,
    .start = own_start,
    .wait = own_wait,
    .cancel = own_cancel,
    .wake = own_wake,
    .free = own_free,
    .abandon = own_free, /* there is no connection here to spare */
};

enum itr_status itr_own_transport_open(void *ctx, const struct itr_transport_options *options,
                                       struct itr_transport **out, struct itr_error *e)
{
    struct own_transport *own = calloc(1, sizeof *own);

    (void)options;
    *out = NULL;
    if (own == NULL)
        return itr_error_set(e, ITR_NOMEM, "no memory");
    own->transport.ops = &OPS;
    own->told = ctx;
    *own->told = *out = &own->transport;
    return ITR_OK;
}

/* ---- what the party does ---- */

struct itr_exchange *itr_own_transport_take(struct itr_transport *t, const struct itr_call_group *g)
{
    struct itr_exchange *x = t == NULL ? NULL : of_group(&of(t)->fresh, g);

    if (x == NULL)
        return NULL;
    take_out(x);
    add(&of(t)->taken, x);
    x->response.sent = true; /* nobody but the program knows better */
    return x;
}

struct itr_exchange *itr_own_transport_taken(struct itr_transport *t,
                                             const struct itr_call_group *g)
{
    return t == NULL ? NULL : of_group(&of(t)->taken, g);
}

void itr_own_transport_finish(struct itr_transport *t, struct itr_exchange *x)
{
    take_out(x);
    add(&of(t)->finished, x);
}
