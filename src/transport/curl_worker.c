#include "transport/curl_worker.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/reason.h"
#include "core/os/registry.h"
#include "core/os/thread.h"
#include "transport/curl_global.h"
#include "transport/curl_loop.h"
#include "transport/curl_origin.h"

#define END_WITHIN_MS 2000

/*
 * Design notes
 *
 * A ticket is in one list, and its step says in which: `queued` (nothing of it was done),
 * `in_flight` (the thread has it), `cancelled` (the thread has it, nobody wants it) or its port's
 * `completed`. Those in flight or cancelled are in the loop, but for those in `done`: ended, and
 * about to be delivered. `done` is empty whenever the thread looks at `cancelled`, so that what
 * stands there is in the loop.
 *
 * `head.lock` guards the lists, the ports and their lists, and `loop` as a pointer. It is held over
 * a fork (registry.h), never over work of the loop, never while a notifier is notified, and by
 * callers only for a few links. Under it the loop opens and closes its sockets, so that a child
 * finds them whole. The loop and `done` are the thread's.
 *
 * A transport's wake() takes only the nap's and the notifier's locks, which are leaves. It is
 * called under another registered object's lock (source), and a fork takes those in no order we
 * know.
 *
 * `asleep`: the thread found nothing to do and waits for the network alone. Who brings something
 * and finds it true turns it off and wakes the loop; so the first of many pays for the wake. The
 * thread turns it off as soon as it is awake, and on again only with the lock and after a look at
 * the lists: so who finds it off is seen by that look. A start wakes without the lock, which the
 * thread wants at once; `n_waking` keeps the loop there meanwhile, for the process may be ending.
 *
 * `loop` is there while there are ports, but in a child before its first start. The thread gives it
 * back when there are none, and ends if there still are none after that.
 */
struct itr_curl_worker {
    struct itr_registered head;
    struct itr_transport_options options; /* constant; strings ours */

    struct itr_transport *loop; /* ours */
    struct itr_list queued, in_flight, cancelled;
    size_t n_tickets; /* of all lists */
    struct itr_list ports;
    bool has_thread;
    bool ending; /* the process is */
    atomic_bool asleep;
    atomic_uint n_waking; /* callers about to wake the loop; changed with the lock, but down */

    struct itr_curl_sleeper sleeper; /* constant: the thread */
    struct itr_list done;            /* of exchanges; the thread's */
};

static struct itr_curl_worker *worker_of(struct itr_registered *r)
{
    return (struct itr_curl_worker *)(void *)r;
}

static struct itr_curl_port *port_of(struct itr_list *node)
{
    return ITR_CONTAINER(node, struct itr_curl_port, node);
}

static void lock(struct itr_curl_worker *w)
{
    pthread_mutex_lock(&w->head.lock);
}

static void unlock(struct itr_curl_worker *w)
{
    pthread_mutex_unlock(&w->head.lock);
}

/* ---- tickets in lists; all with the lock ---- */

static struct itr_curl_ticket *ticket_of(struct itr_list *node)
{
    return ITR_CONTAINER(node, struct itr_curl_ticket, node);
}

static struct itr_curl_ticket *first_of(const struct itr_list *list)
{
    struct itr_list *node = itr_list_first(list);

    return node != NULL ? ticket_of(node) : NULL;
}

/* Move t from the list where it is, if it is in one, to the end of this one. */
static void put(struct itr_list *list, struct itr_curl_ticket *t, enum itr_curl_ticket_step step)
{
    itr_list_remove(&t->node);
    itr_list_append(list, &t->node);
    t->step = step;
}

static void drop(struct itr_curl_worker *w, struct itr_curl_ticket *t)
{
    itr_list_remove(&t->node);
    w->n_tickets--;
    itr_curl_ticket_free(t);
}

/* ---- the thread: what completed ---- */

static struct itr_curl_ticket *first_done(const struct itr_curl_worker *w)
{
    struct itr_list *node = itr_list_first(&w->done);

    return node != NULL ? ITR_CONTAINER(node, struct itr_exchange, node)->owner : NULL;
}

