#include "raw_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_CONNECTIONS 512
#define MAX_REQUEST (1 << 20)
#define DRIP_MS 10
#define MAX_DESCRIPTORS 2048

struct raw_server {
    const struct raw_step *const *scripts;
    size_t n_scripts;
    int listener, port;
    int quit[2]; /* closing [1] makes [0] readable: every wait of every thread ends */
    pthread_t acceptor;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool gate_open;
    size_t connections, closed, requests, sends;
    char *last; /* the last whole request */
    size_t last_len;
    pthread_t threads[MAX_CONNECTIONS];
    struct connection *all[MAX_CONNECTIONS]; /* freed at the end: a forked child loses nothing */
};

struct connection {
    struct raw_server *server;
    const struct raw_step *script;
    int fd;
    char *buf; /* MAX_REQUEST bytes and a NUL: the request that is being read */
};

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    abort();
}

/* Waits for input on fd; false: the server ends, or timeout_ms (-1: none) is over. */
static bool wait_input(struct raw_server *s, int fd, int timeout_ms, bool *quit)
{
    struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = s->quit[0], .events = POLLIN}};
    int n = poll(p, 2, timeout_ms);

    *quit = p[1].revents != 0;
    return n > 0 && !*quit;
}

static size_t content_length(const char *head)
{
    const char *at = strcasestr(head, "\r\ncontent-length:");

    return at == NULL ? 0 : strtoul(at + 17, NULL, 10);
}

/* Bytes of the first request in buf when it is whole, else 0. */
static size_t whole_request(const char *buf, size_t n)
{
    const char *end = strstr(buf, "\r\n\r\n");
    size_t size;

    if (end == NULL)
        return 0;
    size = (size_t)(end + 4 - buf) + content_length(buf);
    return size <= n ? size : 0;
}

static void note_request(struct raw_server *s, const char *bytes, size_t n)
{
    char *copy = malloc(n);

    must(copy != NULL, "malloc");
    memcpy(copy, bytes, n);
    pthread_mutex_lock(&s->lock);
    free(s->last);
    s->last = copy; /* the server now owns it */
    s->last_len = n;
    s->requests++;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static bool read_request(struct connection *c)
{
    size_t n = 0;
    bool quit;

    while (n < MAX_REQUEST && wait_input(c->server, c->fd, -1, &quit)) {
        ssize_t got = recv(c->fd, c->buf + n, MAX_REQUEST - n, 0);
        if (got <= 0)
            break;
        n += (size_t)got;
        c->buf[n] = '\0';
        if (whole_request(c->buf, n) == n) {
            note_request(c->server, c->buf, n);
            return true;
        }
    }
    return false;
}

static bool send_bytes(struct connection *c, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t put = send(c->fd, bytes, n, MSG_NOSIGNAL);
        if (put <= 0)
            return false;
        bytes += put;
        n -= (size_t)put;
    }
    return true;
}

static bool send_text(struct connection *c, const struct raw_step *step)
{
    struct raw_server *s = c->server;
    bool ok = send_bytes(c, step->text, step->n ? step->n : strlen(step->text));

    pthread_mutex_lock(&s->lock);
    s->sends++;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    return ok;
}

static bool send_repeated(struct connection *c, char byte, size_t n)
{
    char block[16384];

    memset(block, byte, sizeof block);
    while (n > 0) {
        size_t some = n < sizeof block ? n : sizeof block;
        if (!send_bytes(c, block, some))
            return false;
        n -= some;
    }
    return true;
}

/* Waits until the peer closed. */
static bool hold(struct connection *c, const char *drip)
{
    bool quit = false;
    char byte;

    while (!quit) {
        if (wait_input(c->server, c->fd, drip == NULL ? -1 : DRIP_MS, &quit)) {
            if (recv(c->fd, &byte, 1, 0) <= 0)
                return false;
        } else if (drip != NULL && !send_bytes(c, drip, 1)) {
            return false;
        }
    }
    return false;
}

static bool pass_gate(struct raw_server *s)
{
    pthread_mutex_lock(&s->lock);
    while (!s->gate_open)
        pthread_cond_wait(&s->changed, &s->lock);
    pthread_mutex_unlock(&s->lock);
    return true;
}

static void reset(int fd)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

/* False: the connection is over. */
static bool act(struct connection *c, const struct raw_step *step)
{
    switch (step->act) {
    case RAW_READ:
        return read_request(c);
    case RAW_SEND:
        return send_text(c, step);
    case RAW_REPEAT:
        return send_repeated(c, step->text[0], step->n);
    case RAW_DRIP:
        return hold(c, step->text);
    case RAW_HOLD:
        return hold(c, NULL);
    case RAW_GATE:
        return pass_gate(c->server);
    case RAW_RESET:
        reset(c->fd);
        return false;
    case RAW_END:
        return false;
    case RAW_AGAIN:
        return true;
    }
    return false;
}

