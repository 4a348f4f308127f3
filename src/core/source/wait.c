#include "core/source/wait.h"

#include <stddef.h>

void itr_wait_reset(struct itr_wait *w)
{
    itr_list_init(&w->node);
    w->token = NULL;
    atomic_store_explicit(&w->ready, false, memory_order_relaxed);
}

void itr_wait_answer(struct itr_wait *w, struct itr_token *token, const struct itr_error *error,
                     enum itr_token_origin origin)
{
    w->token = itr_token_retain(token);
    w->origin = origin;
    if (error->kind == ITR_OK)
        itr_error_clear(&w->error);
    else
        itr_error_copy(&w->error, error);
    atomic_store_explicit(&w->ready, true, memory_order_release);
}

/* Once it is answered, w is its caller's again. */
static void answer_queued(struct itr_list *node, struct itr_token *token,
                          const struct itr_error *error, enum itr_token_origin origin)
{
    struct itr_wait *w = ITR_CONTAINER(node, struct itr_wait, node);
    void (*wake)(void *) = w->wake;
    void *ctx = w->ctx;

    itr_list_remove(node);
    itr_wait_answer(w, token, error, origin);
    if (wake != NULL)
        wake(ctx);
}

void itr_wait_answer_all(struct itr_list *queue, struct itr_token *token,
                         const struct itr_error *error, enum itr_token_origin origin)
{
    struct itr_list *node;

    while ((node = itr_list_first(queue)) != NULL)
        answer_queued(node, token, error, origin);
}

void itr_wait_answer_newer(struct itr_list *queue, struct itr_token *token,
                           enum itr_token_origin origin)
{
    struct itr_list *node = itr_list_first(queue), *next;
    struct itr_error none;

    itr_error_clear(&none);
    for (; node != NULL; node = next) {
        next = itr_list_next(queue, node);
        if (ITR_CONTAINER(node, struct itr_wait, node)->newer_than < token->fence)
            answer_queued(node, token, &none, origin);
    }
}

bool itr_wait_is_ready(const struct itr_wait *w)
{
    return atomic_load_explicit(&w->ready, memory_order_acquire);
}
