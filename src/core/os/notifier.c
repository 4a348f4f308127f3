#include "core/os/notifier.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/os/descriptors.h"
#include "core/os/fork.h"

/*
 * Design notes
 * - `notified` is true from a notification to its answer; only who turns it on writes. `written`
 *   says that the byte for it is in the connection, so that a notification and an accept at the
 *   same time write one.
 * - A notification comes after what it announces, an answer before the look. So a notification
 *   that finds `notified` true may return: the look is still to come.
 * - `lock` guards `out` and `written`; nothing that blocks is done under it. Another thread may
 *   hold it at a fork, so in the child (another `generation`) it is never taken.
 * - FD is a pair of connected sockets rather than an eventfd or a pipe: one way of writing for both
 *   kinds, and one that cannot raise SIGPIPE.
 */
struct itr_notifier {
    atomic_uint refs;
    unsigned generation; /* of the process that made it */
    int in;              /* ours. FD: what the loop watches. SOCKET: what listens */
    int out;             /* ours; what is written to; -1: the host is not connected */
    int place;           /* ours; the socket's inode, by which it is found; -1: by its path */
    bool written;
    atomic_bool notified;
    pthread_mutex_t lock;
    bool is_socket;
    char directory[sizeof((struct sockaddr_un *)0)->sun_path]; /* "": none is on the disk */
    struct sockaddr_un at;                                     /* what to connect to */
};

#define SOCKET_NAME "/notifier"

#define SOCKET_TYPE (SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK)

static void close_if_open(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int accept_any(int listener)
{
    return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

/* ---- making and ending ---- */

static enum itr_status no_socket(struct itr_error *e)
{
    return itr_descriptors_error(e, "no socket could be made to wake the event loop", errno);
}

static enum itr_status make_pair(struct itr_notifier *b, struct itr_error *e)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCKET_TYPE, 0, pair) != 0)
        return no_socket(e);
    b->in = pair[0];
    b->out = pair[1];
    return ITR_OK;
}

/* Only this user gets into it. mkdtemp makes it 0700 under a name nobody knew before. */
static bool make_directory(struct itr_notifier *b, const char *parent)
{
    size_t room = sizeof b->directory - strlen(SOCKET_NAME);
    int n;

    if (parent == NULL || parent[0] != '/')
        return false;
    n = snprintf(b->directory, room, "%s/itrigger-XXXXXX", parent);
    if (n > 0 && (size_t)n < room && mkdtemp(b->directory) != NULL)
        return true;
    b->directory[0] = '\0';
    return false;
}

static void leave_disk(struct itr_notifier *b)
{
    if (b->directory[0] == '\0')
        return;
    (void)unlink(b->at.sun_path);
    (void)rmdir(b->directory);
    b->directory[0] = '\0';
}

static bool can_connect(const struct sockaddr_un *at)
{
    int fd = socket(AF_UNIX, SOCKET_TYPE, 0);
    bool can = fd >= 0 && connect(fd, (const struct sockaddr *)at, sizeof *at) == 0;

    close_if_open(&fd);
    return can;
}

/* A process finds its own socket without a name on the disk, so that none is left there
 * even if it is killed. Without /proc, or where that is forbidden, the name stays. */
static void hide(struct itr_notifier *b)
{
    struct sockaddr_un hidden = {.sun_family = AF_UNIX};
    int fd;

    if ((b->place = open(b->at.sun_path, O_PATH | O_CLOEXEC)) < 0)
        return;
    (void)snprintf(hidden.sun_path, sizeof hidden.sun_path, "/proc/self/fd/%d", b->place);
    if (!can_connect(&hidden)) {
        close_if_open(&b->place);
        return;
    }
    while ((fd = accept_any(b->in)) >= 0) /* the trial's */
        close(fd);
    leave_disk(b);
    b->at = hidden;
}

static enum itr_status make_listener(struct itr_notifier *b, struct itr_error *e)
{
    struct sockaddr_un *at = &b->at;

    if (!make_directory(b, getenv("TMPDIR")) && !make_directory(b, "/tmp"))
        return itr_error_set(e, ITR_NETWORK,
                             "no private directory can be made in $TMPDIR or /tmp: %s",
                             strerror(errno));
    if ((b->in = socket(AF_UNIX, SOCKET_TYPE, 0)) < 0)
        return no_socket(e);
    at->sun_family = AF_UNIX;
    (void)snprintf(at->sun_path, sizeof at->sun_path, "%.*s" SOCKET_NAME,
                   (int)(sizeof at->sun_path - sizeof SOCKET_NAME), b->directory);
    if (bind(b->in, (struct sockaddr *)at, sizeof *at) != 0 || listen(b->in, 16) != 0)
        return no_socket(e);
    hide(b);
    return ITR_OK;
}

