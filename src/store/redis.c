#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/os/fork.h"
#include "core/os/sigpipe.h"
#include "store/redis_error.h"
#include "store/redis_link.h"
#include "store/redis_tls.h"
#include "store/redis_url.h"
#include "store/stores.h"

/*
 * "redis:": a value is a string with a time to live, swapped by one script.
 *
 * Design notes
 * - One connection a store, made when it is needed, used under the store's lock: a fetch thread
 *   alone uses it, so that nobody waits for long.
 * - A connection that broke is made anew once, and the command is said again. For load that is
 *   harmless. A swap whose answer was lost may have been done: then the script finds another value
 *   than the old one, and the one that stands there is ours if it is the new one (no two writers
 *   ever write one record: it names its lease's owner or its fence).
 * - Redis's own words are not shown: an error text can repeat arguments, and one of them is the
 *   token. Its first word says the kind.
 * - A forked child closes its copy of the parent's descriptor and leaves hiredis's memory alone:
 *   another thread may have been in the middle of it.
 */

static const char script[] =
    "local v = redis.call('GET', KEYS[1]) if (v or '') ~= ARGV[1] then return 0 end "
    "if ARGV[2] == '' then redis.call('DEL', KEYS[1]) "
    "else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end return 1";
static const char script_sha1[] = "c26182035cdbc5c6ad966f9e512dc4e3144c26ab";

#define KEY_MAX (ITR_REDIS_PART + 200)

struct redis_store {
    struct itr_store head;
    atomic_uint refs;
    struct itr_redis_url url;
    char id[ITR_REDIS_ID]; /* as errors show it */
    char identity[ITR_REDIS_IDENTITY];
    pthread_mutex_t lock;
    struct itr_redis_link link; /* under lock */
    unsigned generation;        /* under renewing: the process that lock and link belong to */
};

static struct redis_store *of(struct itr_store *s)
{
    return (struct redis_store *)s;
}

/* ---- over a fork ---- */

/* Held for a moment only, never while anything waits: a fork takes it. */
static pthread_mutex_t renewing = PTHREAD_MUTEX_INITIALIZER;

static void before_fork(void)
{
    pthread_mutex_lock(&renewing);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&renewing);
}

static void watch_forks(void)
{
    itr_fork_watch();
    (void)pthread_atfork(before_fork, after_fork, after_fork);
}

static void renew_after_fork(struct redis_store *r)
{
    pthread_mutex_lock(&renewing);
    if (r->generation != itr_fork_generation()) {
        itr_redis_link_abandon(&r->link);
        pthread_mutex_init(&r->lock, NULL);
        r->generation = itr_fork_generation();
    }
    pthread_mutex_unlock(&renewing);
}

/* ---- errors ---- */

static enum itr_status fail(const struct redis_store *r, const char *what, struct itr_error *e)
{
    return itr_redis_fail(r->id, what, e);
}

/* ---- commands, each of which may be said twice ---- */

struct job {
    char key[KEY_MAX]; /* with the prefix */
    /* load */
    struct itr_buf *bytes;
    int64_t *now_ms;
    /* swap */
    const char *old, *fresh;
    size_t old_len, fresh_len;
    int64_t keep_for_ms;
    bool *done;
    bool again; /* an answer of it was lost */
};

static bool take_time(const redisReply *t, int64_t *now_ms)
{
    if (t->elements != 2 || t->element[0]->type != REDIS_REPLY_STRING ||
        t->element[1]->type != REDIS_REPLY_STRING)
        return false;
    *now_ms =
        strtoll(t->element[0]->str, NULL, 10) * 1000 + strtoll(t->element[1]->str, NULL, 10) / 1000;
    return true;
}

static enum itr_status do_load(struct redis_store *r, const struct job *j, bool *broken,
                               struct itr_error *e)
{
    const char *get[] = {"GET", j->key}, *time[] = {"TIME"};
    redisReply *value = NULL, *now = NULL;
    enum itr_status s, s_now;

