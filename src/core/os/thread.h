/*
 * thread: what we need of pthreads beyond mutexes: a detached thread that no signal of the host's
 * reaches, and a condition that is timed by a clock nobody steps. Any thread.
 */
#ifndef ITR_CORE_OS_THREAD_H
#define ITR_CORE_OS_THREAD_H

#include <pthread.h>
#include <stdint.h>

/* Runs body(arg) on a new detached thread with all signals blocked. 0, or an error number of
 * pthread_create(3). */
int itr_thread_start(void *(*body)(void *), void *arg);

/* A condition for itr_thread_cond_wait. Also makes one anew in the child of a fork. */
void itr_thread_cond_init(pthread_cond_t *cond);
/* Waits with the lock held until it is signalled or ms passed (or for no reason at all). */
void itr_thread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t ms);

#endif
