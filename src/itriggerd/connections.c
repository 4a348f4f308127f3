#include "itriggerd/connections.h"

#include <stdlib.h>
#include <sys/socket.h>

void connections_init(struct connections *l)
{
    *l = (struct connections){0};
    itr_list_init(&l->all);
    pthread_mutex_init(&l->lock, NULL);
}

void connections_clear(struct connections *l)
{
    pthread_mutex_destroy(&l->lock);
}

struct connection *connections_add(struct connections *l, int fd, unsigned generation,
                                   int64_t deadline_mono_ms)
{
    struct connection *c = calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    c->fd = fd;
    c->generation = generation;
    atomic_init(&c->deadline_mono_ms, deadline_mono_ms);
    pthread_mutex_lock(&l->lock);
    itr_list_append(&l->all, &c->node);
    l->n++;
    pthread_mutex_unlock(&l->lock);
    return c;
}

void connections_remove(struct connections *l, struct connection *c)
{
    if (c == NULL)
        return;
    pthread_mutex_lock(&l->lock);
    itr_list_remove(&c->node);
    l->n--;
    pthread_mutex_unlock(&l->lock);
    free(c);
}

void connections_expire(struct connections *l, int64_t now_mono_ms)
{
    struct itr_list *node;

    pthread_mutex_lock(&l->lock);
    for (node = itr_list_first(&l->all); node != NULL; node = itr_list_next(&l->all, node)) {
        struct connection *c = ITR_CONTAINER(node, struct connection, node);
        if (now_mono_ms >= atomic_load(&c->deadline_mono_ms))
            (void)shutdown(c->fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&l->lock);
}