    if (redisAppendCommandArgv(r->link.context, 2, get, NULL) != REDIS_OK ||
        redisAppendCommandArgv(r->link.context, 1, time, NULL) != REDIS_OK)
        return itr_error_set(e, ITR_NOMEM, "no memory");
    s = itr_redis_link_reply(&r->link, REDIS_REPLY_STRING, &value, broken, e);
    if (*broken)
        return s;
    s_now = itr_redis_link_reply(&r->link, REDIS_REPLY_ARRAY, &now, broken, s == ITR_OK ? e : NULL);
    if (s == ITR_OK)
        s = s_now;
    if (s == ITR_OK && !take_time(now, j->now_ms))
        s = fail(r, "it answered something that Redis would not", e);
    if (s == ITR_OK && value->type == REDIS_REPLY_STRING &&
        (s = itr_buf_append(j->bytes, value->str, value->len)) != ITR_OK)
        s = s == ITR_FULL ? fail(r, "something else stands under our key; give another prefix", e)
                          : itr_error_set(e, s, "no memory");
    freeReplyObject(value);
    freeReplyObject(now);
    return s;
}

static enum itr_status run_script(struct redis_store *r, const struct job *j, const char *verb,
                                  const char *what, redisReply **out, bool *broken,
                                  struct itr_error *e)
{
    char keep[24];
    const char *argv[] = {verb, what, "1", j->key, j->old, j->fresh, keep};
    size_t lens[] = {strlen(verb), strlen(what), 1, strlen(j->key), j->old_len, j->fresh_len, 0};

    lens[6] = (size_t)snprintf(keep, sizeof keep, "%lld", (long long)j->keep_for_ms);
    if (redisAppendCommandArgv(r->link.context, 7, argv, lens) != REDIS_OK)
        return itr_error_set(e, ITR_NOMEM, "no memory");
    return itr_redis_link_reply(&r->link, REDIS_REPLY_INTEGER, out, broken, e);
}

/* Is what stands there what we wanted to put there? */
static enum itr_status look(struct redis_store *r, const struct job *j, bool *broken,
                            struct itr_error *e)
{
    const char *get[] = {"GET", j->key};
    redisReply *value;
    enum itr_status s;

    if (redisAppendCommandArgv(r->link.context, 2, get, NULL) != REDIS_OK)
        return itr_error_set(e, ITR_NOMEM, "no memory");
    s = itr_redis_link_reply(&r->link, REDIS_REPLY_STRING, &value, broken, e);
    if (s != ITR_OK)
        return s;
    *j->done = (size_t)value->len == j->fresh_len &&
               (value->len == 0 || memcmp(value->str, j->fresh, j->fresh_len) == 0);
    freeReplyObject(value);
    return ITR_OK;
}

static enum itr_status do_swap(struct redis_store *r, const struct job *j, bool *broken,
                               struct itr_error *e)
{
    struct itr_error mine;
    redisReply *reply = NULL;
    enum itr_status s = run_script(r, j, "EVALSHA", script_sha1, &reply, broken, &mine);

    if (s == ITR_STORE && !*broken && strstr(mine.text, "NOSCRIPT") != NULL)
        s = run_script(r, j, "EVAL", script, &reply, broken, &mine);
    if (s != ITR_OK || reply == NULL) {
        if (e != NULL)
            *e = mine;
        return s;
    }
    *j->done = reply->integer == 1;
    freeReplyObject(reply);
    return !*j->done && j->again ? look(r, j, broken, e) : ITR_OK;
}

typedef enum itr_status run_fn(struct redis_store *r, const struct job *j, bool *broken,
                               struct itr_error *e);

/* With the lock held. */
static enum itr_status run_locked(struct redis_store *r, run_fn *run, struct job *j,
                                  struct itr_error *e)
{
    bool was_open = r->link.context != NULL, broken = false;
    enum itr_status s = ITR_OK;

