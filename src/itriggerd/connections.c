#include "itriggerd/connections.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "core/base/fnv.h"
#include "core/os/thread.h"

#define LIMIT ((size_t)4096)
/* For fetches, stores and token files, however many connections come. */
#define OWN_FILES_MAX 256u

#define LOOK_MS 10 /* how often it is looked whether somebody can be shut down now */

/* At the limit an address with more strangers than this loses its oldest first. */
#define MANY(l) ((l)->max / 16 + 1)
/* So many more may be open while those that were shut down go. */
#define GOING(l) ((l)->max / 16 + 4)

size_t connections_limit(void)
{
    struct rlimit files;
    rlim_t own;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY)
        return LIMIT;
    own = files.rlim_cur / 2 < OWN_FILES_MAX ? files.rlim_cur / 2 : OWN_FILES_MAX;
    return files.rlim_cur - own > LIMIT ? LIMIT : (size_t)(files.rlim_cur - own);
}

void connections_init(struct connections *l, size_t max, uint64_t seed)
{
    size_t i;

    *l = (struct connections){.max = max, .seed = seed};
    for (i = 0; i < CONNECTION_STATES; i++)
        itr_list_init(&l->in[i]);
    pthread_mutex_init(&l->lock, NULL);
    itr_thread_cond_init(&l->left);
}

void connections_clear(struct connections *l)
{
    const struct itr_list *arriving = &l->in[CONNECTION_ARRIVING];
    struct itr_list *node = itr_list_first(arriving), *next;

    /* The library closed these without a word. */
    for (; node != NULL; node = next) {
        next = itr_list_next(arriving, node);
        free(ITR_CONTAINER(node, struct connection, node));
    }
    pthread_cond_destroy(&l->left);
    pthread_mutex_destroy(&l->lock);
}

/* ---- addresses ---- */

static uint64_t hash(uint64_t seed, const unsigned char *bytes, size_t n)
{
    uint64_t h = itr_fnv(seed ^ ITR_FNV_START, bytes, n);

    return h ^ h >> 32;
}

