/*
 * store: the interface to what a fleet shares. Owned by its caller, fetch; src/store
 * implements it. A store can load a value and swap it, nothing more: every rule is in record.
 *
 * All functions block, within the store's own time-outs, and are called on the fetch thread of a
 * source only; several threads may use one store at once. Const table + version: a store may live
 * in another Lua module (itrigger.redis). After fork the child may go on using it: an
 * implementation makes its locks and connections anew.
 */
#ifndef ITR_CORE_RECORD_STORE_H
#define ITR_CORE_RECORD_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/status.h"
#include "core/record/token.h"

#define ITR_STORE_VERSION 2
#define ITR_STORE_VALUE_MAX 4096 /* bytes of a value; what is longer is not ours */

struct itr_store;

struct itr_store_ops {
    unsigned version;             /* ITR_STORE_VERSION */
    enum itr_token_origin origin; /* what client:token() names as the source of its tokens */

    /* Appends the value of key to bytes (a secret buffer for ITR_STORE_VALUE_MAX, empty; nothing:
     * there is none) and says the time by the store's own clock. ITR_OK, ITR_STORE, ITR_NOMEM. */
    enum itr_status (*load)(struct itr_store *s, const char *key, struct itr_buf *bytes,
                            int64_t *now_wall_ms, struct itr_error *e);

    /* Replaces the value that is exactly old_len bytes `old` (0: there is none) by `new`,
     * atomically. ITR_OK and *done = true; or *done = false: another value stands there, nothing
     * was changed. The value may be forgotten after keep_for_ms. ITR_STORE: failed; it may or may
     * not be stored. */
    enum itr_status (*swap)(struct itr_store *s, const char *key, const char *old, size_t old_len,
                            const char *new_bytes, size_t new_len, int64_t keep_for_ms, bool *done,
                            struct itr_error *e);

    /* Counted. */
    void (*retain)(struct itr_store *s);
    void (*release)(struct itr_store *s);

    /* Load n values in one request: each is appended to its buffer (as load does it), and the time
     * is one for all. NULL: this store gains nothing by it, use load. */
    enum itr_status (*load_many)(struct itr_store *s, const char *const *keys, size_t n,
                                 struct itr_buf *bytes, int64_t *now_wall_ms, struct itr_error *e);
};

/* The head of every implementation's struct. */
struct itr_store {
    const struct itr_store_ops *ops;
    /* Two stores with one id share their values ("file:/var/x") and are reached alike. Holds no
     * secret, only a digest of one; never shown; constant while the store lives. */
    const char *id;
};

#endif
