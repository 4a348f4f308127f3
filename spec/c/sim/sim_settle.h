/*
 * sim_settle: what comes of a process's fetch: its outcome is settled in the record, and the
 * process gets a token or an error. One thread.
 */
#ifndef SIM_SETTLE_H
#define SIM_SETTLE_H

#include <stdint.h>

#include "core/record/record.h"

struct sim_process;

/* fetch.outcome is there: load and settle, swap; then the end, or decide again. */
void sim_settle_outcome(struct sim_process *p);

/* The ends: of a token that the record has, of none, of a store that failed. */
void sim_settle_with(struct sim_process *p, const struct itr_record *r,
                     enum itr_token_origin origin);
void sim_settle_failed(struct sim_process *p, const struct itr_error *e, int64_t retry_after_ms);
void sim_settle_store_failed(struct sim_process *p);

#endif
