/*
 * sim_process: one process of the fleet: its source/cache (the real one), what source does
 * around it, and its calls, as the call machine makes them (docs/design.md 5). One thread.
 */
#ifndef SIM_PROCESS_H
#define SIM_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/source/cache.h"
#include "sim/sim_fetch.h"

struct sim_world;

#define SIM_CALL_MS 30000 /* a call's deadline */

struct sim_call {
    struct sim_call *next, **prev; /* its process's list */
    struct itr_token *token;       /* one reference, or NULL */
    int64_t began_ms;
    bool waits;    /* for a token */
    bool refused;  /* once; the call goes on only with another token */
    bool misread;  /* its answer reads like a refusal, whatever the token */
    bool one_shot; /* its process ends with it */
};

struct sim_process {
    struct sim_world *world;
    int id;
    uint64_t life; /* grows with each start and each end: odd while it lives */
    uint64_t seed;
    int64_t stopped_until_ms;
    bool misreads; /* all its calls are to the endpoint whose answer reads like a refusal */

    struct itr_cache cache;
    struct itr_token *refused; /* why the next fetch, or NULL */
    bool asked;                /* likewise */
    bool thread_out, fetch_wanted;
    struct sim_fetch fetch; /* the thread's */

    struct sim_call *calls; /* all that are out */
    uint64_t seen_fence;    /* sim_watch's: of the token that was held last */
};

void sim_process_start(struct sim_world *w, struct sim_process *p);
void sim_process_kill(struct sim_process *p); /* its events, calls and token are gone */

/* A call now. one_shot: the process is killed when it is over. */
void sim_process_call(struct sim_process *p, bool one_shot);

/* client:refresh(), by somebody who does not wait for the answer. */
void sim_process_refresh(struct sim_process *p);

/* The fetch's side. Its token: one reference, which p takes over. */
void sim_process_fetched(struct sim_process *p, uint64_t generation, struct itr_token *token);
void sim_process_fetch_failed(struct sim_process *p, uint64_t generation, const struct itr_error *e,
                              int64_t retry_after_ms);

/* The thread has nothing more to do but what is wanted by now. */
void sim_process_thread_free(struct sim_process *p);

#endif
