/*
 * clock: the two clocks of the project, injected so that tests own time.
 *
 * mono is CLOCK_BOOTTIME (it counts while the machine sleeps, and never jumps); all times in memory
 * are on it. wall is milliseconds since 1970 UTC; it exists only in the stores' records. Decisions
 * are made in milliseconds; microseconds only tell how long something took. Any thread.
 */
#ifndef ITR_CORE_BASE_CLOCK_H
#define ITR_CORE_BASE_CLOCK_H

#include <stdint.h>

struct itr_clock {
    int64_t (*mono_us)(void *ctx);
    int64_t (*wall_ms)(void *ctx);
    void (*sleep_ms)(void *ctx, int64_t ms); /* blocks the calling thread */
    uint64_t (*random)(void *ctx);           /* 64 random bits; need not be secret */
    void *ctx;                               /* may be NULL */
};

/* Return the system's clocks, with getrandom(2). Static memory. */
const struct itr_clock *itr_clock_system(void);

static inline int64_t itr_clock_mono_us(const struct itr_clock *c)
{
    return c->mono_us(c->ctx);
}

static inline int64_t itr_clock_mono_ms(const struct itr_clock *c)
{
    return c->mono_us(c->ctx) / 1000;
}

static inline int64_t itr_clock_wall_ms(const struct itr_clock *c)
{
    return c->wall_ms(c->ctx);
}

static inline void itr_clock_sleep_ms(const struct itr_clock *c, int64_t ms)
{
    c->sleep_ms(c->ctx, ms);
}

static inline uint64_t itr_clock_random(const struct itr_clock *c)
{
    return c->random(c->ctx);
}

#endif
