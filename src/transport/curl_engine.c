#include "transport/curl_engine.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/os/thread.h"
#include "transport/curl_ticket.h"
#include "transport/curl_worker.h"

/*
 * One transport: a port on the worker, where the thread is. `woken` is set before the nap and the
 * notifier are woken, and looked at after them; likewise, what completed is in the port before.
 */
struct itr_curl_engine {
    struct itr_transport transport; /* first: this is what the caller holds */
    struct itr_curl_worker *worker; /* counted */
    struct itr_curl_port port;
    struct itr_notifier *notifier; /* counted; NULL: none */
    atomic_bool woken;
};

#define LONGEST_NAP_MS 3600000

static struct itr_curl_engine *engine_of(struct itr_transport *t)
{
    return (struct itr_curl_engine *)(void *)t;
}

static int64_t now_ms(void)
{
    return itr_clock_mono_ms(itr_clock_system());
}

/* ---- the table ---- */

static enum itr_status engine_start(struct itr_transport *t, struct itr_exchange *x,
                                    struct itr_error *e)
{
    struct itr_curl_engine *en = engine_of(t);
    struct itr_curl_ticket *ticket;
    enum itr_status s;

    if (x->request.may_send != NULL)
        return itr_error_set(e, ITR_USAGE, "may_send cannot be asked on another thread");
    if ((ticket = itr_curl_ticket_new(x, now_ms())) == NULL)
        return itr_error_set(e, ITR_NOMEM, "no memory");
    if ((s = itr_curl_worker_start(en->worker, &en->port, ticket, e)) == ITR_OK)
        return ITR_OK; /* the worker now owns the ticket */
    itr_curl_ticket_free(ticket);
    x->transfer = NULL;
    return s;
}

/* Return how long to nap at most; 0: the time has passed. */
static int64_t nap_ms(int64_t timeout_ms, int64_t deadline_mono_ms)
{
    int64_t left = timeout_ms < 0 ? LONGEST_NAP_MS : deadline_mono_ms - now_ms();

    if (left < 0)
        left = 0;
    return left < LONGEST_NAP_MS ? left : LONGEST_NAP_MS;
}

static struct itr_exchange *engine_wait(struct itr_transport *t, int64_t timeout_ms)
{
    struct itr_curl_engine *en = engine_of(t);
    int64_t deadline = timeout_ms > 0 ? now_ms() + timeout_ms : 0;

    for (;;) {
        struct itr_curl_ticket *ticket = itr_curl_worker_take(en->worker, &en->port);
        int64_t ms;

        if (ticket != NULL)
            return itr_curl_ticket_hand_over(ticket);
        if (atomic_exchange(&en->woken, false))
            return NULL;
        if (timeout_ms == 0 || (ms = nap_ms(timeout_ms, deadline)) == 0)
            return NULL;
        itr_nap_take(&en->port.nap, ms);
    }
}

static void engine_cancel(struct itr_transport *t, struct itr_exchange *x)
{
    if (x->transfer != NULL)
        x->response.sent = itr_curl_worker_cancel(engine_of(t)->worker, x->transfer);
    x->transfer = NULL;
}

static void engine_wake(struct itr_transport *t)
{
    struct itr_curl_engine *en = engine_of(t);

    atomic_store(&en->woken, true);
    itr_nap_wake(&en->port.nap);
    if (en->notifier != NULL)
        itr_notifier_notify(en->notifier);
}

static void engine_free(struct itr_transport *t)
{
    struct itr_curl_engine *en = engine_of(t);

    if (en == NULL)
        return;
    itr_curl_worker_close(en->worker, &en->port);
    itr_nap_clear(&en->port.nap);
    itr_notifier_release(en->notifier);
    free(en);
}

static const struct itr_transport_ops OPS = {
    .version = ITR_TRANSPORT_VERSION,
    .start = engine_start,
    .wait = engine_wait,
    .cancel = engine_cancel,
    .wake = engine_wake,
    .free = engine_free,
    .abandon = engine_free, /* the worker itself sees to what the parent has */
};

enum itr_status itr_curl_engine_open(const struct itr_transport_options *options,
                                     struct itr_notifier *notifier, struct itr_transport **out,
                                     struct itr_error *e)
{
    struct itr_curl_engine *en = calloc(1, sizeof *en);
    enum itr_status s;

    *out = NULL;
    if (en == NULL)
        return itr_error_set(e, ITR_NOMEM, "no memory");
    en->transport.ops = &OPS;
    atomic_init(&en->woken, false);
    itr_nap_init(&en->port.nap);
    en->port.notifier = notifier;
    if ((s = itr_curl_worker_open(options, &en->port, &en->worker, e)) != ITR_OK) {
        itr_nap_clear(&en->port.nap);
        free(en);
        return s;
    }
    en->notifier = notifier != NULL ? itr_notifier_retain(notifier) : NULL;
    *out = &en->transport;
    return ITR_OK;
}
