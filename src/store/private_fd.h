/*
 * private_fd: a file descriptor of this process alone. It is close-on-exec, a forked child closes
 * its copy before it runs any code of its own, and it is never 0, 1 or 2: in a host that closed its
 * standard streams, whatever is printed would go into it.
 *
 * A child that kept the copy of a lock would hold the lock for as long as it lives. Any thread; one
 * descriptor belongs to one thread at a time.
 */
#ifndef ITR_STORE_PRIVATE_FD_H
#define ITR_STORE_PRIVATE_FD_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/base/list.h"

struct itr_private_fd {
    struct itr_list link; /* in the list of all that are open */
    int fd;               /* -1: not open, or the parent's */
};

/* Set every field; nothing is open. */
void itr_private_fd_init(struct itr_private_fd *d);

/* Open a file as openat(2) does, socket as socket(2) does. Return false with errno set and nothing
 * open. With O_EXCL a file of that name that this call itself left is replaced. */
bool itr_private_fd_openat(struct itr_private_fd *d, int dir_fd, const char *name, int flags,
                           mode_t mode);
bool itr_private_fd_socket(struct itr_private_fd *d, int family, int type);

/* Close it, if it is open. Return 0, or -1 with errno set. */
int itr_private_fd_close(struct itr_private_fd *d);

#endif
