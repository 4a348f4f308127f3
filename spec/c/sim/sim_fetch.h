/*
 * sim_fetch: one fetch of a process, as src/core/token_fetch.c does it, one event a step: load and
 * decide · swap · connect, and look at the lease · [gateway] · answer; then sim_settle: load and
 * settle · swap.
 * Whatever is decided is decided by the real record. One thread.
 */
#ifndef SIM_FETCH_H
#define SIM_FETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/record/record.h"
#include "core/record/token.h"
#include "sim/sim_store.h"

struct sim_process;
struct sim_request;

struct sim_fetch {  /* zero it before use */
    uint64_t count; /* fetches begun */
    uint64_t generation;
    struct itr_token *held, *refused; /* one reference each, or NULL */
    struct itr_record_wish wish;
    char owner[ITR_OWNER_MAX + 1];
    uint64_t lease_fence;

    struct sim_bytes bytes; /* the record as it was loaded */
    struct itr_record record;
    int64_t store_now_ms, mono_ms; /* when it was loaded */
    struct itr_record next;        /* what is being swapped in */

    int64_t look_ms;
    bool attempted, fenced, blind;
    bool late;                   /* the token is in use; only its settling is still tried */
    struct sim_request *request; /* from the lease to its settling, or NULL; sim_watch's */
    bool awaits;                 /* the request has come to no end yet */
    struct itr_record_outcome outcome;
    char text[ITR_TOKEN_MAX + 1]; /* the outcome's */

    int local_failures; /* this machine's own trouble */
    int64_t local_retry_mono_ms;
    struct itr_error local_error;
};

/* The process's thread takes what is wished for, and begins. */
void sim_fetch_begin(struct sim_process *p);

/* Loads the record, and does what it says. */
void sim_fetch_decide(struct sim_process *p);

/* The fetch is over: drops what it held. */
void sim_fetch_over(struct sim_fetch *f);

/* The process is dead: what it held is gone; what is on the wire goes on. */
void sim_fetch_clear(struct sim_process *p);

#endif
