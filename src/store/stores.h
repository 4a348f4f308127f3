/*
 * stores: the constructors of the concrete stores. Included by src/bind, src/itriggerd and tests
 * only; the core knows store.h.
 */
#ifndef ITR_STORE_STORES_H
#define ITR_STORE_STORES_H

#include "core/clock.h"
#include "core/store.h"

/* The process-wide memory store ("memory:"): all clients of the process share it, it lives as long
 * as the process, on the system's clock. Retained for the caller; NULL without memory. */
struct itr_store *itr_store_memory(void);

/* A memory store of its own, for tests. */
struct itr_store *itr_store_memory_new(const struct itr_clock *clock);

#endif
