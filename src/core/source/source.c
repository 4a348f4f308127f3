#include "core/source/source.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/fetch/fetch.h"
#include "core/os/registry.h"
#include "core/os/thread.h"
#include "core/source/key.h"
#include "core/source/wish.h"

/*
 * Design notes
 * - `head.lock` guards everything in a source but `config`, `parts` (constant) and `fetch` (the
 * fetch thread's). It is never held over I/O. References, fork and exit: registry.h.
 * - The cache decides, this file carries out: step() is the one place that acts on what it says.
 * - At most one thread a source (`thread_out`). It runs the fetches that the cache asks for one
 * after the other, stores a token that could not be stored before, and ends.
 */

#define SETTLE_AGAIN_MS 1000

struct itr_source {
    struct itr_registered head; /* key: digest of what makes two sources the same */
    struct itr_config config;   /* constant; ours */
    struct itr_parts parts;     /* constant; a store is retained */
    struct itr_fetch fetch;     /* the fetch thread's */

    pthread_cond_t more; /* a fetch is wanted while the thread still has a token to store */
    struct itr_cache cache;
    struct itr_wait *waits; /* the queue; callers' memory */
    struct itr_wait *news;  /* those who wait for a newer token, not for the fetch */
    bool thread_out;
    bool fetch_wanted;    /* the thread has a fetch to run */
    struct itr_wish wish; /* why the next fetch */

    /* For stats. */
    int64_t fetches_today;
    uint64_t fetched;
    struct itr_events events;
};

static struct itr_source *of(struct itr_registered *r)
{
    return (struct itr_source *)r;
}

static int64_t now_mono(const struct itr_source *s)
{
    return itr_clock_mono_ms(s->parts.clock);
}

/* ---- those who wait ---- */

/* The cache's token if it has one, and the last fetch's error. Only a token that the fetch brought
 * comes from elsewhere than this process's memory. */
static void answer_all(struct itr_source *s, enum itr_cache_why why)
{
    itr_wait_answer_all(&s->waits, s->cache.token, &s->cache.error,
                        why == ITR_WHY_FETCHED ? s->cache.token->origin : ITR_FROM_MEMORY);
}

static void note(struct itr_source *s, enum itr_cache_why why)
{
    if (why == ITR_WHY_NOTHING) /* the usual case; spares the clock */
        return;
    itr_events_note(&s->events, itr_clock_wall_ms(s->parts.clock), s->cache.state, why,
                    why == ITR_WHY_FAILED ? &s->cache.error : NULL);
}

/* ---- the fetch thread ---- */

static void *fetch_thread(void *arg);

static void step(struct itr_source *s, struct itr_cache_step step);

static void start_fetch(struct itr_source *s)
{
    struct itr_error e;
    int rc;

    s->fetch_wanted = true;
    if (s->thread_out) {
        pthread_cond_signal(&s->more);
        return;
    }
    if ((rc = itr_thread_start(fetch_thread, s)) == 0) {
        itr_registered_retain_for_thread(
            &s->head); /* the thread's; it cannot do a thing before we unlock */
        s->thread_out = true;
        return;
    }
    s->fetch_wanted = false;
    itr_wish_clear(&s->wish);
    itr_error_set(&e, rc == ENOMEM ? ITR_NOMEM : ITR_NETWORK,
                  "no thread could be made for the token fetch: %s; this process, its user or its "
                  "container has too many (ulimit -u, pids.max)",
                  strerror(rc));
    step(s, itr_cache_failed(&s->cache, now_mono(s), s->cache.generation, &e, now_mono(s)));
}

/* Carries out what the cache decided; what the caller gets is left to the caller. */
static void step(struct itr_source *s, struct itr_cache_step step)
{
    note(s, step.why);
    if (step.answer)
        answer_all(s, step.why);
    if (step.why == ITR_WHY_FETCHED)
        itr_wait_answer_newer(&s->news, s->cache.token, s->cache.token->origin);
    if (step.fetch)
        start_fetch(s);
}

static void take_result(struct itr_source *s, uint64_t generation, const struct itr_fetch_result *r)
{
    int64_t now = now_mono(s);

    itr_wish_clear(&s->wish);
    if (r->fetches_today >= 0)
        s->fetches_today = r->fetches_today;
    if (r->token != NULL && r->token->origin == ITR_FROM_GATEWAY)
        s->fetched++;
    if (r->token != NULL)
        step(s, itr_cache_fetched(&s->cache, now, generation, itr_token_retain(r->token)));
    else
        step(s, itr_cache_failed(&s->cache, now, generation, &r->error, now + r->retry_after_ms));
}

