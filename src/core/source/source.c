#include "core/source/source.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/fetch/fetch.h"
#include "core/os/registry.h"
#include "core/os/thread.h"
#include "core/source/key.h"
#include "core/source/state.h"

/*
 * Design notes
 * - `head.lock` guards everything in a source but `config`, `parts` (constant) and what of `fetch`
 *   is the driver's. It is never held over I/O. References, fork and exit: registry.h.
 * - The state (cache and fetch machine) decides; carry_out() is the one place that acts on it.
 * - At most one thread a source (`has_thread`). It drives the machine until that is idle, and ends.
 */

struct itr_source {
    struct itr_registered head; /* key: digest of what makes two sources the same */
    struct itr_config config;   /* constant; ours */
    struct itr_parts parts;     /* constant; a store is retained */
    struct itr_fetch fetch;     /* the driver of state.machine */
    struct itr_source_state state;
    struct itr_list waits; /* callers who wait for the fetch; their memory */
    struct itr_list news;  /* callers who wait for a newer token, not for the fetch */
    bool has_thread;
    struct itr_events events;
    struct itr_fetch_counts fetches;
    int64_t began_mono_ms; /* of the fetch in flight */
};

static struct itr_source *of(struct itr_registered *r)
{
    return (struct itr_source *)r;
}

static int64_t now_mono(const struct itr_source *s)
{
    return itr_clock_mono_ms(s->parts.clock);
}

/* ---- carrying out ---- */

static void note(struct itr_source *s, enum itr_cache_why why)
{
    if (why == ITR_WHY_NOTHING) /* the usual case; spares the clock */
        return;
    itr_events_note(&s->events, itr_clock_wall_ms(s->parts.clock), s->state.cache.state, why,
                    why == ITR_WHY_FAILED ? &s->state.cache.error : NULL);
}

/* The cache's token if it has one, and the last fetch's error. Only a token that the fetch brought
 * comes from elsewhere than this process's memory. */
static void answer_all(struct itr_source *s, enum itr_cache_why why)
{
    struct itr_token *t = s->state.cache.token;
    enum itr_token_origin origin =
        t != NULL && why == ITR_WHY_FETCHED ? t->origin : ITR_FROM_MEMORY;

    itr_wait_answer_all(&s->waits, t, &s->state.cache.error, origin);
    if (t != NULL)
        itr_wait_answer_newer(&s->news, t, origin);
}

static void *drive(void *arg);

static void carry_out(struct itr_source *s, struct itr_cache_step step);

/* The machine was begun: sees that its driver runs. */
static void ensure_thread(struct itr_source *s)
{
    struct itr_machine_done no_driver = {.is = ITR_DONE_NO_DRIVER};
    struct itr_error e;
    int rc;

    if (s->has_thread)
        return;
    if ((rc = itr_thread_start(drive, s)) == 0) {
        /* The thread's reference; it cannot do a thing before we unlock. */
        itr_registered_retain_for_thread(&s->head);
        s->has_thread = true;
        return;
    }
    (void)itr_error_set(&e, rc == ENOMEM ? ITR_NOMEM : ITR_NETWORK,
                        "no thread could be started for the token fetch: %s; this process, its "
                        "user or its container has too many (ulimit -u, pids.max)",
                        strerror(rc));
    no_driver.error = &e;
    carry_out(s, itr_source_state_on(&s->state, now_mono(s), 0, &no_driver));
}

/* A fetch has ended; or, without one in flight, a token was found. */
static void count_fetch(struct itr_source *s, enum itr_cache_why why)
{
    struct itr_fetch_counts *n = &s->fetches;

    if (why == ITR_WHY_FETCHED)
        n->good_wall_ms = itr_clock_wall_ms(s->parts.clock);
    if (s->began_mono_ms == 0)
        return;
    n->last_ms = now_mono(s) - s->began_mono_ms;
    n->sum_ms += n->last_ms;
    n->ended++;
    if (why == ITR_WHY_FAILED)
        n->failed[s->state.cache.error.kind]++;
    s->began_mono_ms = 0;
}

/* Carries out what was decided; what the caller of an ask gets is left to that. */
static void carry_out(struct itr_source *s, struct itr_cache_step step)
{
    note(s, step.why);
    if (step.answer) {
        count_fetch(s, step.why);
        answer_all(s, step.why);
    }
    if (step.fetch) {
        s->began_mono_ms = now_mono(s);
        ensure_thread(s);
    }
}

/* ---- the fetch thread ---- */

static void post(void *ctx, const struct itr_machine_done *done)
{
    struct itr_source *s = ctx;
    uint64_t random = itr_clock_random(s->parts.clock);

    pthread_mutex_lock(&s->head.lock);
    carry_out(s, itr_source_state_on(&s->state, now_mono(s), random, done));
    pthread_mutex_unlock(&s->head.lock);
}

