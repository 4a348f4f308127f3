/*
 * client_state: what a client is, for the files that make it up: client.c (its life, and all
 * calls), client_step.c (one call, one step), client_token.c (the token alone). Nobody else
 * includes this.
 */
#ifndef ITR_CORE_CALL_CLIENT_STATE_H
#define ITR_CORE_CALL_CLIENT_STATE_H

#include "core/call/client.h"
#include "core/call/list.h"

/*
 * A call that was started is in one of three lists: `todo` (needs a token, waits, or is about to be
 * sent), `sent` (the transport has it), or its group's `over`. A round pushes all of todo as far as
 * they go, then waits for an answer, a token (the source wakes the transport) or the nearest time
 * in todo.
 */
struct itr_client {
    struct itr_config config;                    /* ours; of one beside another, the other's */
    bool beside;                                 /* made by itr_client_beside */
    const struct itr_clock *clock;               /* borrowed, static */
    const struct itr_transport_factory *factory; /* borrowed, static; NULL: */
    struct itr_carrier carrier;                  /* who makes the transport instead */
    struct itr_transport *transport;             /* ours; NULL after a fork until it is made anew */
    unsigned generation;                         /* of the process that made transport (fork.h) */
    struct itr_source *source;                   /* counted */
    struct itr_call_list todo, sent;             /* of borrowed ones */
    struct itr_call_group *ready;                /* borrowed */
    struct itr_client_counters counters;
};

/* The transport, new if there is none; after a fork the child makes its own. */
enum itr_status itr_client_ready_transport(struct itr_client *c, struct itr_error *e);
void itr_client_drop_transport(struct itr_client *c);

/* As the wake of a wait for a token; ctx: the transport. */
void itr_client_wake(void *ctx);

static inline bool itr_client_is_over(const struct itr_call *call)
{
    return call->step == ITR_CALL_DONE || call->step == ITR_CALL_FAILED;
}

/* Ends every call of the list with this error. */
void itr_client_end_all(struct itr_client *c, struct itr_call_list *list,
                        const struct itr_error *e);

/* Pushes a call of `todo` as far as it goes. */
void itr_client_push(struct itr_client *c, struct itr_call *call, int64_t now_mono_ms);

/* An answer came: judges it, and pushes the call on if it is not over. */
void itr_client_take_answer(struct itr_client *c, struct itr_call *call);

#endif
