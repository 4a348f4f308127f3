/*
 * call: one API call as a machine (docs/design.md 5). Pure: the time comes as an argument; someone
 * else gets the token, sends the request, waits. So a blocking loop, a batch and an event loop can
 * all drive the same machine.
 *
 *   TOKEN -> SEND -> DONE | TOKEN (refused once: goes on only with another token)
 *                         | WAIT -> SEND | FAILED
 *
 * The owner looks at call->step and does what it says:
 *   TOKEN   ask the source with itr_call_ask(), then itr_call_token() with the answer
 *   SEND    itr_call_request(), carry call->exchange, then itr_call_answered()
 *   WAIT    nothing until call->wait_until_mono_ms, then itr_call_waited()
 *   DONE    the result: call->envelope and call->exchange.response
 *   FAILED  call->error
 * and itr_call_expired() when the deadline passes in TOKEN or WAIT.
 */
#ifndef ITR_CORE_CALL_CALL_H
#define ITR_CORE_CALL_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/list.h"
#include "core/base/status.h"
#include "core/call/envelope.h"
#include "core/config/config.h"
#include "core/http/transport.h"
#include "core/http/url.h"
#include "core/json/scan.h"
#include "core/record/token.h"
#include "core/source/wait.h"

struct itr_call_group;

enum itr_call_step {
    ITR_CALL_IDLE,  /* arguments are being put in */
    ITR_CALL_TOKEN, /* needs a token */
    ITR_CALL_SEND,  /* a request is to be sent, or in flight */
    ITR_CALL_WAIT,  /* waits before a repeat, or for its turn (pace.h) */
    ITR_CALL_DONE,  /* succeeded */
    ITR_CALL_FAILED /* failed */
};

#define ITR_BODY_MAX ((size_t)64 << 20)

struct itr_call {
    /* Arguments: filled by the owner while IDLE. */
    bool post;
    bool idempotent;            /* the caller said so: may be repeated after it was sent */
    bool raw;                   /* wants the HTTP answer as it is */
    int64_t timeout_ms;         /* of the whole call */
    int64_t min_valid_ms;       /* life the token must have left */
    struct itr_buf path;        /* percent-encoded, from itr_url_path */
    struct itr_query query;     /* GET */
    struct itr_buf body;        /* POST */
    const char *const *headers; /* borrowed from the owner until the end; NULL: none */

    /* The machine. */
    enum itr_call_step step;
    const struct itr_config *config; /* borrowed from the client */
    int64_t deadline_mono_ms;
    int64_t take_held_mono_ms; /* TOKEN, asked: the token that is held will do from here on */
    int64_t wait_until_mono_ms;
    int repeats;                     /* so far, of the kinds that `retries` bounds */
    bool refused;                    /* the gateway rejected a token once */
    bool executed;                   /* a request before the present one may have been executed */
    struct itr_token *token;         /* of the request in flight, or refused; one reference */
    struct itr_token *refused_token; /* the one before it, likewise; or NULL */
    struct itr_buf url;              /* secret */
    struct itr_exchange exchange;

    /* The result. */
    struct itr_envelope envelope; /* of the last answer; its scan is valid when DONE, or present */
    struct itr_error error;       /* of FAILED */
    const char *error_name;       /* static; or NULL */
    uint64_t n_refused, n_repeated; /* for the client's counters */
    uint64_t n_sent;                /* the driver's: requests that the transport took */

    /* The driver's (client.c): its place in a list, whose it is, its question to the source. */
    struct itr_list node; /* in one list of the client or its group, or in none */
    struct itr_call_group *group;
    struct itr_wait wait;
    bool asked;              /* wait is in use */
    int64_t started_mono_us; /* when the call was started */
    int64_t elapsed_us;      /* DONE or FAILED: from then until it was */
};

/* Set up, prepare for the next call (keeping the buffers), give the memory back. Not while the
 * call is in a list or its exchange in flight. */
void itr_call_init(struct itr_call *c, const struct itr_config *config);
void itr_call_reset(struct itr_call *c);
void itr_call_clear(struct itr_call *c);

/* Begin: the arguments are in. IDLE -> TOKEN, or FAILED (ITR_USAGE). */
void itr_call_begin(struct itr_call *c, int64_t now_mono_ms);

/* Begin once more what FAILED, with the same arguments and deadline: FAILED -> TOKEN. */
void itr_call_restart(struct itr_call *c);

/* Return what to ask of the source (TOKEN). Borrowed from c. */
struct itr_token_ask itr_call_ask(const struct itr_call *c);
/* Hand over the source's answer: TOKEN -> SEND or FAILED. Takes over the token's reference; token
 * may be NULL, error clear. */
void itr_call_token(struct itr_call *c, int64_t now_mono_ms, struct itr_token *token,
                    const struct itr_error *error);
/* Write c->url, of a call whose arguments are read; token NULL: masked. ITR_FULL, ITR_NOMEM. */
enum itr_status itr_call_write_url(struct itr_call *c, const struct itr_token *token);
/* Write the request into c->exchange.request (SEND). FAILED when there is no memory or no time. */
void itr_call_request(struct itr_call *c, int64_t now_mono_ms);
/* Judge c->exchange.response: SEND -> DONE, TOKEN, WAIT or FAILED. random: for the backoff. */
void itr_call_answered(struct itr_call *c, int64_t now_mono_ms, uint64_t random);
/* Return for how long an answer with HTTP 429 wants no more requests, at least 0. */
int64_t itr_call_slow_down_ms(const struct itr_call *c);
/* Have the request wait for its turn: SEND -> WAIT. */
void itr_call_postpone(struct itr_call *c, int64_t until_mono_ms);
/* End the wait: WAIT -> SEND. */
void itr_call_waited(struct itr_call *c);
/* Fail for the deadline: TOKEN, WAIT -> FAILED, kind ITR_TIMEOUT. */
void itr_call_expired(struct itr_call *c);
/* Fail in any step with *error, for a reason that the machine knows nothing of. */
void itr_call_abort(struct itr_call *c, const struct itr_error *error);

#endif
