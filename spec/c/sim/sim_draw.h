/*
 * sim_draw: a fleet, a gateway, rules and troubles, all drawn from one seed.
 */
#ifndef SIM_DRAW_H
#define SIM_DRAW_H

#include "sim/sim_world.h"

struct sim_options sim_draw(uint64_t seed);

#endif
