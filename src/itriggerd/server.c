#include "itriggerd/server.h"

#include <stddef.h>

void server_init(struct server *s)
{
    *s = (struct server){0};
    pthread_mutex_init(&s->lock, NULL);
    waiting_init(&s->waiting);
    connections_init(&s->connections);
}

void server_clear(struct server *s)
{
    world_release(s->world);
    s->world = NULL;
    waiting_clear(&s->waiting);
    connections_clear(&s->connections);
    pthread_mutex_destroy(&s->lock);
}

struct world *server_world(struct server *s)
{
    struct world *w;

    pthread_mutex_lock(&s->lock);
    w = world_retain(s->world);
    pthread_mutex_unlock(&s->lock);
    return w;
}

void server_set_world(struct server *s, struct world *w)
{
    struct world *before;

    pthread_mutex_lock(&s->lock);
    before = s->world;
    s->world = w;
    pthread_mutex_unlock(&s->lock);
    world_release(before);
}
