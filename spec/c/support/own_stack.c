#include "support/own_stack.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "support/fixture.h"

#define SIZE ((size_t)1 << 20)

#if defined(__SANITIZE_ADDRESS__)
#define MOVES_LOCALS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MOVES_LOCALS 1
#endif
#endif

bool own_stack_works(void)
{
#ifdef MOVES_LOCALS
    return false;
#else
    const char *preloaded = getenv("LD_PRELOAD");

    return preloaded == NULL || strstr(preloaded, "vgpreload") == NULL;
#endif
}

struct job {
    void (*f)(void *);
    void *arg;
};

/* Deep enough that the end of the thread does not write where f's frames were. */
static void *run(void *arg)
{
    volatile char above[SIZE / 8];
    const struct job *job = arg;

    above[0] = above[sizeof above - 1] = 1;
    job->f(job->arg);
    return above[0] == above[sizeof above - 1] ? NULL : arg;
}

bool own_stack_has(void (*f)(void *), void *arg, const char *text)
{
    struct job job = {f, arg};
    pthread_attr_t attr;
    pthread_t thread;
    void *stack;
    bool found;

    assert_int_equal(posix_memalign(&stack, 4096, SIZE), 0);
    memset(stack, 0, SIZE);
    assert_int_equal(pthread_attr_init(&attr), 0);
    assert_int_equal(pthread_attr_setstack(&attr, stack, SIZE), 0);
    assert_int_equal(pthread_create(&thread, &attr, run, &job), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    (void)pthread_attr_destroy(&attr);
    found = memmem(stack, SIZE, text, strlen(text)) != NULL;
    free(stack);
    return found;
}
