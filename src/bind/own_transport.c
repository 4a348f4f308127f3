#include "bind/own_transport.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/list.h"
#include "core/call/call.h"

/* An exchange is in one of three lists. While it is in `fresh` or `taken`, response.elapsed_us is
 * the time at which it was started; in `taken`, x->transfer is its number. */
struct own_transport {
    struct itr_transport transport;    /* first: this is what the caller holds */
    struct itr_transport **registered; /* the owner's: where we are */
    struct itr_list fresh;             /* started, not taken */
    struct itr_list taken;             /* their parties are about to answer them */
    struct itr_list finished;          /* to come out of wait */
    uintptr_t n_taken;                 /* the last number that was given; 0: none */
    atomic_bool woken;
};

/* Whoever waits here for an answer that only Lua can bring waits for a token, or in vain. */
#define LONGEST_SLEEP_MS 5

static struct own_transport *of(struct itr_transport *t)
{
    return (struct own_transport *)(void *)t;
}

static struct itr_exchange *exchange_of(struct itr_list *node)
{
    return node == NULL ? NULL : ITR_CONTAINER(node, struct itr_exchange, node);
}

static int64_t now_us(void)
{
    return itr_clock_mono_us(itr_clock_system());
}

static struct itr_exchange *of_group(const struct itr_list *list, const struct itr_call_group *g)
{
    struct itr_exchange *x = exchange_of(itr_list_first(list));

    while (x != NULL && ((const struct itr_call *)x->owner)->group != g)
        x = exchange_of(itr_list_next(list, &x->node));
    return x;
}

static void move(struct itr_list *to, struct itr_exchange *x)
{
    itr_list_remove(&x->node);
    itr_list_append(to, &x->node);
}

static void finish(struct own_transport *own, struct itr_exchange *x)
{
    x->response.elapsed_us = now_us() - x->response.elapsed_us;
    x->transfer = NULL;
    move(&own->finished, x);
}

/* Finishes those whose deadline passed. */
static void expire(struct own_transport *own, struct itr_list *list)
{
    struct itr_exchange *x, *next;

    for (x = exchange_of(itr_list_first(list)); x != NULL; x = next) {
        next = exchange_of(itr_list_next(list, &x->node));
        if (now_us() - x->response.elapsed_us < x->request.timeout_ms * 1000)
            continue;
        x->response.carried = ITR_TIMEOUT;
        (void)snprintf(x->response.detail, sizeof x->response.detail,
                       "the option transport: no answer before the deadline");
        finish(own, x);
    }
}

static void empty(struct itr_list *list)
{
    while (itr_list_take_first(list) != NULL)
        ;
}

/* ---- the table ---- */

static enum itr_status own_start(struct itr_transport *t, struct itr_exchange *x,
                                 struct itr_error *e)
{
    if (x->request.may_send != NULL)
        return itr_error_set(e, ITR_USAGE, "the option transport carries API calls only");
    itr_response_reset(&x->response);
    x->response.carried = ITR_NETWORK;
    x->response.elapsed_us = now_us();
    itr_list_append(&of(t)->fresh, &x->node);
    return ITR_OK;
}

static struct itr_exchange *own_wait(struct itr_transport *t, int64_t timeout_ms)
{
    struct own_transport *own = of(t);
    struct itr_exchange *x;

    expire(own, &own->fresh);
    expire(own, &own->taken);
    x = exchange_of(itr_list_take_first(&own->finished));
    if (x == NULL && !atomic_exchange(&own->woken, false) && timeout_ms != 0)
        itr_clock_sleep_ms(itr_clock_system(), timeout_ms > 0 && timeout_ms < LONGEST_SLEEP_MS
                                                   ? timeout_ms
                                                   : LONGEST_SLEEP_MS);
    return x;
}

static void own_cancel(struct itr_transport *t, struct itr_exchange *x)
{
    (void)t;
    x->transfer = NULL;
    itr_list_remove(&x->node);
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
    *own->registered = NULL;
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
    itr_list_init(&own->fresh);
    itr_list_init(&own->taken);
    itr_list_init(&own->finished);
    own->registered = ctx;
    *own->registered = *out = &own->transport;
    return ITR_OK;
}

/* ---- what the party does ---- */

struct itr_exchange *itr_own_transport_next(struct itr_transport *t, const struct itr_call_group *g)
{
    return t == NULL ? NULL : of_group(&of(t)->fresh, g);
}

uintptr_t itr_own_transport_take(struct itr_transport *t, struct itr_exchange *x)
{
    struct own_transport *own = of(t);

    if (++own->n_taken == 0)
        own->n_taken = 1;
    move(&own->taken, x);
    x->transfer = (void *)own->n_taken;
    x->response.sent = true; /* nobody but the program knows better */
    return own->n_taken;
}

struct itr_exchange *itr_own_transport_taken(struct itr_transport *t,
                                             const struct itr_call_group *g)
{
    return t == NULL ? NULL : of_group(&of(t)->taken, g);
}

struct itr_exchange *itr_own_transport_find(struct itr_transport *t, const struct itr_call_group *g,
                                            uintptr_t number)
{
    struct itr_exchange *x = itr_own_transport_taken(t, g);

    return x != NULL && (uintptr_t)x->transfer == number ? x : NULL;
}

void itr_own_transport_finish(struct itr_transport *t, struct itr_exchange *x)
{
    finish(of(t), x);
}
