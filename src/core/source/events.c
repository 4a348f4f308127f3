#include "core/source/events.h"

void itr_events_note(struct itr_events *ev, int64_t now_wall_ms, enum itr_cache_state state,
                     enum itr_cache_why why, const struct itr_error *error)
{
    struct itr_event *at = &ev->ring[ev->n % ITR_EVENTS];

    at->at_wall_ms = now_wall_ms;
    at->state = state;
    at->why = why;
    itr_error_clear(&at->error);
    if (error != NULL)
        at->error = *error;
    ev->n++;
}

size_t itr_events_copy(const struct itr_events *ev, struct itr_event out[ITR_EVENTS])
{
    size_t n = ev->n < ITR_EVENTS ? ev->n : ITR_EVENTS;
    size_t i;

    for (i = 0; i < n; i++)
        out[i] = ev->ring[(ev->n - n + i) % ITR_EVENTS];
    return n;
}
