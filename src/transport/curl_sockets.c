#include "transport/curl_sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_CAP 8

void itr_curl_sockets_init(struct itr_curl_sockets *s)
{
    *s = (struct itr_curl_sockets){0};
}

/* ---- one connection ---- */

void itr_curl_socket_release(struct itr_curl_socket *s)
{
    if (s != NULL && --s->refs == 0)
        free(s);
}

/* HTTP/1 carries a second request only after it answered the first one. */
void itr_curl_socket_chosen(struct itr_curl_socket *s)
{
    if (s->used && s->version == ITR_CURL_VERSION_UNKNOWN)
        s->version = ITR_CURL_VERSION_2;
}

bool itr_curl_socket_may_carry(const struct itr_curl_socket *s)
{
    struct pollfd p = {.fd = s->fd, .events = POLLRDHUP};

    if (!s->used)
        return true;
    if (s->version == ITR_CURL_VERSION_1)
        p.events |= POLLIN;
    return poll(&p, 1, 0) == 0;
}

bool itr_curl_socket_is_connected(const struct itr_curl_socket *s)
{
    struct sockaddr_storage peer;
    socklen_t n = sizeof peer;

    return s->fd < 0 ? s->connected : getpeername(s->fd, (struct sockaddr *)(void *)&peer, &n) == 0;
}

/* Its local port once it is connected; 0 before, and for a Unix socket. */
static int local_port_of(struct itr_curl_socket *s)
{
    union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
        struct sockaddr_storage room;
    } a = {.any.sa_family = AF_UNSPEC};
    socklen_t n = sizeof a;

    if (s->local_port == 0 && getsockname(s->fd, &a.any, &n) == 0) {
        if (a.any.sa_family == AF_INET)
            s->local_port = ntohs(a.four.sin_port);
        else if (a.any.sa_family == AF_INET6)
            s->local_port = ntohs(a.six.sin6_port);
    }
    return s->local_port;
}

/* ---- the open ones ---- */

static void remove_at(struct itr_curl_sockets *s, size_t i)
{
    struct itr_curl_socket *gone = s->all[i];

    s->all[i] = s->all[--s->n];
    gone->connected = itr_curl_socket_is_connected(gone);
    gone->fd = -1;
    itr_curl_socket_release(gone);
}

void itr_curl_sockets_clear(struct itr_curl_sockets *s)
{
    while (s->n > 0)
        remove_at(s, s->n - 1);
    free(s->all);
    itr_curl_sockets_init(s);
}

void itr_curl_sockets_close(struct itr_curl_sockets *s)
{
    while (s->n > 0) {
        int fd = s->all[s->n - 1]->fd;

        remove_at(s, s->n - 1);
        close(fd);
    }
}

/* The same port may lead to two addresses of a host: then which of them it is, is not known. */
struct itr_curl_socket *itr_curl_sockets_find(struct itr_curl_sockets *s, int local_port)
{
    struct itr_curl_socket *found = NULL;
    size_t i;

    if (local_port <= 0)
        return NULL;
    for (i = 0; i < s->n; i++) {
        if (local_port_of(s->all[i]) != local_port)
            continue;
        if (found != NULL)
            return NULL;
        found = s->all[i];
    }
    if (found != NULL)
        found->refs++;
    return found;
}

static bool make_room(struct itr_curl_sockets *s)
{
    size_t cap = s->cap > 0 ? s->cap * 2 : FIRST_CAP;
    struct itr_curl_socket **all;

    if (s->n < s->cap)
        return true;
    if ((all = realloc(s->all, cap * sizeof *all)) == NULL)
        return false;
    s->all = all;
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

static struct itr_curl_socket *open_and_note(struct itr_curl_sockets *s,
                                             const struct curl_sockaddr *a)
{
    struct itr_curl_socket *new;

    s->open_error = 0;
    if (!make_room(s) || (new = calloc(1, sizeof *new)) == NULL)
        return NULL;
    if ((new->fd = open_socket(a)) < 0) {
        s->open_error = errno;
        free(new);
        return NULL;
    }
    new->refs = 2; /* the set's, and the caller's */
    new->goaway = -1;
    return s->all[s->n++] = new;
}

struct itr_curl_socket *itr_curl_sockets_open(struct itr_curl_sockets *s,
                                              const struct curl_sockaddr *a)
{
    struct itr_curl_socket *new;

    lock(s);
    new = open_and_note(s, a);
    unlock(s);
    return new;
}

static void forget(struct itr_curl_sockets *s, int fd)
{
    size_t i = 0;

    while (i < s->n && s->all[i]->fd != fd)
        i++;
    if (i < s->n)
        remove_at(s, i);
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
