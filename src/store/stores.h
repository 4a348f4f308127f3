/*
 * stores: the constructors of the concrete stores. Included by src/bind, src/itriggerd and tests
 * only; the core knows store.h.
 */
#ifndef ITR_STORE_STORES_H
#define ITR_STORE_STORES_H

#include "core/base/clock.h"
#include "core/record/store.h"

/* The process-wide memory store ("memory:"): all clients of the process share it, it lives as long
 * as the process, on the system's clock. Retained for the caller; NULL without memory. */
struct itr_store *itr_store_memory(void);

/* A memory store of its own, for tests. */
struct itr_store *itr_store_memory_new(const struct itr_clock *clock);

/* The store of an address "file:[dir]" (docs/design.md 4.5, docs/stores.md): values in files of a
 * directory, shared by all processes of one user. Its wall clock is the store's; its mono clock and
 * sleep bound the wait for the lock. *out has one reference, the caller's. ITR_CONFIG: no such
 * address; ITR_STORE: the directory cannot be used; ITR_NOMEM. */
enum itr_status itr_store_file_new(const char *address, const struct itr_clock *clock,
                                   struct itr_store **out, struct itr_error *e);

/* The store of an address "redis:..." (redis_url.h, docs/stores.md), in the module
 * itrigger.redis. Connects when it is first used. Redis's clock is the store's. *out has one
 * reference, the caller's. ITR_CONFIG: the address is wrong; ITR_NOMEM. */
enum itr_status itr_store_redis_new(const char *address, struct itr_store **out,
                                    struct itr_error *e);

#endif
