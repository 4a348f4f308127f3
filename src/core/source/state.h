/*
 * source/state: Decide all that a source does: the cache (what is given out) and the fetch machine
 * (how a newer token comes) together. Pure: no clock, no lock, no I/O. The source serialises the
 * events by its lock and carries out what they return; a simulator does the same for many
 * processes.
 *
 * The machine's driver is whoever does its I/O: it runs while machine.state is not
 * ITR_MACHINE_IDLE, and posts to itr_source_state_on. See fetch/machine.h.
 */
#ifndef ITR_CORE_SOURCE_STATE_H
#define ITR_CORE_SOURCE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/fetch/machine.h"
#include "core/source/ask.h"
#include "core/source/cache.h"

struct itr_source_state {
    struct itr_cache cache;
    struct itr_machine machine;
    uint64_t fetched; /* tokens that the gateway gave to this process */
};

void itr_source_state_init(struct itr_source_state *s, const struct itr_machine_setup *setup,
                           uint64_t random, int64_t pid);
void itr_source_state_clear(struct itr_source_state *s);

/* Ask for a token (newer_than is not looked at here). What the caller gets is step.give; WAIT: it
 * is answered by a later step with `answer`. step.fetch: the machine was begun, its driver must
 * run. */
struct itr_cache_step itr_source_state_ask(struct itr_source_state *s, int64_t now_mono_ms,
                                           const struct itr_token_ask *ask);

/* Take in what the machine's driver did. step.answer: answer all who wait with cache.token (if any)
 * and cache.error; why is ITR_WHY_FETCHED when the token is newer than the one before. `random`: 64
 * bits. */
struct itr_cache_step itr_source_state_on(struct itr_source_state *s, int64_t now_mono_ms,
                                          uint64_t random, const struct itr_machine_done *done);

/* Take in a record that was loaded while the machine is idle, at store_now_ms by the store's clock:
 * if its token is better than the held one, it is held from now on; why is ITR_WHY_FETCHED then. */
struct itr_cache_step itr_source_state_found(struct itr_source_state *s, int64_t now_mono_ms,
                                             const struct itr_record *record, int64_t store_now_ms);

/* Note that the process ends. */
void itr_source_state_end(struct itr_source_state *s, int64_t now_mono_ms);

/* Start over in the child of a fork, with the token that is held. */
struct itr_cache_step itr_source_state_fork(struct itr_source_state *s, int64_t now_mono_ms,
                                            uint64_t random, int64_t pid);

#endif
