/*
 * curl_carrier: a curl_loop on a thread of its own, one in the process for all who want the same
 * options of it, and so for their connections. Tickets go in, are carried, and come out at the port
 * that they belong to. Internal to curl_engine.
 *
 * Any thread may call any function; none blocks on the network. Started with the first ticket,
 * ended with the last port or with the process; after a fork the child has one of its own, in which
 * what was out comes out as failed. docs/design.md section 6.
 */
#ifndef ITR_TRANSPORT_CURL_CARRIER_H
#define ITR_TRANSPORT_CURL_CARRIER_H

#include <stdbool.h>

#include "core/http/transport.h"
#include "core/os/notifier.h"
#include "core/os/thread.h"
#include "transport/curl_ticket.h"

/* Tickets that are not taken back yet, of all ports together. */
#define ITR_CURL_CARRIER_MOST 65536

struct itr_curl_carrier;

/* Where one transport's tickets come out. In place from open to close. */
struct itr_curl_port {
    struct itr_notifier *notifier; /* borrowed, constant; rung when something is over; NULL: none */
    struct itr_nap nap;            /* woken then, too; by others as they like */
    struct itr_curl_tickets over;  /* the carrier's, as what follows */
    struct itr_curl_port *next;
};

/* The carrier for these options, found or made, with this port (set: notifier, nap) on it.
 * ITR_CONFIG, ITR_NETWORK as of curl_loop's open; ITR_NOMEM. */
enum itr_status itr_curl_carrier_open(const struct itr_transport_options *options,
                                      struct itr_curl_port *port, struct itr_curl_carrier **out,
                                      struct itr_error *e);

/* Nothing comes to the port any more; what it had is cancelled and given back. The notifier may
 * still be rung for a moment. In the child of a fork, too. */
void itr_curl_carrier_close(struct itr_curl_carrier *c, struct itr_curl_port *port);

/* As of transport.h's start; checks the address. The ticket is the carrier's when it is ITR_OK, and
 * otherwise stays the caller's. ITR_USAGE, ITR_NOMEM; ITR_NETWORK: the process is ending, or no
 * descriptors are left. */
enum itr_status itr_curl_carrier_start(struct itr_curl_carrier *c, struct itr_curl_port *port,
                                       struct itr_curl_ticket *t, struct itr_error *e);

/* The next of the port that is over, the caller's; NULL: none. */
struct itr_curl_ticket *itr_curl_carrier_take(struct itr_curl_carrier *c,
                                              struct itr_curl_port *port);

/* Gives t up. Returns whether a byte of it may have left: no only if that is sure. */
bool itr_curl_carrier_cancel(struct itr_curl_carrier *c, struct itr_curl_ticket *t);

#endif
