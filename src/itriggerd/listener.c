#include "itriggerd/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "itriggerd/http_server.h"

#define BACKLOG 1024
#define SOCKET_MODE 0660
#define SCARCE_MS 10 /* until the next try where files or memory are short */

/* ---- the socket ---- */

/* Of a daemon that was killed: nobody answers there. */
static void remove_dead_socket(const struct address *a)
{
    const char *path = ((const struct sockaddr_un *)&a->at)->sun_path;
    struct stat st;
    int fd;

    if (lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return;
    if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0)
        return;
    if (connect(fd, (const struct sockaddr *)&a->at, a->len) != 0 && errno == ECONNREFUSED)
        (void)unlink(path);
    close(fd);
}

static bool bind_unix(struct listener *l)
{
    const struct address *a = &l->address;
    const char *path = ((const struct sockaddr_un *)&a->at)->sun_path;
    mode_t before = umask(0777 & ~SOCKET_MODE); /* no other thread makes files yet */
    struct stat st;
    bool bound;

    remove_dead_socket(a);
    bound = bind(l->fd, (const struct sockaddr *)&a->at, a->len) == 0 && lstat(path, &st) == 0;
    (void)umask(before);
    if (bound) {
        l->dev = st.st_dev;
        l->ino = st.st_ino;
    }
    return bound;
}

static bool bind_tcp(int fd, const struct address *a)
{
    int on = 1;

    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    /* An address that the machine does not have yet (or a standby's virtual one) is no error. */
    (void)setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof on);
    if (a->at.ss_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    return bind(fd, (const struct sockaddr *)&a->at, a->len) == 0;
}

enum itr_status listener_open(struct listener *l, struct server *server, const char *address,
                              struct itr_error *e)
{
    bool good;

    *l = (struct listener){.server = server, .fd = -1};
    (void)address_parse(address, &l->address); /* it is checked by now */
    l->fd = socket(l->address.at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    good = l->fd >= 0 && (l->address.is_unix ? bind_unix(l) : bind_tcp(l->fd, &l->address)) &&
           listen(l->fd, BACKLOG) == 0;
    if (good)
        return ITR_OK;
    (void)itr_error_set(e, ITR_NETWORK, "listen = %.200s: %s", address, strerror(errno));
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1; /* what stands at a Unix socket's path is not ours to remove */
    return e->kind;
}

void listener_name(const struct listener *l, char *out, size_t cap)
{
    struct sockaddr_storage at = {0};
    socklen_t len = sizeof at;
    char host[INET6_ADDRSTRLEN] = "", port[8] = "";

    if (l->address.is_unix) {
        (void)snprintf(out, cap, "unix:%s", ((const struct sockaddr_un *)&l->address.at)->sun_path);
        return;
    }
    (void)getsockname(l->fd, (struct sockaddr *)&at, &len); /* port 0 has become one */
    (void)getnameinfo((struct sockaddr *)&at, len, host, sizeof host, port, sizeof port,
                      NI_NUMERICHOST | NI_NUMERICSERV);
    (void)snprintf(out, cap, at.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

/* ---- accepting ---- */

/* Whether a failed accept is about that one connection, or says that listening has ended. */
static bool goes_on(int failed)
{
    if (failed == EINVAL || failed == EBADF)
        return false;
    if (failed == EMFILE || failed == ENFILE || failed == ENOBUFS || failed == ENOMEM)
        itr_clock_sleep_ms(itr_clock_system(), SCARCE_MS);
    return true;
}

static void *accept_all(void *arg)
{
    struct listener *l = arg;
    struct connections *all = &l->server->connections;
    struct sockaddr_storage peer;
    struct sockaddr *at = (struct sockaddr *)&peer;
    socklen_t len;
    int fd;

    while (connections_await_room(all)) {
        len = sizeof peer;
        if ((fd = accept4(l->fd, at, &len, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
            if (connections_arrive(all, fd, at, l->address.is_unix))
                http_server_add(l->http, l->server, fd, at, len);
            else
                close(fd);
        } else if (!goes_on(errno)) {
            break;
        }
    }
    return NULL;
}

int listener_start(struct listener *l, struct MHD_Daemon *http)
{
    int failed;

    l->http = http;
    failed = pthread_create(&l->thread, NULL, accept_all, l);
    l->accepts = failed == 0;
    return failed;
}

/* Another daemon may have put its own socket at that path meanwhile. */
static void unlink_socket(const struct listener *l)
{
    const char *path = ((const struct sockaddr_un *)&l->address.at)->sun_path;
    struct stat st;

    if (l->address.is_unix && lstat(path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
        (void)unlink(path);
}

void listener_stop(struct listener *l)
{
    if (l->fd < 0)
        return;
    unlink_socket(l);
    (void)shutdown(l->fd, SHUT_RD); /* ends the accept that waits, too */
    if (l->accepts)
        pthread_join(l->thread, NULL);
    l->accepts = false;
    close(l->fd);
    l->fd = -1;
}
