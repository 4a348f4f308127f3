/*
 * notifier: what wakes an event loop that does not wait for us: a descriptor that becomes readable
 * when something is there to look at. It carries no data and does not count: however often it is
 * rung before it is answered, the loop is woken once, and finds all that came meanwhile.
 *
 * Two kinds. Of FD the loop watches itr_notifier_fd() by its own means (luv, cqueues). SOCKET is
 * for a host that can only open connections (nginx): it connects to itr_notifier_path(), calls
 * itr_notifier_accept(), and reads a byte whenever the notifier is rung. It may close that
 * connection and come again later; what was rung meanwhile is not lost. On Linux that path is
 * /proc/self/fd/N and nothing is on the disk; elsewhere, or without /proc, it is in a directory of
 * mode 0700.
 *
 * Threads: ring, retain and release are for any; all else belongs to the loop's. Counted.
 * Fork: the child has no part in it: there a ring does nothing, and a release leaves the parent's
 * socket alone. It makes its own notifier (itr_notifier_is_ours tells). docs/design.md section 6.
 */
#ifndef ITR_CORE_OS_NOTIFIER_H
#define ITR_CORE_OS_NOTIFIER_H

#include <stdbool.h>

#include "core/base/status.h"

struct itr_notifier;

enum itr_notifier_kind {
    ITR_NOTIFIER_FD,    /* a descriptor of this process */
    ITR_NOTIFIER_SOCKET /* a Unix socket that listens in a private directory */
};

/* *out: one reference. ITR_NETWORK: no descriptors are left, or (SOCKET) neither $TMPDIR nor /tmp
 * takes a private directory; ITR_NOMEM. */
enum itr_status itr_notifier_new(enum itr_notifier_kind kind, struct itr_notifier **out,
                                 struct itr_error *e);
struct itr_notifier *itr_notifier_retain(struct itr_notifier *b);
/* NULL is allowed. The last one closes all, and takes off the disk what is there. */
void itr_notifier_release(struct itr_notifier *b);

/* FD: the one to watch for reading; never read or closed by the caller. SOCKET: -1. */
int itr_notifier_fd(const struct itr_notifier *b);
/* SOCKET: the absolute path for this process to connect to, good as long as the notifier is. FD:
 * NULL. */
const char *itr_notifier_path(const struct itr_notifier *b);

/* The process that made it is this one, not its parent. */
bool itr_notifier_is_ours(const struct itr_notifier *b);

/* Something is there. Never blocks; a system call only for the first since the last answer. What is
 * there must be in place before: whoever answers looks for it after. */
void itr_notifier_notify(struct itr_notifier *b);

/* The loop was woken, and looks at all there is after this call (before it: too early). It need not
 * be that the notifier was rung. SOCKET: the host has read the byte by itself. */
void itr_notifier_answered(struct itr_notifier *b);

/* SOCKET: takes the connection that this process just made, in place of an earlier one; rings at
 * once if a ring is not answered yet. Anybody else's (another process or user) is closed, and does
 * not stand in the way. ITR_NETWORK: none of ours is there. ITR_USAGE: not a SOCKET notifier of
 * ours. */
enum itr_status itr_notifier_accept(struct itr_notifier *b, struct itr_error *e);

#endif
