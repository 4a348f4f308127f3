/*
 * nap: one thread sleeps until another wakes it; a wake before the sleep counts, too. What the wake
 * is about is the owner's, put in place before it and looked for after. docs/design.md section 6.
 *
 * Its lock is a leaf: nothing is called under it, so wake() is right under any other lock. Not held
 * over a fork: the child makes it anew (init over the old one).
 */
#ifndef ITR_CORE_OS_NAP_H
#define ITR_CORE_OS_NAP_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct itr_nap {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool woken; /* under lock */
};

void itr_nap_init(struct itr_nap *n);
void itr_nap_clear(struct itr_nap *n);

/* Any thread. */
void itr_nap_wake(struct itr_nap *n);

/* Returns when it is or was woken, after ms, or for no reason at all. One thread at a time. */
void itr_nap_take(struct itr_nap *n, int64_t ms);

#endif
