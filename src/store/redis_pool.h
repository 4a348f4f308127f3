/*
 * redis_pool: what the operations of one Redis store share: its idle connections, and on which node
 * of a cluster each key was found last. Nothing waits here: two operations at one time have a
 * connection each, so that a server that hangs delays each of them once, not one after the other.
 * Any thread. After a fork the child's pool has no connection, and no operation of the parent's.
 */
#ifndef ITR_STORE_REDIS_POOL_H
#define ITR_STORE_REDIS_POOL_H

#include "store/redis_link.h"

#define ITR_REDIS_ROUTES                                                                           \
    64 /* keys that share a route lose it to each other: one more redirection */

struct itr_redis_pool {
    struct itr_list idle; /* of links, the one used last at the end */
    int n_idle;
    int first; /* of the address's hosts: the one that served last */
    struct itr_redis_place routes[ITR_REDIS_ROUTES]; /* port 0: none */
};

void itr_redis_pool_init(struct itr_redis_pool *p);
void itr_redis_pool_clear(struct itr_redis_pool *p);

/* Take a usable idle link to this place (NULL: to any); it is the caller's. NULL if there is
 * none. */
struct itr_redis_link *itr_redis_pool_take(struct itr_redis_pool *p,
                                           const struct itr_redis_place *place);

/* Give a link that works; the pool owns it then, and frees what it does not keep. */
void itr_redis_pool_give(struct itr_redis_pool *p, struct itr_redis_link *l);

/* Free all idle links to this place. */
void itr_redis_pool_drop(struct itr_redis_pool *p, const struct itr_redis_place *place);

/* Find where the key was last; false if that is not known. Remember that it is at place, or (NULL)
 * that it is not known. */
bool itr_redis_pool_route(struct itr_redis_pool *p, const char *key, struct itr_redis_place *place);
void itr_redis_pool_set_route(struct itr_redis_pool *p, const char *key,
                              const struct itr_redis_place *place);

int itr_redis_pool_first(struct itr_redis_pool *p);
void itr_redis_pool_set_first(struct itr_redis_pool *p, int first);

#endif
