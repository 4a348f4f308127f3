/*
 * call/pace: spaces the requests of a group evenly, so that no more than so many start in a second.
 * Pure: the time comes as an argument. Part of its group, and of its thread.
 *
 * A request that starts late (a timer rang late, the program was busy) does not delay those after
 * it, as long as it is late by no more than ITR_PACE_CATCH_UP_MS; after a longer pause the spacing
 * begins anew, so that what was missed is never made up for in one burst.
 */
#ifndef ITR_CORE_CALL_PACE_H
#define ITR_CORE_CALL_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ITR_PACE_CATCH_UP_MS 50

struct itr_pace {
    int64_t interval_ns; /* from one request to the next; 0: no limit */
    int64_t next_ns;     /* on the monotonic clock: none starts before */
};

/* Limit to so many requests a second, above 0; the first may start at once. */
void itr_pace_init(struct itr_pace *p, double per_second);

/* Return whether there is a limit. */
bool itr_pace_is_set(const struct itr_pace *p);

/* Take the turn to start a request now. False: it is not time yet. */
bool itr_pace_take(struct itr_pace *p, int64_t now_mono_ms);

/* Return when the next turn comes after n_before others have had theirs; it may be past. */
int64_t itr_pace_turn_mono_ms(const struct itr_pace *p, int64_t now_mono_ms, size_t n_before);

#endif
