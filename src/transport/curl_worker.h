/*
 * curl_worker: runs a curl_loop on a thread of its own, one in the process for all who open it with
 * the same options, and so share its connections. Tickets go in, are carried, and come out at the
 * port that they belong to. Internal to curl_engine.
 *
 * Any thread may call any function; none blocks on the network. The thread starts with the first
 * ticket and ends with the last port or with the process. After a fork the child has a thread of
 * its own, and what was in flight comes out as failed. docs/design.md section 6.
 */
#ifndef ITR_TRANSPORT_CURL_WORKER_H
#define ITR_TRANSPORT_CURL_WORKER_H

#include <stdbool.h>

#include "core/base/list.h"
#include "core/http/transport.h"
#include "core/os/notifier.h"
#include "core/os/thread.h"
#include "transport/curl_ticket.h"

/* The most tickets that are not taken back yet, of all ports together. */
#define ITR_CURL_WORKER_MOST 65536

struct itr_curl_worker;

/* Where one transport's tickets come out. In place from open to close. */
struct itr_curl_port {
    struct itr_notifier *notifier; /* borrowed, constant; notified of what completed; NULL: none */
    struct itr_nap nap;            /* woken then, too; by others as they like */
    struct itr_list completed;     /* of tickets; the worker's, as what follows */
    struct itr_list node;
};

/* Find or create the worker for these options and attach this port (notifier and nap are set).
 * ITR_CONFIG, ITR_NETWORK as of curl_loop's open; ITR_NOMEM. */
enum itr_status itr_curl_worker_open(const struct itr_transport_options *options,
                                     struct itr_curl_port *port, struct itr_curl_worker **out,
                                     struct itr_error *e);

/* Detach the port: cancel and free what it had. The notifier may still be notified for a moment.
 * Right in the child of a fork, too. */
void itr_curl_worker_close(struct itr_curl_worker *w, struct itr_curl_port *port);

/* Start a ticket, as of transport.h's start; the address is checked. The worker owns the ticket
 * when this is ITR_OK, else the caller. ITR_USAGE, ITR_NOMEM; ITR_NETWORK: the process is ending,
 * too many are in flight, or no thread or descriptors are left. */
enum itr_status itr_curl_worker_start(struct itr_curl_worker *w, struct itr_curl_port *port,
                                      struct itr_curl_ticket *t, struct itr_error *e);

/* Return the port's next completed ticket, which the caller then owns; NULL: none. */
struct itr_curl_ticket *itr_curl_worker_take(struct itr_curl_worker *w, struct itr_curl_port *port);

/* Cancel t. Return whether a byte of it may have left: false only if that is sure. */
bool itr_curl_worker_cancel(struct itr_curl_worker *w, struct itr_curl_ticket *t);

#endif
