/*
 * redis_link on any answers of a server. The first byte of the input says which type each command
 * expects in turn; the rest is what the server sends before it closes the connection.
 *
 * There is always an outcome: a reply of the type that was asked for, or nil, bounded as it was
 * promised; or an error of the store whose text can be shown. No wait goes past its deadline.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/utf8.h"
#include "fuzz.h"
#include "store/redis_link.h"

#define INPUT_MAX 60000 /* so much a socket takes without a reader */
#define COMMANDS 200

static void check_bytes(const redisReply *r)
{
    CHECK(r->str != NULL && r->len <= INPUT_MAX);
}

static void check_reply(const redisReply *r, int type)
{
    size_t i;

    CHECK(r != NULL && (r->type == type || r->type == REDIS_REPLY_NIL));
    if (r->type == REDIS_REPLY_STRING || r->type == REDIS_REPLY_STATUS)
        check_bytes(r);
    if (r->type == REDIS_REPLY_ARRAY) {
        CHECK(r->elements <= 64);
        for (i = 0; i < r->elements; i++)
            CHECK(r->element[i] != NULL);
    }
}

static void check_place(const struct itr_redis_place *place)
{
    CHECK(memchr(place->host, '\0', sizeof place->host) != NULL);
    CHECK(place->port >= 0 && place->port <= 65535);
}

static void check_error(const struct itr_redis_link *l, enum itr_redis_said said,
                        const struct itr_error *e)
{
    if (said == ITR_REDIS_MOVED || said == ITR_REDIS_ASK) {
        check_place(&l->elsewhere);
    } else if (said != ITR_REDIS_NOSCRIPT) {
        CHECK(e->kind == ITR_STORE && e->text[0] != '\0');
        CHECK(itr_utf8_valid(e->text, strlen(e->text)));
        CHECK(strpbrk(e->text, "\r\n\x1b") == NULL);
    }
}

/* Ask until the connection is of no more use. */
static void play(struct itr_redis_link *l, uint8_t knob)
{
    static const int types[] = {REDIS_REPLY_STRING, REDIS_REPLY_STATUS, REDIS_REPLY_ARRAY,
                                REDIS_REPLY_INTEGER};
    static const char *const argv[] = {"GET", "key"};
    enum itr_redis_said said = ITR_REDIS_OK;
    struct itr_error e;
    redisReply *reply;
    int i;

    for (i = 0; i < COMMANDS && said != ITR_REDIS_LOST; i++) {
        int type = types[(knob >> i % 4 * 2) % 4];
        memset(&e, 0, sizeof e);
        CHECK(itr_redis_link_add(l, 2, argv, NULL));
        said = itr_redis_link_reply(l, type, &reply, &e);
        CHECK((said == ITR_REDIS_OK) == (reply != NULL));
        if (said == ITR_REDIS_OK)
            check_reply(reply, type);
        else
            check_error(l, said, &e);
        itr_redis_link_free_reply(reply);
    }
}

static void take_socket(struct itr_redis_link *l, const uint8_t *data, size_t size)
{
    int pair[2];

    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    CHECK(size == 0 || send(pair[1], data, size, 0) == (ssize_t)size);
    CHECK(itr_private_fd_socket(&l->fd, AF_UNIX, SOCK_STREAM));
    CHECK(dup2(pair[0], l->fd.fd) == l->fd.fd);
    close(pair[0]);
    close(pair[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct itr_redis_url url;
    struct itr_redis_owner owner = {&url, "redis://127.0.0.1/0"};
    struct itr_redis_link *l;
    struct itr_error e;

    if (size < 1 || size > INPUT_MAX)
        return 0;
    if (url.n_hosts == 0)
        CHECK(itr_redis_url_read("redis://127.0.0.1/0", &url, &e) == ITR_OK);
    /* The peer is gone: who waits for more is found by the fuzzer's own time limit. */
    l = itr_redis_link_new(&owner, &url.hosts[0],
                           itr_clock_mono_ms(itr_clock_system()) + INT64_C(3600000));
    CHECK(l != NULL);
    take_socket(l, data + 1, size - 1);
    play(l, data[0]);
    itr_redis_link_free(l);
    return 0;
}
