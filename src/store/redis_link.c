#include "store/redis_link.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/bound.h"
#include "core/base/clock.h"
#include "core/os/descriptors.h"

/*
 * Design notes
 * - Each step (a connect with its TLS and login, a reply) has timeout_ms, and all steps of one
 *   operation end by until_mono_ms.
 * - What a hostile or confused server can make us keep is bounded: REPLY_MAX bytes a reply, and
 *   ARRAY_MAX elements an array, which hiredis would allocate before they came. hiredis 1 nests
 *   without limit and frees by recursion, for which a stack could be too small: NESTED_MAX.
 */

#define REPLY_MAX 65536
#define ARRAY_MAX 64
#define NESTED_MAX 4 /* arrays in arrays; ROLE answers three */
#define OUT_MAX 16384
/* No connection is used for longer: a firewall may have dropped it, or its server, cut off from the
 * others, not know that it is not the master any more. */
#define AGE_MS 30000

static int64_t now_ms(void)
{
    return itr_clock_mono_ms(itr_clock_system());
}

static int64_t step_end_ms(const struct itr_redis_link *l)
{
    return itr_min64(now_ms() + l->owner.url->timeout_ms, l->until_mono_ms);
}

/* ---- errors ---- */

/* The place tells more than the address if that names several, or none of them. */
static bool place_is_worth_saying(const struct itr_redis_link *l)
{
    const struct itr_redis_url *u = l->owner.url;

    return u->is_sentinel || u->n_hosts > 1 ||
           (u->n_hosts == 1 &&
            (strcmp(u->hosts[0].host, l->place.host) != 0 || u->hosts[0].port != l->place.port));
}

enum itr_redis_said itr_redis_link_fail(const struct itr_redis_link *l, enum itr_redis_said said,
                                        const char *what, struct itr_error *e)
{
    (void)itr_redis_fail(l->owner.id, place_is_worth_saying(l) ? &l->place : NULL, what, e);
    return said;
}

static enum itr_redis_said no_memory(struct itr_error *e)
{
    (void)itr_error_set(e, ITR_NOMEM, "no memory");
    return ITR_REDIS_NOMEM;
}

static enum itr_redis_said fail_timeout(const struct itr_redis_link *l, const char *what,
                                        struct itr_error *e)
{
    char text[80];

    (void)snprintf(text, sizeof text, "%s within %d ms", what, l->owner.url->timeout_ms);
    return itr_redis_link_fail(l, ITR_REDIS_LOST, text, e);
}

static enum itr_redis_said fail_errno(const struct itr_redis_link *l, const char *what,
                                      struct itr_error *e)
{
    char text[ITR_DESCRIPTORS_TEXT + 40], reason[ITR_DESCRIPTORS_TEXT];

    (void)snprintf(text, sizeof text, "%.30s: %s", what, itr_descriptors_explain(errno, reason));
    return itr_redis_link_fail(l, ITR_REDIS_LOST, text, e);
}

/* ---- making one ---- */

#if HIREDIS_MAJOR >= 1
typedef size_t array_length;
#else
typedef int array_length;
#endif

/* Return how many arrays the one that is being read is in, itself among them. */
static int depth_of(const redisReadTask *task)
{
    int depth = 0;

    for (; task != NULL; task = task->parent)
        depth++;
    return depth;
}

/* hiredis takes NULL for a lack of memory, and then the reply fails. */
static void *create_small_array(const redisReadTask *task, array_length n)
{
    const struct itr_redis_link *l = task->privdata;

    if (n > ARRAY_MAX || depth_of(task) > NESTED_MAX)
        return NULL;
    return l->hiredis_functions->createArray(task, n);
}

struct itr_redis_link *itr_redis_link_new(const struct itr_redis_owner *owner,
                                          const struct itr_redis_place *place,
                                          int64_t until_mono_ms)
{
    struct itr_redis_link *l = calloc(1, sizeof *l);

    if (l == NULL)
        return NULL;
    itr_list_init(&l->node);
    itr_private_fd_init(&l->fd);
    itr_buf_init_secret(&l->out, OUT_MAX);
    l->owner = *owner;
    l->place = *place;
    l->until_mono_ms = until_mono_ms;
    if ((l->reader = redisReaderCreate()) == NULL) {
        itr_redis_link_free(l);
        return NULL;
    }
    l->hiredis_functions = l->reader->fn;
    l->functions = *l->reader->fn;
    l->functions.createArray = create_small_array;
    l->reader->fn = &l->functions;
    l->reader->privdata = l;
    return l;
}

