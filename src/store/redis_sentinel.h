/*
 * redis_sentinel: asks Sentinels where the master is. Blocking, within the deadline of the
 * operation. Any thread.
 */
#ifndef ITR_STORE_REDIS_SENTINEL_H
#define ITR_STORE_REDIS_SENTINEL_H

#include "store/redis_link.h"
#include "store/redis_pool.h"

/* Ask the address's Sentinels, one after another, beginning with the one that answered last. *place
 * is the master by the first that knows it. Else e says what was wrong with the last one. */
enum itr_redis_said itr_redis_sentinel_ask(const struct itr_redis_owner *owner,
                                           struct itr_redis_pool *pool, int64_t until_mono_ms,
                                           struct itr_redis_place *place, struct itr_error *e);

/* Ask the server that the Sentinels named whether it is a master: they may not know yet that it has
 * become a replica. ITR_REDIS_OK: it is one; ITR_REDIS_LEAVE: not. */
enum itr_redis_said itr_redis_sentinel_check(struct itr_redis_link *l, struct itr_error *e);

#endif
