/*
 * stores: creates the concrete stores. Included by src/bind, src/itriggerd and tests only; the core
 * knows record/store.h.
 */
#ifndef ITR_STORE_STORES_H
#define ITR_STORE_STORES_H

#include "core/base/clock.h"
#include "core/record/store.h"

/* Return the process-wide memory store ("memory:"), with a reference for the caller; NULL without
 * memory. All clients of the process share it; it lives as long as the process, on the system's
 * clock. */
struct itr_store *itr_store_memory(void);

/* Create a memory store of its own, for tests. NULL without memory. */
struct itr_store *itr_store_memory_new(const struct itr_clock *clock);

/* Create the store of an address "file:[dir]" (docs/stores.md): values in files of a directory,
 * shared by all processes of one user. clock's wall time is the store's; its mono time and sleep
 * bound the wait for a lock. *out has one reference, the caller's. ITR_CONFIG: the address is
 * wrong; ITR_STORE: the directory cannot be used; ITR_NOMEM. */
enum itr_status itr_store_file_new(const char *address, const struct itr_clock *clock,
                                   struct itr_store **out, struct itr_error *e);

/* Create the store of an address "redis..." (redis_url.h, docs/stores.md). It connects when it is
 * first used. The server's clock is the store's. *out has one reference, the caller's. ITR_CONFIG:
 * the address is wrong; ITR_NOMEM. Only where hiredis is: in the module itrigger.redis, and in
 * itriggerd. */
enum itr_status itr_store_redis_new(const char *address, struct itr_store **out,
                                    struct itr_error *e);

/* Fail with ITR_CONFIG because no store has this address; expected says which there are. Of the
 * address the error shows the scheme only: the rest can hold a password. */
enum itr_status itr_store_unknown(const char *address, const char *expected, struct itr_error *e);

#endif
