#include "itriggerd/server.h"

#include <stddef.h>

#include "itriggerd/now.h"

void server_init(struct server *s, size_t max_connections)
{
    *s = (struct server){0};
    pthread_mutex_init(&s->lock, NULL);
    atomic_init(&s->tick_mono_ms, now_mono());
    server_note_reload(s, true);
    itr_nap_init(&s->want_look);
    itr_nap_init(&s->want_check);
    waiting_init(&s->waiting);
    connections_init(&s->connections, max_connections, itr_clock_random(itr_clock_system()));
}

void server_clear(struct server *s)
{
    snapshot_release(s->snapshot);
    s->snapshot = NULL;
    certificate_release(s->certificate);
    itr_nap_clear(&s->want_look);
    itr_nap_clear(&s->want_check);
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

struct certificate *server_certificate(struct server *s)
{
    struct certificate *c;

    pthread_mutex_lock(&s->lock);
    c = s->certificate != NULL ? certificate_retain(s->certificate) : NULL;
    pthread_mutex_unlock(&s->lock);
    return c;
}

void server_set_certificate(struct server *s, struct certificate *c)
{
    struct certificate *before;

    pthread_mutex_lock(&s->lock);
    before = s->certificate;
    s->certificate = c;
    pthread_mutex_unlock(&s->lock);
    certificate_release(before);
}

bool server_is_alive(const struct server *s)
{
    return now_mono() - atomic_load(&s->tick_mono_ms) < SERVER_STUCK_MS;
}

void server_note_reload(struct server *s, bool succeeded)
{
    atomic_store(&s->reload_wall_ms, itr_clock_wall_ms(itr_clock_system()));
    atomic_store(&s->reload_succeeded, succeeded);
}

void server_want_look(struct server *s)
{
    itr_nap_wake(&s->want_look);
}

bool server_want_check(struct server *s, struct app *a)
{
    int64_t checked = atomic_load(&a->checked_mono_ms);

    if (a->check_interval_ms == 0 || (checked != 0 && now_mono() - checked < SERVER_CHECK_LEAST_MS))
        return false;
    atomic_store(&a->check_wanted, true);
    itr_nap_wake(&s->want_check);
    return true;
}
