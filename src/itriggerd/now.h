/*
 * now: the system's monotonic clock, for the daemon's own deadlines. Any thread.
 */
#ifndef ITRIGGERD_NOW_H
#define ITRIGGERD_NOW_H

#include <stdint.h>

#include "core/base/clock.h"

/* Return the monotonic time in milliseconds. */
static inline int64_t now_mono(void)
{
    return itr_clock_mono_ms(itr_clock_system());
}

#endif
