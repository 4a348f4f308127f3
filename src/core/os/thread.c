#include "core/os/thread.h"

#include <signal.h>
#include <time.h>

int itr_thread_start(void *(*body)(void *), void *arg)
{
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all, old;
    int rc = pthread_attr_init(&attr);

    if (rc != 0)
        return rc;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    if (rc == 0)
        rc = pthread_create(&thread, &attr, body, arg);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    return rc;
}

void itr_thread_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

void itr_thread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t ms)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(ms / 1000);
    at.tv_nsec += (long)(ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    (void)pthread_cond_timedwait(cond, lock, &at);
}

/* ---- nap ---- */

void itr_nap_init(struct itr_nap *n)
{
    pthread_mutex_init(&n->lock, NULL);
    itr_thread_cond_init(&n->cond);
    n->woken = false;
}

void itr_nap_clear(struct itr_nap *n)
{
    pthread_cond_destroy(&n->cond);
    pthread_mutex_destroy(&n->lock);
}

void itr_nap_wake(struct itr_nap *n)
{
    pthread_mutex_lock(&n->lock);
    n->woken = true;
    pthread_cond_signal(&n->cond);
    pthread_mutex_unlock(&n->lock);
}

void itr_nap_take(struct itr_nap *n, int64_t ms)
{
    pthread_mutex_lock(&n->lock);
    if (!n->woken)
        itr_thread_cond_wait(&n->cond, &n->lock, ms);
    n->woken = false;
    pthread_mutex_unlock(&n->lock);
}
