#include "core/source/stats.h"

#include <string.h>

static struct itr_event *back(struct itr_events *ev, size_t n)
{
    return &ev->ring[(ev->n - n) % ITR_EVENTS];
}

/* The fetch that was begun last failed like the one before it: an outage of an hour is one event,
 * and those from before it stay. */
static bool repeats(struct itr_events *ev, enum itr_cache_state state,
                    const struct itr_error *error)
{
    return ev->n >= 2 && back(ev, 1)->why != ITR_WHY_FAILED &&
           back(ev, 1)->why != ITR_WHY_FETCHED && back(ev, 2)->why == ITR_WHY_FAILED &&
           back(ev, 2)->state == state && error != NULL &&
           strcmp(back(ev, 2)->error.text, error->text) == 0;
}

void itr_events_note(struct itr_events *ev, int64_t now_wall_ms, enum itr_cache_state state,
                     enum itr_cache_why why, const struct itr_error *error)
{
    struct itr_event *at = &ev->ring[ev->n % ITR_EVENTS];

    if (why == ITR_WHY_FAILED && repeats(ev, state, error)) {
        ev->n--;
        back(ev, 1)->at_wall_ms = now_wall_ms;
        back(ev, 1)->times++;
        return;
    }
    at->at_wall_ms = at->first_wall_ms = now_wall_ms;
    at->times = 1;
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