static void add_done(struct itr_curl_worker *w, struct itr_exchange *x)
{
    itr_list_append(&w->done, &x->node);
}

/* With the lock: deliver the first of `done` and those behind it that come out at the same port.
 * Return that port's notifier, counted, or NULL. */
static struct itr_notifier *deliver_some(struct itr_curl_worker *w)
{
    struct itr_curl_ticket *t = first_done(w);
    struct itr_curl_port *port = t->port;

    for (; t != NULL && t->port == port; t = first_done(w)) {
        itr_list_remove(&t->exchange.node);
        if (port != NULL)
            put(&port->completed, t, ITR_CURL_TICKET_COMPLETED);
        else
            drop(w, t);
    }
    if (port == NULL)
        return NULL;
    itr_nap_wake(&port->nap);
    return port->notifier != NULL ? itr_notifier_retain(port->notifier) : NULL;
}

/* The notifier is notified without the lock: the host wakes at once and would wait for it. */
static void deliver(struct itr_curl_worker *w)
{
    while (!itr_list_is_empty(&w->done)) {
        struct itr_notifier *notifier;

        lock(w);
        notifier = deliver_some(w);
        unlock(w);
        if (notifier != NULL)
            itr_notifier_notify(notifier);
        itr_notifier_release(notifier);
    }
}

/* ---- the thread: what is new ---- */

static struct itr_curl_ticket *take_queued(struct itr_curl_worker *w)
{
    struct itr_curl_ticket *t;

    lock(w);
    if ((t = first_of(&w->queued)) != NULL)
        put(&w->in_flight, t, ITR_CURL_TICKET_IN_FLIGHT);
    unlock(w);
    return t;
}

static struct itr_curl_ticket *take_cancelled(struct itr_curl_worker *w)
{
    struct itr_curl_ticket *t;

    lock(w);
    if ((t = first_of(&w->cancelled)) != NULL) {
        itr_list_remove(&t->node);
        w->n_tickets--;
    }
    unlock(w);
    return t;
}

/* Its deadline counts from when the caller started it. */
static enum itr_status start_in_loop(struct itr_curl_ticket *t, struct itr_transport *loop,
                                     struct itr_error *e)
{
    int64_t left = t->deadline_mono_ms - itr_clock_mono_ms(itr_clock_system());

    if (left <= 0)
        return itr_error_set(e, ITR_TIMEOUT, "the deadline passed before the request could start");
    t->exchange.request.timeout_ms = left;
    if (t->woke)
        return itr_curl_loop_start_waker(loop, &t->exchange, e);
    return loop->ops->start(loop, &t->exchange, e);
}

static void begin(struct itr_curl_worker *w, struct itr_transport *loop, struct itr_curl_ticket *t)
{
    struct itr_error e;
    enum itr_status s = start_in_loop(t, loop, &e);

    if (s == ITR_OK)
        return;
    itr_curl_ticket_fail(t, s, e.text);
    add_done(w, &t->exchange);
}

/* ---- the thread: turn by turn ---- */

static void collect(struct itr_curl_worker *w, struct itr_transport *loop)
{
    struct itr_exchange *x = loop->ops->wait(loop, -1);

    while (x != NULL) {
        add_done(w, x);
        x = itr_curl_loop_has_more(loop) ? loop->ops->wait(loop, 0) : NULL;
    }
}

/* Nobody brings or wants anything. */
static bool must_end(const struct itr_curl_worker *w)
{
    return w->ending || itr_list_is_empty(&w->ports);
}

/* Return whether it may sleep until the network or a wake ends that. */
static bool fall_asleep(void *ctx)
{
    struct itr_curl_worker *w = ctx;
    bool may;

    lock(w);
    may = itr_list_is_empty(&w->queued) && itr_list_is_empty(&w->cancelled) && !must_end(w);
    atomic_store(&w->asleep, may);
    unlock(w);
    return may;
}

static void wake_up(void *ctx)
{
    struct itr_curl_worker *w = ctx;

    atomic_store(&w->asleep, false);
}

static void end_cancelled(struct itr_curl_worker *w, struct itr_transport *loop)
{
    struct itr_curl_ticket *t;

    while ((t = take_cancelled(w)) != NULL) {
        loop->ops->cancel(loop, &t->exchange);
        itr_curl_ticket_free(t);
    }
}

