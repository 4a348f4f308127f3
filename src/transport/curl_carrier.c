#include "transport/curl_carrier.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/os/registry.h"
#include "core/os/thread.h"
#include "transport/curl_carrier_thread.h"
#include "transport/curl_global.h"
#include "transport/curl_loop.h"
#include "transport/curl_origin.h"

#define END_WITHIN_MS 2000

static struct itr_curl_carrier *of(struct itr_registered *r)
{
    return (struct itr_curl_carrier *)(void *)r;
}

/* With the lock: something new is to be done. */
static void rouse(struct itr_curl_carrier *c)
{
    if (atomic_exchange(&c->asleep, false))
        c->loop->ops->wake(c->loop);
}

/* ---- what it works with ---- */

/* With the lock. */
static enum itr_status ready_thread(struct itr_curl_carrier *c, struct itr_error *e)
{
    int rc;

    if (c->thread_out)
        return ITR_OK;
    if ((rc = itr_thread_start(itr_curl_carrier_run, c)) != 0)
        return itr_error_set(e, ITR_NETWORK, "no thread could be made for requests: %s",
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
        itr_curl_carrier_drop(c, t);
    }
}

static void end_carrier(struct itr_registered *r)
{
    struct itr_curl_carrier *c = of(r);

    itr_curl_carrier_lock(c);
    c->ending = true;
    rouse(c);
    itr_curl_carrier_unlock(c);
}

/* TLS's own exit handlers must not run while the thread uses it. */
static bool keeps_process(struct itr_registered *r)
{
    bool keeps;

    itr_curl_carrier_lock(of(r));
    keeps = of(r)->thread_out;
    itr_curl_carrier_unlock(of(r));
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
    itr_curl_carrier_lock(of(r));
    if ((s = ready_loop(of(r), e)) == ITR_OK) {
        port->next = of(r)->ports;
        of(r)->ports = port;
        *out = of(r);
    }
    itr_curl_carrier_unlock(of(r));
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
            itr_curl_carrier_drop(c, t);
    }
}

void itr_curl_carrier_close(struct itr_curl_carrier *c, struct itr_curl_port *port)
{
    itr_curl_carrier_lock(c);
    unlink_port(c, port);
    cancel_all_of(c, &c->queued, port);
    cancel_all_of(c, &c->out, port);
    cancel_all_of(c, &port->over, port);
    if (c->ports == NULL)
        rouse(c);
    itr_curl_carrier_unlock(c);
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
        return itr_error_set(e, ITR_NETWORK, "%d requests are out already, no more are taken",
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
    itr_curl_carrier_lock(c);
    if ((s = ready(c, e)) == ITR_OK) {
        t->port = port;
        itr_curl_tickets_add(&c->queued, t);
        c->n_tickets++;
        rouse(c);
    }
    itr_curl_carrier_unlock(c);
    return s;
}

struct itr_curl_ticket *itr_curl_carrier_take(struct itr_curl_carrier *c,
                                              struct itr_curl_port *port)
{
    struct itr_curl_ticket *t;

    itr_curl_carrier_lock(c);
    if ((t = port->over.first) != NULL) {
        itr_curl_tickets_remove(t);
        c->n_tickets--;
    }
    itr_curl_carrier_unlock(c);
    return t;
}

bool itr_curl_carrier_cancel(struct itr_curl_carrier *c, struct itr_curl_ticket *t)
{
    bool sent;

    itr_curl_carrier_lock(c);
    sent = t->list == &c->out || t->lost || t->exchange.response.sent;
    if (t->list == &c->out)
        give_up(c, t);
    else
        itr_curl_carrier_drop(c, t);
    itr_curl_carrier_unlock(c);
    return sent;
}
