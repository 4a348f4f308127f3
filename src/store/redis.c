#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/os/sigpipe.h"
#include "store/redis_link.h"
#include "store/redis_pool.h"
#include "store/redis_sentinel.h"
#include "store/redis_tls.h"
#include "store/redis_url.h"
#include "store/stores.h"

/*
 * "redis:": a value is a string with a time to live, swapped by one script.
 *
 * Design notes
 * - An operation takes an idle connection or makes one. If that breaks, or its server is not the
 *   one to use now, the operation looks for the server again (the next host, the Sentinels) and is
 *   done once more. For load that is harmless. A swap whose answer was lost may have been done:
 *   then the script finds another value than the old one, and the one that is there is ours if it
 *   is the new one (no two writers ever write one record: it names its lease's owner or its fence).
 * - A node of a cluster that does not have the key names the one that has it. That is remembered
 *   for the key.
 * - A value of no bytes is none: nothing is ever deleted, so the user needs no right to.
 */

static const char script[] =
    "local v = redis.call('GET', KEYS[1]) if (v or '') ~= ARGV[1] then return 0 end "
    "redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) return 1";
static const char script_sha1[] = "35df467f0c496fc58972ab1a4f345e3dbf3ca53a";

#define KEY_MAX (ITR_REDIS_PART + 200)
#define HOPS_MAX 5     /* redirections of one operation */
#define STEPS_OF_ALL 3 /* the whole operation takes no longer than so many times timeout_ms */

struct redis_store {
    struct itr_store head;
    atomic_uint refs;
    struct itr_redis_url url;
    struct itr_redis_owner owner;
    char id[ITR_REDIS_ID]; /* as errors show it */
    char identity[ITR_REDIS_IDENTITY];
    struct itr_redis_pool pool;
};

static struct redis_store *of(struct itr_store *s)
{
    return (struct redis_store *)s;
}

/* ---- one operation ---- */

struct operation {
    char key[KEY_MAX]; /* with the prefix */
    /* load */
    struct itr_buf *bytes;
    int64_t *now_ms;
    /* swap */
    const char *old, *fresh;
    size_t old_len, fresh_len;
    int64_t keep_for_ms;
    bool *done;
    /* load_many: bytes are n buffers; keys without the prefix */
    const char *const *keys;
    size_t n;

    int64_t until_mono_ms;
    bool again;                    /* an answer of it was lost */
    int tries, hops;               /* servers that failed; redirections */
    bool is_redirected, is_asking; /* to target; and must say ASKING there */
    struct itr_redis_place target;
};

typedef enum itr_redis_said run_fn(struct itr_redis_link *l, const struct operation *op,
                                   struct itr_error *e);

static enum itr_redis_said no_memory(struct itr_error *e)
{
    (void)itr_error_set(e, ITR_NOMEM, "no memory");
    return ITR_REDIS_NOMEM;
}

/* Before each command of an operation that a node was only asked to take over. */
static bool add_asking(struct itr_redis_link *l, const struct operation *op)
{
    const char *argv[] = {"ASKING"};

    return !op->is_asking || itr_redis_link_add(l, 1, argv, NULL);
}

static enum itr_redis_said skip_asking(struct itr_redis_link *l, const struct operation *op,
                                       struct itr_error *e)
{
    enum itr_redis_said said = ITR_REDIS_OK;
    redisReply *reply = NULL;

    if (op->is_asking)
        said = itr_redis_link_reply(l, REDIS_REPLY_STATUS, &reply, e);
    itr_redis_link_free_reply(reply);
    /* The answer to the command behind it is still to come. */
    return said == ITR_REDIS_OK || said == ITR_REDIS_NOMEM ? said : ITR_REDIS_LOST;
}

static bool add_get(struct itr_redis_link *l, const struct operation *op)
{
    const char *argv[] = {"GET", op->key};

    return add_asking(l, op) && itr_redis_link_add(l, 2, argv, NULL);
}

/* ---- load ---- */

static bool take_time(const redisReply *t, int64_t *now_ms)
{
    if (t->type != REDIS_REPLY_ARRAY || t->elements != 2 ||
        t->element[0]->type != REDIS_REPLY_STRING || t->element[1]->type != REDIS_REPLY_STRING)
        return false;
    *now_ms =
        strtoll(t->element[0]->str, NULL, 10) * 1000 + strtoll(t->element[1]->str, NULL, 10) / 1000;
    return true;
}

