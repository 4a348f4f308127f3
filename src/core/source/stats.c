#include "core/source/stats.h"

#include <string.h>

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

void itr_stats_events(struct itr_stats *s, const struct itr_events *ev)
{
    size_t n = ev->n < ITR_EVENTS ? ev->n : ITR_EVENTS;
    size_t i;

    for (i = 0; i < n; i++)
        s->events[i] = ev->ring[(ev->n - n + i) % ITR_EVENTS];
    s->n_events = n;
}

void itr_stats_describe(struct itr_stats *s, const struct itr_token *t, int64_t now_mono_ms)
{
    if (t == NULL)
        return;
    s->fence = t->fence;
    memcpy(s->id, t->id, sizeof s->id);
    s->age_ms = now_mono_ms - t->born_mono_ms;
    s->refresh_in_ms = t->refresh_mono_ms - now_mono_ms;
    s->expires_in_ms = t->end_mono_ms - now_mono_ms;
}