static void *drive(void *arg)
{
    struct itr_source *s = arg;

    pthread_mutex_lock(&s->head.lock);
    while (s->state.machine.state != ITR_MACHINE_IDLE) {
        pthread_mutex_unlock(&s->head.lock);
        itr_fetch_act(&s->fetch);
        pthread_mutex_lock(&s->head.lock);
    }
    itr_fetch_rest(&s->fetch);
    s->has_thread = false;
    pthread_mutex_unlock(&s->head.lock);
    itr_registered_release_by_thread(&s->head);
    return NULL;
}

/* ---- as an object of the registry ---- */

static void forget_all(struct itr_list *queue)
{
    while (itr_list_take_first(queue) != NULL)
        ;
}

/* The fetch in progress is the parent's, and so are its waiters. */
static void renew_in_child(struct itr_registered *r)
{
    struct itr_source *s = of(r);
    struct itr_cache_step forked = itr_source_state_fork(
        &s->state, now_mono(s), itr_clock_random(s->parts.clock), (int64_t)getpid());

    forget_all(&s->waits);
    forget_all(&s->news);
    s->has_thread = false;
    itr_fetch_fork(&s->fetch);
    note(s, forked.why);
}

static void end_source(struct itr_registered *r)
{
    struct itr_source *s = of(r);

    pthread_mutex_lock(&s->head.lock);
    itr_source_state_end(&s->state, now_mono(s));
    pthread_mutex_unlock(&s->head.lock);
}

/* A lease that others would have to wait for; a transport that is about to be closed. */
static bool keeps_process(struct itr_registered *r)
{
    struct itr_source *s = of(r);
    bool keeps;

    pthread_mutex_lock(&s->head.lock);
    keeps = s->has_thread &&
            (s->fetch.in_transport || itr_machine_is_owed(&s->state.machine, now_mono(s)));
    pthread_mutex_unlock(&s->head.lock);
    return keeps;
}

