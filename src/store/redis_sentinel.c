#include "store/redis_sentinel.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"

static enum itr_redis_said no_memory(struct itr_error *e)
{
    (void)itr_error_set(e, ITR_NOMEM, "no memory");
    return ITR_REDIS_NOMEM;
}

static bool is_text(const redisReply *r)
{
    return r->type == REDIS_REPLY_STRING && r->str != NULL;
}

/* [host, port]. */
static bool take_place(const redisReply *r, struct itr_redis_place *place)
{
    long port;

    if (r->elements != 2 || !is_text(r->element[0]) || !is_text(r->element[1]) ||
        strlen(r->element[0]->str) >= sizeof place->host)
        return false;
    port = strtol(r->element[1]->str, NULL, 10);
    if (port < 1 || port > 65535 || r->element[0]->str[0] == '\0')
        return false;
    memcpy(place->host, r->element[0]->str, strlen(r->element[0]->str) + 1);
    place->port = (int)port;
    return true;
}

static enum itr_redis_said ask_connected(struct itr_redis_link *l, struct itr_redis_place *place,
                                         struct itr_error *e)
{
    const char *argv[] = {"SENTINEL", "GET-MASTER-ADDR-BY-NAME", l->owner.url->master};
    enum itr_redis_said said;
    redisReply *reply;

    if (!itr_redis_link_add(l, 3, argv, NULL))
        return no_memory(e);
    said = itr_redis_link_reply(l, REDIS_REPLY_ARRAY, &reply, e);
    if (said == ITR_REDIS_OK && reply->type == REDIS_REPLY_NIL)
        said = itr_redis_link_fail(l, ITR_REDIS_ERROR,
                                   "the Sentinel does not know a master of the name in the address",
                                   e);
    else if (said == ITR_REDIS_OK && !take_place(reply, place))
        said =
            itr_redis_link_fail(l, ITR_REDIS_LOST, "its answer is not what a Sentinel answers", e);
    itr_redis_link_free_reply(reply);
    return said;
}

static enum itr_redis_said ask_one(const struct itr_redis_owner *owner,
                                   const struct itr_redis_place *sentinel, int64_t until_mono_ms,
                                   struct itr_redis_place *place, struct itr_error *e)
{
    struct itr_redis_link *l = itr_redis_link_new(owner, sentinel, until_mono_ms);
    enum itr_redis_said said;

    if (l == NULL)
        return no_memory(e);
    said = itr_redis_link_connect(l, true, e);
    if (said == ITR_REDIS_OK)
        said = ask_connected(l, place, e);
    itr_redis_link_free(l);
    return said;
}

enum itr_redis_said itr_redis_sentinel_ask(const struct itr_redis_owner *owner,
                                           struct itr_redis_pool *pool, int64_t until_mono_ms,
                                           struct itr_redis_place *place, struct itr_error *e)
{
    int n = owner->url->n_hosts, first = itr_redis_pool_first(pool), i, nth;
    enum itr_redis_said said = ITR_REDIS_LOST;

    for (i = 0; i < n; i++) {
        nth = (first + i) % n;
        said = ask_one(owner, &owner->url->hosts[nth], until_mono_ms, place, e);
        if (said == ITR_REDIS_OK) {
            itr_redis_pool_set_first(pool, nth);
            return said;
        }
        if (said == ITR_REDIS_NOMEM || itr_clock_mono_ms(itr_clock_system()) >= until_mono_ms)
            break;
    }
    return said;
}

enum itr_redis_said itr_redis_sentinel_check(struct itr_redis_link *l, struct itr_error *e)
{
    const char *argv[] = {"ROLE"};
    enum itr_redis_said said;
    redisReply *reply;

    if (!itr_redis_link_add(l, 1, argv, NULL))
        return no_memory(e);
    said = itr_redis_link_reply(l, REDIS_REPLY_ARRAY, &reply, e);
    if (said == ITR_REDIS_OK && (reply->elements == 0 || !is_text(reply->element[0]) ||
                                 strcmp(reply->element[0]->str, "master") != 0))
        said = itr_redis_link_fail(l, ITR_REDIS_LEAVE,
                                   "the Sentinels name it as the master, but it is a replica", e);
    itr_redis_link_free_reply(reply);
    return said;
}
