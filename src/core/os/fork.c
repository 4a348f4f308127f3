#include "core/os/fork.h"

#include <pthread.h>
#include <stdatomic.h>

static atomic_uint generation;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void in_child(void)
{
    atomic_fetch_add(&generation, 1);
}

static void watch(void)
{
    /* Fails only without memory; then a child is not told apart, as without this file. */
    (void)pthread_atfork(NULL, NULL, in_child);
}

void itr_fork_watch(void)
{
    (void)pthread_once(&once, watch);
}

unsigned itr_fork_generation(void)
{
    itr_fork_watch();
    return atomic_load(&generation);
}
