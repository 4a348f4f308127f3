#include "itriggerd/http_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "itriggerd/listener.h"
#include "itriggerd/now.h"
#include "itriggerd/serve.h"

#define FIRST_REQUEST_MS 10000 /* from accept, TLS included, to a complete request */
#define REQUEST_MS 10000       /* from the request line to a complete request */
#define NEXT_REQUEST_MS 75000  /* from one answer to the next complete request */
#define SWALLOW_MAX ((size_t)1 << 20)

/* One request of the library's. */
struct http_request {
    struct serving serving;
    struct itr_buf body;
    size_t body_seen; /* also what no longer fits */
    bool waits;       /* suspended, or just resumed */
};

/* ---- connections ---- */

static struct connection *connection_of(struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info != NULL ? info->socket_context : NULL;
}

static int fd_of(struct MHD_Connection *c)
{
    const struct connection *mine = connection_of(c);

    return mine != NULL ? mine->fd : -1;
}

static void set_deadline(struct MHD_Connection *c, int64_t ms)
{
    struct connection *mine = connection_of(c);

    if (mine != NULL)
        atomic_store(&mine->deadline_mono_ms, ms == INT64_MAX ? ms : now_mono() + ms);
}

void http_server_connection(void *ctx, struct MHD_Connection *c, void **connection,
                            enum MHD_ConnectionNotificationCode what)
{
    struct server *s = ((struct listener *)ctx)->server;
    const union MHD_ConnectionInfo *info;
    const struct sockaddr *peer;

    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        connections_remove(&s->connections, *connection);
        *connection = NULL;
        return;
    }
    info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    peer = info != NULL ? info->client_addr : NULL;
    info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    *connection = info == NULL
                      ? NULL
                      : connections_add(&s->connections, info->connect_fd, peer,
                                        atomic_load(&s->generation), now_mono() + FIRST_REQUEST_MS);
}

void *http_server_begun(void *ctx, const char *uri, struct MHD_Connection *c)
{
    (void)ctx;
    (void)uri;
    set_deadline(c, REQUEST_MS);
    return NULL;
}

size_t http_server_unescape(void *ctx, struct MHD_Connection *c, char *text)
{
    (void)ctx;
    (void)c;
    return strlen(text);
}

/* ---- the response ---- */

static void add(struct MHD_Response *m, const char *name, const char *value)
{
    (void)MHD_add_response_header(m, name, value);
}

/* Whoever did not show a valid key does not keep a connection either. */
static bool closes_after(const struct listener *l, struct MHD_Connection *c,
                         const struct serving *s)
{
    struct connection *mine = connection_of(c);

    if (mine != NULL && s->admitted && !mine->known)
        connections_know(&l->server->connections, mine);
    return !s->admitted || atomic_load(&l->server->draining) || mine == NULL ||
           mine->generation != atomic_load(&l->server->generation);
}