static void turn(struct itr_curl_worker *w, struct itr_transport *loop)
{
    struct itr_curl_ticket *t;

    while ((t = take_queued(w)) != NULL)
        begin(w, loop, t);
    deliver(w);
    end_cancelled(w, loop);
    collect(w, loop);
    deliver(w);
}

/* All that is in flight or queued comes out as failed: the process ends. */
static void fail_all(struct itr_curl_worker *w, struct itr_transport *loop)
{
    struct itr_curl_ticket *t;

    while (take_queued(w) != NULL)
        ;
    for (;;) {
        lock(w);
        t = first_of(&w->in_flight);
        unlock(w);
        if (t == NULL)
            return;
        loop->ops->cancel(loop, &t->exchange);
        itr_curl_ticket_fail(t, ITR_NETWORK, "the process is ending");
        add_done(w, &t->exchange);
        deliver(w);
    }
}

/* Carry until nobody wants anything, and give the loop back. Called and left with the lock. */
static void carry(struct itr_curl_worker *w)
{
    struct itr_transport *loop = w->loop;

    while (!must_end(w)) {
        unlock(w);
        turn(w, loop);
        lock(w);
    }
    if (w->ending) {
        unlock(w);
        fail_all(w, loop);
        lock(w);
    }
    w->loop = NULL; /* now only `cancelled` has anything that is in it */
    unlock(w);
    while (atomic_load(&w->n_waking) > 0)
        sched_yield();
    end_cancelled(w, loop);
    loop->ops->free(loop);
    lock(w);
}

/* The thread's body. It has a reference to the worker, and gives it back at its end. */
static void *run(void *arg)
{
    struct itr_curl_worker *w = arg;

    lock(w);
    do
        carry(w);
    while (w->loop != NULL);
    w->has_thread = false;
    unlock(w);
    itr_registered_release_by_thread(&w->head);
    return NULL;
}

/* ---- what callers need; all with the lock ---- */

/* There is something new for the thread. */
static void wake_thread(struct itr_curl_worker *w)
{
    if (atomic_exchange(&w->asleep, false))
        w->loop->ops->wake(w->loop);
}

/* The same in two steps, for a start: return the loop to be woken with end_wake, without the lock;
 * NULL: the thread is awake. */
static struct itr_transport *begin_wake(struct itr_curl_worker *w)
{
    if (!atomic_exchange(&w->asleep, false))
        return NULL;
    (void)atomic_fetch_add(&w->n_waking, 1);
    return w->loop;
}

static void end_wake(struct itr_curl_worker *w, struct itr_transport *loop)
{
    if (loop == NULL)
        return;
    loop->ops->wake(loop);
    (void)atomic_fetch_sub(&w->n_waking, 1);
}

static enum itr_status ensure_thread(struct itr_curl_worker *w, struct itr_error *e)
{
    char reason[ITR_REASON];
    int rc;

    if (w->has_thread)
        return ITR_OK;
    if ((rc = itr_thread_start(run, w)) != 0)
        return itr_error_set(e, ITR_NETWORK, "no thread could be created for requests: %s",
                             itr_reason(rc, reason));
    itr_registered_retain_for_thread(&w->head); /* it cannot do a thing before we unlock */
    w->has_thread = true;
    return ITR_OK;
}

static enum itr_status ensure_loop(struct itr_curl_worker *w, struct itr_error *e)
{
    enum itr_status s;

    if (w->loop != NULL)
        return ITR_OK;
    if ((s = itr_curl_loop_factory()->open(&w->options, &w->loop, e)) != ITR_OK)
        return s;
    itr_curl_loop_guard(w->loop, &w->head.lock);
    itr_curl_loop_set_sleeper(w->loop, &w->sleeper);
    return ITR_OK;
}

/* ---- as an object of the registry ---- */

/* What the parent's thread was working on may be half done: it is left alone, but for the sockets.
 * Whoever waits for it here learns that it failed. */
