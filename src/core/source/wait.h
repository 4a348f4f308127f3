/*
 * source/wait: Queue the callers who wait for a token, and answer them. The queue is guarded by
 * its owner, source; `ready` may be looked at by the caller without a lock.
 */
#ifndef ITR_CORE_SOURCE_WAIT_H
#define ITR_CORE_SOURCE_WAIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/list.h"
#include "core/base/status.h"
#include "core/record/token.h"
#include "core/source/ask.h"

/* The caller's memory; in place until it is ready or was taken out of the queue. */
struct itr_wait {
    struct itr_list node;    /* in a queue of the source */
    void (*wake)(void *ctx); /* called once it is ready; NULL: nobody to wake */
    void *ctx;
    atomic_bool ready;       /* token, error and origin below are final */
    struct itr_token *token; /* one reference for the caller, or NULL */
    struct itr_error error;  /* kind ITR_OK, or why the last fetch failed (with a token: it is a
                                stale or doubted one) */
    enum itr_token_origin origin;
    uint64_t newer_than; /* its queue's: only a token with a higher fence is an answer */
};

/* Initialise all but wake and ctx: in no queue, not ready. */
void itr_wait_reset(struct itr_wait *w);

/* Answer a wait that is in no queue: take a reference of token (may be NULL) and copy error. */
void itr_wait_answer(struct itr_wait *w, struct itr_token *token, const struct itr_error *error,
                     enum itr_token_origin origin);

/* Answer the whole queue, which is empty then, and wake everyone; under the owner's lock, so that
 * whoever was taken out of the queue is not touched any more. */
void itr_wait_answer_all(struct itr_list *queue, struct itr_token *token,
                         const struct itr_error *error, enum itr_token_origin origin);

/* Answer, without an error, those in the queue whose newer_than is below the token's fence, as
 * itr_wait_answer_all does. */
void itr_wait_answer_newer(struct itr_list *queue, struct itr_token *token,
                           enum itr_token_origin origin);

/* Return whether the answer is there. Any thread. */
bool itr_wait_is_ready(const struct itr_wait *w);

#endif
