#include "itriggerd/timer.h"

#include <inttypes.h>
#include <string.h>

#include "itriggerd/log.h"
#include "itriggerd/now.h"
#include "itriggerd/token_file.h"

#define TICK_MS 100
#define AGAIN_MS 250  /* a token that is due: has the fetch brought one? */
#define BEGIN_MAX 16  /* fetches begun in one tick: a thousand apps must not start all at once */
#define UNUSED_MS 500 /* refresh=used: does somebody ask by now? */

/* ---- a new token ---- */

static void write_file(struct app *a, const struct itr_token *t)
{
    struct itr_error e;

    if (a->token_file != NULL && token_file_write(a->token_file, t, &e) != ITR_OK)
        log_warning("token_file", a->name, "%s", e.text);
}

static void note_token(struct app *a, const struct itr_token *t, int64_t now_mono_ms)
{
    if (t->fence <= a->fence)
        return;
    a->fence = t->fence;
    itr_error_clear(&a->told);
    atomic_store(&a->usable_until_mono_ms, t->end_mono_ms);
    atomic_store(&a->used, !a->used_only || atomic_load(&a->pollers) > 0);
    a->look_mono_ms = t->refresh_mono_ms;
    log_info("token", a->name, "sha256:%s from %s, fence %" PRIu64 ", good for %" PRId64 " s",
             t->id, itr_token_origin_name(t->origin), t->fence,
             (t->end_mono_ms - now_mono_ms) / 1000);
    write_file(a, t);
}

/* Whoever fetched it: the timer, a client's report, another itriggerd. */
static void look_for_news(struct app *a, int64_t now_mono_ms)
{
    struct itr_token_ask ask = {.newer_than = a->fence > 0 ? a->fence : 1};

    if (!a->news_out) {
        a->news_out = true;
        a->news.wake = NULL;
        (void)itr_source_ask(a->source, &ask, &a->news);
    }
    if (!itr_wait_is_ready(&a->news))
        return;
    note_token(a, a->news.token, now_mono_ms);
    itr_source_forget(a->source, &a->news);
    a->news_out = false;
}

/* ---- the active refresh ---- */

static void tell_failure(struct app *a, const struct itr_error *e)
{
    if (e->kind == ITR_OK || strcmp(e->text, a->told.text) == 0)
        return;
    a->told = *e;
    log_warning("fetch", a->name, "%s: %s", itr_status_name(e->kind), e->text);
}

static void take_due(struct app *a, int64_t now_mono_ms)
{
    const struct itr_token *t = a->due.token;

    tell_failure(a, &a->due.error);
    a->look_mono_ms = now_mono_ms + AGAIN_MS;
    if (t != NULL && t->refresh_mono_ms > now_mono_ms)
        a->look_mono_ms = t->refresh_mono_ms;
    itr_source_forget(a->source, &a->due);
    a->due_out = false;
}

static bool is_wanted(struct app *a)
{
    return !a->used_only || atomic_load(&a->used) || atomic_load(&a->pollers) > 0;
}

/* room: how many more may be begun now. */
static void ask_when_due(struct app *a, int64_t now_mono_ms, int *room)
{
    static const struct itr_token_ask any = {0};

    if (!a->due_out && now_mono_ms < a->look_mono_ms)
        return;
    if (!a->due_out && !is_wanted(a)) {
        a->look_mono_ms = now_mono_ms + UNUSED_MS;
        return;
    }
    if (!a->due_out && *room == 0)
        return;
    if (!a->due_out) {
        --*room;
        a->due_out = true;
        a->due.wake = NULL;
        (void)itr_source_ask(a->source, &any, &a->due);
    }
    if (itr_wait_is_ready(&a->due))
        take_due(a, now_mono_ms);
}

/* ---- the thread ---- */

static void mind_apps(struct timer *c, int64_t now_mono_ms)
{
    struct snapshot *w = server_snapshot(c->server);
    int room = BEGIN_MAX;
    size_t i;

    for (i = 0; i < w->n_apps; i++) {
        struct app *a = w->apps[(c->first + i) % w->n_apps];
        look_for_news(a, now_mono_ms);
        ask_when_due(a, now_mono_ms, &room);
    }
    c->first += BEGIN_MAX; /* so that those in front do not have all the room */
    snapshot_release(w);
}

static void *run(void *arg)
{
    struct timer *w = arg;

    while (!atomic_load(&w->stop)) {
        int64_t now_mono_ms = now_mono();
        if (!atomic_load(&w->server->draining))
            mind_apps(w, now_mono_ms);
        waiting_expire(&w->server->waiting, now_mono_ms);
        connections_expire(&w->server->connections, now_mono_ms);
        itr_clock_sleep_ms(itr_clock_system(), TICK_MS);
    }
    return NULL;
}

int timer_start(struct timer *w, struct server *server)
{
    *w = (struct timer){.server = server};
    atomic_init(&w->stop, false);
    return pthread_create(&w->thread, NULL, run, w);
}

void timer_stop(struct timer *w)
{
    atomic_store(&w->stop, true);
    pthread_join(w->thread, NULL);
}
