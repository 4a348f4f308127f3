/*
 * sim_queue: what will happen, by time; what has the same time, in the order it was put. One
 * thread.
 */
#ifndef SIM_QUEUE_H
#define SIM_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_world;
struct sim_process;

struct sim_event {
    int64_t at_ms;
    uint64_t number; /* the queue's: the order in which events were put */
    void (*happen)(struct sim_world *w, const struct sim_event *e);
    struct sim_process *process; /* whose it is, or NULL: the world's */
    uint64_t life;               /* the process's: an event of an earlier life does not happen */
    bool outside; /* happens on the wire or at the gateway: a stopped process is no matter */
    void *arg;    /* borrowed */
};

struct sim_queue { /* zero it before use */
    struct sim_event *heap;
    size_t n, room;
    uint64_t put;
};

void sim_queue_clear(struct sim_queue *q);
void sim_queue_put(struct sim_queue *q, struct sim_event e);
bool sim_queue_take(struct sim_queue *q, struct sim_event *out); /* false: there is none */

#endif