static void add_headers(struct MHD_Response *m, const struct reply *r, bool close_after)
{
    char seconds[16];

    add(m, MHD_HTTP_HEADER_CONTENT_TYPE, r->content_type);
    add(m, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (r->policy[0] != '\0') {
        add(m, "Content-Security-Policy", r->policy);
        add(m, "X-Content-Type-Options", "nosniff");
        add(m, "Referrer-Policy", "no-referrer");
    }
    if (r->allow != NULL)
        add(m, MHD_HTTP_HEADER_ALLOW, r->allow);
    if (r->challenge != REPLY_NO_CHALLENGE)
        add(m, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer realm=\"itriggerd\"");
    if (r->challenge == REPLY_CHALLENGE_BASIC)
        add(m, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Basic realm=\"itriggerd\", charset=\"UTF-8\"");
    if (r->retry_after_s > 0) {
        (void)snprintf(seconds, sizeof seconds, "%d", r->retry_after_s);
        add(m, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    }
    if (close_after)
        add(m, MHD_HTTP_HEADER_CONNECTION, "close");
}

static enum MHD_Result respond(const struct listener *l, struct MHD_Connection *c,
                               const struct serving *s)
{
    const struct reply *r = &s->reply;
    struct MHD_Response *m =
        MHD_create_response_from_buffer(r->body.len, r->body.data, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result queued;

    if (m == NULL)
        return MHD_NO;
    add_headers(m, r, closes_after(l, c, s));
    set_deadline(c, NEXT_REQUEST_MS);
    queued = MHD_queue_response(c, (unsigned)r->http_status, m);
    MHD_destroy_response(m);
    return queued;
}

/* ---- the request ---- */

static void resume(void *ctx)
{
    MHD_resume_connection(ctx);
}

static struct http_request *begin(struct listener *l, struct MHD_Connection *c)
{
    struct http_request *q = malloc(sizeof *q);

    if (q == NULL)
        return NULL;
    serving_init(&q->serving, l->server);
    q->serving.waiter.resume = resume;
    q->serving.waiter.ctx = c;
    q->serving.waiter.fd = fd_of(c);
    itr_buf_init(&q->body, API_BODY_MAX);
    q->body_seen = 0;
    q->waits = false;
    atomic_fetch_add(&l->server->busy, 1);
    return q;
}

void http_server_completed(void *ctx, struct MHD_Connection *c, void **request,
                           enum MHD_RequestTerminationCode why)
{
    struct listener *l = ctx;
    struct http_request *q = *request;

    (void)c;
    (void)why;
    if (q == NULL)
        return;
    serving_clear(&q->serving);
    itr_buf_clear(&q->body);
    free(q);
    *request = NULL;
    atomic_fetch_sub(&l->server->busy, 1);
}

static enum MHD_Result respond_too_large(struct listener *l, struct MHD_Connection *c,
                                         struct http_request *q)
{
    reply_say(&q->serving.reply, 413, 413, "the request body is too large");
    return respond(l, c, &q->serving);
}

/* A body that says how long it is is turned away before it comes. */
static enum MHD_Result take_head(struct listener *l, struct MHD_Connection *c,
                                 struct http_request *q)
{
    const char *length =
        MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);

    if (length != NULL && strtoull(length, NULL, 10) > API_BODY_MAX)
        return respond_too_large(l, c, q);
    return MHD_YES;
}

static enum MHD_Result take_body(struct http_request *q, const char *upload, size_t *upload_len)
{
    q->body_seen += *upload_len;
    if (q->body_seen <= API_BODY_MAX && itr_buf_append(&q->body, upload, *upload_len) != ITR_OK)
        return MHD_NO;
    *upload_len = 0;
    return q->body_seen <= SWALLOW_MAX ? MHD_YES : MHD_NO;
}

static const char *query(struct MHD_Connection *c, const char *name)
{
    return MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, name);
}

static enum serve_result serve(struct listener *l, struct MHD_Connection *c, struct http_request *q,
                               const char *url, const char *method)
{
    struct api_request r = {0};

    r.method = method;
    r.path = url;
    r.authorization =
        MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
    r.accept_language =
        MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT_LANGUAGE);
    r.query_app_id = query(c, "appId");
    r.query_app_secret = query(c, "appSecret");
    r.query_newer_than = query(c, "newer_than");
    r.query_wait = query(c, "wait");
    r.body = itr_buf_str(&q->body);
    r.body_len = q->body.len;
    r.peer = connection_of(c) != NULL ? connection_of(c)->address : 0;
    return serve_begin(&q->serving, &r, l->address.is_unix);
}

/* Once it is suspended another thread may resume it, and it may be over: q is not touched then. */
static enum MHD_Result go_on(struct listener *l, struct MHD_Connection *c, struct http_request *q,
                             enum serve_result result)
{
    if (result == SERVE_DONE)
        return respond(l, c, &q->serving);
    q->waits = true;
    set_deadline(c, INT64_MAX);
    MHD_suspend_connection(c);
    waiter_suspended(&q->serving.waiter);
    return MHD_YES;
}

enum MHD_Result http_server_access(void *ctx, struct MHD_Connection *c, const char *url,
                                   const char *method, const char *version, const char *upload,
                                   size_t *upload_len, void **request)
{
    struct listener *l = ctx;
    struct http_request *q = *request;

    (void)version;
    if (q == NULL) {
        if ((*request = q = begin(l, c)) == NULL)
            return MHD_NO;
        return take_head(l, c, q);
    }
    if (*upload_len > 0)
        return take_body(q, upload, upload_len);
    if (q->body_seen > API_BODY_MAX)
        return respond_too_large(l, c, q);
    return go_on(l, c, q, q->waits ? serve_again(&q->serving) : serve(l, c, q, url, method));
}
