#include "store/redis_pool.h"

#include <pthread.h>
#include <string.h>

#include "core/base/clock.h"

#define IDLE_MAX 4

/* Of all pools; held for a moment only, never while anything waits: a fork takes it. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&lock);
}

static void watch_forks(void)
{
    (void)pthread_atfork(before_fork, after_fork, after_fork);
}

void itr_redis_pool_init(struct itr_redis_pool *p)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, watch_forks);
    memset(p, 0, sizeof *p);
    itr_list_init(&p->idle);
}

static struct itr_redis_link *of(struct itr_list *node)
{
    return ITR_CONTAINER(node, struct itr_redis_link, node);
}

void itr_redis_pool_clear(struct itr_redis_pool *p)
{
    struct itr_list *node;

    while ((node = itr_list_take_first(&p->idle)) != NULL)
        itr_redis_link_free(of(node));
    p->n_idle = 0;
}

static bool is_at(const struct itr_redis_link *l, const struct itr_redis_place *place)
{
    return place == NULL ||
           (l->place.port == place->port && strcmp(l->place.host, place->host) == 0);
}

/* The one used last, usable or not. */
static struct itr_redis_link *take_any(struct itr_redis_pool *p,
                                       const struct itr_redis_place *place)
{
    struct itr_list *node;

    pthread_mutex_lock(&lock);
    for (node = p->idle.prev; node != &p->idle && !is_at(of(node), place);)
        node = node->prev;
    if (node != &p->idle) {
        itr_list_remove(node);
        p->n_idle--;
    }
    pthread_mutex_unlock(&lock);
    return node != &p->idle ? of(node) : NULL;
}

struct itr_redis_link *itr_redis_pool_take(struct itr_redis_pool *p,
                                           const struct itr_redis_place *place)
{
    int64_t now = itr_clock_mono_ms(itr_clock_system());
    struct itr_redis_link *l;

    while ((l = take_any(p, place)) != NULL && !itr_redis_link_is_usable(l, now))
        itr_redis_link_free(l);
    return l;
}

void itr_redis_pool_give(struct itr_redis_pool *p, struct itr_redis_link *l)
{
    struct itr_redis_link *surplus = NULL;

    pthread_mutex_lock(&lock);
    itr_list_append(&p->idle, &l->node);
    if (++p->n_idle > IDLE_MAX) {
        surplus = of(itr_list_take_first(&p->idle));
        p->n_idle--;
    }
    pthread_mutex_unlock(&lock);
    if (surplus != NULL)
        itr_redis_link_free(surplus);
}

void itr_redis_pool_drop(struct itr_redis_pool *p, const struct itr_redis_place *place)
{
    struct itr_redis_link *l;

    while ((l = take_any(p, place)) != NULL)
        itr_redis_link_free(l);
}

/* ---- routes ---- */

/* FNV-1a. */
static struct itr_redis_place *route_of(struct itr_redis_pool *p, const char *key)
{
    uint32_t h = 2166136261u;

    for (; *key != '\0'; key++)
        h = (h ^ (unsigned char)*key) * 16777619u;
    return &p->routes[h % ITR_REDIS_ROUTES];
}

bool itr_redis_pool_route(struct itr_redis_pool *p, const char *key, struct itr_redis_place *place)
{
    pthread_mutex_lock(&lock);
    *place = *route_of(p, key);
    pthread_mutex_unlock(&lock);
    return place->port != 0;
}

void itr_redis_pool_set_route(struct itr_redis_pool *p, const char *key,
                              const struct itr_redis_place *place)
{
    pthread_mutex_lock(&lock);
    if (place != NULL)
        *route_of(p, key) = *place;
    else
        route_of(p, key)->port = 0;
    pthread_mutex_unlock(&lock);
}

int itr_redis_pool_first(struct itr_redis_pool *p)
{
    int first;

    pthread_mutex_lock(&lock);
    first = p->first;
    pthread_mutex_unlock(&lock);
    return first;
}

void itr_redis_pool_set_first(struct itr_redis_pool *p, int first)
{
    pthread_mutex_lock(&lock);
    p->first = first;
    pthread_mutex_unlock(&lock);
}