static enum itr_redis_said take_value(const struct itr_redis_link *l, const redisReply *value,
                                      const struct operation *op, struct itr_error *e)
{
    enum itr_status s;

    if (value->type != REDIS_REPLY_STRING)
        return ITR_REDIS_OK;
    s = itr_buf_append(op->bytes, value->str, (size_t)value->len);
    if (s == ITR_OK)
        return ITR_REDIS_OK;
    return s == ITR_FULL
               ? itr_redis_link_fail(l, ITR_REDIS_ERROR,
                                     "another program uses our key; give another prefix", e)
               : no_memory(e);
}

static enum itr_redis_said run_load(struct itr_redis_link *l, const struct operation *op,
                                    struct itr_error *e)
{
    const char *time[] = {"TIME"};
    redisReply *value = NULL, *now = NULL;
    enum itr_redis_said said, said_now;
    struct itr_error second;

    if (!add_get(l, op) || !itr_redis_link_add(l, 1, time, NULL))
        return no_memory(e);
    said = skip_asking(l, op, e);
    if (said == ITR_REDIS_OK)
        said = itr_redis_link_reply(l, REDIS_REPLY_STRING, &value, e);
    if (said != ITR_REDIS_LOST && said != ITR_REDIS_NOMEM) {
        /* Its answer comes in any case, and must not be taken for the next command's. */
        said_now = itr_redis_link_reply(l, REDIS_REPLY_ARRAY, &now, &second);
        if (said == ITR_REDIS_OK && said_now != ITR_REDIS_OK && e != NULL)
            *e = second;
        if (said == ITR_REDIS_OK || said_now == ITR_REDIS_LOST)
            said = said_now;
    }
    if (said == ITR_REDIS_OK && !take_time(now, op->now_ms))
        said = itr_redis_link_fail(l, ITR_REDIS_LOST, "its answer is not what Redis answers", e);
    if (said == ITR_REDIS_OK)
        said = take_value(l, value, op, e);
    itr_redis_link_free_reply(value);
    itr_redis_link_free_reply(now);
    return said;
}

/* ---- load_many ---- */

/* All GETs and one TIME go out together. A node of a cluster that does not have all keys is no use
 * for this. */
static bool add_many(struct itr_redis_link *l, const struct operation *op)
{
    const char *time[] = {"TIME"};
    const char *prefix = l->owner.url->prefix;
    char key[KEY_MAX];
    const char *get[] = {"GET", key};
    size_t i;

    for (i = 0; i < op->n; i++) {
        (void)snprintf(key, sizeof key, "%s%s", prefix, op->keys[i]);
        itr_buf_reset(&op->bytes[i]);
        if (!itr_redis_link_add(l, 2, get, NULL))
            return false;
    }
    return itr_redis_link_add(l, 1, time, NULL);
}

static enum itr_redis_said run_load_many(struct itr_redis_link *l, const struct operation *op,
                                         struct itr_error *e)
{
    enum itr_redis_said said = ITR_REDIS_OK, one = ITR_REDIS_OK;
    redisReply *reply;
    size_t i;

    if (!add_many(l, op))
        return no_memory(e);
    for (i = 0; i <= op->n && one != ITR_REDIS_LOST && one != ITR_REDIS_NOMEM; i++) {
        struct itr_error ignored = {0}, *told = said == ITR_REDIS_OK ? e : &ignored;
        reply = NULL;
        one = itr_redis_link_reply(l, i < op->n ? REDIS_REPLY_STRING : REDIS_REPLY_ARRAY, &reply,
                                   told);
        if (one == ITR_REDIS_OK && i == op->n && !take_time(reply, op->now_ms))
            one = itr_redis_link_fail(l, ITR_REDIS_LOST, "its answer is not what Redis answers",
                                      told);
        /* What is no record is none here; the app's own load says what is wrong. */
        if (one == ITR_REDIS_OK && reply->type == REDIS_REPLY_STRING &&
            itr_buf_append(&op->bytes[i], reply->str, (size_t)reply->len) != ITR_OK)
            itr_buf_reset(&op->bytes[i]);
        itr_redis_link_free_reply(reply);
        if (said == ITR_REDIS_OK || one == ITR_REDIS_LOST)
            said = one;
    }
    if (said != ITR_REDIS_MOVED && said != ITR_REDIS_ASK)
        return said;
    return itr_redis_link_fail(l, ITR_REDIS_ERROR, "the keys are on several nodes", e);
}

