/*
 * sim_process: one process of the fleet: the library's own source/state (cache and fetch machine),
 * a driver that does what the machine says, and the process's calls. Nothing here decides anything
 * about tokens. One thread.
 */
#ifndef SIM_PROCESS_H
#define SIM_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/list.h"
#include "core/source/state.h"
#include "sim/sim_store.h"

struct sim_habits { /* what a process is like, over all its lives */
    struct itr_machine_setup setup;
    int64_t call_every_ms; /* 0: only the calls that a scenario makes */
    bool poisson;          /* ... on average, not regularly */
    bool script;           /* begins with a call, ends with it, begins again later */
    bool keeps_earlier;    /* its fetches end no earlier token: token_endpoint = "refresh" */
    bool misreads;         /* its calls are to an endpoint whose answers read like a refusal */
    int refresh_per_mille; /* of its calls that are client:refresh() */
    int64_t min_valid_ms;  /* of its calls */
    int64_t call_ms;       /* a call's deadline */
    int64_t look_every_ms; /* at the store, for what others put there; 0: never */
};

enum sim_want { SIM_REQUEST, SIM_TOKEN, SIM_REFRESH };

struct sim_call {
    struct itr_list node; /* its process's */
    struct sim_process *process;
    enum sim_want want;
    struct itr_token *token; /* one reference, or NULL */
    int64_t began_ms, min_valid_ms, waits_until_ms;
    bool waits;       /* for a token */
    bool doubts;      /* ... for another than the refused one */
    uint64_t refused; /* of a client of a central server: the fence that was refused, or 0 */
    struct sim_process *client; /* ... and who it is, or NULL */
    uint64_t client_life, client_step;
};

struct sim_private_store { /* of a process with memory: */
    struct itr_list node;  /* the world's */
    struct sim_store store;
};

struct sim_process {
    struct sim_world *world;
    int id;
    uint64_t life; /* grows with each start and each end: odd while it lives */
    struct sim_habits habits;
    int64_t zero_ms; /* true time of 0 on its monotonic clock */
    int64_t pid;
    int64_t stopped_until_ms;
    int64_t ending_ms; /* since when it is waiting for its end; 0: it is not */
    bool replaced;     /* begins again by itself after its end */
    struct sim_store *store;

    struct itr_source_state state;
    uint64_t step;           /* the driver's: of the operation in flight */
    bool busy;               /* there is one */
    int64_t wake_ms;         /* PAUSE: when it ends, by the process's clock */
    struct sim_bytes loaded; /* the record as it was loaded last */
    struct itr_list calls;

    /* sim_watch's. */
    struct sim_lease *sent; /* of its last request */
    uint64_t seen_fence;
    int64_t fetch_began_ms; /* 0: none is in flight */
    int fetch_troubles;     /* the store's, then */
    bool tried, doubted, asked;
    size_t unstored; /* serial number of a token that came, and is still to be stored */
    uint64_t unstored_fence;
    int64_t unstored_until_ms; /* its end */
    int64_t second;            /* of the accesses counted */
    int accesses;
};

bool sim_process_lives(const struct sim_process *p);
int64_t sim_process_mono(const struct sim_process *p);

/* Begin a life, with a store of its own if its habits say memory:. */
void sim_process_start(struct sim_process *p);

/* End it at once: its events, calls and token are gone; what is on the wire goes on. */
void sim_process_kill(struct sim_process *p);

/* End it in an orderly way, now or when nothing is owed any more. */
void sim_process_end(struct sim_process *p);

/* Fork it into a free process, and return that; NULL: there is none. */
struct sim_process *sim_process_fork(struct sim_process *p);

/* Begin a call at the end of this instant. */
void sim_process_call(struct sim_process *p, enum sim_want want, int64_t min_valid_ms);

/* Do what its machine says; after every event of the process. */
void sim_process_go_on(struct sim_process *p);

#endif
