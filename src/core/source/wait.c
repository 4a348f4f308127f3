#include "core/source/wait.h"

#include <stddef.h>

void itr_wait_reset(struct itr_wait *w)
{
    w->next = NULL;
    w->prev = NULL;
    w->token = NULL;
    atomic_store_explicit(&w->ready, false, memory_order_relaxed);
}

void itr_wait_enqueue(struct itr_wait **queue, struct itr_wait *w)
{
    w->next = *queue;
    w->prev = queue;
    if (*queue != NULL)
        (*queue)->prev = &w->next;
    *queue = w;
}

void itr_wait_dequeue(struct itr_wait *w)
{
    if (w->prev == NULL)
        return;
    *w->prev = w->next;
    if (w->next != NULL)
        w->next->prev = w->prev;
    w->next = NULL;
    w->prev = NULL;
}

void itr_wait_answer(struct itr_wait *w, struct itr_token *token, const struct itr_error *error,
                     enum itr_token_origin origin)
{
    w->token = itr_token_retain(token);
    w->origin = origin;
    if (error->kind == ITR_OK)
        itr_error_clear(&w->error);
    else
        w->error = *error;
    atomic_store_explicit(&w->ready, true, memory_order_release);
}

/* Once it is answered, w is its caller's again. */
static void answer_queued(struct itr_wait *w, struct itr_token *token,
                          const struct itr_error *error, enum itr_token_origin origin)
{
    void (*wake)(void *) = w->wake;
    void *ctx = w->ctx;

    itr_wait_dequeue(w);
    itr_wait_answer(w, token, error, origin);
    if (wake != NULL)
        wake(ctx);
}

void itr_wait_answer_all(struct itr_wait **queue, struct itr_token *token,
                         const struct itr_error *error, enum itr_token_origin origin)
{
    while (*queue != NULL)
        answer_queued(*queue, token, error, origin);
}

void itr_wait_answer_newer(struct itr_wait **queue, struct itr_token *token,
                           enum itr_token_origin origin)
{
    struct itr_wait *w, *next;
    struct itr_error none;

    itr_error_clear(&none);
    for (w = *queue; w != NULL; w = next) {
        next = w->next;
        if (w->newer_than < token->fence)
            answer_queued(w, token, &none, origin);
    }
}

bool itr_wait_is_ready(const struct itr_wait *w)
{
    return atomic_load_explicit(&w->ready, memory_order_acquire);
}