/* ---- swap ---- */

static enum itr_redis_said run_script(struct itr_redis_link *l, const struct operation *op,
                                      const char *verb, const char *what, struct itr_error *e)
{
    char keep[24];
    const char *argv[] = {verb, what, "1", op->key, op->old, op->fresh, keep};
    size_t lens[] = {strlen(verb), strlen(what), 1, strlen(op->key), op->old_len, op->fresh_len, 0};
    enum itr_redis_said said;
    redisReply *reply;

    lens[6] = (size_t)snprintf(keep, sizeof keep, "%lld", (long long)op->keep_for_ms);
    if (!add_asking(l, op) || !itr_redis_link_add(l, 7, argv, lens))
        return no_memory(e);
    if ((said = skip_asking(l, op, e)) != ITR_REDIS_OK)
        return said;
    said = itr_redis_link_reply(l, REDIS_REPLY_INTEGER, &reply, e);
    if (said == ITR_REDIS_OK && reply->type == REDIS_REPLY_INTEGER)
        *op->done = reply->integer == 1;
    else if (said == ITR_REDIS_OK)
        said = itr_redis_link_fail(l, ITR_REDIS_LOST, "its answer is not what Redis answers", e);
    itr_redis_link_free_reply(reply);
    return said;
}

/* Is the value that is there the one that we wanted to put there? */
static enum itr_redis_said look(struct itr_redis_link *l, const struct operation *op,
                                struct itr_error *e)
{
    enum itr_redis_said said;
    redisReply *value = NULL;

    if (!add_get(l, op))
        return no_memory(e);
    said = skip_asking(l, op, e);
    if (said == ITR_REDIS_OK)
        said = itr_redis_link_reply(l, REDIS_REPLY_STRING, &value, e);
    if (said == ITR_REDIS_OK)
        *op->done = (size_t)value->len == op->fresh_len &&
                    (value->len == 0 || memcmp(value->str, op->fresh, op->fresh_len) == 0);
    itr_redis_link_free_reply(value);
    return said;
}

static enum itr_redis_said run_swap(struct itr_redis_link *l, const struct operation *op,
                                    struct itr_error *e)
{
    enum itr_redis_said said = run_script(l, op, "EVALSHA", script_sha1, e);

    if (said == ITR_REDIS_NOSCRIPT)
        said = run_script(l, op, "EVAL", script, e);
    return said == ITR_REDIS_OK && !*op->done && op->again ? look(l, op, e) : said;
}

/* ---- which server ---- */

static enum itr_redis_said connect_to(struct redis_store *r, const struct operation *op,
                                      const struct itr_redis_place *place,
                                      struct itr_redis_link **out, struct itr_error *e)
{
    struct itr_redis_link *l = itr_redis_pool_take(&r->pool, place);
    enum itr_redis_said said = ITR_REDIS_OK;
    char what[ITR_REDIS_PART + 80];

    if (l == NULL && !itr_redis_url_allows(&r->url, place->host)) {
        (void)snprintf(what, sizeof what,
                       "%.100s is another machine; add insecure=1, or use TLS (rediss)",
                       place->host);
        (void)itr_redis_fail(r->id, NULL, what, e);
        return ITR_REDIS_ERROR;
    }
    if (l == NULL) {
        if ((l = itr_redis_link_new(&r->owner, place, op->until_mono_ms)) == NULL)
            return no_memory(e);
        said = itr_redis_link_connect(l, false, e);
    }
    l->until_mono_ms = op->until_mono_ms;
    if (said == ITR_REDIS_OK)
        *out = l;
    else
        itr_redis_link_free(l);
    return said;
}

