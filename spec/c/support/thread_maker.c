#include "support/thread_maker.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include "support/fake_clock.h"

typedef int maker(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

/* A sanitizer's own one goes first: it must know of every thread. */
extern maker __interceptor_pthread_create __attribute__((weak));

static atomic_int failures;
static atomic_int failure;
static int running; /* under the world's lock */

void thread_maker_fail(int n, int error)
{
    atomic_store(&failure, error);
    atomic_store(&failures, n);
}

static maker *real_one(void)
{
    union { /* ISO C knows no cast from a data pointer to a function's */
        void *found;
        maker *function;
    } next;

    if (__interceptor_pthread_create != NULL)
        return __interceptor_pthread_create;
    next.found = dlsym(RTLD_NEXT, "pthread_create");
    return next.function;
}

struct job {
    void *(*start)(void *);
    void *arg;
};

static void count(int change)
{
    fake_world_lock();
    running += change;
    fake_world_changed();
    fake_world_unlock();
}

static void *run(void *arg)
{
    struct job job = *(struct job *)arg;
    void *result;

    free(arg);
    result = job.start(job.arg);
    count(-1);
    return result;
}

static int make(pthread_t *thread, const pthread_attr_t *attr, struct job wanted)
{
    struct job *job = malloc(sizeof *job);
    int rc;

    if (job == NULL)
        return ENOMEM;
    *job = wanted;
    count(1);
    rc = real_one()(thread, attr, run, job);
    if (rc == 0)
        return 0; /* the thread now owns job */
    count(-1);
    free(job);
    return rc;
}

__attribute__((visibility("default"))) int
pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg)
{
    int left = atomic_load(&failures);

    if (left > 0) {
        atomic_store(&failures, left - 1);
        return atomic_load(&failure);
    }
    return make(thread, attr, (struct job){start, arg});
}

void thread_maker_await_none(void)
{
    fake_world_lock();
    while (running > 0)
        fake_world_wait();
    fake_world_unlock();
}
