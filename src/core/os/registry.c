#include "core/os/registry.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/list.h"
#include "core/base/sha256.h"
#include "core/os/fork.h"

#define LOOK_MS 5

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct itr_list all = {&all, &all}; /* under lock */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static struct itr_registered *object_of(struct itr_list *node)
{
    return ITR_CONTAINER(node, struct itr_registered, node);
}

/* ---- fork: everything is locked before, so that the child finds it whole ---- */

static void before_fork(void)
{
    struct itr_list *at;

    pthread_mutex_lock(&lock);
    for (at = all.next; at != &all; at = at->next)
        pthread_mutex_lock(&object_of(at)->lock);
}

static void in_parent(void)
{
    struct itr_list *at;

    for (at = all.next; at != &all; at = at->next)
        pthread_mutex_unlock(&object_of(at)->lock);
    pthread_mutex_unlock(&lock);
}

static void in_child(void)
{
    struct itr_list *at;

    for (at = all.next; at != &all; at = at->next) {
        struct itr_registered *r = object_of(at);

        atomic_fetch_sub(&r->refs, atomic_exchange(&r->thread_refs, 0));
        r->ops->renew_in_child(r);
        pthread_mutex_unlock(&r->lock);
    }
    pthread_mutex_unlock(&lock);
}

/* ---- the process's end ---- */

static void wait_for(struct itr_registered *r)
{
    int64_t waited_ms;

    for (waited_ms = 0; waited_ms < r->end_within_ms && r->ops->keeps_process(r);
         waited_ms += LOOK_MS)
        itr_clock_sleep_ms(itr_clock_system(), LOOK_MS);
}

/* The lock is not held while waiting: what is waited for may need it to end. Each object that was
 * there has a reference of ours by then, so none of them leaves the list. */
static void at_exit(void)
{
    struct itr_list *at, *newest;

    pthread_mutex_lock(&lock);
    newest = all.prev;
    for (at = all.next; at != &all; at = at->next) {
        itr_registered_retain(object_of(at));
        object_of(at)->ops->end(object_of(at));
    }
    pthread_mutex_unlock(&lock);
    for (at = newest; at != &all; at = at->prev)
        wait_for(object_of(at));
}

/* atexit: registered after the transport's library was initialised, so that ours runs first. */
static void set_up(void)
{
    itr_fork_watch();
    (void)pthread_atfork(before_fork, in_parent, in_child);
    (void)atexit(at_exit);
}

/* ---- objects ---- */

void itr_registry_key(const char *const *parts, char key[ITR_REGISTRY_KEY])
{
    unsigned char digest[ITR_SHA256_LEN];
    struct itr_sha256 h;

    itr_sha256_init(&h);
    for (; *parts != NULL; parts++)
        itr_sha256_update(&h, *parts, strlen(*parts) + 1);
    itr_sha256_final(&h, digest);
    itr_sha256_hex(digest, sizeof digest, key, ITR_REGISTRY_KEY - 1);
}

static struct itr_registered *find(const char *key)
{
    struct itr_list *at;

    for (at = all.next; at != &all; at = at->next)
        if (strcmp(object_of(at)->key, key) == 0)
            return object_of(at);
    return NULL;
}

static struct itr_registered *add(const char *key, struct itr_registered *r)
{
    if (r == NULL)
        return NULL;
    strncpy(r->key, key, sizeof r->key - 1);
    itr_list_append(&all, &r->node);
    return r;
}

struct itr_registered *itr_registry_get(const char *key, struct itr_registered *(*make)(void *ctx),
                                        void *ctx)
{
    struct itr_registered *r;

    (void)pthread_once(&once, set_up);
    pthread_mutex_lock(&lock);
    if ((r = find(key)) != NULL)
        itr_registered_retain(r);
    else
        r = add(key, make(ctx));
    pthread_mutex_unlock(&lock);
    return r;
}

void itr_registered_retain(struct itr_registered *r)
{
    atomic_fetch_add(&r->refs, 1);
}

static void release(struct itr_registered *r, bool by_thread)
{
    bool last;

    pthread_mutex_lock(&lock);
    if (by_thread)
        atomic_fetch_sub(&r->thread_refs, 1);
    last = atomic_fetch_sub(&r->refs, 1) == 1;
    if (last)
        itr_list_remove(&r->node);
    pthread_mutex_unlock(&lock);
    if (last)
        r->ops->free(r);
}

void itr_registered_release(struct itr_registered *r)
{
    release(r, false);
}

void itr_registered_retain_for_thread(struct itr_registered *r)
{
    atomic_fetch_add(&r->thread_refs, 1);
    itr_registered_retain(r);
}

void itr_registered_release_by_thread(struct itr_registered *r)
{
    release(r, true);
}