static enum itr_redis_said connect_to_master(struct redis_store *r, const struct operation *op,
                                             struct itr_redis_link **out, struct itr_error *e)
{
    struct itr_redis_place place;
    enum itr_redis_said said;

    if ((*out = itr_redis_pool_take(&r->pool, NULL)) != NULL) {
        (*out)->until_mono_ms = op->until_mono_ms;
        return ITR_REDIS_OK;
    }
    said = itr_redis_sentinel_ask(&r->owner, &r->pool, op->until_mono_ms, &place, e);
    if (said == ITR_REDIS_OK)
        said = connect_to(r, op, &place, out, e);
    if (said != ITR_REDIS_OK || (said = itr_redis_sentinel_check(*out, e)) == ITR_REDIS_OK)
        return said;
    itr_redis_link_free(*out);
    *out = NULL;
    return said;
}

/* Find a link to the server that should have the key. */
static enum itr_redis_said find_link(struct redis_store *r, struct operation *op,
                                     struct itr_redis_link **out, struct itr_error *e)
{
    static const struct itr_redis_place socket;
    struct itr_redis_place place;

    if (op->is_redirected)
        return connect_to(r, op, &op->target, out, e);
    if (r->url.is_sentinel)
        return connect_to_master(r, op, out, e);
    if (r->url.n_hosts == 0)
        return connect_to(r, op, &socket, out, e);
    if (itr_redis_pool_route(&r->pool, op->key, &place)) {
        op->is_redirected = true;
        op->target = place;
        return connect_to(r, op, &place, out, e);
    }
    return connect_to(r, op, &r->url.hosts[itr_redis_pool_first(&r->pool) % r->url.n_hosts], out,
                      e);
}

/* ---- what follows ---- */

/* The node of a cluster named another one. True: go there. */
static bool follow(struct redis_store *r, struct operation *op, const struct itr_redis_link *l,
                   bool is_asking, struct itr_error *e)
{
    op->is_redirected = true;
    op->is_asking = is_asking;
    op->target = l->elsewhere;
    if (!is_asking)
        itr_redis_pool_set_route(&r->pool, op->key, &l->elsewhere);
    if (++op->hops <= HOPS_MAX)
        return true;
    (void)itr_redis_link_fail(l, ITR_REDIS_ERROR, "the nodes of its cluster send us in circles", e);
    return false;
}

/* This server failed, or is not the one to use now. True: look for one again. was_open: there was a
 * connection, which may have been to a server of yesterday. */
static bool try_again(struct redis_store *r, struct operation *op, bool was_open)
{
    int n = r->url.n_hosts, most = r->url.is_sentinel || n < 2 ? 1 : n;
    bool was_redirected = op->is_redirected;

    if (was_redirected)
        itr_redis_pool_set_route(&r->pool, op->key, NULL);
    else if (n > 0 && !r->url.is_sentinel)
        itr_redis_pool_set_first(&r->pool, (itr_redis_pool_first(&r->pool) + 1) % n);
    op->is_redirected = op->is_asking = false;
    /* The only server there is, and it cannot be reached: it is no use to try at once. */
    if (n < 2 && !was_open && !was_redirected && !r->url.is_sentinel)
        return false;
    return ++op->tries <= most && itr_clock_mono_ms(itr_clock_system()) < op->until_mono_ms;
}

/* With SIGPIPE held. */
static enum itr_redis_said run(struct redis_store *r, run_fn *run_it, struct operation *op,
                               struct itr_error *e)
{
    enum itr_redis_said said;
    bool goes_on = true;

    do {
        struct itr_redis_link *l = NULL;
        bool was_open;
        said = find_link(r, op, &l, e);
        was_open = l != NULL;
        if (was_open)
            said = run_it(l, op, e);
        if (said == ITR_REDIS_MOVED || said == ITR_REDIS_ASK) {
            goes_on = was_open && follow(r, op, l, said == ITR_REDIS_ASK, e);
        } else if (said == ITR_REDIS_LOST || said == ITR_REDIS_LEAVE) {
            op->again = op->again || was_open;
            goes_on = try_again(r, op, was_open);
            if (was_open) {
                itr_redis_pool_drop(&r->pool, &l->place);
                itr_redis_link_free(l);
            }
            continue;
        } else {
            goes_on = false;
        }
        if (was_open && said != ITR_REDIS_NOMEM)
            itr_redis_pool_give(&r->pool, l);
        else if (was_open)
            itr_redis_link_free(l);
    } while (goes_on);
    return said;
}

