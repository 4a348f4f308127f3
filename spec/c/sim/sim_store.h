/*
 * sim_store: the one store of the fleet: a value, its clock, and what can go wrong with both. Each
 * access happens at one instant; what lies between two of them is the caller's. One thread.
 */
#ifndef SIM_STORE_H
#define SIM_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/record/record.h"

struct sim_bytes {
    char data[ITR_RECORD_MAX];
    size_t len;
};

struct sim_store { /* zero it before use */
    struct sim_bytes value;
    int64_t stepped_ms;     /* the store's clock, ahead of the world's */
    int64_t fails_until_ms; /* every access fails before */
    int forgets, steps;     /* how often so far */
};

enum sim_swapped { SIM_SWAP_DONE, SIM_SWAP_CONFLICT, SIM_SWAP_FAILED };

int64_t sim_store_now(const struct sim_store *s, int64_t now_ms);

/* False: failed. */
bool sim_store_load(const struct sim_store *s, int64_t now_ms, struct sim_bytes *out);
enum sim_swapped sim_store_swap(struct sim_store *s, int64_t now_ms, const struct sim_bytes *old,
                                const struct itr_record *next);

void sim_store_forget(struct sim_store *s);
void sim_store_step(struct sim_store *s, int64_t by_ms);

/* What a value says; aborts when it is not one of ours. */
void sim_store_read(const struct sim_bytes *bytes, struct itr_record *out);

#endif
