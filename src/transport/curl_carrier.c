#include "transport/curl_carrier.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/registry.h"
#include "core/thread.h"
#include "transport/curl_global.h"
#include "transport/curl_loop.h"
#include "transport/curl_origin.h"
#include "transport/exchange_queue.h"

/*
 * Design notes
 *
 * A ticket is in one list, which says what is true of it: `queued` (nothing of it was done), `out`
 * (the thread has it), `cancelled` (the thread has it, nobody wants it) or its port's `over`. Those
 * of `out` and `cancelled` are in the loop, but for those in `done`: over, and about to be delivered.
 * `done` is empty whenever the thread looks at `cancelled`, so that what stands there is in the loop.
 *
 * `head.lock` guards the lists, the ports and their lists, and `loop` as a pointer. It is held over a
 * fork (registry.h), never over work of the loop, over no bell's ring, and by callers only for a few
 * links. Under it the loop opens and closes its sockets, so that a child finds them whole. The loop
 * and `done` are the thread's.
 *
 * `asleep`: the thread found nothing to do and waits for the network alone. Who brings something and
 * finds it true turns it off and wakes the loop; so the first of many pays for the wake.
 *
 * `loop` is there while there are ports, but in a child before its first start. The thread gives it
 * back when there are none, and ends if there still are none after that.
 */
struct itr_curl_carrier {
    struct itr_registered head;
    struct itr_transport_options options; /* constant; strings ours */

    struct itr_transport *loop; /* ours */
    struct itr_curl_tickets queued, out, cancelled;
    size_t n_tickets; /* of all lists */
    struct itr_curl_port *ports;
    bool thread_out;
    bool ending; /* the process is */
    atomic_bool asleep;

    struct itr_exchange_queue done; /* the thread's */
};

#define END_WITHIN_MS 2000

static struct itr_curl_carrier *of(struct itr_registered *r)
{
    return (struct itr_curl_carrier *)(void *)r;
}

static struct itr_curl_ticket *ticket_of(struct itr_exchange *x)
{
    return x->owner;
}

static void lock(struct itr_curl_carrier *c)
{
    pthread_mutex_lock(&c->head.lock);
}

static void unlock(struct itr_curl_carrier *c)
{
    pthread_mutex_unlock(&c->head.lock);
}

/* With the lock, in no list after it. */
static void drop(struct itr_curl_carrier *c, struct itr_curl_ticket *t)
{
    itr_curl_tickets_remove(t);
    c->n_tickets--;
    itr_curl_ticket_free(t);
}

/* With the lock: something new is to be done. */
static void rouse(struct itr_curl_carrier *c)
{
    if (atomic_exchange(&c->asleep, false))
        c->loop->ops->wake(c->loop);
}

/* ---- the thread: what is over ---- */

/* The first of `done` and those behind it that come out at the same port. Returns that port's bell,
 * counted, or NULL. */
static struct itr_bell *deliver_some(struct itr_curl_carrier *c)
{
    struct itr_curl_port *port = ticket_of(c->done.first)->port;

    while (c->done.first != NULL && ticket_of(c->done.first)->port == port) {
        struct itr_curl_ticket *t = ticket_of(itr_exchange_queue_take(&c->done));
        if (port != NULL)
            itr_curl_tickets_add(&port->over, t);
        else
            drop(c, t);
    }
    if (port == NULL)
        return NULL;
    itr_nap_wake(&port->nap);
    return port->bell != NULL ? itr_bell_retain(port->bell) : NULL;
}

/* The bell is rung without the lock: the host wakes at once and would wait for it. */
static void deliver(struct itr_curl_carrier *c)
{
    while (c->done.first != NULL) {
        struct itr_bell *bell;

        lock(c);
        bell = deliver_some(c);
        unlock(c);
        if (bell != NULL)
            itr_bell_ring(bell);
        itr_bell_release(bell);
    }
}

/* ---- the thread: what is new ---- */

static struct itr_curl_ticket *take_queued(struct itr_curl_carrier *c)
{
    struct itr_curl_ticket *t;

    lock(c);
    if ((t = c->queued.first) != NULL)
        itr_curl_tickets_add(&c->out, t);
    unlock(c);
    return t;
}

static struct itr_curl_ticket *take_cancelled(struct itr_curl_carrier *c)
{
    struct itr_curl_ticket *t;

    lock(c);
    if ((t = c->cancelled.first) != NULL) {
        itr_curl_tickets_remove(t);
        c->n_tickets--;
    }
    unlock(c);
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

/* ---- the thread ---- */

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

    lock(c);
    may = c->queued.first == NULL && c->cancelled.first == NULL && !is_over(c);
    atomic_store(&c->asleep, may);
    unlock(c);
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
        lock(c);
        t = c->out.first;
        unlock(c);
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
        unlock(c);
        turn(c, loop);
        lock(c);
    }
    if (c->ending) {
        unlock(c);
        fail_all(c, loop);
        lock(c);
    }
    c->loop = NULL; /* now only `cancelled` has anything that is in it */
    unlock(c);
    end_cancelled(c, loop);
    loop->ops->free(loop);
    lock(c);
}

