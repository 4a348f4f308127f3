#include "itriggerd/http_server.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "itriggerd/log.h"
#include "itriggerd/now.h"
#include "itriggerd/serve.h"

#define FIRST_REQUEST_MS 10000 /* from accept, TLS included, to a complete request */
#define REQUEST_MS 10000       /* from the request line to a complete request */
#define NEXT_REQUEST_MS 75000  /* from one answer to the next complete request */
#define SWALLOW_MAX ((size_t)1 << 20)
#define IDLE_S 75u
#define MEMORY_PER_CONNECTION ((size_t)16 * 1024) /* request line and headers have to fit */
#define PANIC_LOG_MS 500
#define HEARD_MAX 400 /* bytes of a message of libmicrohttpd */

/* TLS 1.2 and 1.3; forward secrecy and authenticated encryption only. */
static char tls_versions[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:"
                             "+ECDHE-RSA:-CIPHER-ALL:+AES-256-GCM:+CHACHA20-POLY1305:"
                             "+AES-128-GCM:-MAC-ALL:+AEAD";

/* One request of the library's. */
struct http_request {
    struct serving serving;
    struct itr_buf body;
    size_t body_seen; /* also what no longer fits, or is not waited for */
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

static void set_deadline(struct MHD_Connection *c, int64_t ms, bool idle)
{
    struct connection *mine = connection_of(c);

    if (mine == NULL)
        return;
    atomic_store(&mine->deadline_mono_ms, ms == INT64_MAX ? ms : now_mono() + ms);
    atomic_store(&mine->idle, idle);
}

static void begin_connection(struct server *s, struct MHD_Connection *c, void **connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct connection *mine = info == NULL ? NULL
                                           : connections_begin(&s->connections, info->connect_fd,
                                                               now_mono() + FIRST_REQUEST_MS);

    *connection = mine;
    info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    if (mine == NULL || info == NULL || info->tls_session == NULL)
        return;
    if ((mine->certificate = server_certificate(s)) != NULL)
        (void)gnutls_credentials_set(info->tls_session, GNUTLS_CRD_CERTIFICATE,
                                     mine->certificate->credentials);
}

static void notice_connection(void *ctx, struct MHD_Connection *c, void **connection,
                              enum MHD_ConnectionNotificationCode what)
{
    struct server *s = ctx;
    struct connection *mine = *connection;

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        begin_connection(s, c, connection);
    } else if (mine != NULL) {
        certificate_release(mine->certificate);
        connections_remove(&s->connections, mine);
        *connection = NULL;
    }
}

/* The first line of a request was read; NULL is the initial value of *request. */
static void *notice_request(void *ctx, const char *uri, struct MHD_Connection *c)
{
    (void)ctx;
    (void)uri;
    set_deadline(c, REQUEST_MS, false);
    return NULL;
}

/* Text stays percent-encoded: http_api must distinguish "/" from "%2F". */
static size_t leave_escaped(void *ctx, struct MHD_Connection *c, char *text)
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

/* A request without a valid key ends its connection. So does a body that is too large: what is left
 * unread would be parsed as the next request. */
static bool closes_after(struct server *server, struct MHD_Connection *c, const struct serving *s)
{
    struct connection *mine = connection_of(c);

    if (mine != NULL && s->admitted)
        connections_know(&server->connections, mine);
    return !s->admitted || s->reply.http_status == 413 || mine == NULL ||
           atomic_load(&server->draining);
}

static void add_headers(struct MHD_Response *m, const struct reply *r, bool close_after)
{
    char seconds[16];

    add(m, MHD_HTTP_HEADER_CONTENT_TYPE, r->content_type);
    add(m, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (r->policy != NULL) {
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

static enum MHD_Result respond(struct MHD_Connection *c, const struct serving *s)
{
    const struct reply *r = &s->reply;
    struct MHD_Response *m =
        MHD_create_response_from_buffer(r->body.len, r->body.data, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result queued;

    if (m == NULL)
        return MHD_NO;
    add_headers(m, r, closes_after(s->server, c, s));
    set_deadline(c, NEXT_REQUEST_MS, true);
    queued = MHD_queue_response(c, (unsigned)r->http_status, m);
    MHD_destroy_response(m);
    return queued;
}

/* ---- the request ---- */

static void resume(void *ctx)
{
    MHD_resume_connection(ctx);
}

static struct http_request *begin(struct server *server, struct MHD_Connection *c)
{
    struct http_request *q = malloc(sizeof *q);

    if (q == NULL)
        return NULL;
    serving_init(&q->serving, server);
    q->serving.waiter.resume = resume;
    q->serving.waiter.ctx = c;
    q->serving.waiter.fd = fd_of(c);
    itr_buf_init(&q->body, API_BODY_MAX);
    q->body_seen = 0;
    q->waits = false;
    atomic_fetch_add(&server->busy, 1);
    return q;
}

static void notice_completed(void *ctx, struct MHD_Connection *c, void **request,
                             enum MHD_RequestTerminationCode why)
{
    struct server *server = ctx;
    struct http_request *q = *request;

    (void)c;
    (void)why;
    if (q == NULL)
        return;
    serving_clear(&q->serving);
    itr_buf_clear(&q->body);
    free(q);
    *request = NULL;
    atomic_fetch_sub(&server->busy, 1);
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

static enum serve_result serve(struct MHD_Connection *c, struct http_request *q, const char *url,
                               const char *method)
{
    const struct connection *mine = connection_of(c);
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
    r.body_is_cut = q->body_seen > API_BODY_MAX;
    r.peer = mine != NULL ? mine->address : 0;
    return serve_begin(&q->serving, &r, mine != NULL && mine->trusted);
}

/* Once it is suspended another thread may resume it, and it may be over: q is not touched then. */
static enum MHD_Result go_on(struct MHD_Connection *c, struct http_request *q,
                             enum serve_result result)
{
    if (result == SERVE_DONE)
        return respond(c, &q->serving);
    q->waits = true;
    set_deadline(c, INT64_MAX, false);
    MHD_suspend_connection(c);
    waiter_suspended(&q->serving.waiter);
    return MHD_YES;
}

/* A body that says how long it is is turned away before it comes. */
static enum MHD_Result take_head(struct MHD_Connection *c, struct http_request *q, const char *url,
                                 const char *method)
{
    const char *length =
        MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);

    if (length == NULL || strtoull(length, NULL, 10) <= API_BODY_MAX)
        return MHD_YES;
    q->body_seen = API_BODY_MAX + 1;
    return go_on(c, q, serve(c, q, url, method));
}

static enum MHD_Result take_request(void *ctx, struct MHD_Connection *c, const char *url,
                                    const char *method, const char *version, const char *upload,
                                    size_t *upload_len, void **request)
{
    struct http_request *q = *request;

    (void)version;
    if (q == NULL) {
        if ((*request = q = begin(ctx, c)) == NULL)
            return MHD_NO;
        return take_head(c, q, url, method);
    }
    if (*upload_len > 0)
        return take_body(q, upload, upload_len);
    return go_on(c, q, q->waits ? serve_again(&q->serving) : serve(c, q, url, method));
}

/* ---- the server ---- */

/* Most of its messages are about mistakes of clients, who are told themselves. Others are about
 * connections that it drops silently; nothing else reports those. */
static void hear(void *ctx, const char *fmt, va_list args)
{
    char text[HEARD_MAX];

    (void)ctx;
    (void)vsnprintf(text, sizeof text, fmt, args);
    text[strcspn(text, "\n")] = '\0';
    log_debug("http", NULL, "%s", text);
}

/* A fault of the library's: the last words say which. */
static void panic(void *ctx, const char *file, unsigned line, const char *reason)
{
    (void)ctx;
    log_error("http", NULL, "libmicrohttpd cannot go on (%s:%u): %s", file, line, reason);
    log_flush(PANIC_LOG_MS);
    abort();
}

/* Each connection is given its certificate when it begins; one without it fails here. */
static int refuse_handshake(gnutls_session_t session, const gnutls_datum_t *authorities,
                            int n_authorities, const gnutls_pk_algorithm_t *algorithms,
                            int n_algorithms, gnutls_pcert_st **chain, unsigned *n_chain,
                            gnutls_privkey_t *key)
{
    (void)session;
    (void)authorities;
    (void)n_authorities;
    (void)algorithms;
    (void)n_algorithms;
    (void)chain;
    (void)n_chain;
    (void)key;
    return -1;
}

struct MHD_Daemon *http_server_start(struct server *s, bool tls, unsigned threads)
{
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC |
                     MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem for_tls[] = {{MHD_OPTION_HTTPS_CERT_CALLBACK, 0, NULL},
                                       {MHD_OPTION_HTTPS_PRIORITIES, 0, tls_versions},
                                       {MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem pool[] = {{MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)threads, NULL},
                                    {MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};

    if (tls)
        flags |= MHD_USE_TLS;
    for_tls[0].ptr_value = (void *)(intptr_t)refuse_handshake;
    MHD_set_panic_func(panic, NULL);
    /* The limit is ours (connections.h); each of its threads has a share of the library's. */
    return MHD_start_daemon(
        flags, 0, NULL, NULL, take_request, s, MHD_OPTION_EXTERNAL_LOGGER, hear, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, notice_completed, s, MHD_OPTION_NOTIFY_CONNECTION,
        notice_connection, s, MHD_OPTION_URI_LOG_CALLBACK, notice_request, s,
        MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        MEMORY_PER_CONNECTION, MHD_OPTION_CONNECTION_LIMIT,
        2 * threads * (unsigned)s->connections.max, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY, tls ? for_tls : none, MHD_OPTION_ARRAY,
        threads > 1 ? pool : none, MHD_OPTION_END);
}

void http_server_add(struct MHD_Daemon *http, struct server *s, int fd, const struct sockaddr *peer,
                     socklen_t len)
{
    if (MHD_add_connection(http, fd, peer, len) != MHD_YES)
        connections_lose(&s->connections, fd);
}

void http_server_stop(struct MHD_Daemon *http)
{
    if (http != NULL)
        MHD_stop_daemon(http);
}