static void free_source(struct itr_registered *r)
{
    struct itr_source *s = of(r);

    itr_events_clear(&s->events);
    itr_source_state_clear(&s->state);
    itr_fetch_clear(&s->fetch);
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

/* The end of the process waits for a lease, and that is longer than a request. */
#define END_EXTRA_MS 10000

static void init_state(struct itr_source *s)
{
    struct itr_machine_setup setup;

    itr_fetch_setup(&s->config, &s->parts, &setup);
    itr_source_state_init(&s->state, &setup, itr_clock_random(s->parts.clock), (int64_t)getpid());
    itr_fetch_init(&s->fetch, &s->config, &s->parts);
    s->fetch.lock = &s->head.lock;
    s->fetch.machine = &s->state.machine;
    s->fetch.post = post;
    s->fetch.ctx = s;
}

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
    s->head.end_within_ms = s->config.token_timeout_ms + END_EXTRA_MS;
    atomic_init(&s->head.refs, 1);
    s->parts = *w->parts;
    if (s->parts.store != NULL)
        s->parts.store->ops->retain(s->parts.store);
    pthread_mutex_init(&s->head.lock, NULL);
    itr_list_init(&s->waits);
    itr_list_init(&s->news);
    init_state(s);
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

struct itr_token *itr_source_hit(struct itr_source *s)
{
    struct itr_token *t;

    pthread_mutex_lock(&s->head.lock);
    t = itr_cache_is_hit(&s->state.cache, now_mono(s)) ? itr_token_retain(s->state.cache.token)
                                                       : NULL;
    pthread_mutex_unlock(&s->head.lock);
    return t;
}

static void ask_state(struct itr_source *s, const struct itr_token_ask *ask, struct itr_wait *w)
{
    struct itr_cache_step step = itr_source_state_ask(&s->state, now_mono(s), ask);
    const struct itr_cache *c = &s->state.cache;

    /* In the queue before anything is carried out: a thread that cannot start answers at once. */
    if (step.give == ITR_GIVE_WAIT)
        itr_list_append(&s->waits, &w->node);
    else
        itr_wait_answer(w, c->token, &c->error, ITR_FROM_MEMORY);
    carry_out(s, step);
}

/* Neither the held token if it is doubted. */
static void wait_for_newer(struct itr_source *s, struct itr_wait *w)
{
    const struct itr_cache *c = &s->state.cache;

    itr_list_append(&s->news, &w->node);
    if (c->token != NULL && c->state != ITR_CACHE_FETCHING)
        itr_wait_answer_newer(&s->news, c->token, ITR_FROM_MEMORY);
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
        ask_state(s, ask, w);
    ready = itr_wait_is_ready(w);
    pthread_mutex_unlock(&s->head.lock);
    return ready;
}

bool itr_source_take_held(struct itr_source *s, struct itr_wait *w)
{
    const struct itr_cache *c = &s->state.cache;
    struct itr_error late;

    if (itr_wait_is_ready(w)) /* the usual case; spares the lock */
        return true;
    pthread_mutex_lock(&s->head.lock);
    if (!itr_wait_is_ready(w) && c->token != NULL && !c->doubted) {
        (void)itr_error_set(&late, ITR_TIMEOUT,
                            "no newer token came in time; the fetch goes on, and this is the one "
                            "that is held");
        itr_list_remove(&w->node);
        itr_wait_answer(w, c->token, c->error.kind != ITR_OK ? &c->error : &late, ITR_FROM_MEMORY);
    }
    pthread_mutex_unlock(&s->head.lock);
    return itr_wait_is_ready(w);
}

void itr_source_forget(struct itr_source *s, struct itr_wait *w)
{
    pthread_mutex_lock(&s->head.lock);
    itr_list_remove(&w->node);
    pthread_mutex_unlock(&s->head.lock);
    itr_token_release(w->token);
    w->token = NULL;
}

void itr_source_await_wakes(struct itr_source *s)
{
    pthread_mutex_lock(&s->head.lock); /* under which wakes are called */
    pthread_mutex_unlock(&s->head.lock);
}

/* ---- what others put into the store ---- */

struct itr_token *itr_source_held(struct itr_source *s)
{
    struct itr_token *t;

    pthread_mutex_lock(&s->head.lock);
    t = s->state.cache.token != NULL && s->state.cache.state != ITR_CACHE_FETCHING
            ? itr_token_retain(s->state.cache.token)
            : NULL;
    pthread_mutex_unlock(&s->head.lock);
    return t;
}

const struct itr_config *itr_source_config(const struct itr_source *s)
{
    return &s->config;
}

const char *itr_source_record_key(const struct itr_source *s)
{
    return s->fetch.key;
}

bool itr_source_look(struct itr_source *s, uint64_t *ticket)
{
    bool idle;

    pthread_mutex_lock(&s->head.lock);
    idle = !s->has_thread; /* it also stores a token that could not be stored before */
    *ticket = s->state.cache.generation;
    pthread_mutex_unlock(&s->head.lock);
    return idle;
}

bool itr_source_found(struct itr_source *s, uint64_t ticket, const char *bytes, size_t len,
                      int64_t now_wall_ms)
{
    struct itr_cache_step found = {ITR_WHY_NOTHING, false, ITR_GIVE_NOTHING, false};
    struct itr_record record;
    struct itr_error e;

    if (itr_record_decode(bytes, len, &record, &e) != ITR_OK)
        return false;
    pthread_mutex_lock(&s->head.lock);
    if (!s->has_thread && s->state.cache.generation == ticket) {
        found = itr_source_state_found(&s->state, now_mono(s), &record, now_wall_ms);
        carry_out(s, found);
    }
    pthread_mutex_unlock(&s->head.lock);
    itr_wipe(&record, sizeof record);
    return found.why == ITR_WHY_FETCHED;
}

/* ---- stats ---- */

uint64_t itr_source_failures(struct itr_source *s, struct itr_error *why)
{
    uint64_t n = 0;
    size_t i;

    pthread_mutex_lock(&s->head.lock);
    for (i = 0; i < sizeof s->fetches.failed / sizeof *s->fetches.failed; i++)
        n += s->fetches.failed[i];
    if (why != NULL)
        itr_error_copy(why, &s->state.cache.error);
    pthread_mutex_unlock(&s->head.lock);
    return n;
}

void itr_source_stats(struct itr_source *s, struct itr_stats *out, struct itr_event_list *events)
{
    const struct itr_list *node;
    int64_t now;

    *out = (struct itr_stats){0};
    pthread_mutex_lock(&s->head.lock);
    now = now_mono(s);
    out->state = s->state.cache.state;
    itr_stats_describe(out, s->state.cache.token, now);
    out->fetches_today = itr_machine_fetches_today(&s->state.machine, now);
    out->daily_limit = s->config.daily_limit;
    out->last_error = s->state.cache.error;
    for (node = s->waits.next; node != &s->waits; node = node->next)
        out->waiters++;
    out->fetched = s->state.fetched;
    out->fetches = s->fetches;
    out->store = itr_token_origin_name(itr_fetch_origin(&s->parts));
    if (events != NULL)
        itr_events_copy(&s->events, events);
    pthread_mutex_unlock(&s->head.lock);
}