void itr_redis_link_free(struct itr_redis_link *l)
{
    if (l->tls != NULL)
        itr_redis_tls_free(l->tls);
    (void)itr_private_fd_close(&l->fd);
    if (l->reader != NULL)
        redisReaderFree(l->reader);
    itr_buf_clear(&l->out);
    free(l);
}

bool itr_redis_link_is_usable(const struct itr_redis_link *l, int64_t now_mono_ms)
{
    struct pollfd p = {.fd = l->fd.fd, .events = POLLIN};

    /* Nothing is owed to us: bytes, or the end of them, are a goodbye or nonsense. */
    return l->fd.fd >= 0 && l->taken == 0 && now_mono_ms - l->made_mono_ms < AGE_MS &&
           poll(&p, 1, 0) == 0;
}

/* ---- waiting ---- */

enum waited { WAITED, TIMED_OUT, FAILED };

static enum waited wait_for(int fd, short events, int64_t until_ms)
{
    struct pollfd p = {.fd = fd, .events = events};
    int64_t left;
    int n;

    do {
        left = until_ms - now_ms();
        n = poll(&p, 1, left > 0 ? (int)left : 0);
    } while (n < 0 && errno == EINTR);
    if (n > 0)
        return WAITED;
    return n == 0 ? TIMED_OUT : FAILED;
}

/* ---- connecting ---- */

/* ITR_REDIS_OK: connected. */
static enum itr_redis_said connect_socket(struct itr_redis_link *l, const struct sockaddr *address,
                                          socklen_t n, int64_t until_ms, struct itr_error *e)
{
    int wrong = 0, one = 1;
    socklen_t size = sizeof wrong;

    if (!itr_private_fd_socket(&l->fd, address->sa_family, SOCK_STREAM | SOCK_NONBLOCK))
        return fail_errno(l, "cannot make a socket", e);
    if (address->sa_family != AF_UNIX)
        (void)setsockopt(l->fd.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(l->fd.fd, address, n) != 0) {
        if (errno != EINPROGRESS && errno != EINTR)
            return fail_errno(l, "cannot connect", e);
        if (wait_for(l->fd.fd, POLLOUT, until_ms) == TIMED_OUT)
            return fail_timeout(l, "no connection", e);
        if (getsockopt(l->fd.fd, SOL_SOCKET, SO_ERROR, &wrong, &size) != 0 || wrong != 0) {
            errno = wrong != 0 ? wrong : errno;
            return fail_errno(l, "cannot connect", e);
        }
    }
    return ITR_REDIS_OK;
}

static enum itr_redis_said connect_unix(struct itr_redis_link *l, int64_t until_ms,
                                        struct itr_error *e)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    if (strlen(l->owner.url->path) >= sizeof a.sun_path)
        return itr_redis_link_fail(l, ITR_REDIS_LOST, "the path of its socket is too long", e);
    memcpy(a.sun_path, l->owner.url->path, strlen(l->owner.url->path) + 1);
    return connect_socket(l, (struct sockaddr *)&a, sizeof a, until_ms, e);
}

/* One address after another; the last one has all the time that is left. */
static enum itr_redis_said connect_each(struct itr_redis_link *l, const struct addrinfo *list,
                                        int64_t until_ms, struct itr_error *e)
{
    enum itr_redis_said said = ITR_REDIS_LOST;
    const struct addrinfo *a;
    int64_t now, end_ms;

    for (a = list; a != NULL && said != ITR_REDIS_OK; a = a->ai_next) {
        (void)itr_private_fd_close(&l->fd);
        now = now_ms();
        end_ms = a->ai_next != NULL ? now + (until_ms - now) / 2 : until_ms;
        said = connect_socket(l, a->ai_addr, a->ai_addrlen, end_ms, e);
    }
    return said;
}

static enum itr_redis_said connect_tcp(struct itr_redis_link *l, int64_t until_ms,
                                       struct itr_error *e)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *list = NULL;
    enum itr_redis_said said;
    char port[12], text[160];
    int rc;

    (void)snprintf(port, sizeof port, "%d", l->place.port);
    if ((rc = getaddrinfo(l->place.host, port, &hints, &list)) != 0) {
        (void)snprintf(text, sizeof text, "cannot resolve its name: %.100s", gai_strerror(rc));
        return itr_redis_link_fail(l, ITR_REDIS_LOST, text, e);
    }
    said = connect_each(l, list, until_ms, e);
    freeaddrinfo(list);
    return said;
}

