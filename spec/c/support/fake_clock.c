#include "support/fake_clock.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

/* ---- the world ---- */

/* Those who waited on the condition are the parent's threads. */
static void in_child(void)
{
    pthread_cond_init(&changed, NULL);
    pthread_mutex_unlock(&lock);
}

void fake_world_init(void)
{
    (void)pthread_atfork(fake_world_lock, fake_world_unlock, in_child);
}

void fake_world_lock(void)
{
    pthread_mutex_lock(&lock);
}

void fake_world_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

void fake_world_wait(void)
{
    pthread_cond_wait(&changed, &lock);
}

void fake_world_changed(void)
{
    pthread_cond_broadcast(&changed);
}

/* ---- the clock ---- */

static int64_t mono_us(void *ctx)
{
    struct fake_clock *c = ctx;
    int64_t now;

    fake_world_lock();
    now = c->mono;
    fake_world_unlock();
    return now * 1000;
}

static int64_t wall_ms(void *ctx)
{
    struct fake_clock *c = ctx;
    int64_t now;

    fake_world_lock();
    now = c->wall;
    fake_world_unlock();
    return now;
}

static void advance(struct fake_clock *c, int64_t ms)
{
    c->mono += ms;
    c->wall += ms;
    fake_world_changed();
}

static void sleep_ms(void *ctx, int64_t ms)
{
    struct fake_clock *c = ctx;

    fake_world_lock();
    c->sleeps++;
    c->slept += ms;
    advance(c, ms);
    fake_world_unlock();
}

/* splitmix64: any fixed sequence will do. */
static uint64_t next_random(void *ctx)
{
    struct fake_clock *c = ctx;
    uint64_t z;

    fake_world_lock();
    z = ++c->randoms * UINT64_C(0x9e3779b97f4a7c15);
    fake_world_unlock();
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void fake_clock_init(struct fake_clock *c)
{
    *c = (struct fake_clock){0};
    c->clock = (struct itr_clock){mono_us, wall_ms, sleep_ms, next_random, c};
    c->mono = 1000000;
    c->wall = INT64_C(1700000000000);
}

int64_t fake_clock_now(struct fake_clock *c)
{
    return mono_us(c) / 1000;
}

void fake_clock_advance(struct fake_clock *c, int64_t ms)
{
    fake_world_lock();
    advance(c, ms);
    fake_world_unlock();
}
