/*
 * fake_store: a memory store (the real one) in a wrapper that can fail, forget, be changed
 * under a swap, and whose clock can be stepped. Counted as store.h says; the test's own reference
 * is dropped by fake_store_free, which checks that it was the last. Any thread.
 */
#ifndef SPEC_FAKE_STORE_H
#define SPEC_FAKE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/record/record.h"
#include "core/record/store.h"
#include "support/fake_clock.h"

struct fake_store {
    struct itr_store head;
    struct itr_store *inner;
    struct fake_clock *clock;
    struct itr_store_ops ops;
    /* Under the world's lock. */
    int refs;
    int loads, swaps, stored; /* calls ever; swaps that were done */
    int fail_loads;           /* so many of the next fail; < 0: all */
    int fail_swaps;
    int64_t keep_for_ms; /* of the last swap */
    int64_t clock_ahead; /* of the store's clock, ms */
    /* Called on the caller's thread, without a lock, before the work is done; NULL: nothing. Set
     * while no fetch is out. */
    void (*before_load)(struct fake_store *s, int nth); /* nth counts from 1 */
    void (*before_swap)(struct fake_store *s, int nth);
    void *ctx; /* the test's */
};

struct fake_store *fake_store_new(struct fake_clock *clock);
/* True: ours was the last reference; all memory is given back. */
bool fake_store_free(struct fake_store *s);

void fake_store_fail(struct fake_store *s, int loads, int swaps);
void fake_store_step(struct fake_store *s, int64_t ms);
void fake_store_forget(struct fake_store *s);
int64_t fake_store_now(struct fake_store *s); /* wall, by the store's clock */
int fake_store_loads(struct fake_store *s);
/* Waits until ours is the only reference (what still holds one is about to let go). */
void fake_store_await_alone(struct fake_store *s);
/* Waits until n swaps were done, ever. */
void fake_store_await_stored(struct fake_store *s, int n);

/* The record of fixture_config()'s app, as another process would see or change it. */
void fake_store_read(struct fake_store *s, struct itr_record *out);
void fake_store_write(struct fake_store *s, const struct itr_record *r);

#endif
