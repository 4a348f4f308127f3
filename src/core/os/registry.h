/*
 * registry: keeps the objects that a whole process shares: finds them by a key, counts references,
 * brings them over a fork, and waits for them when the process ends. There are two kinds: token
 * sources and the threads of curl_engine. All locking around fork and exit is in this file.
 *
 * Any thread. Lock order: the registry's own lock, then an object's; never one object's under
 * another's.
 */
#ifndef ITR_CORE_OS_REGISTRY_H
#define ITR_CORE_OS_REGISTRY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/list.h"

#define ITR_REGISTRY_KEY 65 /* bytes of a key with its NUL */

struct itr_registered;

/* What an object does. None of these may call the registry. */
struct itr_registered_ops {
    void (*renew_in_child)(struct itr_registered *r); /* after a fork, in the child, locked */
    void (*end)(struct itr_registered *r);            /* the process ends: begin nothing new */
    bool (*keeps_process)(struct itr_registered *r);  /* what must be finished first? */
    void (*free)(struct itr_registered *r);           /* the last reference is gone */
};

/* The head of every object; zero it, set ops, lock and refs. */
struct itr_registered {
    const struct itr_registered_ops *ops;
    pthread_mutex_t lock;    /* the object's own, for whatever it guards; held over a fork */
    struct itr_list node;    /* in the registry */
    atomic_uint refs;        /* falls to 0 under the registry's lock only */
    atomic_uint thread_refs; /* those of refs that a thread has, which no forked child has */
    int64_t end_within_ms;   /* how long the process's end waits for it at most */
    char key[ITR_REGISTRY_KEY];
};

/* Write a key made of several strings (ended by NULL; secrets may be among them): their digest. */
void itr_registry_key(const char *const *parts, char key[ITR_REGISTRY_KEY]);

/* Return the object of a key with a reference for the caller; if there is none, the one that `make`
 * returns (with one reference; the key is set here). NULL when make returns NULL. */
struct itr_registered *itr_registry_get(const char *key, struct itr_registered *(*make)(void *ctx),
                                        void *ctx);

/* Take one more reference (by someone who has one); give one back. The last one frees it. */
void itr_registered_retain(struct itr_registered *r);
void itr_registered_release(struct itr_registered *r);

/* Take and give back the reference of a thread that the object makes: in the child of a fork, where
 * that thread does not exist, its reference is given back. Retain under the object's lock, so that
 * no fork comes in between. */
void itr_registered_retain_for_thread(struct itr_registered *r);
void itr_registered_release_by_thread(struct itr_registered *r);

#endif