static enum itr_redis_said start_tls(struct itr_redis_link *l, int64_t until_ms,
                                     struct itr_error *e)
{
    enum itr_status s;
    char what[200];
    short events;

    s = itr_redis_tls_new(l->fd.fd, l->place.host, l->owner.url->ca_file, &l->tls, what,
                          sizeof what);
    if (s != ITR_OK)
        return s == ITR_NOMEM ? no_memory(e) : itr_redis_link_fail(l, ITR_REDIS_ERROR, what, e);
    while (itr_redis_tls_shake(l->tls, &events) <= 0) {
        if (events == 0) {
            itr_redis_tls_explain(l->tls, what, sizeof what);
            return itr_redis_link_fail(l, ITR_REDIS_LOST, what, e);
        }
        if (wait_for(l->fd.fd, events, until_ms) != WAITED)
            return fail_timeout(l, "no TLS", e);
    }
    return ITR_REDIS_OK;
}

/* Send one command whose answer is "OK". */
static enum itr_redis_said command(struct itr_redis_link *l, int argc, const char *const *argv,
                                   struct itr_error *e)
{
    enum itr_redis_said said;
    redisReply *reply;

    if (!itr_redis_link_add(l, argc, argv, NULL))
        return no_memory(e);
    said = itr_redis_link_reply(l, REDIS_REPLY_STATUS, &reply, e);
    itr_redis_link_free_reply(reply);
    return said;
}

static enum itr_redis_said log_in(struct itr_redis_link *l, const struct itr_redis_login *login,
                                  struct itr_error *e)
{
    const char *with_user[] = {"AUTH", login->user, login->password};
    const char *without[] = {"AUTH", login->password};

    if (!login->has_password)
        return ITR_REDIS_OK;
    return login->user[0] != '\0' ? command(l, 3, with_user, e) : command(l, 2, without, e);
}

static enum itr_redis_said select_db(struct itr_redis_link *l, struct itr_error *e)
{
    char db[16];
    const char *argv[] = {"SELECT", db};

    if (l->owner.url->db == 0)
        return ITR_REDIS_OK;
    (void)snprintf(db, sizeof db, "%d", l->owner.url->db);
    return command(l, 2, argv, e);
}

enum itr_redis_said itr_redis_link_connect(struct itr_redis_link *l, bool is_sentinel,
                                           struct itr_error *e)
{
    const struct itr_redis_url *u = l->owner.url;
    int64_t until_ms = step_end_ms(l);
    enum itr_redis_said said;

    said = l->place.host[0] == '\0' ? connect_unix(l, until_ms, e) : connect_tcp(l, until_ms, e);
    if (said == ITR_REDIS_OK && u->is_tls)
        said = start_tls(l, until_ms, e);
    if (said == ITR_REDIS_OK)
        said = log_in(l, is_sentinel ? &u->sentinel_login : &u->login, e);
    if (said == ITR_REDIS_OK && !is_sentinel)
        said = select_db(l, e);
    l->made_mono_ms = now_ms();
    return said;
}

/* ---- commands ---- */

bool itr_redis_link_add(struct itr_redis_link *l, int argc, const char *const *argv,
                        const size_t *lens)
{
    enum itr_status s = itr_buf_append_fmt(&l->out, "*%d\r\n", argc);
    int i;

    for (i = 0; i < argc && s == ITR_OK; i++) {
        size_t n = lens != NULL ? lens[i] : strlen(argv[i]);
        if ((s = itr_buf_append_fmt(&l->out, "$%zu\r\n", n)) == ITR_OK &&
            (s = itr_buf_append(&l->out, argv[i], n)) == ITR_OK)
            s = itr_buf_append_str(&l->out, "\r\n");
    }
    return s == ITR_OK;
}

/* As the TLS functions: bytes, 0 at the end, -1 and what to wait for. */
static long read_some(struct itr_redis_link *l, char *bytes, size_t n, short *events)
{
    ssize_t got;

    if (l->tls != NULL)
        return itr_redis_tls_read(l->tls, bytes, n, events);
    do
        got = recv(l->fd.fd, bytes, n, 0);
    while (got < 0 && errno == EINTR);
    *events = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? POLLIN : 0;
    return (long)got;
}

static long write_some(struct itr_redis_link *l, const char *bytes, size_t n, short *events)
{
    ssize_t put;

    if (l->tls != NULL)
        return itr_redis_tls_write(l->tls, bytes, n, events);
    do
        put = send(l->fd.fd, bytes, n, MSG_NOSIGNAL);
    while (put < 0 && errno == EINTR);
    *events = put < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? POLLOUT : 0;
    return (long)put;
}

