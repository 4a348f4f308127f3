/*
 * sim_chaos: what goes wrong by chance, as sim_options.chaos allows, and fleets drawn by chance.
 * One thread.
 */
#ifndef SIM_CHAOS_H
#define SIM_CHAOS_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/sim_world.h"

enum sim_chaos {
    /* processes */
    SIM_KILL = 1 << 0, /* dies; begins again later */
    SIM_STOP = 1 << 1, /* sleeps, for seconds or for longer than its lease */
    SIM_END = 1 << 2,  /* ends in an orderly way */
    SIM_FORK = 1 << 3, /* forks, or forks twice, or becomes a daemon */
    SIM_ASK = 1 << 4,  /* calls client:refresh() */
    /* store */
    SIM_AWAY = 1 << 5,
    SIM_EMPTY = 1 << 6,
    SIM_PAST = 1 << 7,  /* loads give an earlier value for a while */
    SIM_STEP = 1 << 8,  /* its clock jumps by up to a day */
    SIM_SLOW = 1 << 9,  /* accesses take 1 to 9 s for a while */
    SIM_LOST = 1 << 10, /* swaps are done and their answers lost, for a while */
    SIM_LATE = 1 << 11, /* swaps fail and are done 6 s later, for a while */
    /* gateway */
    SIM_ENDPOINT = 1 << 12, /* fails, is silent, forbids, limits or flaps, for seconds to hours */
    SIM_ANSWERS = 1 << 13,  /* not connected; answers lost, or late */
    SIM_REVOKE = 1 << 14,
    SIM_RIVAL = 1 << 15, /* another program, without the store, fetches */
    SIM_GATEWAY = SIM_ENDPOINT | SIM_ANSWERS | SIM_REVOKE,
    SIM_ALL = (1 << 16) - 1
};

bool sim_chaos_is_on(const struct sim_world *w, unsigned what);

/* Schedule the first fault. */
void sim_chaos_start(struct sim_world *w);

/* Before an event of p, or `near` one of its accesses of the store: do something to p. Returns
 * true if the event must not happen now: p was killed, or stopped. */
bool sim_chaos_strikes(struct sim_process *p);

/* Let something happen to p within 100 ms, perhaps. */
void sim_chaos_near_access(struct sim_process *p);

/* Draw a fleet. */
struct sim_world *sim_chaos_draw(uint64_t seed);

#endif
