/*
 * curl_carrier_thread: what a carrier's thread does, and the carrier's struct, which it shares with
 * curl_carrier.c. Internal to these two.
 *
 * Design notes
 *
 * A ticket is in one list, which says what is true of it: `queued` (nothing of it was done), `out`
 * (the thread has it), `cancelled` (the thread has it, nobody wants it) or its port's `over`. Those
 * of `out` and `cancelled` are in the loop, but for those in `done`: over, and about to be
 * delivered. `done` is empty whenever the thread looks at `cancelled`, so that what stands there is
 * in the loop.
 *
 * `head.lock` guards the lists, the ports and their lists, and `loop` as a pointer. It is held over
 * a fork (registry.h), never over work of the loop, over no notifier's ring, and by callers only
 * for a few links. Under it the loop opens and closes its sockets, so that a child finds them
 * whole. The loop and `done` are the thread's.
 *
 * A transport's wake() takes only the nap's and the notifier's locks, which are leaves. It is
 * called under another registered object's lock (source), and a fork takes those in no order we
 * know.
 *
 * `asleep`: the thread found nothing to do and waits for the network alone. Who brings something
 * and finds it true turns it off and wakes the loop; so the first of many pays for the wake.
 *
 * `loop` is there while there are ports, but in a child before its first start. The thread gives it
 * back when there are none, and ends if there still are none after that.
 */
#ifndef ITR_TRANSPORT_CURL_CARRIER_THREAD_H
#define ITR_TRANSPORT_CURL_CARRIER_THREAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/http/transport.h"
#include "core/os/registry.h"
#include "transport/curl_carrier.h"
#include "transport/curl_ticket.h"
#include "transport/exchange_queue.h"

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

/* The thread's body; arg is the carrier, with a reference that it gives back at its end. */
void *itr_curl_carrier_run(void *arg);

void itr_curl_carrier_lock(struct itr_curl_carrier *c);
void itr_curl_carrier_unlock(struct itr_curl_carrier *c);

/* With the lock: t leaves its list and is freed. */
void itr_curl_carrier_drop(struct itr_curl_carrier *c, struct itr_curl_ticket *t);

#endif
