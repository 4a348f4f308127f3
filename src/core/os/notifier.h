/*
 * notifier: wakes an event loop that does not wait for us, by a descriptor that becomes readable
 * when there is something to look at. It carries no data and does not count: however often it is
 * notified before the answer, the loop wakes once, and finds all that came meanwhile.
 *
 * Two kinds. Of FD the loop watches itr_notifier_fd() by its own means (luv, cqueues). SOCKET is
 * for a host that can only open connections (nginx): it connects to itr_notifier_path(), calls
 * itr_notifier_accept(), and reads a byte for each notification. It may close that connection and
 * come again later; a notification meanwhile is not lost. The path is /proc/self/fd/N and nothing
 * is on the disk; without /proc it is in a directory of mode 0700.
 *
 * Threads: notify, retain and release are for any; all else belongs to the loop's. Counted.
 * Fork: the child has no part in it: there notify does nothing, and a release leaves the parent's
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

/* Create a notifier with one reference. ITR_NETWORK: no descriptors are left, or (SOCKET) no
 * private directory can be made in $TMPDIR or /tmp; ITR_NOMEM. */
enum itr_status itr_notifier_new(enum itr_notifier_kind kind, struct itr_notifier **out,
                                 struct itr_error *e);
struct itr_notifier *itr_notifier_retain(struct itr_notifier *b);
/* Give back a reference; NULL is allowed. The last one closes all, and removes what is on the
 * disk. */
void itr_notifier_release(struct itr_notifier *b);

/* Return the descriptor to watch for reading (FD), which the caller never reads or closes; -1 for
 * SOCKET. */
int itr_notifier_fd(const struct itr_notifier *b);
/* Return the absolute path for this process to connect to (SOCKET), good as long as the notifier
 * is; NULL for FD. */
const char *itr_notifier_path(const struct itr_notifier *b);

/* Return whether this process made it, and not a parent. */
bool itr_notifier_is_ours(const struct itr_notifier *b);

/* Announce that there is something to look at, which must be in place before. Never blocks; takes a
 * system call only for the first notification since the last answer. */
void itr_notifier_notify(struct itr_notifier *b);

/* Say that the loop woke and will look at all there is after this call (before it: too early). It
 * may be called without a notification. SOCKET: the host has read the byte by itself. */
void itr_notifier_answered(struct itr_notifier *b);

/* SOCKET: accept the connection that this process just made, in place of an earlier one; write to
 * it at once if a notification is not answered yet. A connection of another process or user is
 * closed. ITR_NETWORK: there is none of ours. ITR_USAGE: not a SOCKET notifier of this process. */
enum itr_status itr_notifier_accept(struct itr_notifier *b, struct itr_error *e);

#endif
