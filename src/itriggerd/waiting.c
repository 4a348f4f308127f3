#include "itriggerd/waiting.h"

void waiting_init(struct waiting *l)
{
    *l = (struct waiting){.latest_mono_ms = INT64_MAX};
    pthread_mutex_init(&l->lock, NULL);
}

void waiting_clear(struct waiting *l)
{
    pthread_mutex_destroy(&l->lock);
}

static void link_in(struct waiting *l, struct waiter *w)
{
    w->next = l->first;
    w->prev = &l->first;
    if (l->first != NULL)
        l->first->prev = &w->next;
    l->first = w;
    l->n++;
}

static void link_out(struct waiting *l, struct waiter *w)
{
    *w->prev = w->next;
    if (w->next != NULL)
        w->next->prev = w->prev;
    w->prev = NULL;
    l->n--;
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
        link_in(l, w);
    }
    pthread_mutex_unlock(&l->lock);
    return room;
}

void waiting_leave(struct waiting *l, struct waiter *w)
{
    pthread_mutex_lock(&l->lock);
    if (w->prev != NULL)
        link_out(l, w);
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

static bool is_over(const struct waiting *l, const struct waiter *w, int64_t now_mono_ms)
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
    struct waiter *w;

    pthread_mutex_lock(&l->lock);
    for (w = l->first; w != NULL; w = w->next)
        if (atomic_load(&w->state) == WAITER_SUSPENDED && is_over(l, w, now_mono_ms))
            expire(w);
    pthread_mutex_unlock(&l->lock);
}

void waiting_cut(struct waiting *l, int64_t latest_mono_ms)
{
    pthread_mutex_lock(&l->lock);
    l->latest_mono_ms = latest_mono_ms;
    pthread_mutex_unlock(&l->lock);
}