static void renew_in_child(struct itr_registered *r)
{
    struct itr_curl_worker *w = worker_of(r);
    struct itr_curl_ticket *t;
    struct itr_list *at;

    if (w->loop != NULL)
        itr_curl_loop_lose(w->loop);
    w->loop = NULL;
    w->has_thread = false;
    atomic_store(&w->asleep, false);
    atomic_store(&w->n_waking, 0);
    itr_list_init(&w->done);
    for (at = w->ports.next; at != &w->ports; at = at->next)
        itr_nap_init(&port_of(at)->nap);
    itr_list_move_all(&w->queued, &w->in_flight);
    while ((t = first_of(&w->in_flight)) != NULL) {
        t->lost = true;
        put(&t->port->completed, t, ITR_CURL_TICKET_COMPLETED);
    }
    while ((t = first_of(&w->cancelled)) != NULL) {
        t->lost = true;
        drop(w, t);
    }
}

static void end_worker(struct itr_registered *r)
{
    struct itr_curl_worker *w = worker_of(r);

    lock(w);
    w->ending = true;
    wake_thread(w);
    unlock(w);
}

/* TLS's own exit handlers must not run while the thread uses it. */
static bool keeps_process(struct itr_registered *r)
{
    struct itr_curl_worker *w = worker_of(r);
    bool keeps;

    lock(w);
    keeps = w->has_thread;
    unlock(w);
    return keeps;
}

static void free_worker(struct itr_registered *r)
{
    struct itr_curl_worker *w = worker_of(r);

    if (w->loop != NULL)
        w->loop->ops->free(w->loop);
    pthread_mutex_destroy(&w->head.lock);
    free((char *)w->options.ca_file);
    free((char *)w->options.proxy);
    free((char *)w->options.user_agent);
    free((char *)w->options.unix_socket);
    free(w);
}

static const struct itr_registered_ops ops = {
    renew_in_child,
    end_worker,
    keeps_process,
    free_worker,
};

/* ---- lifetime ---- */

static bool copy(const char **own, const char *given)
{
    *own = given != NULL ? strdup(given) : NULL;
    return given == NULL || *own != NULL;
}

static struct itr_registered *make_worker(void *ctx)
{
    const struct itr_transport_options *o = ctx;
    struct itr_curl_worker *w = calloc(1, sizeof *w);

    if (w == NULL)
        return NULL;
    w->head.ops = &ops;
    w->head.end_within_ms = END_WITHIN_MS;
    atomic_init(&w->head.refs, 1);
    atomic_init(&w->asleep, false);
    atomic_init(&w->n_waking, 0);
    pthread_mutex_init(&w->head.lock, NULL);
    w->sleeper = (struct itr_curl_sleeper){fall_asleep, wake_up, w};
    itr_list_init(&w->queued);
    itr_list_init(&w->in_flight);
    itr_list_init(&w->cancelled);
    itr_list_init(&w->ports);
    itr_list_init(&w->done);
    w->options = *o;
    w->options.ca_file = w->options.proxy = w->options.user_agent = w->options.unix_socket = NULL;
    if (copy(&w->options.ca_file, o->ca_file) && copy(&w->options.proxy, o->proxy) &&
        copy(&w->options.user_agent, o->user_agent) &&
        copy(&w->options.unix_socket, o->unix_socket))
        return &w->head;
    free_worker(&w->head);
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
        "curl_worker",        numbers, text(o->ca_file), text(o->proxy), text(o->user_agent),
        text(o->unix_socket), NULL};

    (void)snprintf(numbers, sizeof numbers, "%d %d%d%d%d %" PRId64 " %ld", (int)o->http_version,
                   o->ca_file != NULL, o->proxy != NULL, o->user_agent != NULL,
                   o->unix_socket != NULL, o->connect_timeout_ms, o->max_host_connections);
    itr_registry_key(parts, key);
}

/* libcurl first: its exit handlers must be registered before the registry's. */
enum itr_status itr_curl_worker_open(const struct itr_transport_options *options,
                                     struct itr_curl_port *port, struct itr_curl_worker **out,
                                     struct itr_error *e)
{
    char key[ITR_REGISTRY_KEY];
    struct itr_curl_worker *w;
    struct itr_registered *r;
    enum itr_status s;

