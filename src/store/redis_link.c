#include "store/redis_link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "store/redis_error.h"
#include "store/redis_tls.h"

static enum itr_status fail_link(const struct itr_redis_link *r, struct itr_error *e)
{
    const redisContext *link = r->context;
    char what[200];

    if (link == NULL)
        return itr_error_set(e, ITR_NOMEM, "no memory");
    if (link->err == REDIS_ERR_IO && (errno == EAGAIN || errno == ETIMEDOUT))
        snprintf(what, sizeof what, "no answer within %d ms", r->url->timeout_ms);
    else
        snprintf(what, sizeof what, "%.120s", link->errstr);
    return itr_redis_fail(r->id, what, e);
}

void itr_redis_link_drop(struct itr_redis_link *r)
{
    if (r->context != NULL)
        redisFree(r->context);
    r->context = NULL;
}

enum itr_status itr_redis_link_reply(struct itr_redis_link *r, int type, redisReply **out,
                                     bool *broken, struct itr_error *e)
{
    void *got = NULL;
    redisReply *reply;
    enum itr_status s = ITR_OK;

    *out = NULL;
    errno = 0;
    *broken = redisGetReply(r->context, &got) != REDIS_OK;
    if (*broken)
        return fail_link(r, e);
    reply = got;
    if (reply->type == REDIS_REPLY_ERROR)
        s = itr_redis_fail_reply(r->id, reply->str, e);
    else if (reply->type != type && !(type == REDIS_REPLY_STRING && reply->type == REDIS_REPLY_NIL))
        s = itr_redis_fail(r->id, "it answered something that Redis would not", e);
    if (s == ITR_OK)
        *out = reply;
    else
        freeReplyObject(reply);
    return s;
}

static enum itr_status start_tls(struct itr_redis_link *r, struct itr_error *e)
{
    char what[200];
    enum itr_status s;

    if (!r->url->is_tls)
        return ITR_OK;
    s = itr_redis_tls_start(r->context, r->url, what, sizeof what);
    if (s == ITR_STORE)
        return itr_redis_fail(r->id, what, e);
    return s == ITR_OK ? ITR_OK : itr_error_set(e, s, "no memory");
}

/* Says one command and expects "OK". */
static enum itr_status say(struct itr_redis_link *r, int argc, const char **argv,
                           struct itr_error *e)
{
    redisReply *reply;
    bool broken;
    enum itr_status s;

    if (redisAppendCommandArgv(r->context, argc, argv, NULL) != REDIS_OK)
        return fail_link(r, e);
    s = itr_redis_link_reply(r, REDIS_REPLY_STATUS, &reply, &broken, e);
    if (reply != NULL)
        freeReplyObject(reply);
    return s;
}

static enum itr_status log_in(struct itr_redis_link *r, struct itr_error *e)
{
    const struct itr_redis_url *u = r->url;
    const char *with_user[] = {"AUTH", u->user, u->password};
    const char *without[] = {"AUTH", u->password};
    enum itr_status s;

    if (!u->has_password)
        return ITR_OK;
    s = u->user[0] != '\0' ? say(r, 3, with_user, e) : say(r, 2, without, e);
    /* Before Redis 6 a wrong password is only "ERR". */
    if (s == ITR_STORE && e != NULL && strstr(e->text, "the error ERR") != NULL)
        return itr_redis_fail(r->id, "it refuses the user or password, or wants none", e);
    return s;
}

static enum itr_status choose_db(struct itr_redis_link *r, struct itr_error *e)
{
    char db[16];
    const char *argv[] = {"SELECT", db};

    if (r->url->db == 0)
        return ITR_OK;
    snprintf(db, sizeof db, "%d", r->url->db);
    return say(r, 2, argv, e);
}

enum itr_status itr_redis_link_open(struct itr_redis_link *r, struct itr_error *e)
{
    struct timeval t = {r->url->timeout_ms / 1000, r->url->timeout_ms % 1000 * 1000};
    enum itr_status s = ITR_OK;

    r->context = r->url->path[0] != '\0' ? redisConnectUnixWithTimeout(r->url->path, t)
                                         : redisConnectWithTimeout(r->url->host, r->url->port, t);
    if (r->context == NULL || r->context->err != 0 || redisSetTimeout(r->context, t) != REDIS_OK) {
        s = fail_link(r, e);
    } else {
        (void)fcntl(r->context->fd, F_SETFD, FD_CLOEXEC);
        if ((s = start_tls(r, e)) == ITR_OK && (s = log_in(r, e)) == ITR_OK)
            s = choose_db(r, e);
    }
    if (s != ITR_OK)
        itr_redis_link_drop(r);
    return s;
}

void itr_redis_link_abandon(struct itr_redis_link *r)
{
    if (r->context != NULL)
        close(r->context->fd);
    r->context = NULL;
}
