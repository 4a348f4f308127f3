/*
 * source/events: Keep the last changes of a source, for operators. A failure that repeats is one
 * event, so that an outage of an hour does not push out what came before it. No token, no secret.
 * Pure; guarded by its owner.
 */
#ifndef ITR_CORE_SOURCE_EVENTS_H
#define ITR_CORE_SOURCE_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"
#include "core/source/cache.h"

#define ITR_EVENTS 20

/* One change, as a reader gets it. */
struct itr_event {
    int64_t at_wall_ms;
    enum itr_cache_state state; /* after the change */
    enum itr_cache_why why;
    struct itr_error error; /* of ITR_WHY_FAILED; else clear */
    int64_t first_wall_ms;  /* of a failure that repeats: when it came first, */
    uint32_t times;         /* and how often; 1 for all else */
};

/* A copy of all that are kept. */
struct itr_event_list {
    size_t n;
    struct itr_event event[ITR_EVENTS]; /* oldest first */
};

/* One change, as it is kept: nearly all have no error, and few errors a long text. */
struct itr_kept_event {
    int64_t at_wall_ms, first_wall_ms;
    void *error; /* ours: the bytes of a struct itr_error as far as its text goes. NULL: no error,
                    or there was no memory for it */
    uint32_t times;
    uint16_t error_len;
    uint8_t state, why, kind; /* kind: of the error, also where that is not kept */
};

/* One more than is shown: the start of a fetch takes a place, and gives it back if the fetch fails
 * like the one before. */
#define ITR_EVENTS_RING (ITR_EVENTS + 1)

struct itr_events { /* zero it before use */
    struct itr_kept_event ring[ITR_EVENTS_RING];
    size_t n; /* ever noted */
};

void itr_events_clear(struct itr_events *ev);

/* Note one change. error is copied; NULL or kind ITR_OK: none. Without memory for the copy, the
 * event is noted with the error's kind alone. */
void itr_events_note(struct itr_events *ev, int64_t now_wall_ms, enum itr_cache_state state,
                     enum itr_cache_why why, const struct itr_error *error);

/* Write a copy of the last changes. */
void itr_events_copy(const struct itr_events *ev, struct itr_event_list *out);

#endif
