#include "transport/curl_sockets.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_CAP 8

void itr_curl_sockets_init(struct itr_curl_sockets *s)
{
    *s = (struct itr_curl_sockets){0};
}

void itr_curl_sockets_clear(struct itr_curl_sockets *s)
{
    free(s->fds);
    itr_curl_sockets_init(s);
}

void itr_curl_sockets_close(struct itr_curl_sockets *s)
{
    while (s->n > 0)
        close(s->fds[--s->n]);
}

static bool make_room(struct itr_curl_sockets *s)
{
    size_t cap = s->cap > 0 ? s->cap * 2 : FIRST_CAP;
    int *fds;

    if (s->n < s->cap)
        return true;
    if ((fds = realloc(s->fds, cap * sizeof *fds)) == NULL)
        return false;
    s->fds = fds;
    s->cap = cap;
    return true;
}

/* In a host that closed its standard streams a socket would take their place, and what anybody
 * prints would go to the gateway. */
static int open_socket(const struct curl_sockaddr *a)
{
    int fd = socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol), higher;

    if (fd < 0 || fd > STDERR_FILENO)
        return fd;
    higher = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    close(fd);
    return higher;
}

static void lock(struct itr_curl_sockets *s)
{
    if (s->lock != NULL)
        pthread_mutex_lock(s->lock);
}

static void unlock(struct itr_curl_sockets *s)
{
    if (s->lock != NULL)
        pthread_mutex_unlock(s->lock);
}

static int open_and_note(struct itr_curl_sockets *s, const struct curl_sockaddr *a)
{
    int fd;

    if (!make_room(s) || (fd = open_socket(a)) < 0)
        return -1;
    return s->fds[s->n++] = fd;
}

curl_socket_t itr_curl_sockets_on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
    int fd;

    (void)purpose;
    lock(ctx);
    fd = open_and_note(ctx, a);
    unlock(ctx);
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static void forget(struct itr_curl_sockets *s, int fd)
{
    size_t i;

    for (i = 0; i < s->n; i++) {
        if (s->fds[i] == fd) {
            s->fds[i] = s->fds[--s->n];
            return;
        }
    }
}

int itr_curl_sockets_on_close(void *ctx, curl_socket_t fd)
{
    int rc;

    lock(ctx);
    forget(ctx, fd);
    rc = close(fd);
    unlock(ctx);
    return rc;
}
