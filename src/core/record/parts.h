/*
 * record/parts: Name the concrete parts that a client and its token source stand on. Plain data.
 */
#ifndef ITR_CORE_RECORD_PARTS_H
#define ITR_CORE_RECORD_PARTS_H

#include "core/base/clock.h"
#include "core/http/transport.h"
#include "core/record/store.h"

/* The concrete parts, chosen by src/bind, itriggerd or a test. Borrowed; a store is
 * retained. */
struct itr_parts {
    const struct itr_clock *clock;
    const struct itr_transport_factory *transport;
    struct itr_store *store; /* NULL: token_store names a central server */
};

#endif
