#include "itriggerd/timer.h"

#include <inttypes.h>

#include "itriggerd/log.h"
#include "itriggerd/now.h"
#include "itriggerd/outage_log.h"
#include "itriggerd/token_file.h"

#define TICK_MS 100
#define SECOND_MS 1000
#define AGAIN_MS 250  /* a token that is due: has the fetch brought one? */
#define BEGIN_MAX 16  /* fetches begun in one tick: a thousand apps must not start at once */
#define UNUSED_MS 500 /* refresh=used: does somebody ask by now? */
#define EVICTED_LOG_MS (60 * 1000) /* between two lines about the limit of connections */

/* ---- token_file ---- */

/* Written when there is a new token, and made good within a second where it failed or was deleted.
 */
static void mind_file(struct app *a, bool is_new, int64_t now_mono_ms)
{
    bool failed_before = a->file_outage.reason.kind != ITR_OK, failed;
    struct itr_error e;

    if (a->token_file == NULL || a->token == NULL || (!is_new && now_mono_ms < a->file_mono_ms))
        return;
    a->file_mono_ms = now_mono_ms + SECOND_MS;
    if (!is_new && !failed_before && token_file_is_there(a->token_file))
        return;
    failed = token_file_write(a->token_file, a->token, &e) != ITR_OK;
    atomic_store(&a->file_failed, failed);
    if (failed) {
        outage_log_failure(&a->file_outage, "token_file", a->name, &e, "; retrying each second",
                           now_mono_ms);
        return;
    }
    itr_error_clear(&a->file_outage.reason);
    if (failed_before || !is_new)
        log_info("token_file", a->name, "%s is written again", a->token_file);
}

/* ---- a new token ---- */

static void end_outage(struct app *a, int64_t now_mono_ms)
{
    if (a->outage.reason.kind == ITR_OK)
        return;
    log_info("fetch", a->name, "works again after %" PRId64 " s and %" PRIu64 " failed attempt(s)",
             (now_mono_ms - a->outage.began_mono_ms) / 1000, a->outage.times);
    itr_error_clear(&a->outage.reason);
}

/* Whoever fetched it: the timer, a client's report, another itriggerd. Takes over the reference. */
static void note_token(struct app *a, struct itr_token *t, int64_t now_mono_ms)
{
    itr_token_release(a->token);
    a->token = t;
    atomic_store(&a->usable_until_mono_ms, t->end_mono_ms);
    atomic_store(&a->fence, t->fence);
    atomic_store(&a->used, !a->used_only || atomic_load(&a->pollers) > 0);
    atomic_store(&a->check_mono_ms, now_mono_ms + a->check_interval_ms);
    a->look_mono_ms = t->refresh_mono_ms;
    log_info("token", a->name, "sha256:%s from %s, fence %" PRIu64 ", good for %" PRId64 " s",
             t->id, itr_token_origin_name(t->origin), t->fence,
             (t->end_mono_ms - now_mono_ms) / 1000);
    end_outage(a, now_mono_ms);
}

static void look_for_news(struct app *a, int64_t now_mono_ms)
{
    struct itr_token *t = itr_source_held(a->source);
    bool is_new = t != NULL && t != a->token;

    if (is_new)
        note_token(a, t, now_mono_ms);
    else
        itr_token_release(t);
    mind_file(a, is_new, now_mono_ms);
}

/* ---- the active refresh ---- */

static void note_failure(struct app *a, const struct itr_error *e, int64_t now_mono_ms)
{
    struct itr_error named;

    itr_error_set(&named, e->kind, "%s: %s", itr_status_name(e->kind), e->text);
    outage_log_failure(&a->outage, "fetch", a->name, &named, "", now_mono_ms);
}

/* Fetches that somebody else asked for: a client, a check. */
static void look_for_failures(struct app *a, int64_t now_mono_ms)
{
    struct itr_error e;
    uint64_t failures = itr_source_failures(a->source, &e);

    if (failures != a->failures && e.kind != ITR_OK)
        note_failure(a, &e, now_mono_ms);
    a->failures = failures;
}

