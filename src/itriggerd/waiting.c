#include "itriggerd/waiting.h"

#include <poll.h>

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

static struct waiter *first(const struct waiting *l)
{
    struct itr_list *node = itr_list_first(&l->all);

    return node != NULL ? ITR_CONTAINER(node, struct waiter, node) : NULL;
}

static struct waiter *next(const struct waiting *l, const struct waiter *w)
{
    struct itr_list *node = itr_list_next(&l->all, &w->node);

    return node != NULL ? ITR_CONTAINER(node, struct waiter, node) : NULL;
}

/* Wake one that is suspended, because of something else than its token. One that is woken already
 * is not touched: it may be on its way to its next wait. */
static void expire(struct waiter *w)
{
    int suspended = WAITER_SUSPENDED;

    w->expired = true;
    if (atomic_compare_exchange_strong(&w->state, &suspended, WAITER_WOKEN))
        w->resume(w->ctx);
}

/* ---- places ---- */

/* The oldest suspended poll, of that client or app where one is given. */
static struct waiter *oldest_poll(const struct waiting *l, const void *client, const void *app)
{
    struct waiter *w;

    for (w = first(l); w != NULL; w = next(l, w))
        if (w->polls && (client == NULL || w->client == client) && (app == NULL || w->app == app) &&
            atomic_load(&w->state) == WAITER_SUSPENDED)
            return w;
    return NULL;
}

static void count_polls(const struct waiting *l, const struct waiter *of, size_t *of_client,
                        size_t *of_app)
{
    const struct waiter *w;

    *of_client = *of_app = 0;
    for (w = first(l); w != NULL; w = next(l, w)) {
        *of_client += w->polls && w->client == of->client;
        *of_app += w->polls && w->app == of->app;
    }
}

/* One that has to give its place to w; NULL: there is room. */
static struct waiter *find_victim(const struct waiting *l, const struct waiter *w)
{
    size_t of_client, of_app;

    if (!w->polls)
        return l->n >= WAITING_MAX ? oldest_poll(l, NULL, NULL) : NULL;
    if (l->polls < WAITING_POLLS_OF_CLIENT_MAX)
        return NULL;
    count_polls(l, w, &of_client, &of_app);
    if (of_client >= WAITING_POLLS_OF_CLIENT_MAX)
        return oldest_poll(l, w->client, NULL);
    if (of_app >= WAITING_POLLS_OF_APP_MAX)
        return oldest_poll(l, NULL, w->app);
    return l->polls >= WAITING_POLLS_MAX ? oldest_poll(l, NULL, NULL) : NULL;
}

bool waiting_enter(struct waiting *l, struct waiter *w, int64_t deadline_mono_ms)
{
    struct waiter *victim;
    bool room;

    pthread_mutex_lock(&l->lock);
    if ((victim = find_victim(l, w)) != NULL)
        expire(victim);
    room = l->n < WAITING_MAX || victim != NULL;
    if (room) {
        w->deadline_mono_ms = deadline_mono_ms;
        w->expired = false;
        atomic_store(&w->state, WAITER_BEGUN);
        itr_list_append(&l->all, &w->node);
        l->n++;
        l->polls += w->polls;
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
        l->polls -= w->polls;
    }
    pthread_mutex_unlock(&l->lock);
}

/* ---- waking ---- */

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
    return now_mono_ms >= w->deadline_mono_ms || now_mono_ms >= l->latest_mono_ms ||
           (l->draining && w->polls);
}

/* One that is not suspended yet is left for the next time. */
void waiting_expire(struct waiting *l, int64_t now_mono_ms)
{
    struct waiter *w;

    pthread_mutex_lock(&l->lock);
    for (w = first(l); w != NULL; w = next(l, w))
        if (atomic_load(&w->state) == WAITER_SUSPENDED && has_timed_out(l, w, now_mono_ms))
            expire(w);
    pthread_mutex_unlock(&l->lock);
}

void waiting_end_polls(struct waiting *l, const void *app)
{
    struct waiter *w;

    pthread_mutex_lock(&l->lock);
    for (w = first(l); w != NULL; w = next(l, w))
        if (w->polls && w->app == app)
            w->deadline_mono_ms = INT64_MIN;
    pthread_mutex_unlock(&l->lock);
}

/* The HTTP library does not look at the connection of a suspended request. A connection stays open
 * while its request is in the list. */
void waiting_expire_gone(struct waiting *l)
{
    static struct pollfd fds[WAITING_MAX * 2]; /* the timer thread's; guarded by lock */
    struct waiter *w;
    nfds_t n = 0, at = 0;

    pthread_mutex_lock(&l->lock);
    for (w = first(l); w != NULL && n < sizeof fds / sizeof *fds; w = next(l, w))
        fds[n++] = (struct pollfd){.fd = w->fd, .events = POLLRDHUP};
    if (n > 0 && poll(fds, n, 0) > 0)
        for (w = first(l); w != NULL && at < n; w = next(l, w), at++)
            if ((fds[at].revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0 &&
                atomic_load(&w->state) == WAITER_SUSPENDED)
                expire(w);
    pthread_mutex_unlock(&l->lock);
}

/* It may not be suspended yet, so it is woken as by its token; its owner sees that there is none.
 */
void waiting_wake_checks(struct waiting *l, const void *app)
{
    struct waiter *w;

    pthread_mutex_lock(&l->lock);
    for (w = first(l); w != NULL; w = next(l, w))
        if (w->checks == app) {
            w->checks = NULL;
            waiter_wake(w);
        }
    pthread_mutex_unlock(&l->lock);
}

void waiting_drain(struct waiting *l, int64_t latest_mono_ms)
{
    pthread_mutex_lock(&l->lock);
    l->draining = true;
    l->latest_mono_ms = latest_mono_ms;
    pthread_mutex_unlock(&l->lock);
}

void waiting_count(struct waiting *l, size_t *n, size_t *polls)
{
    pthread_mutex_lock(&l->lock);
    *n = l->n;
    *polls = l->polls;
    pthread_mutex_unlock(&l->lock);
}
