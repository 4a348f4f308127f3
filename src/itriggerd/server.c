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
    snapshot_release(s->snapshot);
    s->snapshot = NULL;
    waiting_clear(&s->waiting);
    connections_clear(&s->connections);
    pthread_mutex_destroy(&s->lock);
}

struct snapshot *server_snapshot(struct server *s)
{
    struct snapshot *w;

    pthread_mutex_lock(&s->lock);
    w = snapshot_retain(s->snapshot);
    pthread_mutex_unlock(&s->lock);
    return w;
}

void server_set_snapshot(struct server *s, struct snapshot *w)
{
    struct snapshot *before;

    pthread_mutex_lock(&s->lock);
    before = s->snapshot;
    s->snapshot = w;
    pthread_mutex_unlock(&s->lock);
    snapshot_release(before);
}
