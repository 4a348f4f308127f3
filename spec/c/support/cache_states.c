#include "cache_states.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct itr_token *cache_a_token(const char *text, uint64_t fence, int64_t refresh, int64_t end)
{
    struct itr_token_times times = {0, refresh, end};
    struct itr_token *t = itr_token_new(text, strlen(text), fence, times, ITR_FROM_GATEWAY);

    assert_non_null(t);
    return t;
}

struct itr_cache_step cache_fail_now(struct itr_cache *c)
{
    struct itr_error e;

    itr_error_set(&e, ITR_NETWORK, "no route");
    return itr_cache_failed(c, NOW, c->generation, &e, LATER, NULL);
}

void cache_none(struct itr_cache *c)
{
    itr_cache_init(c);
}

void cache_none_before_retry(struct itr_cache *c)
{
    cache_none(c);
    itr_cache_want(c, NOW, 0);
    cache_fail_now(c);
}

void cache_fetching(struct itr_cache *c)
{
    cache_none(c);
    itr_cache_want(c, NOW, 0);
}

static void held_until(struct itr_cache *c, int64_t refresh, int64_t end)
{
    cache_none(c);
    itr_cache_want(c, 0, 0);
    itr_cache_fetched(c, 0, c->generation, cache_a_token("held", HELD_FENCE, refresh, end));
    assert_int_equal(c->state, ITR_CACHE_HELD);
}

void cache_held_young(struct itr_cache *c)
{
    held_until(c, NOW + 1, NOW + LEFT);
}

void cache_held_due(struct itr_cache *c)
{
    held_until(c, NOW, NOW + LEFT);
}

void cache_held_expired(struct itr_cache *c)
{
    held_until(c, NOW - 1, NOW);
}

static void before_retry(struct itr_cache *c)
{
    itr_cache_asked(c, NOW);
    cache_fail_now(c);
    assert_int_equal(c->state, ITR_CACHE_HELD);
}

void cache_held_young_before_retry(struct itr_cache *c)
{
    cache_held_young(c);
    before_retry(c);
}

void cache_held_due_before_retry(struct itr_cache *c)
{
    cache_held_due(c);
    before_retry(c);
}

void cache_held_expired_before_retry(struct itr_cache *c)
{
    cache_held_expired(c);
    before_retry(c);
}

void cache_fetching_expired(struct itr_cache *c)
{
    cache_held_expired(c);
    itr_cache_want(c, NOW, 0);
}

void cache_fetching_doubted(struct itr_cache *c)
{
    cache_held_young(c);
    itr_cache_refused(c, NOW, c->token);
}

void cache_refreshing_young(struct itr_cache *c)
{
    cache_held_young(c);
    itr_cache_asked(c, NOW);
}

void cache_refreshing_due(struct itr_cache *c)
{
    cache_held_due(c);
    itr_cache_want(c, NOW, 0);
}

void cache_refreshing_expired(struct itr_cache *c)
{
    cache_held_expired(c);
    itr_cache_asked(c, NOW);
}
