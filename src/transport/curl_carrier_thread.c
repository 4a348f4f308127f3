#include "transport/curl_carrier_thread.h"

#include <pthread.h>

#include "core/base/clock.h"
#include "core/os/notifier.h"
#include "core/os/thread.h"
#include "transport/curl_loop.h"

static struct itr_curl_ticket *ticket_of(struct itr_exchange *x)
{
    return x->owner;
}

void itr_curl_carrier_lock(struct itr_curl_carrier *c)
{
    pthread_mutex_lock(&c->head.lock);
}

void itr_curl_carrier_unlock(struct itr_curl_carrier *c)
{
    pthread_mutex_unlock(&c->head.lock);
}

void itr_curl_carrier_drop(struct itr_curl_carrier *c, struct itr_curl_ticket *t)
{
    itr_curl_tickets_remove(t);
    c->n_tickets--;
    itr_curl_ticket_free(t);
}

/* ---- what is over ---- */

/* The first of `done` and those behind it that come out at the same port. Returns that port's
 * notifier, counted, or NULL. */
static struct itr_notifier *deliver_some(struct itr_curl_carrier *c)
{
    struct itr_curl_port *port = ticket_of(c->done.first)->port;

    while (c->done.first != NULL && ticket_of(c->done.first)->port == port) {
        struct itr_curl_ticket *t = ticket_of(itr_exchange_queue_take(&c->done));
        if (port != NULL)
            itr_curl_tickets_add(&port->over, t);
        else
            itr_curl_carrier_drop(c, t);
    }
    if (port == NULL)
        return NULL;
    itr_nap_wake(&port->nap);
    return port->notifier != NULL ? itr_notifier_retain(port->notifier) : NULL;
}

/* The notifier is rung without the lock: the host wakes at once and would wait for it. */
static void deliver(struct itr_curl_carrier *c)
{
    while (c->done.first != NULL) {
        struct itr_notifier *notifier;

        itr_curl_carrier_lock(c);
        notifier = deliver_some(c);
        itr_curl_carrier_unlock(c);
        if (notifier != NULL)
            itr_notifier_notify(notifier);
        itr_notifier_release(notifier);
    }
}

/* ---- what is new ---- */

static struct itr_curl_ticket *take_queued(struct itr_curl_carrier *c)
{
    struct itr_curl_ticket *t;

    itr_curl_carrier_lock(c);
    if ((t = c->queued.first) != NULL)
        itr_curl_tickets_add(&c->out, t);
    itr_curl_carrier_unlock(c);
    return t;
}

static struct itr_curl_ticket *take_cancelled(struct itr_curl_carrier *c)
{
    struct itr_curl_ticket *t;

    itr_curl_carrier_lock(c);
    if ((t = c->cancelled.first) != NULL) {
        itr_curl_tickets_remove(t);
        c->n_tickets--;
    }
    itr_curl_carrier_unlock(c);
    return t;
}

/* Its deadline counts from when the caller started it. */
static enum itr_status start_in_loop(struct itr_curl_ticket *t, struct itr_transport *loop,
                                     struct itr_error *e)
{
    int64_t left = t->deadline_mono_ms - itr_clock_mono_ms(itr_clock_system());

    if (left <= 0)
        return itr_error_set(e, ITR_TIMEOUT, "its time was over before it could begin");
    t->exchange.request.timeout_ms = left;
    return loop->ops->start(loop, &t->exchange, e);
}

static void begin(struct itr_curl_carrier *c, struct itr_transport *loop, struct itr_curl_ticket *t)
{
    struct itr_error e;
    enum itr_status s = start_in_loop(t, loop, &e);

    if (s == ITR_OK)
        return;
    itr_curl_ticket_fail(t, s, e.text);
    itr_exchange_queue_add(&c->done, &t->exchange);
}

/* ---- turn by turn ---- */

static void collect(struct itr_curl_carrier *c, struct itr_transport *loop, int64_t timeout_ms)
{
    struct itr_exchange *x = loop->ops->wait(loop, timeout_ms);

    while (x != NULL) {
        itr_exchange_queue_add(&c->done, x);
        x = itr_curl_loop_has_more(loop) ? loop->ops->wait(loop, 0) : NULL;
    }
}

/* Nobody brings or wants anything. */
static bool is_over(const struct itr_curl_carrier *c)
{
    return c->ending || c->ports == NULL;
}

/* Whether it may sleep until the network or a wake says so. */
static bool fall_asleep(struct itr_curl_carrier *c)
{
    bool may;

    itr_curl_carrier_lock(c);
    may = c->queued.first == NULL && c->cancelled.first == NULL && !is_over(c);
    atomic_store(&c->asleep, may);
    itr_curl_carrier_unlock(c);
    return may;
}

static void end_cancelled(struct itr_curl_carrier *c, struct itr_transport *loop)
{
    struct itr_curl_ticket *t;

    while ((t = take_cancelled(c)) != NULL) {
        loop->ops->cancel(loop, &t->exchange);
        itr_curl_ticket_free(t);
    }
}

static void turn(struct itr_curl_carrier *c, struct itr_transport *loop)
{
    struct itr_curl_ticket *t;

    while ((t = take_queued(c)) != NULL)
        begin(c, loop, t);
    deliver(c);
    end_cancelled(c, loop);
    collect(c, loop, fall_asleep(c) ? -1 : 0);
    atomic_store(&c->asleep, false);
    deliver(c);
}

/* All that is out or queued comes out as failed: the process ends. */
static void fail_all(struct itr_curl_carrier *c, struct itr_transport *loop)
{
    struct itr_curl_ticket *t;

    while (take_queued(c) != NULL)
        ;
    for (;;) {
        itr_curl_carrier_lock(c);
        t = c->out.first;
        itr_curl_carrier_unlock(c);
        if (t == NULL)
            return;
        loop->ops->cancel(loop, &t->exchange);
        itr_curl_ticket_fail(t, ITR_NETWORK, "the process is ending");
        itr_exchange_queue_add(&c->done, &t->exchange);
        deliver(c);
    }
}

/* Carries until it is over, and gives the loop back. Called and left with the lock. */
static void carry(struct itr_curl_carrier *c)
{
    struct itr_transport *loop = c->loop;

    while (!is_over(c)) {
        itr_curl_carrier_unlock(c);
        turn(c, loop);
        itr_curl_carrier_lock(c);
    }
    if (c->ending) {
        itr_curl_carrier_unlock(c);
        fail_all(c, loop);
        itr_curl_carrier_lock(c);
    }
    c->loop = NULL; /* now only `cancelled` has anything that is in it */
    itr_curl_carrier_unlock(c);
    end_cancelled(c, loop);
    loop->ops->free(loop);
    itr_curl_carrier_lock(c);
}

void *itr_curl_carrier_run(void *arg)
{
    struct itr_curl_carrier *c = arg;

    itr_curl_carrier_lock(c);
    do
        carry(c);
    while (c->loop != NULL);
    c->thread_out = false;
    itr_curl_carrier_unlock(c);
    itr_registered_release(&c->head);
    return NULL;
}
