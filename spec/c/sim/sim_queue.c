#include "sim/sim_queue.h"

#include <stdlib.h>

void sim_queue_clear(struct sim_queue *q)
{
    free(q->heap);
    *q = (struct sim_queue){0};
}

static bool is_before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->number < b->number;
}

static void make_room(struct sim_queue *q)
{
    if (q->n < q->room)
        return;
    q->room = q->room == 0 ? 1024 : 2 * q->room;
    q->heap = realloc(q->heap, q->room * sizeof *q->heap);
    if (q->heap == NULL)
        abort();
}

void sim_queue_put(struct sim_queue *q, struct sim_event e)
{
    size_t i = q->n;

    make_room(q);
    e.number = ++q->put;
    q->n++;
    for (; i > 0 && is_before(&e, &q->heap[(i - 1) / 2]); i = (i - 1) / 2)
        q->heap[i] = q->heap[(i - 1) / 2];
    q->heap[i] = e;
}

/* Puts e into the hole at the top. */
static void sink(struct sim_queue *q, const struct sim_event *e)
{
    size_t i = 0, child;

    while ((child = 2 * i + 1) < q->n) {
        if (child + 1 < q->n && is_before(&q->heap[child + 1], &q->heap[child]))
            child++;
        if (!is_before(&q->heap[child], e))
            break;
        q->heap[i] = q->heap[child];
        i = child;
    }
    q->heap[i] = *e;
}

bool sim_queue_take(struct sim_queue *q, struct sim_event *out)
{
    struct sim_event last;

    if (q->n == 0)
        return false;
    *out = q->heap[0];
    last = q->heap[--q->n];
    if (q->n > 0)
        sink(q, &last);
    return true;
}