/* A token that could not be stored is in use already; storing is tried until it is done, or until
 * another fetch is wanted. Called and left with the lock held. */
static void store_late(struct itr_source *s, struct itr_fetch_result *r)
{
    bool stored = !r->unsettled;

    while (!stored && !s->fetch_wanted && !atomic_load(&s->fetch.stop)) {
        itr_thread_cond_wait(&s->more, &s->head.lock, SETTLE_AGAIN_MS);
        pthread_mutex_unlock(&s->head.lock);
        stored = itr_fetch_settle(&s->fetch, r);
        pthread_mutex_lock(&s->head.lock);
    }
}

/* One fetch from wish to result. Called and left with the lock held. */
static void fetch_once(struct itr_source *s)
{
    struct itr_fetch_wish wish;
    struct itr_fetch_result result;
    uint64_t generation = s->cache.generation;

    itr_wish_take(&s->wish, s->cache.token, &wish);
    s->fetch_wanted = false;
    pthread_mutex_unlock(&s->head.lock);
    itr_fetch_run(&s->fetch, &wish, &result);
    itr_wish_drop(&wish);
    pthread_mutex_lock(&s->head.lock);
    take_result(s, generation, &result);
    store_late(s, &result);
    itr_fetch_result_clear(&result);
}

static void *fetch_thread(void *arg)
{
    struct itr_source *s = arg;

    pthread_mutex_lock(&s->head.lock);
    while (s->fetch_wanted)
        fetch_once(s);
    s->thread_out = false;
    pthread_mutex_unlock(&s->head.lock);
    itr_registered_release_by_thread(&s->head);
    return NULL;
}

/* ---- as an object of the registry ---- */

/* The fetch that was out is the parent's, and so are its waiters. What its thread had in hand is
 * leaked on purpose: only the parent knows what state it is in. */
static void renew_in_child(struct itr_registered *r)
{
    struct itr_source *s = of(r);
    struct itr_cache_step forked = itr_cache_forked(&s->cache, now_mono(s));

    while (s->waits != NULL)
        itr_wait_dequeue(s->waits);
    while (s->news != NULL)
        itr_wait_dequeue(s->news);
    s->thread_out = s->fetch_wanted = false;
    itr_wish_clear(&s->wish);
    itr_fetch_renew(&s->fetch);
    itr_thread_cond_init(&s->more);
    note(s, forked.why);
}

static void end_source(struct itr_registered *r)
{
    atomic_store(&of(r)->fetch.stop, true);
}

/* A fetch that holds a lease: the next process would have to wait for the lease's end. Or one that
 * is about to be cancelled. */
static bool keeps_process(struct itr_registered *r)
{
    struct itr_source *s = of(r);
    bool keeps;

    pthread_mutex_lock(&s->head.lock);
    keeps = s->thread_out && atomic_load(&s->fetch.leased);
    pthread_mutex_unlock(&s->head.lock);
    return keeps;
}

static void free_source(struct itr_registered *r)
{
    struct itr_source *s = of(r);

    itr_cache_clear(&s->cache);
    itr_wish_clear(&s->wish);
    pthread_cond_destroy(&s->more);
    pthread_mutex_destroy(&s->head.lock);
    if (s->parts.store != NULL)
        s->parts.store->ops->release(s->parts.store);
    itr_config_clear(&s->config);
    free(s);
}

static const struct itr_registered_ops ops = {
    renew_in_child,
    end_source,
    keeps_process,
    free_source,
};

/* ---- lifetime ---- */

struct wanted {
    const struct itr_config *config;
    const struct itr_parts *parts;
};

static struct itr_registered *make_source(void *ctx)
{
    const struct wanted *w = ctx;
    struct itr_source *s = calloc(1, sizeof *s);

    if (s == NULL)
        return NULL;
    if (itr_config_copy(&s->config, w->config) != ITR_OK) {
        free(s);
        return NULL;
    }
    s->head.ops = &ops;
    s->head.end_within_ms = s->config.token_timeout_ms;
    atomic_init(&s->head.refs, 1);
    s->parts = *w->parts;
    if (s->parts.store != NULL)
        s->parts.store->ops->retain(s->parts.store);
    pthread_mutex_init(&s->head.lock, NULL);
    itr_thread_cond_init(&s->more);
    itr_cache_init(&s->cache);
    itr_fetch_init(&s->fetch, &s->config, &s->parts);
    s->fetches_today = s->parts.store != NULL ? 0 : -1; /* a central server does not tell */
    return &s->head;
}

