/*
 * exchange_queue: exchanges in the order they ended, linked by their own `next`. Borrows them; no
 * memory of its own. One thread.
 */
#ifndef ITR_TRANSPORT_EXCHANGE_QUEUE_H
#define ITR_TRANSPORT_EXCHANGE_QUEUE_H

#include "core/http/transport.h"

/* Must stay in place from init on: `end` may point into it. */
struct itr_exchange_queue {
    struct itr_exchange *first; /* NULL: empty */
    struct itr_exchange **end;  /* where the next one is linked */
};

void itr_exchange_queue_init(struct itr_exchange_queue *q);
void itr_exchange_queue_add(struct itr_exchange_queue *q, struct itr_exchange *x);

/* The first one, no longer in the queue; NULL: empty. */
struct itr_exchange *itr_exchange_queue_take(struct itr_exchange_queue *q);

/* Takes x out from wherever it stands; nothing if it is not there. */
void itr_exchange_queue_remove(struct itr_exchange_queue *q, struct itr_exchange *x);

#endif
