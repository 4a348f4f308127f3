/*
 * sigpipe: keeps a write to a connection that the peer closed from killing the host's process.
 *
 * The signal goes to the thread that wrote, so it is enough to block it in this thread while a
 * library writes, and to discard one that came. The process's handler and other threads are not
 * touched. Three system calls a pair. Any thread; a pair belongs to one thread and may be nested.
 */
#ifndef ITR_CORE_OS_SIGPIPE_H
#define ITR_CORE_OS_SIGPIPE_H

#include <signal.h>
#include <stdbool.h>

struct itr_sigpipe {
    sigset_t before;  /* the thread's mask, put back at the end */
    bool was_pending; /* one was there before us: it is the host's and stays */
};

/* Block SIGPIPE in this thread until the release. */
void itr_sigpipe_hold(struct itr_sigpipe *p);
/* Discard a SIGPIPE that came meanwhile, and put the mask back. */
void itr_sigpipe_release(const struct itr_sigpipe *p);

#endif
