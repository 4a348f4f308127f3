/*
 * redis_error: what an error that a Redis server answered means for its user and for us. The
 * server's own text is not shown: it can repeat arguments, and one of them is the token. Pure; any
 * thread.
 */
#ifndef ITR_STORE_REDIS_ERROR_H
#define ITR_STORE_REDIS_ERROR_H

#include "core/base/status.h"
#include "store/redis_url.h"

/* What came of a command, or of an attempt to send one. */
enum itr_redis_said {
    ITR_REDIS_OK,
    ITR_REDIS_LOST,     /* the connection broke, timed out or made no sense */
    ITR_REDIS_LEAVE,    /* this server is not the one to use now: READONLY, LOADING, ... */
    ITR_REDIS_MOVED,    /* another node of the cluster has the key, from now on */
    ITR_REDIS_ASK,      /* another node of the cluster has the key, this once */
    ITR_REDIS_NOSCRIPT, /* it must be sent the script */
    ITR_REDIS_ERROR,    /* another error; the connection may be used again */
    ITR_REDIS_NOMEM
};

/* Classify the text of an error reply, and write what it means to `what`. For MOVED and ASK,
 * *elsewhere is the node that has the key; its host is "" if it is the answering node's. */
enum itr_redis_said itr_redis_error_read(const char *text, char *what, size_t size,
                                         struct itr_redis_place *elsewhere);

/* Set the error "token store ID: [HOST:PORT: ]what (option token_store)" of kind ITR_STORE. place:
 * which of several servers it was, or NULL. */
enum itr_status itr_redis_fail(const char *id, const struct itr_redis_place *place,
                               const char *what, struct itr_error *e);

#endif
