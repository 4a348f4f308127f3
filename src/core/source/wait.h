/*
 * source/wait: a caller's place in the queue for a token, and its answer. The queue is guarded by
 * its owner, source; `ready` may be looked at by the caller without a lock.
 */
#ifndef ITR_CORE_SOURCE_WAIT_H
#define ITR_CORE_SOURCE_WAIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/status.h"
#include "core/record/token.h"

/* What a caller asks for. */
struct itr_token_ask {
    int64_t min_valid_ms;            /* life that must be left; 0: any */
    const struct itr_token *refused; /* the token the gateway refused, or NULL */
    bool refresh;                    /* one fetch, please (client:refresh) */
    uint64_t refused_fence;          /* instead of refused: the token of this fence; 0: none. One
                                        above the held one's: looks for it in the store first */
    uint64_t newer_than;             /* not 0: asks for nothing, waits for a token with a higher
                                        fence, however many fetches fail meanwhile */
};

/* The caller's memory; in place until it is ready or was taken out of the queue. */
struct itr_wait {
    struct itr_wait *next, **prev; /* the queue's; prev NULL: not in it */
    void (*wake)(void *ctx);       /* called once it is ready; NULL: nobody to wake */
    void *ctx;
    atomic_bool ready;       /* token, error and origin below are final */
    struct itr_token *token; /* one reference for the caller, or NULL */
    struct itr_error error;  /* kind ITR_OK, or why the last fetch failed (with a token: it is a
                                stale or doubted one) */
    enum itr_token_origin origin;
    uint64_t newer_than; /* its queue's: only a token with a higher fence is an answer */
};

/* Not in the queue, not ready; wake and ctx stay. */
void itr_wait_reset(struct itr_wait *w);
void itr_wait_enqueue(struct itr_wait **queue, struct itr_wait *w);
void itr_wait_dequeue(struct itr_wait *w); /* nothing if it is not in the queue */

/* Makes it ready: takes a reference of token (may be NULL) and copies error. */
void itr_wait_answer(struct itr_wait *w, struct itr_token *token, const struct itr_error *error,
                     enum itr_token_origin origin);

/* Answers the whole queue, which is empty then, and wakes everyone; under the owner's lock, so that
 * whoever was taken out of the queue is not touched any more. */
void itr_wait_answer_all(struct itr_wait **queue, struct itr_token *token,
                         const struct itr_error *error, enum itr_token_origin origin);

/* The same, without an error, for those of the queue whose newer_than is below the token's fence.
 */
void itr_wait_answer_newer(struct itr_wait **queue, struct itr_token *token,
                           enum itr_token_origin origin);

bool itr_wait_is_ready(const struct itr_wait *w);

#endif
