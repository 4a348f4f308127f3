/*
 * cache_states: a source/cache in each of its states at NOW, reached by events only; for the
 * tests of source/cache. The cache is initialized here and cleared by the test.
 */
#ifndef ITR_SPEC_CACHE_STATES_H
#define ITR_SPEC_CACHE_STATES_H

#include "core/source/cache.h"

#define NOW INT64_C(1000000)
#define LATER (NOW + 3000) /* the retry time of what failed at NOW */
#define LEFT 10000         /* life that a token has left at NOW, unless it is expired */
#define HELD_FENCE 10      /* of the token that is held; its text is "held" */

struct itr_token *cache_a_token(const char *text, uint64_t fence, int64_t refresh, int64_t end);

/* The event: what is out fails with kind ITR_NETWORK. */
struct itr_cache_step cache_fail_now(struct itr_cache *c);

void cache_none(struct itr_cache *c);
void cache_none_before_retry(struct itr_cache *c);
void cache_fetching(struct itr_cache *c);         /* the first token */
void cache_fetching_expired(struct itr_cache *c); /* a token past its end is there */
void cache_fetching_doubted(struct itr_cache *c); /* a refused one */
void cache_held_young(struct itr_cache *c);
void cache_held_due(struct itr_cache *c);
void cache_held_expired(struct itr_cache *c);
void cache_held_young_before_retry(struct itr_cache *c); /* a fetch failed, and so below */
void cache_held_due_before_retry(struct itr_cache *c);
void cache_held_expired_before_retry(struct itr_cache *c);
void cache_refreshing_young(struct itr_cache *c);
void cache_refreshing_due(struct itr_cache *c);
void cache_refreshing_expired(struct itr_cache *c); /* nobody has noticed yet */

#endif
