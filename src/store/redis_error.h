/*
 * redis_error: what a Redis store says when it fails. Redis's own text is not shown: it can
 * repeat arguments, and one of them is the token. Any thread.
 */
#ifndef ITR_STORE_REDIS_ERROR_H
#define ITR_STORE_REDIS_ERROR_H

#include "core/base/status.h"

/* ITR_STORE: the store's id (it has no password in it), what is wrong, and the option. */
enum itr_status itr_redis_fail(const char *id, const char *what, struct itr_error *e);

/* The same for an error that Redis answered: "NOAUTH Authentication required." */
enum itr_status itr_redis_fail_reply(const char *id, const char *text, struct itr_error *e);

#endif
