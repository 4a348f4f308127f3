/*
 * sim_queue: the events to come, ordered by time; those of the same time in the order they were
 * put. One thread.
 */
#ifndef SIM_QUEUE_H
#define SIM_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_world;
struct sim_process;

struct sim_event {
    int64_t at_ms;   /* true time */
    uint64_t number; /* set by the queue: the order in which events were put */
    void (*happen)(struct sim_world *w, const struct sim_event *e);
    struct sim_process *process; /* whose it is; NULL: the world's */
    uint64_t life;               /* the process's: an event of an earlier life does not happen */
    uint64_t step;               /* the process's driver step that it belongs to, or 0 */
    void *arg;                   /* borrowed */
};

struct sim_queue { /* zero it before use */
    struct sim_event *heap;
    size_t n, room;
    uint64_t put;
};

void sim_queue_clear(struct sim_queue *q);
void sim_queue_put(struct sim_queue *q, struct sim_event e);

/* Take the next event out; false: there is none. */
bool sim_queue_take(struct sim_queue *q, struct sim_event *out);

#endif
