/*
 * record/stored: Load an app's record from its store, and swap it. Keeps the very bytes that were
 * loaded, because a swap must name what it replaces. Blocking; belongs to one thread.
 */
#ifndef ITR_CORE_RECORD_STORED_H
#define ITR_CORE_RECORD_STORED_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/record/record.h"
#include "core/record/store.h"
#include "core/record/token.h"

struct itr_stored {
    struct itr_store *store; /* borrowed, like all that follows until bytes */
    const char *key;
    struct itr_buf bytes; /* ours; as it was loaded */
    uint64_t bytes_id;    /* of bytes: equal for equal bytes, else different */
    struct itr_record record;
    int64_t now_wall_ms; /* by the store's clock, when it was loaded */
};

void itr_stored_init(struct itr_stored *s, struct itr_store *store, const char *key);
void itr_stored_clear(struct itr_stored *s); /* wipes the token in it */

/* Load and decode. ITR_OK, ITR_STORE, ITR_NOMEM; then bytes and record are of no use. */
enum itr_status itr_stored_load(struct itr_stored *s, struct itr_error *e);

/* Put *next in the place of what was loaded, if that still stands there. ITR_OK and *done. */
enum itr_status itr_stored_swap(struct itr_stored *s, const struct itr_record *next,
                                int64_t token_ttl_ms, bool *done, struct itr_error *e);

#endif
