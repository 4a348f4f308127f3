#include "itriggerd/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "itriggerd/http_server.h"

#define BACKLOG 1024
#define SOCKET_MODE 0660
#define MEMORY_PER_CONNECTION ((size_t)16 * 1024) /* request line and headers have to fit */
/* For fetches, stores and token files, however many connections come. */
#define OWN_FILES_MAX 256u
#define IDLE_S 75u

/* TLS 1.2 and 1.3; forward secrecy and authenticated encryption only. */
static char tls_versions[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:"
                             "+ECDHE-RSA:-CIPHER-ALL:+AES-256-GCM:+CHACHA20-POLY1305:"
                             "+AES-128-GCM:-MAC-ALL:+AEAD";

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
    l->fd = socket(l->address.at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
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
    struct sockaddr_storage at = l->address.at;
    socklen_t len = sizeof at;
    char host[INET6_ADDRSTRLEN] = "";

    memset(&at, 0, sizeof at);
    if (l->address.is_unix) {
        (void)snprintf(out, cap, "unix:%s", ((const struct sockaddr_un *)&l->address.at)->sun_path);
        return;
    }
    (void)getsockname(l->fd, (struct sockaddr *)&at, &len); /* port 0 has become one */
    if (at.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)&at;
        (void)inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof host);
        (void)snprintf(out, cap, "[%s]:%d", host, ntohs(in->sin6_port));
    } else {
        const struct sockaddr_in *in = (const struct sockaddr_in *)&at;
        (void)inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        (void)snprintf(out, cap, "%s:%d", host, ntohs(in->sin_port));
    }
}

/* ---- the server behind it ---- */

/* It complains of what clients do; they hear it themselves. */
static void hear_nothing(void *ctx, const char *fmt, va_list args)
{
    (void)ctx;
    (void)fmt;
    (void)args;
}

static rlim_t files_of_own(rlim_t files)
{
    return files / 2 < OWN_FILES_MAX ? files / 2 : OWN_FILES_MAX;
}

size_t listener_connections_max(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY ||
        files.rlim_cur - files_of_own(files.rlim_cur) > CONNECTIONS_MAX)
        return CONNECTIONS_MAX;
    return (size_t)(files.rlim_cur - files_of_own(files.rlim_cur));
}

/* The library's own limit lies higher than ours (connections.h): at its limit it stops to accept,
 * at ours somebody else has to go. Each of its threads has its share. */
static unsigned library_limit(const struct listener *l, unsigned threads)
{
    size_t max = l->server->connections.max, threads_need = 2 * (size_t)threads;

    return (unsigned)(max + (max / 16 > threads_need ? max / 16 : threads_need));
}

static struct MHD_Daemon *start_http(struct listener *l, int fd, const struct tls_files *tls,
                                     unsigned threads)
{
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem for_tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, tls != NULL ? tls->cert.data : NULL},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, tls != NULL ? tls->key.data : NULL},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, tls_versions},
        {MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem pool[] = {{MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)threads, NULL},
                                    {MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};

    if (tls != NULL)
        flags |= MHD_USE_TLS;
    return MHD_start_daemon(
        flags, 0, NULL, NULL, http_server_access, l, MHD_OPTION_EXTERNAL_LOGGER, hear_nothing, NULL,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, http_server_completed, l,
        MHD_OPTION_NOTIFY_CONNECTION, http_server_connection, l, MHD_OPTION_URI_LOG_CALLBACK,
        http_server_begun, l, MHD_OPTION_UNESCAPE_CALLBACK, http_server_unescape, NULL,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, MEMORY_PER_CONNECTION, MHD_OPTION_CONNECTION_LIMIT,
        library_limit(l, threads), MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY, tls != NULL ? for_tls : none,
        MHD_OPTION_ARRAY, threads > 1 ? pool : none, MHD_OPTION_END);
}

static void retire(struct listener *l)
{
    MHD_socket fd = MHD_quiesce_daemon(l->http);

    if (fd != MHD_INVALID_SOCKET)
        close(fd);
    l->retired[l->n_retired++] = l->http;
    l->http = NULL;
}

enum itr_status listener_start(struct listener *l, const struct tls_files *tls, unsigned threads,
                               struct itr_error *e)
{
    int fd = fcntl(l->fd, F_DUPFD_CLOEXEC, 0); /* the server closes its own */
    struct MHD_Daemon *http = fd >= 0 ? start_http(l, fd, tls, threads) : NULL;

    if (http == NULL) {
        if (fd >= 0)
            close(fd);
        return itr_error_set(
            e, tls != NULL ? ITR_CONFIG : ITR_NETWORK, "the HTTP server does not start%s",
            tls != NULL ? ": tls_cert and tls_key must be PEM and belong together" : "");
    }
    if (l->http != NULL)
        retire(l);
    l->http = http;
    return ITR_OK;
}

static bool has_connections(struct MHD_Daemon *http)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(http, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

    return info != NULL && info->num_connections > 0;
}

void listener_sweep(struct listener *l, bool all)
{
    size_t i, kept = 0;

    for (i = 0; i < l->n_retired; i++)
        if (!all && has_connections(l->retired[i]))
            l->retired[kept++] = l->retired[i];
        else
            MHD_stop_daemon(l->retired[i]);
    l->n_retired = kept;
}

/* The library's panic is the end of the process: a server must not be stopped under a request that
 * is suspended. */
enum itr_status listener_check_room(struct listener *l, struct itr_error *e)
{
    listener_sweep(l, false);
    if (l->n_retired < LISTENER_RETIRED_MAX)
        return ITR_OK;
    return itr_error_set(e, ITR_CONFIG,
                         "requests of the last %d changes of certificates are still open; try "
                         "again later",
                         LISTENER_RETIRED_MAX);
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
    (void)shutdown(l->fd, SHUT_RD); /* no listening any more, for duplicates of it too */
    if (l->http != NULL)
        retire(l);
    close(l->fd);
    l->fd = -1;
}

void listener_close(struct listener *l)
{
    listener_stop(l);
    if (l->http != NULL)
        retire(l);
    listener_sweep(l, true);
}
