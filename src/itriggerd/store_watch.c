#include "itriggerd/store_watch.h"

#include <inttypes.h>
#include <stdlib.h>

#include "core/record/record.h"
#include "itriggerd/log.h"
#include "itriggerd/now.h"
#include "itriggerd/outage_log.h"
#include "itriggerd/server.h"

#define READ_MS 1000 /* how often the store is read */
#define LEAST_MS 100 /* ... at the most, however often somebody asks */

/* One reading: for each app that has no fetch in flight its key, its ticket and its record. */
struct batch {
    size_t n;
    const char **keys;
    uint64_t *tickets;
    struct itr_source **sources; /* borrowed from the snapshot */
    struct itr_buf *bytes;
};

static void batch_clear(struct batch *b)
{
    size_t i;

    for (i = 0; b->bytes != NULL && i < b->n; i++)
        itr_buf_clear(&b->bytes[i]);
    free(b->keys);
    free(b->tickets);
    free(b->sources);
    free(b->bytes);
}

/* False: no memory. */
static bool batch_fill(struct batch *b, const struct snapshot *all)
{
    size_t i;

    *b = (struct batch){0};
    b->keys = calloc(all->n_apps, sizeof *b->keys);
    b->tickets = calloc(all->n_apps, sizeof *b->tickets);
    b->sources = calloc(all->n_apps, sizeof(struct itr_source *));
    b->bytes = calloc(all->n_apps, sizeof *b->bytes);
    if (b->keys == NULL || b->tickets == NULL || b->sources == NULL || b->bytes == NULL)
        return false;
    for (i = 0; i < all->n_apps; i++) {
        struct itr_source *source = all->apps[i]->source;
        if (!itr_source_look(source, &b->tickets[b->n]))
            continue;
        b->keys[b->n] = itr_source_record_key(source);
        b->sources[b->n] = source;
        itr_buf_init_secret(&b->bytes[b->n], ITR_STORE_VALUE_MAX);
        b->n++;
    }
    return true;
}

static enum itr_status read_all(struct itr_store *store, struct batch *b, struct itr_error *e)
{
    enum itr_status s = ITR_OK;
    int64_t now_wall_ms;
    size_t i;

    if (store->ops->load_many != NULL) {
        s = store->ops->load_many(store, b->keys, b->n, b->bytes, &now_wall_ms, e);
        for (i = 0; s == ITR_OK && i < b->n; i++)
            (void)itr_source_found(b->sources[i], b->tickets[i], itr_buf_str(&b->bytes[i]),
                                   b->bytes[i].len, now_wall_ms);
        if (s == ITR_OK)
            return ITR_OK;
        s = ITR_OK; /* one by one: the keys may be on several nodes of a cluster */
    }
    for (i = 0; i < b->n && s == ITR_OK; i++) {
        itr_buf_reset(&b->bytes[i]);
        if ((s = store->ops->load(store, b->keys[i], &b->bytes[i], &now_wall_ms, e)) == ITR_OK)
            (void)itr_source_found(b->sources[i], b->tickets[i], itr_buf_str(&b->bytes[i]),
                                   b->bytes[i].len, now_wall_ms);
    }
    return s;
}

static void end_outage(struct store_watch *w)
{
    if (w->outage.reason.kind == ITR_OK)
        return;
    log_info("store", NULL, "the token store can be read again after %" PRId64 " s",
             (now_mono() - w->outage.began_mono_ms) / 1000);
    itr_error_clear(&w->outage.reason);
}

static void read_store(struct store_watch *w)
{
    struct snapshot *all = server_snapshot(w->server);
    struct itr_error e;
    struct batch b;
    bool failed;

    /* Without memory, or something to look at: the next time. */
    if (batch_fill(&b, all) && b.n > 0) {
        failed = read_all(w->parts->store, &b, &e) != ITR_OK;
        atomic_store(&w->server->store_failing, failed);
        if (failed)
            outage_log_failure(&w->outage, "store", NULL, &e,
                               "; tokens that others fetch are not seen meanwhile", now_mono());
        else
            end_outage(w);
    }
    batch_clear(&b);
    snapshot_release(all);
}

static void *run(void *arg)
{
    struct store_watch *w = arg;

    while (!atomic_load(&w->stop)) {
        read_store(w);
        itr_clock_sleep_ms(itr_clock_system(), LEAST_MS);
        if (!atomic_load(&w->stop))
            itr_nap_take(&w->server->want_look, READ_MS - LEAST_MS);
    }
    return NULL;
}

int store_watch_start(struct store_watch *w, struct server *server, const struct itr_parts *parts)
{
    *w = (struct store_watch){.server = server, .parts = parts};
    atomic_init(&w->stop, parts->store->ops->origin == ITR_FROM_MEMORY);
    return pthread_create(&w->thread, NULL, run, w);
}

void store_watch_stop(struct store_watch *w)
{
    atomic_store(&w->stop, true);
    itr_nap_wake(&w->server->want_look);
    pthread_join(w->thread, NULL);
}
