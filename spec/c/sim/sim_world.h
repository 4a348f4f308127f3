/*
 * sim_world: a fleet in a box. A seeded discrete-event simulation, in fake time and on one thread,
 * of processes that share a store (or have one each: memory:, or ask a central server) and one
 * gateway. Every rule is the library's own: the files of src/core/record, core/fetch/machine and
 * core/source/cache run in it; the simulator is only what surrounds them, and the properties are
 * checked after every event (sim_watch), so that no test can forget them.
 *
 * The files: sim_world the loop · sim_process a process: driver and calls · sim_store, sim_gateway
 * the two others · sim_chaos what goes wrong by chance · sim_watch the properties · sim_queue,
 * sim_random.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/list.h"
#include "sim/sim_gateway.h"
#include "sim/sim_process.h"
#include "sim/sim_queue.h"
#include "sim/sim_random.h"
#include "sim/sim_store.h"
#include "sim/sim_watch.h"

#define SIM_SECOND INT64_C(1000)
#define SIM_MINUTE (60 * SIM_SECOND)
#define SIM_HOUR (60 * SIM_MINUTE)
#define SIM_DAY (24 * SIM_HOUR)

#define SIM_PROCESSES 256

struct sim_options {
    uint64_t seed;
    int processes;
    enum sim_gateway_kind kind;
    int64_t life_ms; /* of a token, at the gateway */
    int64_t run_ms;
    struct sim_habits habits; /* of each process, until a scenario or sim_chaos_draw changes them */
    unsigned chaos;           /* bits of enum sim_chaos (sim_chaos.h) */
    int64_t chaos_every_ms;   /* on average */
    int64_t chaos_ms;         /* how long, from the start; then everything must come right again */
    bool traced;              /* to stderr */
};

struct sim_world {
    struct sim_options options;
    int64_t began_ms, now_ms; /* true time, since 1970 */
    struct sim_random random;
    struct sim_queue queue;
    struct sim_gateway gateway;
    struct sim_store store;
    struct itr_list stores;   /* those of single processes */
    struct itr_list mail;     /* calls on their way to a central server, or back */
    struct itr_list accesses; /* ... to a store */
    struct sim_watch watch;
    int64_t last_pid;
    struct sim_process processes[SIM_PROCESSES];
};

/* One process, overwrite, redis, a call a minute, one day, the library's defaults, no chaos. */
struct sim_options sim_options_default(void);

/* NULL: no memory. The processes begin with sim_world_run; their habits may be changed before. */
struct sim_world *sim_world_new(const struct sim_options *o);
void sim_world_free(struct sim_world *w);

typedef void sim_happen(struct sim_world *w, const struct sim_event *e);

/* A scenario's own event, at_ms after the start. arg is borrowed. */
void sim_world_at(struct sim_world *w, int64_t at_ms, sim_happen *happen, void *arg);

/* An event in_ms from now: the world's own, or (p not NULL) one that p takes part in; step: not
 * when the driver of p has gone on meanwhile; 0: it does not matter. */
void sim_world_soon(struct sim_world *w, struct sim_process *p, uint64_t step, int64_t in_ms,
                    sim_happen *happen, void *arg);

/* Run until the time is over or a property is broken; then w->watch says which. True: all held. */
bool sim_world_run(struct sim_world *w);

int64_t sim_world_delay(struct sim_world *w, int64_t lowest_ms, int64_t highest_ms);

void sim_world_trace(const struct sim_world *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#define SIM_TRACE(w, ...)                                                                          \
    do {                                                                                           \
        if ((w)->options.traced)                                                                   \
            sim_world_trace(w, __VA_ARGS__);                                                       \
    } while (0)

#endif
