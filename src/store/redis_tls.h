/*
 * redis_tls: TLS on a Redis connection, for rediss://. The certificate and the name of the
 * host are verified always: hiredis's own contexts know no host names, so the connection is
 * prepared with OpenSSL here, and hiredis only reads and writes through it. docs/stores.md. Any
 * thread.
 *
 * A build whose hiredis has no hiredis_ssl (before 1.0) has no TLS: then only the two functions
 * that say so are of use.
 */
#ifndef ITR_STORE_REDIS_TLS_H
#define ITR_STORE_REDIS_TLS_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/base/status.h"
#include "store/redis_url.h"

/* Is it in this build? */
bool itr_redis_tls_is_here(void);

/* The first TLS connection of the process may come after its exit handlers were registered, and
 * then OpenSSL's own would run before them; called when a store is made, this sees to it that there
 * is none. */
void itr_redis_tls_prepare(void);

/* Shakes hands on a connection that stands and has its time-outs, trusting u->ca_file, or the
 * system's roots when that is "". ITR_STORE: what (of size bytes) says why, without a secret; the
 * connection is of no more use, and the caller's to free. ITR_NOMEM. */
enum itr_status itr_redis_tls_start(redisContext *c, const struct itr_redis_url *u, char *what,
                                    size_t size);

#endif