static void *run(void *arg)
{
    struct itr_curl_carrier *c = arg;

    lock(c);
    do
        carry(c);
    while (c->loop != NULL);
    c->thread_out = false;
    unlock(c);
    itr_registered_release(&c->head);
    return NULL;
}

/* With the lock. */
static enum itr_status ready_thread(struct itr_curl_carrier *c, struct itr_error *e)
{
    int rc;

    if (c->thread_out)
        return ITR_OK;
    if ((rc = itr_thread_start(run, c)) != 0)
        return itr_error_set(e, ITR_NOMEM, "no thread could be made for requests: %s",
                             strerror(rc));
    itr_registered_retain(&c->head); /* the thread's; it cannot do a thing before we unlock */
    c->thread_out = true;
    return ITR_OK;
}

/* With the lock. */
static enum itr_status ready_loop(struct itr_curl_carrier *c, struct itr_error *e)
{
    enum itr_status s;

    if (c->loop != NULL)
        return ITR_OK;
    if ((s = itr_curl_loop_factory()->open(&c->options, &c->loop, e)) != ITR_OK)
        return s;
    itr_curl_loop_guard(c->loop, &c->head.lock);
    return ITR_OK;
}

/* ---- as an object of the registry ---- */

/* What the parent's thread had in hand may be half done: it is left, but for the sockets. Whoever
 * waits for it here learns that it failed. */
static void renew_in_child(struct itr_registered *r)
{
    struct itr_curl_carrier *c = of(r);
    struct itr_curl_port *port;
    struct itr_curl_ticket *t;

    if (c->thread_out)
        atomic_fetch_sub(&c->head.refs, 1);
    if (c->loop != NULL)
        itr_curl_loop_lose(c->loop);
    c->loop = NULL;
    c->thread_out = false;
    atomic_store(&c->asleep, false);
    itr_exchange_queue_init(&c->done);
    for (port = c->ports; port != NULL; port = port->next)
        itr_nap_init(&port->nap);
    while ((t = c->queued.first) != NULL)
        itr_curl_tickets_add(&c->out, t);
    while ((t = c->out.first) != NULL) {
        t->lost = true;
        itr_curl_tickets_add(&t->port->over, t);
    }
    while ((t = c->cancelled.first) != NULL) {
        t->lost = true;
        drop(c, t);
    }
}

static void end_carrier(struct itr_registered *r)
{
    struct itr_curl_carrier *c = of(r);

    lock(c);
    c->ending = true;
    rouse(c);
    unlock(c);
}

/* TLS's own exit handlers must not run while the thread uses it. */
static bool keeps_process(struct itr_registered *r)
{
    bool keeps;

    lock(of(r));
    keeps = of(r)->thread_out;
    unlock(of(r));
    return keeps;
}

static void free_carrier(struct itr_registered *r)
{
    struct itr_curl_carrier *c = of(r);

    if (c->loop != NULL)
        c->loop->ops->free(c->loop);
    pthread_mutex_destroy(&c->head.lock);
    free((char *)c->options.ca_file);
    free((char *)c->options.proxy);
    free((char *)c->options.user_agent);
    free((char *)c->options.unix_socket);
    free(c);
}

static const struct itr_registered_ops ops = {
    renew_in_child,
    end_carrier,
    keeps_process,
    free_carrier,
};

/* ---- lifetime ---- */

static bool copy(const char **own, const char *given)
{
    *own = given != NULL ? strdup(given) : NULL;
    return given == NULL || *own != NULL;
}

static struct itr_registered *make_carrier(void *ctx)
{
    const struct itr_transport_options *o = ctx;
    struct itr_curl_carrier *c = calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    c->head.ops = &ops;
    c->head.end_within_ms = END_WITHIN_MS;
    atomic_init(&c->head.refs, 1);
    atomic_init(&c->asleep, false);
    pthread_mutex_init(&c->head.lock, NULL);
    itr_exchange_queue_init(&c->done);
    c->options = *o;
    c->options.ca_file = c->options.proxy = c->options.user_agent = c->options.unix_socket = NULL;
    if (copy(&c->options.ca_file, o->ca_file) && copy(&c->options.proxy, o->proxy) &&
        copy(&c->options.user_agent, o->user_agent) &&
        copy(&c->options.unix_socket, o->unix_socket))
        return &c->head;
    free_carrier(&c->head);
    return NULL;
}

static const char *text(const char *s)
{
    return s != NULL ? s : "";
}

