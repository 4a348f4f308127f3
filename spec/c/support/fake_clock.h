/*
 * fake_clock: a clock that a test owns. Time stands still until a thread sleeps, which advances it
 * at once, or the test advances it. mono and wall move together; random is a fixed sequence.
 *
 * Its lock is the lock of all fakes ("the world"): one mutex, one condition that tells of every
 * change. It is a leaf: nothing of the core is called while it is held. Any thread. main() calls
 * fake_world_init() before anything of the core, so that a fork finds the lock free.
 */
#ifndef SPEC_FAKE_CLOCK_H
#define SPEC_FAKE_CLOCK_H

#include <stdint.h>

#include "core/base/clock.h"

void fake_world_init(void);
void fake_world_lock(void);
void fake_world_unlock(void);
void fake_world_wait(void);    /* with the lock held: until something changed */
void fake_world_changed(void); /* with the lock held: tells all who wait */

struct fake_clock {
    struct itr_clock clock; /* what the core gets */
    /* Under the world's lock. */
    int64_t mono, wall;
    uint64_t randoms; /* given out so far */
    int sleeps;       /* ever */
    int64_t slept;    /* ms, ever, by sleep_ms */
};

/* mono is 1000000, wall 1700000000000. */
void fake_clock_init(struct fake_clock *c);
int64_t fake_clock_now(struct fake_clock *c); /* mono */
void fake_clock_advance(struct fake_clock *c, int64_t ms);

#endif