    if (!was_open && (s = itr_redis_link_open(&r->link, e)) != ITR_OK)
        return s;
    s = run(r, j, &broken, e);
    if (broken) {
        itr_redis_link_drop(&r->link);
        j->again = true;
        broken = false;
        if ((s = itr_redis_link_open(&r->link, e)) == ITR_OK)
            s = run(r, j, &broken, e);
    }
    if (broken)
        itr_redis_link_drop(&r->link);
    return s;
}

static enum itr_status run(struct redis_store *r, run_fn *run_it, const char *key, struct job *j,
                           struct itr_error *e)
{
    struct itr_sigpipe pipe;
    enum itr_status s;
    int n = snprintf(j->key, sizeof j->key, "%s%s", r->url.prefix, key);

    if (n < 0 || (size_t)n >= sizeof j->key)
        return fail(r, "the key is too long", e);
    renew_after_fork(r);
    itr_sigpipe_hold(&pipe);
    pthread_mutex_lock(&r->lock);
    s = run_locked(r, run_it, j, e);
    pthread_mutex_unlock(&r->lock);
    itr_sigpipe_release(&pipe);
    return s;
}

/* ---- the interface ---- */

static enum itr_status load(struct itr_store *s, const char *key, struct itr_buf *bytes,
                            int64_t *now_wall_ms, struct itr_error *e)
{
    struct job j = {.bytes = bytes, .now_ms = now_wall_ms};

    *now_wall_ms = 0;
    return run(of(s), do_load, key, &j, e);
}

static enum itr_status swap(struct itr_store *s, const char *key, const char *old, size_t old_len,
                            const char *new_bytes, size_t new_len, int64_t keep_for_ms, bool *done,
                            struct itr_error *e)
{
    struct job j = {.old = old_len > 0 ? old : "",
                    .old_len = old_len,
                    .fresh = new_len > 0 ? new_bytes : "",
                    .fresh_len = new_len,
                    .keep_for_ms = keep_for_ms > 0 ? keep_for_ms : 1,
                    .done = done};
    enum itr_status st;

    *done = false;
    st = run(of(s), do_swap, key, &j, e);
    if (st != ITR_OK)
        *done = false;
    return st;
}

static void retain(struct itr_store *s)
{
    atomic_fetch_add(&of(s)->refs, 1);
}

static void release(struct itr_store *s)
{
    struct redis_store *r = of(s);

    if (atomic_fetch_sub(&r->refs, 1) != 1)
        return;
    renew_after_fork(r);
    itr_redis_link_drop(&r->link);
    pthread_mutex_destroy(&r->lock);
    itr_redis_url_wipe(&r->url);
    free(r);
}

static const struct itr_store_ops ops = {
    ITR_STORE_VERSION, ITR_FROM_REDIS, load, swap, retain, release,
};

enum itr_status itr_store_redis_new(const char *address, struct itr_store **out,
                                    struct itr_error *e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct redis_store *r = calloc(1, sizeof *r);
    enum itr_status s;

    if (r == NULL)
        return itr_error_set(e, ITR_NOMEM, "no memory");
    s = itr_redis_url_read(address, &r->url, e);
    if (s == ITR_OK && r->url.is_tls && !itr_redis_tls_is_here())
        s = itr_error_set(e, ITR_CONFIG,
                          "option token_store: rediss:// is not in this build of itrigger.redis, "
                          "whose hiredis has no TLS (it came with 1.0); put a TLS tunnel (stunnel) "
                          "on this machine and name that as redis://127.0.0.1:port");
    if (s != ITR_OK) {
        itr_redis_url_wipe(&r->url);
        free(r);
        return s;
    }
    (void)pthread_once(&once, watch_forks);
    if (r->url.is_tls)
        itr_redis_tls_prepare();
    r->head.ops = &ops;
    itr_redis_url_id(&r->url, r->id, sizeof r->id);
    itr_redis_url_identity(&r->url, r->identity, sizeof r->identity);
    r->head.id = r->identity;
    r->link = (struct itr_redis_link){NULL, &r->url, r->id};
    atomic_init(&r->refs, 1);
    pthread_mutex_init(&r->lock, NULL);
    r->generation = itr_fork_generation();
    *out = &r->head;
    return ITR_OK;
}
