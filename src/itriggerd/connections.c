#include "itriggerd/connections.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* At the limit an address with more strangers than this loses its oldest first. */
#define MANY(l) ((l)->max / 16 + 1)

void connections_init(struct connections *l, size_t max, uint64_t seed)
{
    *l = (struct connections){.max = max, .seed = seed};
    itr_list_init(&l->strangers);
    itr_list_init(&l->known);
    itr_list_init(&l->closing);
    pthread_mutex_init(&l->lock, NULL);
}

void connections_clear(struct connections *l)
{
    pthread_mutex_destroy(&l->lock);
}

/* ---- addresses ---- */

/* FNV-1a, with a seed, so that nobody can choose addresses that fall together. */
static uint64_t hash(uint64_t seed, const unsigned char *bytes, size_t n)
{
    uint64_t h = seed ^ UINT64_C(0xcbf29ce484222325);

    for (; n > 0; n--, bytes++)
        h = (h ^ *bytes) * UINT64_C(0x100000001b3);
    return h ^ h >> 32;
}

/* Whoever has one IPv6 address has its whole /64. */
static uint64_t hash_address(const struct connections *l, const struct sockaddr *peer)
{
    if (peer != NULL && peer->sa_family == AF_INET)
        return hash(
            l->seed,
            (const unsigned char *)&((const struct sockaddr_in *)(const void *)peer)->sin_addr, 4);
    if (peer != NULL && peer->sa_family == AF_INET6)
        return hash(l->seed, ((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr.s6_addr,
                    8);
    return 0;
}

static uint16_t *count_of(struct connections *l, const struct connection *c)
{
    return &l->strangers_of[c->address % CONNECTIONS_SLOTS];
}

/* ---- the limit ---- */

static struct connection *of(struct itr_list *node)
{
    return node != NULL ? ITR_CONTAINER(node, struct connection, node) : NULL;
}

static void leave_lists(struct connections *l, struct connection *c)
{
    itr_list_remove(&c->node);
    l->n -= !c->closing;
    if (!c->known && !c->closing)
        --*count_of(l, c);
}

static struct connection *find_victim(struct connections *l)
{
    struct itr_list *node;

    for (node = itr_list_first(&l->strangers); node != NULL;
         node = itr_list_next(&l->strangers, node))
        if (*count_of(l, of(node)) > MANY(l))
            return of(node);
    return of(itr_list_first(&l->strangers));
}

static void evict_one(struct connections *l)
{
    struct connection *c = find_victim(l);

    if (c == NULL)
        return;
    leave_lists(l, c);
    c->closing = true;
    itr_list_append(&l->closing, &c->node);
    l->evicted++;
    (void)shutdown(c->fd, SHUT_RDWR);
}

/* ---- public ---- */

struct connection *connections_add(struct connections *l, int fd, const struct sockaddr *peer,
                                   unsigned generation, int64_t deadline_mono_ms)
{
    struct connection *c = calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    c->fd = fd;
    c->generation = generation;
    c->address = hash_address(l, peer);
    atomic_init(&c->deadline_mono_ms, deadline_mono_ms);
    pthread_mutex_lock(&l->lock);
    if (l->n >= l->max)
        evict_one(l);
    itr_list_append(&l->strangers, &c->node);
    ++*count_of(l, c);
    l->n++;
    pthread_mutex_unlock(&l->lock);
    return c;
}

void connections_know(struct connections *l, struct connection *c)
{
    pthread_mutex_lock(&l->lock);
    if (!c->known && !c->closing) {
        leave_lists(l, c);
        c->known = true;
        itr_list_append(&l->known, &c->node);
        l->n++;
    }
    pthread_mutex_unlock(&l->lock);
}

void connections_remove(struct connections *l, struct connection *c)
{
    if (c == NULL)
        return;
    pthread_mutex_lock(&l->lock);
    leave_lists(l, c);
    pthread_mutex_unlock(&l->lock);
    free(c);
}

static void expire(struct itr_list *list, int64_t now_mono_ms)
{
    struct itr_list *node;

    for (node = itr_list_first(list); node != NULL; node = itr_list_next(list, node))
        if (now_mono_ms >= atomic_load(&of(node)->deadline_mono_ms))
            (void)shutdown(of(node)->fd, SHUT_RDWR);
}

void connections_expire(struct connections *l, int64_t now_mono_ms)
{
    pthread_mutex_lock(&l->lock);
    expire(&l->strangers, now_mono_ms);
    expire(&l->known, now_mono_ms);
    pthread_mutex_unlock(&l->lock);
}

void connections_count(struct connections *l, size_t *n, uint64_t *evicted)
{
    pthread_mutex_lock(&l->lock);
    *n = l->n;
    *evicted = l->evicted;
    pthread_mutex_unlock(&l->lock);
}