static enum itr_status start(struct redis_store *r, run_fn *run_it, const char *key,
                             struct operation *op, struct itr_error *e)
{
    struct itr_sigpipe pipe;
    enum itr_redis_said said;
    int n = snprintf(op->key, sizeof op->key, "%s%s", r->url.prefix, key);

    if (n < 0 || (size_t)n >= sizeof op->key)
        return itr_redis_fail(r->id, NULL, "the key is too long", e);
    op->until_mono_ms =
        itr_clock_mono_ms(itr_clock_system()) + (int64_t)STEPS_OF_ALL * r->url.timeout_ms;
    itr_sigpipe_hold(&pipe);
    said = run(r, run_it, op, e);
    itr_sigpipe_release(&pipe);
    if (said == ITR_REDIS_OK)
        return ITR_OK;
    return said == ITR_REDIS_NOMEM ? ITR_NOMEM : ITR_STORE;
}

/* ---- the interface ---- */

static enum itr_status load(struct itr_store *s, const char *key, struct itr_buf *bytes,
                            int64_t *now_wall_ms, struct itr_error *e)
{
    struct operation op = {.bytes = bytes, .now_ms = now_wall_ms};

    *now_wall_ms = 0;
    return start(of(s), run_load, key, &op, e);
}

static enum itr_status load_many(struct itr_store *s, const char *const *keys, size_t n,
                                 struct itr_buf *bytes, int64_t *now_wall_ms, struct itr_error *e)
{
    struct operation op = {.keys = keys, .n = n, .bytes = bytes, .now_ms = now_wall_ms};

    *now_wall_ms = 0;
    return start(of(s), run_load_many, n > 0 ? keys[0] : "", &op, e);
}

static enum itr_status swap(struct itr_store *s, const char *key, const char *old, size_t old_len,
                            const char *new_bytes, size_t new_len, int64_t keep_for_ms, bool *done,
                            struct itr_error *e)
{
    struct operation op = {.old = old_len > 0 ? old : "",
                           .old_len = old_len,
                           .fresh = new_len > 0 ? new_bytes : "",
                           .fresh_len = new_len,
                           .keep_for_ms = keep_for_ms > 0 ? keep_for_ms : 1,
                           .done = done};
    enum itr_status st;

    *done = false;
    st = start(of(s), run_swap, key, &op, e);
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
    itr_redis_pool_clear(&r->pool);
    itr_redis_url_wipe(&r->url);
    free(r);
}

static const struct itr_store_ops ops = {
    ITR_STORE_VERSION, ITR_FROM_REDIS, load, swap, retain, release, load_many,
};

enum itr_status itr_store_redis_new(const char *address, struct itr_store **out,
                                    struct itr_error *e)
{
    struct redis_store *r = calloc(1, sizeof *r);
    enum itr_status s;

    if (r == NULL)
        return itr_error_set(e, ITR_NOMEM, "no memory");
    s = itr_redis_url_read(address, &r->url, e);
    if (s == ITR_OK && r->url.is_tls && !itr_redis_tls_is_here())
        s = itr_error_set(e, ITR_CONFIG,
                          "option token_store: this build of itrigger.redis has no TLS; build it "
                          "where OpenSSL's headers are (Debian: libssl-dev), or put a TLS tunnel "
                          "(stunnel) on this machine and name that as redis://127.0.0.1:port");
    if (s != ITR_OK) {
        itr_redis_url_wipe(&r->url);
        free(r);
        return s;
    }
    if (r->url.is_tls)
        itr_redis_tls_prepare();
    r->head.ops = &ops;
    itr_redis_url_id(&r->url, r->id, sizeof r->id);
    itr_redis_url_identity(&r->url, r->identity, sizeof r->identity);
    r->head.id = r->identity;
    r->owner = (struct itr_redis_owner){&r->url, r->id};
    itr_redis_pool_init(&r->pool);
    atomic_init(&r->refs, 1);
    *out = &r->head;
    return ITR_OK;
}
