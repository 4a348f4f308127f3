/*
 * curl_ticket: what stands for an exchange on the engine's thread: a copy of its request, and the
 * answer until the caller takes it. So the caller's exchange may go away while a request is out.
 *
 * Whose a ticket is, and in which list it stands, is curl_carrier's to say, under its lock.
 * Internal to curl_engine and curl_carrier. docs/design.md section 6.
 */
#ifndef ITR_TRANSPORT_CURL_TICKET_H
#define ITR_TRANSPORT_CURL_TICKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/http/transport.h"

struct itr_curl_port;
struct itr_curl_ticket;

/* Tickets in the order they came, linked through themselves. All zero: empty. */
struct itr_curl_tickets {
    struct itr_curl_ticket *first, *last;
};

struct itr_curl_ticket {
    struct itr_exchange exchange;  /* what the loop carries; owner is this ticket */
    struct itr_exchange *of;       /* borrowed: the caller's */
    struct itr_curl_port *port;    /* borrowed: where it goes; NULL: nobody wants it any more */
    struct itr_curl_tickets *list; /* the one it is in; NULL: none */
    struct itr_curl_ticket *next, *prev;
    int64_t deadline_mono_ms;
    bool lost;           /* the parent's, after a fork: exchange may be half changed, hands off */
    size_t n_text;       /* bytes after lines[], all that was copied: may hold the token */
    char *text;          /* there; the end of this allocation */
    const char *lines[]; /* request.headers, NULL-ended */
};

/* A copy of x's request, and x set as just started. NULL: no memory. */
struct itr_curl_ticket *itr_curl_ticket_new(struct itr_exchange *x, int64_t now_mono_ms);

/* In no list. Wipes what was copied. A lost one is only put aside, where a leak checker sees it. */
void itr_curl_ticket_free(struct itr_curl_ticket *t);

/* Gives the answer to the caller's exchange, by swapping the buffers, and frees t. */
struct itr_exchange *itr_curl_ticket_hand_over(struct itr_curl_ticket *t);

/* How it ended, when the loop did not say so: detail is static text. */
void itr_curl_ticket_fail(struct itr_curl_ticket *t, enum itr_status carried, const char *detail);

/* From the list where it is, if it is in one, to the end of this one. */
void itr_curl_tickets_add(struct itr_curl_tickets *list, struct itr_curl_ticket *t);
void itr_curl_tickets_remove(struct itr_curl_ticket *t);

#endif
