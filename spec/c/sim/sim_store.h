/*
 * sim_store: one store: a value, its clock, what can go wrong with both, and what the promises say
 * about how the value may change (sim_watch). A value changes at one instant; what lies before and
 * after it is sim_process's. One thread.
 */
#ifndef SIM_STORE_H
#define SIM_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/record/record.h"
#include "sim/sim_watch.h"

#define SIM_STORE_PAST 4

struct sim_bytes {
    uint64_t id; /* equal for equal bytes */
    size_t len;
    char data[ITR_RECORD_MAX];
};

struct sim_store { /* zero it before use */
    struct sim_bytes value;
    struct sim_bytes past[SIM_STORE_PAST]; /* earlier values, in a ring */
    size_t n_past;
    int64_t stepped_ms;    /* the store's clock, ahead of true time */
    int64_t away_until_ms; /* every access fails before */
    int64_t past_until_ms; /* loads give an earlier value before */
    int64_t emptied_ms;    /* when it last forgot everything; 0: never */
    int64_t slow_until_ms; /* accesses take slow_ms before */
    int64_t slow_ms;
    int lost_per_mille, late_per_mille; /* swaps done whose answer is lost; done 6 s later */
    int upsets;   /* times that the value was lost or the clock stepped by more than a second */
    int troubles; /* all that went wrong so far, these and accesses that failed or were slow */
    struct itr_record record; /* what the bytes with record_id say */
    uint64_t record_id;
    struct sim_book book; /* sim_watch's */
};

enum sim_swapped { SIM_SWAP_DONE, SIM_SWAP_CONFLICT };

/* Return the time by the store's clock. */
int64_t sim_store_now(const struct sim_store *s, int64_t now_ms);

/* Copy what a load gives now. */
void sim_store_load(const struct sim_store *s, int64_t now_ms, struct sim_bytes *out);

/* Replace `old`, if it is the value. */
enum sim_swapped sim_store_swap(struct sim_store *s, const struct sim_bytes *old,
                                const struct sim_bytes *next);

void sim_store_empty(struct sim_store *s, int64_t now_ms);
void sim_store_step(struct sim_store *s, int64_t by_ms);

void sim_bytes_copy(struct sim_bytes *to, const struct sim_bytes *from);

/* Text form and back; abort when it is not one of ours. The record read stays until the next. */
void sim_store_write(const struct itr_record *r, struct sim_bytes *out);
const struct itr_record *sim_store_read(struct sim_store *s, const struct sim_bytes *bytes);

#endif
