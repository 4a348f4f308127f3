/*
 * redis_tls: TLS on a connection to Redis, for rediss://. The certificate and the name of the host
 * are always verified (docs/stores.md). Nothing here blocks: whoever calls waits for the socket.
 * Any thread; one connection belongs to one thread at a time.
 *
 * A build without OpenSSL's headers has no TLS: itr_redis_tls_is_here says so, and the others must
 * not be called.
 */
#ifndef ITR_STORE_REDIS_TLS_H
#define ITR_STORE_REDIS_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/status.h"

struct itr_redis_tls; /* OpenSSL's SSL */

/* Return whether this build has TLS. */
bool itr_redis_tls_is_here(void);

/* Call it when a store is made: the first TLS connection of the process may come after its exit
 * handlers were registered, and OpenSSL's own, which would run before them, must not be. */
void itr_redis_tls_prepare(void);

/* Create a connection on fd to a server whose certificate must be for host, trusting ca_file, or
 * the system's roots if it is "". *out is the caller's to free; fd stays the caller's. ITR_STORE:
 * what says why; ITR_NOMEM. */
enum itr_status itr_redis_tls_new(int fd, const char *host, const char *ca_file,
                                  struct itr_redis_tls **out, char *what, size_t size);

/* Free it, without a word to the server. */
void itr_redis_tls_free(struct itr_redis_tls *t);

/* Shake hands; read; write at most n bytes. Return the number of bytes (1 for the handshake), 0 if
 * the connection ended, or -1: then *events is what poll(2) must wait for, or 0 if it failed. */
long itr_redis_tls_shake(struct itr_redis_tls *t, short *events);
long itr_redis_tls_read(struct itr_redis_tls *t, void *bytes, size_t n, short *events);
long itr_redis_tls_write(struct itr_redis_tls *t, const void *bytes, size_t n, short *events);

/* Write why the handshake failed. */
void itr_redis_tls_explain(const struct itr_redis_tls *t, char *what, size_t size);

#endif
