#include "core/source/events.h"

#include <stdlib.h>
#include <string.h>

static struct itr_kept_event *back(struct itr_events *ev, size_t n)
{
    return &ev->ring[(ev->n - n) % ITR_EVENTS_RING];
}

static void drop_error(struct itr_kept_event *e)
{
    free(e->error);
    e->error = NULL;
    e->error_len = 0;
    e->kind = ITR_OK;
}

/* Cut behind the text, which is the last member. */
static void keep_error(struct itr_kept_event *e, const struct itr_error *error)
{
    size_t len = offsetof(struct itr_error, text) + strlen(error->text) + 1;

    e->kind = (uint8_t)error->kind;
    if ((e->error = malloc(len)) == NULL)
        return;
    memcpy(e->error, error, len);
    e->error_len = (uint16_t)len;
}

static void read_error(const struct itr_kept_event *e, struct itr_error *out)
{
    itr_error_clear(out);
    if (e->error != NULL)
        memcpy(out, e->error, e->error_len);
    else if (e->kind != ITR_OK)
        (void)itr_error_set(out, (enum itr_status)e->kind, "no memory was left to keep the reason");
}

void itr_events_clear(struct itr_events *ev)
{
    size_t i;

    for (i = 0; i < ITR_EVENTS_RING; i++)
        drop_error(&ev->ring[i]);
    ev->n = 0;
}

/* The fetch that was begun last failed like the one before it. */
static bool repeats(struct itr_events *ev, enum itr_cache_state state,
                    const struct itr_error *error)
{
    struct itr_error before;

    if (ev->n < 2 || error == NULL || back(ev, 1)->why == ITR_WHY_FAILED ||
        back(ev, 1)->why == ITR_WHY_FETCHED || back(ev, 2)->why != ITR_WHY_FAILED ||
        back(ev, 2)->state != state)
        return false;
    read_error(back(ev, 2), &before);
    return strcmp(before.text, error->text) == 0;
}

void itr_events_note(struct itr_events *ev, int64_t now_wall_ms, enum itr_cache_state state,
                     enum itr_cache_why why, const struct itr_error *error)
{
    struct itr_kept_event *at = &ev->ring[ev->n % ITR_EVENTS_RING];

    if (why == ITR_WHY_FAILED && repeats(ev, state, error)) {
        ev->n--;
        back(ev, 1)->at_wall_ms = now_wall_ms;
        back(ev, 1)->times++;
        return;
    }
    drop_error(at);
    at->at_wall_ms = at->first_wall_ms = now_wall_ms;
    at->times = 1;
    at->state = (uint8_t)state;
    at->why = (uint8_t)why;
    if (error != NULL && error->kind != ITR_OK)
        keep_error(at, error);
    ev->n++;
}

void itr_events_copy(const struct itr_events *ev, struct itr_event_list *out)
{
    const struct itr_kept_event *e;
    size_t i;

    out->n = ev->n < ITR_EVENTS ? ev->n : ITR_EVENTS;
    for (i = 0; i < out->n; i++) {
        e = &ev->ring[(ev->n - out->n + i) % ITR_EVENTS_RING];
        out->event[i] = (struct itr_event){.at_wall_ms = e->at_wall_ms,
                                           .state = (enum itr_cache_state)e->state,
                                           .why = (enum itr_cache_why)e->why,
                                           .first_wall_ms = e->first_wall_ms,
                                           .times = e->times};
        read_error(e, &out->event[i].error);
    }
}