static void free_notifier(struct itr_notifier *b)
{
    close_if_open(&b->in);
    close_if_open(&b->out);
    close_if_open(&b->place);
    if (itr_notifier_is_ours(b)) {
        leave_disk(b);
        pthread_mutex_destroy(&b->lock);
    }
    free(b);
}

enum itr_status itr_notifier_new(enum itr_notifier_kind kind, struct itr_notifier **out,
                                 struct itr_error *e)
{
    struct itr_notifier *b = calloc(1, sizeof *b);
    enum itr_status s;

    *out = NULL;
    if (b == NULL)
        return itr_error_set(e, ITR_NOMEM, "no memory");
    atomic_init(&b->refs, 1);
    atomic_init(&b->notified, false);
    pthread_mutex_init(&b->lock, NULL);
    b->generation = itr_fork_generation();
    b->in = b->out = b->place = -1;
    b->is_socket = kind == ITR_NOTIFIER_SOCKET;
    if ((s = b->is_socket ? make_listener(b, e) : make_pair(b, e)) != ITR_OK) {
        free_notifier(b);
        return s;
    }
    *out = b;
    return ITR_OK;
}

struct itr_notifier *itr_notifier_retain(struct itr_notifier *b)
{
    atomic_fetch_add(&b->refs, 1);
    return b;
}

void itr_notifier_release(struct itr_notifier *b)
{
    if (b != NULL && atomic_fetch_sub(&b->refs, 1) == 1)
        free_notifier(b);
}

int itr_notifier_fd(const struct itr_notifier *b)
{
    return b->is_socket ? -1 : b->in;
}

const char *itr_notifier_path(const struct itr_notifier *b)
{
    return b->is_socket ? b->at.sun_path : NULL;
}

bool itr_notifier_is_ours(const struct itr_notifier *b)
{
    return b->generation == itr_fork_generation();
}

/* ---- notifying ---- */

/* With the lock: write the byte if it is owed and somebody is there to read it. A full connection
 * (the host reads what it was not notified of) wakes just as well. */
static void write_byte(struct itr_notifier *b)
{
    ssize_t n;

    if (b->written || b->out < 0 || !atomic_load(&b->notified))
        return;
    do
        n = send(b->out, "!", 1, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    b->written = n == 1 || errno == EAGAIN;
    if (!b->written)
        close_if_open(&b->out); /* the host went; the next accept notifies it */
}

void itr_notifier_notify(struct itr_notifier *b)
{
    if (!itr_notifier_is_ours(b) || atomic_exchange(&b->notified, true))
        return;
    pthread_mutex_lock(&b->lock);
    write_byte(b);
    pthread_mutex_unlock(&b->lock);
}

static void drain(int fd)
{
    char bytes[16];

    while (read(fd, bytes, sizeof bytes) > 0)
        ;
}

void itr_notifier_answered(struct itr_notifier *b)
{
    if (!itr_notifier_is_ours(b))
        return;
    pthread_mutex_lock(&b->lock);
    if (!b->is_socket)
        drain(b->in);
    b->written = false;
    (void)atomic_exchange(&b->notified,
                          false); /* an exchange: it sees what the last notification announced */
    pthread_mutex_unlock(&b->lock);
}

/* ---- SOCKET: the host's connection ---- */

static bool is_from_here(int fd)
{
    struct ucred peer;
    socklen_t n = sizeof peer;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 && peer.pid == getpid() &&
           peer.uid == geteuid();
}

/* The newest connection that is ours; -1: none. An older one is of a host that gave up meanwhile.
 */
static int accept_ours(int listener)
{
    int fd, ours = -1;

    while ((fd = accept_any(listener)) >= 0 || errno == EINTR || errno == ECONNABORTED) {
        if (fd >= 0 && is_from_here(fd)) {
            close_if_open(&ours);
            ours = fd;
        } else {
            close_if_open(&fd);
        }
    }
    return ours;
}

enum itr_status itr_notifier_accept(struct itr_notifier *b, struct itr_error *e)
{
    int fd;

    if (!b->is_socket || !itr_notifier_is_ours(b))
        return itr_error_set(e, ITR_USAGE, "not a notifier that this process can connect to");
    if ((fd = accept_ours(b->in)) < 0)
        return itr_error_set(e, ITR_NETWORK, "this process has not connected to its notifier: %s",
                             strerror(errno));
    pthread_mutex_lock(&b->lock);
    close_if_open(&b->out);
    b->out = fd;
    b->written = false;
    write_byte(b);
    pthread_mutex_unlock(&b->lock);
    return ITR_OK;
}
