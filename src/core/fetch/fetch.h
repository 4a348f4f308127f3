/*
 * fetch: Drive a fetch machine (fetch/machine.h) on a thread: do the I/O that its state asks for,
 * and post what came of it. Decides nothing.
 *
 * One thread at a time drives; the machine is its owner's, guarded by the owner's lock, which is
 * never held over I/O.
 */
#ifndef ITR_CORE_FETCH_FETCH_H
#define ITR_CORE_FETCH_FETCH_H

#include <pthread.h>
#include <stdbool.h>

#include "core/config/config.h"
#include "core/fetch/machine.h"
#include "core/record/parts.h"
#include "core/record/stored.h"

struct itr_fetch {
    const struct itr_config *config; /* borrowed, like all that follows until key */
    struct itr_parts parts;
    pthread_mutex_t *lock;       /* guards *machine and in_transport */
    struct itr_machine *machine; /* read here; changed by post alone */
    /* Posts what was done, by itr_machine_on(). Called without the lock. */
    void (*post)(void *ctx, const struct itr_machine_done *done);
    void *ctx;
    char key[ITR_RECORD_KEY];
    struct itr_stored stored; /* the driver's */
    bool in_transport;        /* a transport is open: the process's end must wait for it */
};

/* Return where the tokens come from: the store, or a central server. */
enum itr_token_origin itr_fetch_origin(const struct itr_parts *parts);

/* Fill in what a machine must know of the options. `server` stays borrowed from config. */
void itr_fetch_setup(const struct itr_config *config, const struct itr_parts *parts,
                     struct itr_machine_setup *out);

/* Set up a driver; its lock, machine, post and ctx are set by the caller after it. */
void itr_fetch_init(struct itr_fetch *f, const struct itr_config *config,
                    const struct itr_parts *parts);
void itr_fetch_clear(struct itr_fetch *f);

/* Forget, in the child of a fork, what the parent's thread was doing; its memory is leaked, for
 * only the parent knows in what state it is. */
void itr_fetch_fork(struct itr_fetch *f);

/* Do what the machine's state says, and post it: once, or more often if it is a request. Not in
 * ITR_MACHINE_IDLE. */
void itr_fetch_act(struct itr_fetch *f);

/* Forget what was loaded: the machine has come to rest. */
void itr_fetch_rest(struct itr_fetch *f);

#endif