static void *serve(void *arg)
{
    struct connection *c = arg;
    const struct raw_step *step = c->script;
    struct raw_server *s = c->server;

    while (act(c, step))
        step = step->act == RAW_AGAIN ? c->script : step + 1;
    close(c->fd);
    free(c->buf);
    c->buf = NULL;
    pthread_mutex_lock(&s->lock);
    s->closed++;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static void begin(struct raw_server *s, int fd)
{
    struct connection *c = calloc(1, sizeof *c);
    size_t k = s->connections;

    must(c != NULL && k < MAX_CONNECTIONS, "too many connections");
    s->all[k] = c;
    must((c->buf = malloc(MAX_REQUEST + 1)) != NULL, "malloc");
    c->server = s;
    c->fd = fd;
    c->script = s->scripts[k < s->n_scripts ? k : s->n_scripts - 1];
    pthread_mutex_lock(&s->lock);
    s->connections++;
    pthread_mutex_unlock(&s->lock);
    must(pthread_create(&s->threads[k], NULL, serve, c) == 0, "pthread_create");
}

static void *accept_all(void *arg)
{
    struct raw_server *s = arg;
    bool quit = false;
    int fd;

    while (!quit)
        if (wait_input(s, s->listener, -1, &quit) && (fd = accept(s->listener, NULL, NULL)) >= 0)
            begin(s, fd);
    return NULL;
}

static int listen_tcp(int *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    must(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, 128) == 0 &&
             getsockname(fd, (struct sockaddr *)&a, &len) == 0,
         "listen");
    *port = ntohs(a.sin_port);
    return fd;
}

static int listen_unix(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    must(strlen(path) < sizeof a.sun_path, path);
    memcpy(a.sun_path, path, strlen(path));
    unlink(path);
    must(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, 128) == 0, path);
    return fd;
}

static struct raw_server *start(int listener, int port, const struct raw_step *const *scripts,
                                size_t n_scripts)
{
    struct raw_server *s = calloc(1, sizeof *s);

    must(s != NULL && pipe(s->quit) == 0, "raw_server");
    s->scripts = scripts;
    s->n_scripts = n_scripts;
    s->listener = listener;
    s->port = port;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    must(pthread_create(&s->acceptor, NULL, accept_all, s) == 0, "pthread_create");
    return s;
}

struct raw_server *raw_server_new(const struct raw_step *const *scripts, size_t n_scripts)
{
    int port, fd = listen_tcp(&port);

    return start(fd, port, scripts, n_scripts);
}

struct raw_server *raw_server_new_unix(const char *path, const struct raw_step *const *scripts,
                                       size_t n_scripts)
{
    return start(listen_unix(path), 0, scripts, n_scripts);
}

void raw_server_free(struct raw_server *s)
{
    size_t i;

    raw_server_open_gate(s);
    close(s->quit[1]);
    pthread_join(s->acceptor, NULL);
    for (i = 0; i < s->connections; i++) {
        pthread_join(s->threads[i], NULL);
        free(s->all[i]);
    }
    close(s->quit[0]);
    close(s->listener);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s->last);
    free(s);
}

int raw_server_port(const struct raw_server *s)
{
    return s->port;
}

static size_t read_count(struct raw_server *s, const size_t *count)
{
    size_t n;

    pthread_mutex_lock(&s->lock);
    n = *count;
    pthread_mutex_unlock(&s->lock);
    return n;
}

size_t raw_server_connections(struct raw_server *s)
{
    return read_count(s, &s->connections);
}

size_t raw_server_requests(struct raw_server *s)
{
    return read_count(s, &s->requests);
}

void raw_server_open_gate(struct raw_server *s)
{
    pthread_mutex_lock(&s->lock);
    s->gate_open = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static void await(struct raw_server *s, const size_t *count, size_t n)
{
    pthread_mutex_lock(&s->lock);
    while (*count < n)
        pthread_cond_wait(&s->changed, &s->lock);
    pthread_mutex_unlock(&s->lock);
}

void raw_server_await_closed(struct raw_server *s, size_t n)
{
    await(s, &s->closed, n);
}

void raw_server_await_requests(struct raw_server *s, size_t n)
{
    await(s, &s->requests, n);
}

/* The next of this process' descriptors, from `fd` on, that is a connection to it; -1: none. */
static int peer_from(const struct raw_server *s, int fd)
{
    struct sockaddr_in a = {0};
    socklen_t n;

    for (; fd < MAX_DESCRIPTORS; fd++) {
        n = sizeof a;
        if (getpeername(fd, (struct sockaddr *)&a, &n) == 0 && a.sin_family == AF_INET &&
            ntohs(a.sin_port) == s->port)
            return fd;
    }
    return -1;
}

int raw_server_peer(const struct raw_server *s)
{
    return peer_from(s, 0);
}

void raw_server_await_arrived(const struct raw_server *s)
{
    int fd;

    for (fd = peer_from(s, 0); fd >= 0; fd = peer_from(s, fd + 1)) {
        struct pollfd p = {.fd = fd, .events = POLLIN};

        (void)poll(&p, 1, -1);
    }
}

void raw_server_await_sends(struct raw_server *s, size_t n)
{
    await(s, &s->sends, n);
}

char *raw_server_last(struct raw_server *s, size_t *len)
{
    char *copy;

    pthread_mutex_lock(&s->lock);
    copy = calloc(1, s->last_len + 1);
    must(copy != NULL && s->last != NULL, "no request arrived");
    memcpy(copy, s->last, s->last_len);
    *len = s->last_len;
    pthread_mutex_unlock(&s->lock);
    return copy;
}
