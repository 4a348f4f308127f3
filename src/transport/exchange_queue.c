#include "transport/exchange_queue.h"

#include <stddef.h>

void itr_exchange_queue_init(struct itr_exchange_queue *q)
{
    q->first = NULL;
    q->end = &q->first;
}

void itr_exchange_queue_add(struct itr_exchange_queue *q, struct itr_exchange *x)
{
    x->next = NULL;
    *q->end = x;
    q->end = &x->next;
}

struct itr_exchange *itr_exchange_queue_take(struct itr_exchange_queue *q)
{
    struct itr_exchange *x = q->first;

    if (x != NULL)
        itr_exchange_queue_remove(q, x);
    return x;
}

void itr_exchange_queue_remove(struct itr_exchange_queue *q, struct itr_exchange *x)
{
    struct itr_exchange **at = &q->first;

    while (*at != NULL && *at != x)
        at = &(*at)->next;
    if (*at == NULL)
        return;
    if ((*at = x->next) == NULL)
        q->end = at;
    x->next = NULL;
}
