/*
 * sim_access: a process's way to the store, for its fetch: each load and each swap is one event.
 * One thread.
 */
#ifndef SIM_ACCESS_H
#define SIM_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/sim_store.h"

struct sim_event;
struct sim_fetch;
struct sim_process;
struct sim_world;

/* The process's next step, in_ms from now; and how long it is under way to the store, or back. */
void sim_access_soon(struct sim_process *p, int64_t in_ms,
                     void (*happen)(struct sim_world *, const struct sim_event *));
int64_t sim_access_hop_ms(struct sim_process *p);

/* Fills fetch.bytes, record and both times. False: the store failed. */
bool sim_access_load(struct sim_process *p);

/* Swaps fetch.next in for fetch.bytes. Under chaos the answer of one that was done may be lost. */
enum sim_swapped sim_access_swap(struct sim_process *p);

/* Writes this machine's own hold into the wish, by the store's clock as it was loaded. */
void sim_access_local_hold(struct sim_fetch *f);

#endif