static enum itr_redis_said fail_closed(const struct itr_redis_link *l, struct itr_error *e)
{
    return itr_redis_link_fail(l, ITR_REDIS_LOST, "it closed the connection", e);
}

/* A server that turns us away (maxclients, protected mode) says so before it closes: so a failure
 * to write is left for the reading to find. */
static enum itr_redis_said send_all(struct itr_redis_link *l, int64_t until_ms, struct itr_error *e)
{
    size_t sent = 0;
    short events;
    long n;

    while (sent < l->out.len) {
        n = write_some(l, l->out.data + sent, l->out.len - sent, &events);
        if (n > 0)
            sent += (size_t)n;
        else if (events == 0)
            break;
        else if (wait_for(l->fd.fd, events, until_ms) != WAITED)
            return fail_timeout(l, "no answer", e);
    }
    itr_buf_reset(&l->out);
    return ITR_REDIS_OK;
}

/* The bytes that hiredis has read stay in its buffer. */
static void wipe_reader(struct itr_redis_link *l)
{
    if (l->reader->buf != NULL && l->reader->pos == l->reader->len)
        itr_wipe(l->reader->buf, l->reader->len);
}

/* Read until hiredis has a whole reply. */
static enum itr_redis_said read_reply(struct itr_redis_link *l, int64_t until_ms, void **got,
                                      struct itr_error *e)
{
    char bytes[4096];
    short events;
    long n;

    for (;;) {
        if (redisReaderGetReply(l->reader, got) != REDIS_OK || l->taken > REPLY_MAX)
            return itr_redis_link_fail(l, ITR_REDIS_LOST, "its answer makes no sense; is it Redis?",
                                       e);
        if (*got != NULL)
            return ITR_REDIS_OK;
        n = read_some(l, bytes, sizeof bytes, &events);
        if (n > 0) {
            l->taken += (size_t)n;
            if (redisReaderFeed(l->reader, bytes, (size_t)n) != REDIS_OK)
                return no_memory(e);
            itr_wipe(bytes, (size_t)n);
        } else if (events == 0) {
            return fail_closed(l, e);
        } else if (wait_for(l->fd.fd, events, until_ms) != WAITED) {
            return fail_timeout(l, "no answer", e);
        }
    }
}

/* An error that the server answered. */
static enum itr_redis_said read_error(struct itr_redis_link *l, const redisReply *reply,
                                      struct itr_error *e)
{
    char what[240];
    enum itr_redis_said said = itr_redis_error_read(reply->str, what, sizeof what, &l->elsewhere);

    if ((said == ITR_REDIS_MOVED || said == ITR_REDIS_ASK) && l->elsewhere.host[0] == '\0')
        memcpy(l->elsewhere.host, l->place.host, sizeof l->elsewhere.host);
    return itr_redis_link_fail(l, said, what, e);
}

enum itr_redis_said itr_redis_link_reply(struct itr_redis_link *l, int type, redisReply **out,
                                         struct itr_error *e)
{
    int64_t until_ms = step_end_ms(l);
    enum itr_redis_said said;
    redisReply *reply;
    void *got = NULL;

    *out = NULL;
    said = send_all(l, until_ms, e);
    if (said == ITR_REDIS_OK)
        said = read_reply(l, until_ms, &got, e);
    if (said != ITR_REDIS_OK) {
        if (got != NULL)
            freeReplyObject(got);
        return said;
    }
    l->taken = l->reader->len - l->reader->pos;
    wipe_reader(l);
    reply = got;
    if (reply->type == REDIS_REPLY_ERROR)
        said = read_error(l, reply, e);
    else if (reply->type != type && reply->type != REDIS_REPLY_NIL)
        said = itr_redis_link_fail(l, ITR_REDIS_LOST, "its answer is not what Redis answers", e);
    if (said == ITR_REDIS_OK)
        *out = reply;
    else
        itr_redis_link_free_reply(reply);
    return said;
}

void itr_redis_link_free_reply(redisReply *reply)
{
    size_t i;

    if (reply == NULL)
        return;
    if (reply->str != NULL)
        itr_wipe(reply->str, (size_t)reply->len);
    for (i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
        if (reply->element[i] != NULL && reply->element[i]->str != NULL)
            itr_wipe(reply->element[i]->str, (size_t)reply->element[i]->len);
    freeReplyObject(reply);
}
