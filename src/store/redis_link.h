/*
 * redis_link: one connection to a Redis server or a Sentinel. hiredis reads the replies; the socket
 * is ours, so that no wait is longer than its deadline, however slowly bytes come, and no other
 * process inherits it. Belongs to one thread at a time; that thread must not get SIGPIPE.
 */
#ifndef ITR_STORE_REDIS_LINK_H
#define ITR_STORE_REDIS_LINK_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/list.h"
#include "store/private_fd.h"
#include "store/redis_error.h"
#include "store/redis_tls.h"
#include "store/redis_url.h"

/* Whose connections: what they have in common; for errors too. The owner's. */
struct itr_redis_owner {
    const struct itr_redis_url *url;
    const char *id;
};

struct itr_redis_link {
    struct itr_list node; /* in the pool */
    struct itr_redis_owner owner;
    struct itr_redis_place place;     /* whom it is connected to */
    struct itr_redis_place elsewhere; /* after ITR_REDIS_MOVED and ITR_REDIS_ASK */
    struct itr_private_fd fd;
    struct itr_redis_tls *tls; /* NULL: none */
    redisReader *reader;
    redisReplyObjectFunctions functions; /* of reader; one of them is ours in place of hiredis's */
    const redisReplyObjectFunctions *hiredis_functions;
    size_t taken;          /* bytes since the last reply */
    struct itr_buf out;    /* commands that are not sent yet; a secret */
    int64_t until_mono_ms; /* end of the present operation; its user sets it */
    int64_t made_mono_ms;  /* when it was connected */
};

/* Create a link that is not connected; NULL without memory. itr_redis_link_free closes and frees
 * it; nothing is said to the server. In a child it frees the memory only. */
struct itr_redis_link *itr_redis_link_new(const struct itr_redis_owner *owner,
                                          const struct itr_redis_place *place,
                                          int64_t until_mono_ms);
void itr_redis_link_free(struct itr_redis_link *l);

/* Connect, start TLS, log in, select the db; to a Sentinel as to a Sentinel. (Resolving the name of
 * a host has the time limit of the system only.) Unless it returns ITR_REDIS_OK the link is of no
 * more use, and e says why. */
enum itr_redis_said itr_redis_link_connect(struct itr_redis_link *l, bool is_sentinel,
                                           struct itr_error *e);

/* Add a command to those that are sent before the next reply is read. lens: NULL for strings. False
 * without memory. */
bool itr_redis_link_add(struct itr_redis_link *l, int argc, const char *const *argv,
                        const size_t *lens);

/* Return the next reply. ITR_REDIS_OK: it has this type, or is nil, and is in *out, the caller's to
 * free with itr_redis_link_free_reply; else e says why. After ITR_REDIS_LOST the link is of no more
 * use. */
enum itr_redis_said itr_redis_link_reply(struct itr_redis_link *l, int type, redisReply **out,
                                         struct itr_error *e);

/* Overwrite the bytes of a reply and free it; NULL is allowed. */
void itr_redis_link_free_reply(redisReply *reply);

/* Return whether an idle link may be used again: it is this process's, not too old, and the
 * server has not closed it. */
bool itr_redis_link_is_usable(const struct itr_redis_link *l, int64_t now_mono_ms);

/* Set the error that `what` is wrong with the server of this link; return `said`. */
enum itr_redis_said itr_redis_link_fail(const struct itr_redis_link *l, enum itr_redis_said said,
                                        const char *what, struct itr_error *e);

#endif
