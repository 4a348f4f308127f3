/*
 * sim_world: a fleet in a box. A seeded discrete-event simulation, in fake time and on one thread,
 * of 1 to 200 processes that share one store and one gateway. Each drives the real source/cache and
 * record; what source and fetch do around them is sim_process and sim_fetch, step
 * by step, so that whatever can come between two accesses of the store does.
 *
 * The promises (docs/design.md 7) are checked in the simulator's own step, after every event
 * (sim_watch), so that no test can forget them. The first that is broken ends the run.
 *
 * The files: sim_world the loop · sim_process a process, its cache and its calls · sim_fetch its
 * fetch, sim_settle how that ends · sim_access its way to the store · sim_store, sim_gateway the
 * two others · sim_chaos what goes wrong by chance · sim_watch the promises · sim_queue,
 * sim_random, sim_trace.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/record/record.h"
#include "sim/sim_gateway.h"
#include "sim/sim_process.h"
#include "sim/sim_queue.h"
#include "sim/sim_random.h"
#include "sim/sim_store.h"
#include "sim/sim_trace.h"
#include "sim/sim_watch.h"

#define SIM_SECOND INT64_C(1000)
#define SIM_MINUTE (60 * SIM_SECOND)
#define SIM_HOUR (60 * SIM_MINUTE)
#define SIM_DAY (24 * SIM_HOUR)

#define SIM_PROCESSES 200

/* What may go wrong by chance; bits of sim_options.chaos. */
enum sim_chaos {
    SIM_KILL = 1,          /* a process dies at any event, and starts again later */
    SIM_STOP = 2,          /* a process sleeps, for seconds or for longer than its lease */
    SIM_STEP = 4,          /* the store's clock jumps by up to a day */
    SIM_STORE_FAILS = 8,   /* the store is away for a while; or a swap's answer is lost */
    SIM_FORGET = 16,       /* the store loses its memory */
    SIM_LOSE_ANSWERS = 32, /* of token requests: lost, late, or never connected */
    SIM_REVOKE = 64,       /* the gateway ends all tokens */
    SIM_RIVAL = 128,       /* another program, without the store, fetches */
    SIM_TROUBLE = 256,     /* the token endpoint answers 500, or 40004, for a while */
    SIM_ASK = 512,         /* somebody calls client:refresh() */
    SIM_ALL = 1023
};

struct sim_options {
    uint64_t seed;
    int processes;
    enum sim_gateway_kind kind;
    int64_t life_ms;       /* of a token, at the gateway */
    int64_t call_every_ms; /* of each process; 0: only those that a scenario makes */
    bool poisson;          /* ... on average, not regularly */
    int64_t run_ms;
    struct itr_record_rules rules;
    unsigned chaos;         /* enum sim_chaos */
    int64_t chaos_every_ms; /* on average */
    int64_t chaos_ms;       /* how long, from the start; then everything must come right again */

    /* Mistakes made on purpose, to see them caught. */
    bool without_look;  /* no look at the lease before the first byte */
    bool without_fence; /* an outcome is settled whoever holds the lease by then */
};

struct sim_world {
    struct sim_options options;
    int64_t began_ms, now_ms; /* true time, since 1970 */
    struct sim_random random;
    struct sim_queue queue;
    struct sim_gateway gateway;
    struct sim_store store;
    struct sim_watch watch;
    struct sim_trace trace;
    struct sim_process processes[SIM_PROCESSES];
};

/* One process, overwrite, a call a minute, one day, the rules' defaults, no chaos. */
struct sim_options sim_options_default(void);

/* NULL: no memory. */
struct sim_world *sim_world_new(const struct sim_options *o);
void sim_world_free(struct sim_world *w);

/* A scenario's own event, at_ms after the start. arg is borrowed. */
void sim_world_at(struct sim_world *w, int64_t at_ms,
                  void (*happen)(struct sim_world *, const struct sim_event *), void *arg);

/* Events of a process, in_ms from now: its own, and those on the wire and at the gateway. */
void sim_world_soon(struct sim_world *w, struct sim_process *p, int64_t in_ms,
                    void (*happen)(struct sim_world *, const struct sim_event *), void *arg);
void sim_world_outside(struct sim_world *w, struct sim_process *p, int64_t in_ms,
                       void (*happen)(struct sim_world *, const struct sim_event *), void *arg);

/* Until the time is over or a promise is broken; then w->watch says which, the seed and the trace
 * are on stderr unless `quiet`. True: all were kept. */
bool sim_world_run(struct sim_world *w, bool quiet);

bool sim_world_is_chaotic(const struct sim_world *w, unsigned what);
int64_t sim_world_delay(struct sim_world *w, int64_t lowest_ms, int64_t highest_ms);

#define SIM_TRACE(w, ...) sim_trace_add(&(w)->trace, (w)->now_ms - (w)->began_ms, __VA_ARGS__)

#endif
