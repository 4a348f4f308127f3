/*
 * source/events: a ring of the last changes of a source's state, for client:stats(). Pure; guarded
 * by its owner.
 */
#ifndef ITR_CORE_SOURCE_EVENTS_H
#define ITR_CORE_SOURCE_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"
#include "core/source/cache.h"

#define ITR_EVENTS 20

struct itr_event {
    int64_t at_wall_ms;
    enum itr_cache_state state; /* after the change */
    enum itr_cache_why why;
    struct itr_error error; /* of ITR_WHY_FAILED; else clear */
};

struct itr_events { /* zero it before use */
    struct itr_event ring[ITR_EVENTS];
    size_t n; /* ever noted */
};

/* Notes one change. error is copied; NULL or kind ITR_OK: none. */
void itr_events_note(struct itr_events *ev, int64_t now_wall_ms, enum itr_cache_state state,
                     enum itr_cache_why why, const struct itr_error *error);

/* Copies them, oldest first; returns how many. */
size_t itr_events_copy(const struct itr_events *ev, struct itr_event out[ITR_EVENTS]);

#endif
