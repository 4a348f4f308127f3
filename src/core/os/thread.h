/*
 * thread: what we need of pthreads beyond mutexes: a detached thread that no signal of the host
 * reaches, a condition timed by a clock that nobody steps, and a nap. Any thread.
 */
#ifndef ITR_CORE_OS_THREAD_H
#define ITR_CORE_OS_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Run body(arg) on a new detached thread with all signals blocked. Return 0, or an error number of
 * pthread_create(3). */
int itr_thread_start(void *(*body)(void *), void *arg);

/* Initialise a condition for itr_thread_cond_wait. Also right over the old one in the child of a
 * fork. */
void itr_thread_cond_init(pthread_cond_t *cond);
/* Wait, with the lock held, until the condition is signalled or ms passed (or for no reason). */
void itr_thread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t ms);

/*
 * One thread sleeps until another wakes it; a wake before the sleep counts, too. What the wake is
 * about belongs to the owner, who puts it in place before the wake and looks for it after.
 *
 * Its lock is a leaf: nothing is called under it, so a wake is right under any other lock. It is
 * not held over a fork: the child initialises the nap anew, over the old one.
 */
struct itr_nap {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool woken; /* under lock */
};

void itr_nap_init(struct itr_nap *n);
void itr_nap_clear(struct itr_nap *n);

/* Wake whoever sleeps, or end the next sleep at once. Any thread. */
void itr_nap_wake(struct itr_nap *n);

/* Sleep until woken, until ms passed, or for no reason at all. One thread at a time. */
void itr_nap_take(struct itr_nap *n, int64_t ms);

#endif
