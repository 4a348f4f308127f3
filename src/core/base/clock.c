#include "core/base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

/* Goes on while the machine sleeps. */
#define MONO CLOCK_BOOTTIME

static int64_t read_us(clockid_t id)
{
    struct timespec t;

    /* Both clocks exist wherever this compiles, and &t is ours: it cannot fail. */
    (void)clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t system_mono_us(void *ctx)
{
    (void)ctx;
    return read_us(MONO);
}

static int64_t system_wall_ms(void *ctx)
{
    (void)ctx;
    return read_us(CLOCK_REALTIME) / 1000;
}

/* An absolute end: a signal handler that runs often does not stretch the sleep. */
static void system_sleep_ms(void *ctx, int64_t ms)
{
    struct timespec end;

    (void)ctx;
    if (ms <= 0)
        return;
    (void)clock_gettime(MONO, &end);
    end.tv_sec += (time_t)(ms / 1000);
    end.tv_nsec += (long)(ms % 1000) * 1000000;
    if (end.tv_nsec >= 1000000000) {
        end.tv_sec++;
        end.tv_nsec -= 1000000000;
    }
    while (clock_nanosleep(MONO, TIMER_ABSTIME, &end, NULL) == EINTR)
        ;
}

static uint64_t system_random(void *ctx)
{
    uint64_t bits;

    (void)ctx;
    /* Eight bytes come whole or not at all; EINTR only while the machine's pool fills at boot. */
    while (getrandom(&bits, sizeof bits, 0) != (ssize_t)sizeof bits)
        if (errno != EINTR) /* a sandbox forbids the call; jitter is all this is for */
            return (uint64_t)read_us(CLOCK_REALTIME) * 0x9e3779b97f4a7c15U;
    return bits;
}

static const struct itr_clock system_clock = {
    .mono_us = system_mono_us,
    .wall_ms = system_wall_ms,
    .sleep_ms = system_sleep_ms,
    .random = system_random,
};

const struct itr_clock *itr_clock_system(void)
{
    return &system_clock;
}
