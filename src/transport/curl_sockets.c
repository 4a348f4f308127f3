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
    size_t i;

    *s = (struct itr_curl_sockets){0};
    for (i = 0; i < ITR_CURL_SOCKETS_BUCKETS; i++)
        itr_list_init(&s->by_port[i]);
    itr_list_init(&s->unnamed);
}

static struct itr_curl_socket *socket_of(struct itr_list *node)
{
    return ITR_CONTAINER(node, struct itr_curl_socket, node);
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
    s->shared = s->chosen;
    s->chosen = true;
    if (s->used && s->version == ITR_CURL_VERSION_UNKNOWN)
        s->version = ITR_CURL_VERSION_2;
}

bool itr_curl_socket_is_connected(const struct itr_curl_socket *s)
{
    struct sockaddr_storage peer;
    socklen_t n = sizeof peer;

    return s->fd < 0 ? s->connected : getpeername(s->fd, (struct sockaddr *)(void *)&peer, &n) == 0;
}

/* Return its local port once it is connected; 0 before, and for a Unix socket. */
static int local_port_of(const struct itr_curl_socket *s)
{
    union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
        struct sockaddr_storage room;
    } a = {.any.sa_family = AF_UNSPEC};
    socklen_t n = sizeof a;

    if (getsockname(s->fd, &a.any, &n) != 0)
        return 0;
    if (a.any.sa_family == AF_INET)
        return ntohs(a.four.sin_port);
    return a.any.sa_family == AF_INET6 ? ntohs(a.six.sin6_port) : 0;
}

/* ---- the open ones ---- */

static void remove_at(struct itr_curl_sockets *s, size_t i)
{
    struct itr_curl_socket *gone = s->all[i];

    s->all[i] = s->all[--s->n];
    itr_list_remove(&gone->node);
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

static struct itr_list *bucket_of(struct itr_curl_sockets *s, int local_port)
{
    return &s->by_port[(unsigned)local_port % ITR_CURL_SOCKETS_BUCKETS];
}

/* Put those that are connected by now where they are found. */
static void name_new_ones(struct itr_curl_sockets *s)
{
    struct itr_list *at, *next;

    for (at = s->unnamed.next; at != &s->unnamed; at = next) {
        struct itr_curl_socket *one = socket_of(at);

        next = at->next;
        if ((one->local_port = local_port_of(one)) == 0)
            continue;
        itr_list_remove(at);
        itr_list_append(bucket_of(s, one->local_port), at);
    }
}

/* The same port may lead to two addresses of a host: then which of them it is, is not known. */
struct itr_curl_socket *itr_curl_sockets_find(struct itr_curl_sockets *s, int local_port)
{
    struct itr_curl_socket *found = NULL;
    struct itr_list *bucket, *at;

    if (local_port <= 0)
        return NULL;
    name_new_ones(s);
    bucket = bucket_of(s, local_port);
    for (at = bucket->next; at != bucket; at = at->next) {
        if (socket_of(at)->local_port != local_port)
            continue;
        if (found != NULL)
            return NULL;
        found = socket_of(at);
    }
    if (found != NULL)
        found->refs++;
    return found;
}

bool itr_curl_sockets_may_carry(const struct itr_curl_sockets *s, const struct itr_curl_socket *one,
                                uint64_t n_before)
{
    struct pollfd p = {.fd = one->fd, .events = POLLRDHUP};

    if (!one->used || (s->poller != NULL && itr_curl_poller_is_quiet(s->poller, one->fd, n_before)))
        return true;
    if (one->version == ITR_CURL_VERSION_1)
        p.events |= POLLIN;
    return poll(&p, 1, 0) == 0;
}

static bool make_room(struct itr_curl_sockets *s)
{
    size_t cap = s->cap > 0 ? s->cap * 2 : FIRST_CAP;
    struct itr_curl_socket **all;

    if (s->n < s->cap)
        return true;
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers is meant */
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
    if (s->poller != NULL)
        itr_curl_poller_opened(s->poller, new->fd);
    itr_list_append(&s->unnamed, &new->node);
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
    struct itr_curl_sockets *s = ctx;
    int rc;

    lock(s);
    forget(s, fd);
    if (s->poller != NULL)
        itr_curl_poller_closing(s->poller, fd);
    rc = close(fd);
    unlock(s);
    return rc;
}