/* A string of "" is not the same as none given. */
static void make_key(const struct itr_transport_options *o, char key[ITR_REGISTRY_KEY])
{
    char numbers[100];
    const char *const parts[] = {
        "curl_carrier",       numbers, text(o->ca_file), text(o->proxy), text(o->user_agent),
        text(o->unix_socket), NULL};

    (void)snprintf(numbers, sizeof numbers, "%d %d%d%d%d %" PRId64 " %ld", (int)o->http_version,
                   o->ca_file != NULL, o->proxy != NULL, o->user_agent != NULL,
                   o->unix_socket != NULL, o->connect_timeout_ms, o->max_host_connections);
    itr_registry_key(parts, key);
}

/* libcurl first: its exit handlers must be registered before the registry's. */
enum itr_status itr_curl_carrier_open(const struct itr_transport_options *options,
                                      struct itr_curl_port *port, struct itr_curl_carrier **out,
                                      struct itr_error *e)
{
    char key[ITR_REGISTRY_KEY];
    struct itr_registered *r;
    enum itr_status s;

    *out = NULL;
    if ((s = itr_curl_global_init(e)) != ITR_OK)
        return s;
    make_key(options, key);
    if ((r = itr_registry_get(key, make_carrier, (void *)(uintptr_t)options)) == NULL)
        return itr_error_set(e, ITR_NOMEM, "no memory");
    lock(of(r));
    if ((s = ready_loop(of(r), e)) == ITR_OK) {
        port->next = of(r)->ports;
        of(r)->ports = port;
        *out = of(r);
    }
    unlock(of(r));
    if (s != ITR_OK)
        itr_registered_release(r);
    return s;
}

static void unlink_port(struct itr_curl_carrier *c, struct itr_curl_port *port)
{
    struct itr_curl_port **at = &c->ports;

    while (*at != port)
        at = &(*at)->next;
    *at = port->next;
}

/* With the lock: the thread ends it when it comes to it. */
static void give_up(struct itr_curl_carrier *c, struct itr_curl_ticket *t)
{
    t->port = NULL;
    itr_curl_tickets_add(&c->cancelled, t);
    rouse(c);
}

/* With the lock: those of the port in one of the carrier's lists. */
static void cancel_all_of(struct itr_curl_carrier *c, struct itr_curl_tickets *list,
                          const struct itr_curl_port *port)
{
    struct itr_curl_ticket *t, *next;

    for (t = list->first; t != NULL; t = next) {
        next = t->next;
        if (t->port != port)
            continue;
        if (list == &c->out)
            give_up(c, t);
        else
            drop(c, t);
    }
}

void itr_curl_carrier_close(struct itr_curl_carrier *c, struct itr_curl_port *port)
{
    lock(c);
    unlink_port(c, port);
    cancel_all_of(c, &c->queued, port);
    cancel_all_of(c, &c->out, port);
    cancel_all_of(c, &port->over, port);
    if (c->ports == NULL)
        rouse(c);
    unlock(c);
    itr_registered_release(&c->head);
}

/* ---- tickets ---- */

/* With the lock. */
static enum itr_status ready(struct itr_curl_carrier *c, struct itr_error *e)
{
    enum itr_status s;

    if (c->ending)
        return itr_error_set(e, ITR_NETWORK, "the process is ending");
    if (c->n_tickets >= ITR_CURL_CARRIER_MOST)
        return itr_error_set(e, ITR_NOMEM, "%d requests are out already, no more are taken",
                             ITR_CURL_CARRIER_MOST);
    if ((s = ready_loop(c, e)) != ITR_OK)
        return s;
    return ready_thread(c, e);
}

enum itr_status itr_curl_carrier_start(struct itr_curl_carrier *c, struct itr_curl_port *port,
                                       struct itr_curl_ticket *t, struct itr_error *e)
{
    enum itr_status s;

    s = itr_curl_origin_check(t->exchange.request.url, c->options.unix_socket != NULL, e);
    if (s != ITR_OK)
        return s;
    lock(c);
    if ((s = ready(c, e)) == ITR_OK) {
        t->port = port;
        itr_curl_tickets_add(&c->queued, t);
        c->n_tickets++;
        rouse(c);
    }
    unlock(c);
    return s;
}

struct itr_curl_ticket *itr_curl_carrier_take(struct itr_curl_carrier *c,
                                              struct itr_curl_port *port)
{
    struct itr_curl_ticket *t;

    lock(c);
    if ((t = port->over.first) != NULL) {
        itr_curl_tickets_remove(t);
        c->n_tickets--;
    }
    unlock(c);
    return t;
}

bool itr_curl_carrier_cancel(struct itr_curl_carrier *c, struct itr_curl_ticket *t)
{
    bool sent;

    lock(c);
    sent = t->list == &c->out || t->lost || t->exchange.response.sent;
    if (t->list == &c->out)
        give_up(c, t);
    else
        drop(c, t);
    unlock(c);
    return sent;
}
