#include "itriggerd/waiting.h"

void waiting_init(struct waiting *l)
{
    *l = (struct waiting){.latest_mono_ms = INT64_MAX};
    itr_list_init(&l->all);
    pthread_mutex_init(&l->lock, NULL);
}

void waiting_clear(struct waiting *l)
{
    pthread_mutex_destroy(&l->lock);
}

bool waiting_enter(struct waiting *l, struct waiter *w, int64_t deadline_mono_ms)
{
    bool room;

    pthread_mutex_lock(&l->lock);
    room = l->n < WAITING_MAX;
    if (room) {
        w->deadline_mono_ms = deadline_mono_ms;
        w->expired = false;
        atomic_store(&w->state, WAITER_BEGUN);
        itr_list_append(&l->all, &w->node);
        l->n++;
    }
    pthread_mutex_unlock(&l->lock);
    return room;
}

void waiting_leave(struct waiting *l, struct waiter *w)
{
    pthread_mutex_lock(&l->lock);
    if (w->node.next != NULL && itr_list_is_linked(&w->node)) {
        itr_list_remove(&w->node);
        l->n--;
    }
    pthread_mutex_unlock(&l->lock);
}

void waiter_suspended(struct waiter *w)
{
    int begun = WAITER_BEGUN;

    if (!atomic_compare_exchange_strong(&w->state, &begun, WAITER_SUSPENDED))
        w->resume(w->ctx);
}

void waiter_wake(void *ctx)
{
    struct waiter *w = ctx;

    if (atomic_exchange(&w->state, WAITER_WOKEN) == WAITER_SUSPENDED)
        w->resume(w->ctx);
}

static bool has_timed_out(const struct waiting *l, const struct waiter *w, int64_t now_mono_ms)
{
    return now_mono_ms >= w->deadline_mono_ms || now_mono_ms >= l->latest_mono_ms;
}

/* One that is woken already is not touched: it may be on its way to its next wait. One that is not
 * suspended yet is left for the next time. */
static void expire(struct waiter *w)
{
    int suspended = WAITER_SUSPENDED;

    w->expired = true;
    if (atomic_compare_exchange_strong(&w->state, &suspended, WAITER_WOKEN))
        w->resume(w->ctx);
}

void waiting_expire(struct waiting *l, int64_t now_mono_ms)
{
    struct itr_list *node;

    pthread_mutex_lock(&l->lock);
    for (node = itr_list_first(&l->all); node != NULL; node = itr_list_next(&l->all, node)) {
        struct waiter *w = ITR_CONTAINER(node, struct waiter, node);
        if (atomic_load(&w->state) == WAITER_SUSPENDED && has_timed_out(l, w, now_mono_ms))
            expire(w);
    }
    pthread_mutex_unlock(&l->lock);
}

void waiting_cut(struct waiting *l, int64_t latest_mono_ms)
{
    pthread_mutex_lock(&l->lock);
    l->latest_mono_ms = latest_mono_ms;
    pthread_mutex_unlock(&l->lock);
}
