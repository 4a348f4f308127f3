/*
 * curl_ticket: stands for an exchange on the engine's thread: holds a copy of its request, and the
 * answer until the caller takes it. So the caller's exchange may go away while a request is in
 * flight.
 *
 * Who owns a ticket, and in which list it is, curl_worker decides under its lock. Internal to
 * curl_engine and curl_worker. docs/design.md section 6.
 */
#ifndef ITR_TRANSPORT_CURL_TICKET_H
#define ITR_TRANSPORT_CURL_TICKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/list.h"
#include "core/http/transport.h"

struct itr_curl_port;

/* Where a ticket is. */
enum itr_curl_ticket_step {
    ITR_CURL_TICKET_NEW,       /* the caller's, in no list */
    ITR_CURL_TICKET_QUEUED,    /* nothing of it was done */
    ITR_CURL_TICKET_IN_FLIGHT, /* the thread has it */
    ITR_CURL_TICKET_CANCELLED, /* the thread has it, nobody wants it */
    ITR_CURL_TICKET_COMPLETED  /* its answer waits at its port */
};

struct itr_curl_ticket {
    struct itr_exchange exchange; /* what the loop carries; owner is this ticket */
    struct itr_exchange *of;      /* borrowed: the caller's */
    struct itr_curl_port *port;   /* borrowed: where it goes; NULL: nobody wants it any more */
    enum itr_curl_ticket_step step;
    struct itr_list node; /* in the list of that step */
    int64_t deadline_mono_ms;
    bool woke;           /* the thread slept when it was started, and was woken for it */
    bool lost;           /* the parent's, after a fork: exchange may be half changed, hands off */
    size_t n_text;       /* bytes after lines[], all that was copied: may hold the token */
    char *text;          /* there; the end of this allocation */
    const char *lines[]; /* request.headers, NULL-ended */
};

/* Copy x's request into a new ticket, and mark x as just started. NULL: no memory. */
struct itr_curl_ticket *itr_curl_ticket_new(struct itr_exchange *x, int64_t now_mono_ms);

/* Wipe what was copied and free t, which is in no list. A lost one is only put aside, where a leak
 * checker sees it. */
void itr_curl_ticket_free(struct itr_curl_ticket *t);

/* Give the answer to the caller's exchange, by swapping the buffers, and free t. */
struct itr_exchange *itr_curl_ticket_hand_over(struct itr_curl_ticket *t);

/* Say how it ended when the loop did not: detail is static text. */
void itr_curl_ticket_fail(struct itr_curl_ticket *t, enum itr_status carried, const char *detail);

#endif
