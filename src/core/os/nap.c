#include "core/os/nap.h"

#include "core/os/thread.h"

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