enum itr_status itr_source_open(const struct itr_config *config, const struct itr_parts *parts,
                                struct itr_source **out, struct itr_error *e)
{
    struct wanted wanted = {config, parts};
    char key[ITR_REGISTRY_KEY];
    struct itr_registered *r;

    *out = NULL;
    itr_source_key(config, parts->store != NULL ? parts->store->id : NULL, key);
    r = itr_registry_get(key, make_source, &wanted);
    *out = of(r);
    return r != NULL ? ITR_OK : itr_error_set(e, ITR_NOMEM, "no memory");
}

struct itr_source *itr_source_retain(struct itr_source *s)
{
    itr_registered_retain(&s->head);
    return s;
}

void itr_source_release(struct itr_source *s)
{
    if (s != NULL)
        itr_registered_release(&s->head);
}

/* ---- asking ---- */

/* Gives the event to the cache. The reason of a fetch is noted before the fetch is started. */
static struct itr_cache_step event(struct itr_source *s, const struct itr_token_ask *ask)
{
    int64_t now = now_mono(s);
    struct itr_cache_step st;

    if (ask->refused != NULL) {
        st = itr_cache_refused(&s->cache, now, ask->refused);
        if (st.give == ITR_GIVE_WAIT && st.why != ITR_WHY_NOTHING)
            itr_wish_refused(&s->wish, ask->refused);
    } else if (ask->refused_fence != 0) {
        st = itr_cache_refused_fence(&s->cache, now, ask->refused_fence);
        if (st.give == ITR_GIVE_WAIT && st.why == ITR_WHY_REFUSED)
            itr_wish_refused(&s->wish, s->cache.token);
    } else if (ask->refresh) {
        st = itr_cache_asked(&s->cache, now);
    } else {
        st = itr_cache_want(&s->cache, now, ask->min_valid_ms);
    }
    if (st.why == ITR_WHY_ASKED)
        s->wish.asked = true;
    return st;
}

static void ask_cache(struct itr_source *s, const struct itr_token_ask *ask, struct itr_wait *w)
{
    struct itr_cache_step st = event(s, ask);

    /* In the queue before anything is carried out: a thread that cannot be made answers at once. */
    if (st.give == ITR_GIVE_WAIT)
        itr_wait_enqueue(&s->waits, w);
    else
        itr_wait_answer(w, s->cache.token, &s->cache.error, ITR_FROM_MEMORY);
    step(s, st);
}

/* Neither the held token if it is doubted. */
static void wait_for_newer(struct itr_source *s, struct itr_wait *w)
{
    struct itr_token *t = s->cache.state != ITR_CACHE_FETCHING ? s->cache.token : NULL;

    itr_wait_enqueue(&s->news, w);
    if (t != NULL)
        itr_wait_answer_newer(&s->news, t, ITR_FROM_MEMORY);
}

bool itr_source_ask(struct itr_source *s, const struct itr_token_ask *ask, struct itr_wait *w)
{
    bool ready;

    itr_wait_reset(w);
    w->newer_than = ask->newer_than;
    pthread_mutex_lock(&s->head.lock);
    if (ask->newer_than != 0)
        wait_for_newer(s, w);
    else
        ask_cache(s, ask, w);
    ready = itr_wait_is_ready(w);
    pthread_mutex_unlock(&s->head.lock);
    return ready;
}

void itr_source_forget(struct itr_source *s, struct itr_wait *w)
{
    pthread_mutex_lock(&s->head.lock);
    itr_wait_dequeue(w);
    pthread_mutex_unlock(&s->head.lock);
    itr_token_release(w->token);
    w->token = NULL;
}

void itr_source_await_wakes(struct itr_source *s)
{
    pthread_mutex_lock(&s->head.lock); /* under which wakes are called */
    pthread_mutex_unlock(&s->head.lock);
}

/* ---- stats ---- */

void itr_source_stats(struct itr_source *s, struct itr_stats *out)
{
    const struct itr_wait *w;

    *out = (struct itr_stats){0};
    pthread_mutex_lock(&s->head.lock);
    out->state = s->cache.state;
    itr_stats_describe(out, s->cache.token, now_mono(s));
    out->fetches_today = s->fetches_today;
    out->daily_limit = s->config.daily_limit;
    out->last_error = s->cache.error;
    for (w = s->waits; w != NULL; w = w->next)
        out->waiters++;
    out->fetched = s->fetched;
    out->store = itr_token_origin_name(itr_fetch_origin(&s->fetch));
    out->n_events = itr_events_copy(&s->events, out->events);
    pthread_mutex_unlock(&s->head.lock);
}
