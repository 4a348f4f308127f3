/*
 * sim_chaos: what goes wrong by chance, as sim_options.chaos allows. One thread.
 */
#ifndef SIM_CHAOS_H
#define SIM_CHAOS_H

#include <stdbool.h>

struct sim_world;
struct sim_process;
struct sim_event;

void sim_chaos_start(struct sim_world *w);

/* Before an event of p: true if p was killed or stopped instead (a stopped one's event comes
 * later). */
bool sim_chaos_strikes(struct sim_world *w, struct sim_process *p, const struct sim_event *e);

#endif
