/* crude stand-in */
#include "transport/curl_engine.h"
#include <pthread.h>
#include <stdlib.h>
#include "core/thread.h"
#include "transport/curl_loop.h"
#include "transport/exchange_queue.h"
struct eng {
    struct itr_transport t;
    struct itr_transport *loop;
    struct itr_bell *bell;
    pthread_mutex_t m;
    pthread_cond_t c;
    struct itr_exchange_queue in, done;
    struct itr_exchange *cancel;
    bool stop, ended, started, woken;
};
static void *body(void *arg)
{
    struct eng *g = arg;
    pthread_mutex_lock(&g->m);
    while (!g->stop) {
        struct itr_exchange *x;
        struct itr_error e;
        while ((x = itr_exchange_queue_take(&g->in)) != NULL) {
            if (g->loop->ops->start(g->loop, x, &e) != ITR_OK) {
                x->response.carried = ITR_NOMEM;
                itr_exchange_queue_add(&g->done, x);
                itr_bell_ring(g->bell);
            }
        }
        if (g->cancel) {
            g->loop->ops->cancel(g->loop, g->cancel);
            g->cancel = NULL;
            pthread_cond_broadcast(&g->c);
        }
        pthread_mutex_unlock(&g->m);
        x = g->loop->ops->wait(g->loop, -1);
        pthread_mutex_lock(&g->m);
        if (x) {
            itr_exchange_queue_add(&g->done, x);
            itr_bell_ring(g->bell);
            pthread_cond_broadcast(&g->c);
        }
    }
    g->ended = true;
    pthread_cond_broadcast(&g->c);
    pthread_mutex_unlock(&g->m);
    return NULL;
}
#define G(t) ((struct eng *)(void *)(t))
static enum itr_status st(struct itr_transport *t, struct itr_exchange *x, struct itr_error *e)
{
    struct eng *g = G(t);
    (void)e;
    pthread_mutex_lock(&g->m);
    if (!g->started) {
        g->started = true;
        itr_thread_start(body, g);
    }
    x->transfer = g;
    itr_exchange_queue_add(&g->in, x);
    g->loop->ops->wake(g->loop);
    pthread_mutex_unlock(&g->m);
    return ITR_OK;
}
static struct itr_exchange *wt(struct itr_transport *t, int64_t ms)
{
    struct eng *g = G(t);
    struct itr_exchange *x;
    pthread_mutex_lock(&g->m);
    x = itr_exchange_queue_take(&g->done);
    if (!x && ms != 0 && !g->woken)
        itr_thread_cond_wait(&g->c, &g->m, ms < 0 ? 1000 : ms), x = itr_exchange_queue_take(&g->done);
    g->woken = false;
    pthread_mutex_unlock(&g->m);
    return x;
}
static void cn(struct itr_transport *t, struct itr_exchange *x)
{
    struct eng *g = G(t);
    pthread_mutex_lock(&g->m);
    itr_exchange_queue_remove(&g->in, x);
    g->cancel = x;
    g->loop->ops->wake(g->loop);
    while (g->cancel && g->started)
        itr_thread_cond_wait(&g->c, &g->m, 100);
    itr_exchange_queue_remove(&g->done, x);
    pthread_mutex_unlock(&g->m);
}
static void wk(struct itr_transport *t)
{
    struct eng *g = G(t);
    pthread_mutex_lock(&g->m);
    g->woken = true;
    pthread_cond_broadcast(&g->c);
    pthread_mutex_unlock(&g->m);
    itr_bell_ring(g->bell);
}
static void fr(struct itr_transport *t)
{
    struct eng *g = G(t);
    if (!g)
        return;
    pthread_mutex_lock(&g->m);
    g->stop = true;
    g->loop->ops->wake(g->loop);
    while (g->started && !g->ended)
        itr_thread_cond_wait(&g->c, &g->m, 100);
    pthread_mutex_unlock(&g->m);
    g->loop->ops->free(g->loop);
    itr_bell_release(g->bell);
    free(g);
}
static void ab(struct itr_transport *t)
{
    (void)t;
}
static const struct itr_transport_ops OPS = {ITR_TRANSPORT_VERSION, st, wt, cn, wk, fr, ab};
enum itr_status itr_curl_engine_open(const struct itr_transport_options *options,
                                     struct itr_bell *bell, struct itr_transport **out,
                                     struct itr_error *e)
{
    struct eng *g = calloc(1, sizeof *g);
    enum itr_status s;
    *out = NULL;
    g->t.ops = &OPS;
    g->bell = itr_bell_retain(bell);
    pthread_mutex_init(&g->m, NULL);
    itr_thread_cond_init(&g->c);
    itr_exchange_queue_init(&g->in);
    itr_exchange_queue_init(&g->done);
    if ((s = itr_curl_loop_factory()->open(options, &g->loop, e)) != ITR_OK)
        return s;
    *out = &g->t;
    return ITR_OK;
}
