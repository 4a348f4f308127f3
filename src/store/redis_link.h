/*
 * redis_link: the one connection of a Redis store: made, logged in, its replies told apart.
 * Its owner sees to it that one thread at a time uses it.
 */
#ifndef ITR_STORE_REDIS_LINK_H
#define ITR_STORE_REDIS_LINK_H

#include <hiredis/hiredis.h>

#include "core/base/status.h"
#include "store/redis_url.h"

struct itr_redis_link {
    redisContext *context;           /* ours; NULL: not connected */
    const struct itr_redis_url *url; /* the owner's */
    const char *id;                  /* the owner's; for errors */
};

/* Connects, starts TLS, logs in, chooses the db; each within the address's timeout_ms (but not the
 * resolving of a host's name, which the system bounds). ITR_STORE, ITR_NOMEM: not connected. */
enum itr_status itr_redis_link_open(struct itr_redis_link *r, struct itr_error *e);

/* The next reply. ITR_OK: it is of this type (a string: or nil), in *out, the caller's to free.
 * ITR_STORE: *broken tells that the connection is gone; else Redis said an error. */
enum itr_status itr_redis_link_reply(struct itr_redis_link *r, int type, redisReply **out,
                                     bool *broken, struct itr_error *e);

/* Closes it, if it is open. */
void itr_redis_link_drop(struct itr_redis_link *r);

/* In a forked child: closes the descriptor only. */
void itr_redis_link_abandon(struct itr_redis_link *r);

#endif
