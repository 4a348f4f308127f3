#include "store/private_fd.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * Design notes
 * - The lock guards the list only. A fork takes it, so nothing that can wait runs under it: a file
 *   is opened without it, and opened again if a fork came before it was in the list.
 */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct itr_list open_ones = {&open_ones, &open_ones}; /* under lock */
static atomic_uint forks;                                    /* changed under lock */

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void in_parent(void)
{
    atomic_fetch_add(&forks, 1);
    pthread_mutex_unlock(&lock);
}

/* close(2) alone: it leaves the parent's locks and connections as they are. */
static void in_child(void)
{
    struct itr_list *node;

    while ((node = itr_list_take_first(&open_ones)) != NULL) {
        struct itr_private_fd *d = ITR_CONTAINER(node, struct itr_private_fd, link);
        (void)close(d->fd);
        d->fd = -1;
    }
    atomic_fetch_add(&forks, 1);
    pthread_mutex_unlock(&lock);
}

static void watch_forks(void)
{
    (void)pthread_atfork(before_fork, in_parent, in_child);
}

void itr_private_fd_init(struct itr_private_fd *d)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, watch_forks);
    itr_list_init(&d->link);
    d->fd = -1;
}

/* -1 stays -1. */
static int above_the_standard_streams(int fd)
{
    int higher, saved;

    if (fd < 0 || fd > STDERR_FILENO)
        return fd;
    higher = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    saved = errno;
    (void)close(fd);
    errno = saved;
    return higher;
}

/* Put fd into the list, unless a child may have inherited it since `forks` was `before`. */
static bool own(struct itr_private_fd *d, int fd, unsigned before)
{
    bool is_ours;

    pthread_mutex_lock(&lock);
    is_ours = atomic_load(&forks) == before;
    if (is_ours) {
        d->fd = fd;
        itr_list_append(&open_ones, &d->link);
    }
    pthread_mutex_unlock(&lock);
    return is_ours;
}

bool itr_private_fd_openat(struct itr_private_fd *d, int dir_fd, const char *name, int flags,
                           mode_t mode)
{
    for (;;) {
        unsigned before = atomic_load(&forks);
        int fd = above_the_standard_streams(openat(dir_fd, name, flags | O_CLOEXEC, mode));

        if (fd < 0)
            return false;
        if (own(d, fd, before))
            return true;
        (void)close(fd);
        if ((flags & O_EXCL) != 0)
            (void)unlinkat(dir_fd, name, 0);
    }
}

bool itr_private_fd_socket(struct itr_private_fd *d, int family, int type)
{
    for (;;) {
        unsigned before = atomic_load(&forks);
        int fd = above_the_standard_streams(socket(family, type | SOCK_CLOEXEC, 0));

        if (fd < 0)
            return false;
        if (own(d, fd, before))
            return true;
        (void)close(fd);
    }
}

int itr_private_fd_close(struct itr_private_fd *d)
{
    int fd, result;

    pthread_mutex_lock(&lock);
    fd = d->fd;
    d->fd = -1;
    itr_list_remove(&d->link);
    /* Under the lock, or a child could inherit it; it has nothing left to write. */
    result = fd >= 0 ? close(fd) : 0;
    pthread_mutex_unlock(&lock);
    return result;
}