static void take_due(struct app *a, int64_t now_mono_ms)
{
    const struct itr_token *t = a->due.token;

    if (a->due.error.kind != ITR_OK)
        note_failure(a, &a->due.error, now_mono_ms);
    a->failures = itr_source_failures(a->source, NULL);
    a->look_mono_ms = now_mono_ms + AGAIN_MS;
    if (t != NULL && t->refresh_mono_ms > now_mono_ms)
        a->look_mono_ms = t->refresh_mono_ms;
    itr_source_forget(a->source, &a->due);
    a->due_pending = false;
}

static bool is_wanted(struct app *a)
{
    return !a->used_only || atomic_load(&a->used) || atomic_load(&a->pollers) > 0;
}

/* room: how many more may be begun now. */
static void ask_when_due(struct app *a, int64_t now_mono_ms, int *room)
{
    static const struct itr_token_ask any = {0};

    if (!a->due_pending && now_mono_ms < a->look_mono_ms)
        return;
    if (!a->due_pending && !is_wanted(a)) {
        a->look_mono_ms = now_mono_ms + UNUSED_MS;
        return;
    }
    if (!a->due_pending && *room == 0)
        return;
    if (!a->due_pending) {
        --*room;
        a->due_pending = true;
        a->due.wake = NULL;
        (void)itr_source_ask(a->source, &any, &a->due);
    }
    if (itr_wait_is_ready(&a->due))
        take_due(a, now_mono_ms);
}

/* ---- the thread ---- */

static void mind_apps(struct timer *c, int64_t now_mono_ms)
{
    struct snapshot *all = server_snapshot(c->server);
    int room = BEGIN_MAX;
    size_t i;

    for (i = 0; i < all->n_apps; i++) {
        struct app *a = all->apps[(c->first + i) % all->n_apps];
        look_for_news(a, now_mono_ms);
        ask_when_due(a, now_mono_ms, &room);
        if (!a->due_pending) /* else what it waits for is noted with its answer */
            look_for_failures(a, now_mono_ms);
    }
    c->first += BEGIN_MAX; /* so that those in front do not have all the room */
    snapshot_release(all);
}

/* Once a second. */
static void mind_connections(struct timer *c, int64_t now_mono_ms)
{
    uint64_t evicted;
    size_t n;

    waiting_expire_gone(&c->server->waiting);
    connections_count(&c->server->connections, &n, &evicted);
    if (evicted != c->evicted && now_mono_ms >= c->evicted_log_mono_ms) {
        log_warning("connections", NULL,
                    "the limit of %zu open connections is reached; %" PRIu64
                    " were closed for others",
                    c->server->connections.max, evicted - c->evicted);
        c->evicted = evicted;
        c->evicted_log_mono_ms = now_mono_ms + EVICTED_LOG_MS;
    }
}

static void *run(void *arg)
{
    struct timer *c = arg;
    int64_t second_mono_ms = 0;

    while (!atomic_load(&c->stop)) {
        int64_t now_mono_ms = now_mono();
        atomic_store(&c->server->tick_mono_ms, now_mono_ms);
        if (!atomic_load(&c->server->draining))
            mind_apps(c, now_mono_ms);
        waiting_expire(&c->server->waiting, now_mono_ms);
        connections_expire(&c->server->connections, now_mono_ms);
        if (now_mono_ms >= second_mono_ms) {
            mind_connections(c, now_mono_ms);
            second_mono_ms = now_mono_ms + SECOND_MS;
        }
        itr_clock_sleep_ms(itr_clock_system(), TICK_MS);
    }
    return NULL;
}

int timer_start(struct timer *t, struct server *server)
{
    *t = (struct timer){.server = server};
    atomic_init(&t->stop, false);
    return pthread_create(&t->thread, NULL, run, t);
}

void timer_stop(struct timer *t)
{
    atomic_store(&t->stop, true);
    pthread_join(t->thread, NULL);
}
