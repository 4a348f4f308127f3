/*
 * fake_transport: transport.h played by a script. The gateway behind it is one per process: what
 * every transport of the factory sends comes to it, in one of two lanes (the token endpoint or
 * token server, and all else), is recorded, and is answered from the lane's queue, or as the lane
 * always answers. A held lane answers only what the test releases. Deadlines are by the fake clock.
 *
 * Any thread; each transport belongs to one, as transport.h says.
 */
#ifndef SPEC_FAKE_TRANSPORT_H
#define SPEC_FAKE_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/http/transport.h"
#include "support/fake_clock.h"

enum fake_lane { FAKE_TOKEN, FAKE_API, FAKE_LANES };

struct fake_answer {
    enum itr_status carried; /* ITR_OK: the rest is an HTTP answer */
    bool sent;               /* of what was not carried */
    int http_status;
    int64_t retry_after_ms; /* 0: no such header; else ms, or -1 for "Retry-After: 0" */
    const char *body;   /* static; NULL in a 200 of FAKE_TOKEN: a new token, "token-00000001" ... */
    const char *detail; /* static */
};

struct fake_request {
    bool post;
    char url[1024];
    char body[256];
    char header[128]; /* the first extra one */
    int64_t timeout_ms;
    bool want_headers;
};

extern const struct itr_transport_factory fake_transport_factory;

/* A fresh gateway: tokens are granted, calls succeed. */
void fake_gateway_reset(struct fake_clock *clock);

void fake_answer_next(enum fake_lane lane, struct fake_answer a);
void fake_answer_always(enum fake_lane lane, struct fake_answer a);
/* Calls are refused (HTTP 401) unless they bring the last token granted. */
void fake_gateway_strict(bool strict);
void fake_gateway_revoke(void);

void fake_hold(enum fake_lane lane, bool hold);
void fake_release(enum fake_lane lane, int n); /* lets n of a held lane be answered */

/* Called on the transport's thread, without a lock, when the connection stands, before may_send is
 * asked; NULL: nothing. Set while nothing is out. nth counts the lane's requests from 1. */
void fake_before_send(void (*hook)(enum fake_lane lane, int nth, void *ctx), void *ctx);
/* The next `n` requests that are sent are refused unread, as an HTTP/2 server can, and sent again:
 * may_send is asked, and the hook called, before each. */
void fake_refuse_unread(int n);
/* The next `n` opens, or starts, fail: opens with ITR_NOMEM. */
void fake_fail_open(int n);
void fake_fail_start(int n, enum itr_status kind);
/* A wait of the calling thread with nothing to carry takes the fake clock forward instead of
 * waiting for the test. */
void fake_idle_advances(bool advances);

int fake_started(enum fake_lane lane);                        /* requests begun */
int fake_sent(enum fake_lane lane);                           /* requests the gateway has seen */
void fake_await_started(enum fake_lane lane, int n);          /* waits until n were begun */
struct fake_request fake_request(enum fake_lane lane, int i); /* from 0 */
int fake_open_transports(void);
int fake_cancelled(void);
int fake_abandoned(void);
/* Waits until n calls of wait have nothing to carry. */
void fake_await_waits(int n);

#endif