/* Whoever has one IPv6 address has its whole /64. */
static uint64_t hash_address(const struct connections *l, const struct sockaddr *peer)
{
    if (peer->sa_family == AF_INET)
        return hash(
            l->seed,
            (const unsigned char *)&((const struct sockaddr_in *)(const void *)peer)->sin_addr, 4);
    if (peer->sa_family == AF_INET6)
        return hash(l->seed, ((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr.s6_addr,
                    8);
    return 0;
}

static uint16_t *count_of(struct connections *l, const struct connection *c)
{
    return &l->strangers_of[c->address % CONNECTIONS_SLOTS];
}

/* ---- states; under the lock ---- */

static struct connection *of(struct itr_list *node)
{
    return node != NULL ? ITR_CONTAINER(node, struct connection, node) : NULL;
}

static void leave(struct connections *l, struct connection *c)
{
    itr_list_remove(&c->node);
    l->n -= c->state != CONNECTION_CLOSING;
    if (c->state == CONNECTION_STRANGER)
        --*count_of(l, c);
}

static void enter(struct connections *l, struct connection *c, enum connection_state state)
{
    c->state = state;
    itr_list_append(&l->in[state], &c->node);
    l->n += state != CONNECTION_CLOSING;
    if (state == CONNECTION_STRANGER)
        ++*count_of(l, c);
}

/* The one that has been idle longest. */
static struct connection *find_idle(const struct itr_list *list)
{
    struct connection *found = NULL, *c;
    struct itr_list *node;

    for (node = itr_list_first(list); node != NULL; node = itr_list_next(list, node)) {
        c = of(node);
        if (atomic_load(&c->idle) && (found == NULL || atomic_load(&c->deadline_mono_ms) <
                                                           atomic_load(&found->deadline_mono_ms)))
            found = c;
    }
    return found;
}

static struct connection *find_victim(struct connections *l)
{
    const struct itr_list *strangers = &l->in[CONNECTION_STRANGER];
    struct itr_list *node;

    for (node = itr_list_first(strangers); node != NULL; node = itr_list_next(strangers, node))
        if (*count_of(l, of(node)) > MANY(l))
            return of(node);
    if ((node = itr_list_first(strangers)) != NULL)
        return of(node);
    return find_idle(&l->in[CONNECTION_KNOWN]);
}

static void evict_one(struct connections *l)
{
    struct connection *c = find_victim(l);

    if (c == NULL)
        return;
    leave(l, c);
    enter(l, c, CONNECTION_CLOSING);
    l->evicted++;
    (void)shutdown(c->fd, SHUT_RDWR);
}

/* NULL is allowed. */
static void drop(struct connections *l, struct connection *c)
{
    if (c == NULL)
        return;
    leave(l, c);
    l->open--;
    free(c);
    pthread_cond_broadcast(&l->left);
}

/* ---- arrival ---- */

bool connections_await_room(struct connections *l)
{
    bool open;

    pthread_mutex_lock(&l->lock);
    while (!l->closed && l->open >= l->max + GOING(l)) {
        /* Nobody goes: all arrived at once, or were busy then. */
        if (itr_list_is_empty(&l->in[CONNECTION_CLOSING]))
            evict_one(l);
        itr_thread_cond_wait(&l->left, &l->lock, LOOK_MS);
    }
    open = !l->closed;
    pthread_mutex_unlock(&l->lock);
    return open;
}

void connections_close(struct connections *l)
{
    pthread_mutex_lock(&l->lock);
    l->closed = true;
    pthread_cond_broadcast(&l->left);
    pthread_mutex_unlock(&l->lock);
}

static struct connection *find_arriving(struct connections *l, int fd)
{
    const struct itr_list *arriving = &l->in[CONNECTION_ARRIVING];
    struct itr_list *node = itr_list_first(arriving);

    while (node != NULL && of(node)->fd != fd)
        node = itr_list_next(arriving, node);
    return of(node);
}

bool connections_arrive(struct connections *l, int fd, const struct sockaddr *peer, bool trusted)
{
    struct connection *c = calloc(1, sizeof *c);

    if (c == NULL)
        return false;
    c->fd = fd;
    c->trusted = trusted;
    c->address = hash_address(l, peer);
    pthread_mutex_lock(&l->lock);
    /* The library closed an earlier one of that number without a word: it had no memory. */
    drop(l, find_arriving(l, fd));
    if (l->n >= l->max)
        evict_one(l);
    enter(l, c, CONNECTION_ARRIVING);
    l->open++;
    pthread_mutex_unlock(&l->lock);
    return true;
}

void connections_lose(struct connections *l, int fd)
{
    pthread_mutex_lock(&l->lock);
    drop(l, find_arriving(l, fd));
    pthread_mutex_unlock(&l->lock);
}

struct connection *connections_begin(struct connections *l, int fd, int64_t deadline_mono_ms)
{
    struct connection *c;

    pthread_mutex_lock(&l->lock);
    if ((c = find_arriving(l, fd)) != NULL) {
        atomic_init(&c->deadline_mono_ms, deadline_mono_ms);
        leave(l, c);
        enter(l, c, CONNECTION_STRANGER);
        if (l->n > l->max) /* when it arrived, there was none to shut down for it */
            evict_one(l);
    }
    pthread_mutex_unlock(&l->lock);
    return c;
}

/* ---- life ---- */

void connections_know(struct connections *l, struct connection *c)
{
    if (c->known)
        return;
    c->known = true;
    pthread_mutex_lock(&l->lock);
    if (c->state == CONNECTION_STRANGER) {
        leave(l, c);
        enter(l, c, CONNECTION_KNOWN);
    }
    pthread_mutex_unlock(&l->lock);
}

void connections_remove(struct connections *l, struct connection *c)
{
    if (c == NULL)
        return;
    pthread_mutex_lock(&l->lock);
    drop(l, c);
    pthread_mutex_unlock(&l->lock);
}

static void expire(const struct itr_list *list, int64_t now_mono_ms)
{
    struct itr_list *node;

    for (node = itr_list_first(list); node != NULL; node = itr_list_next(list, node))
        if (now_mono_ms >= atomic_load(&of(node)->deadline_mono_ms))
            (void)shutdown(of(node)->fd, SHUT_RDWR);
}

void connections_expire(struct connections *l, int64_t now_mono_ms)
{
    pthread_mutex_lock(&l->lock);
    expire(&l->in[CONNECTION_STRANGER], now_mono_ms);
    expire(&l->in[CONNECTION_KNOWN], now_mono_ms);
    pthread_mutex_unlock(&l->lock);
}

void connections_count(struct connections *l, size_t *n, uint64_t *evicted)
{
    pthread_mutex_lock(&l->lock);
    *n = l->n;
    *evicted = l->evicted;
    pthread_mutex_unlock(&l->lock);
}