    *out = NULL;
    itr_list_init(&port->completed);
    itr_list_init(&port->node);
    if ((s = itr_curl_global_init(e)) != ITR_OK)
        return s;
    make_key(options, key);
    if ((r = itr_registry_get(key, make_worker, (void *)(uintptr_t)options)) == NULL)
        return itr_error_set(e, ITR_NOMEM, "no memory");
    w = worker_of(r);
    lock(w);
    if ((s = ensure_loop(w, e)) == ITR_OK)
        itr_list_append(&w->ports, &port->node);
    unlock(w);
    if (s == ITR_OK)
        *out = w;
    else
        itr_registered_release(r);
    return s;
}

/* With the lock: the thread ends it when it comes to it. */
static void give_up(struct itr_curl_worker *w, struct itr_curl_ticket *t)
{
    t->port = NULL;
    put(&w->cancelled, t, ITR_CURL_TICKET_CANCELLED);
    wake_thread(w);
}

/* With the lock: those of the port in one of the worker's lists. */
static void cancel_all_of(struct itr_curl_worker *w, struct itr_list *list,
                          const struct itr_curl_port *port)
{
    struct itr_list *at, *next;

    for (at = list->next; at != list; at = next) {
        struct itr_curl_ticket *t = ticket_of(at);

        next = at->next;
        if (t->port != port)
            continue;
        if (list == &w->in_flight)
            give_up(w, t);
        else
            drop(w, t);
    }
}

void itr_curl_worker_close(struct itr_curl_worker *w, struct itr_curl_port *port)
{
    lock(w);
    itr_list_remove(&port->node);
    cancel_all_of(w, &w->queued, port);
    cancel_all_of(w, &w->in_flight, port);
    cancel_all_of(w, &port->completed, port);
    if (itr_list_is_empty(&w->ports))
        wake_thread(w);
    unlock(w);
    itr_registered_release(&w->head);
}

/* ---- tickets ---- */

/* With the lock. */
static enum itr_status ensure_running(struct itr_curl_worker *w, struct itr_error *e)
{
    enum itr_status s;

    if (w->ending)
        return itr_error_set(e, ITR_NETWORK, "the process is ending");
    if (w->n_tickets >= ITR_CURL_WORKER_MOST)
        return itr_error_set(e, ITR_NETWORK, "too many requests: %d are in flight already",
                             ITR_CURL_WORKER_MOST);
    if ((s = ensure_loop(w, e)) != ITR_OK)
        return s;
    return ensure_thread(w, e);
}

enum itr_status itr_curl_worker_start(struct itr_curl_worker *w, struct itr_curl_port *port,
                                      struct itr_curl_ticket *t, struct itr_error *e)
{
    struct itr_transport *loop = NULL;
    enum itr_status s;

    s = itr_curl_origin_check(t->exchange.request.url, w->options.unix_socket != NULL, e);
    if (s != ITR_OK)
        return s;
    lock(w);
    if ((s = ensure_running(w, e)) == ITR_OK) {
        t->port = port;
        put(&w->queued, t, ITR_CURL_TICKET_QUEUED);
        w->n_tickets++;
        loop = begin_wake(w);
        t->woke = loop != NULL;
    }
    unlock(w);
    end_wake(w, loop);
    return s;
}

struct itr_curl_ticket *itr_curl_worker_take(struct itr_curl_worker *w, struct itr_curl_port *port)
{
    struct itr_curl_ticket *t;

    lock(w);
    if ((t = first_of(&port->completed)) != NULL) {
        itr_list_remove(&t->node);
        w->n_tickets--;
    }
    unlock(w);
    return t;
}

bool itr_curl_worker_cancel(struct itr_curl_worker *w, struct itr_curl_ticket *t)
{
    bool sent;

    lock(w);
    sent = t->step == ITR_CURL_TICKET_IN_FLIGHT || t->lost || t->exchange.response.sent;
    if (t->step == ITR_CURL_TICKET_IN_FLIGHT)
        give_up(w, t);
    else
        drop(w, t);
    unlock(w);
    return sent;
}
