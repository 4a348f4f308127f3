#include "transport/curl_request.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/bound.h"
#include "core/base/clock.h"
#include "transport/curl_error.h"
#include "transport/curl_headers.h"
#include "transport/curl_outcome.h"

/* How often nothing is executed of one exchange until that is its end. A connection may take 20
 * requests and refuse the rest of 256. */
#define MOST_TRIES 50

/* ---- callbacks; they run inside libcurl and call nobody but may_send ---- */

/* libcurl is about to send it again. Is that because the server refused the stream or said GOAWAY
 * before it came to it, so that nothing was executed (RFC 9113, 8.7)? libcurl does not say; but
 * otherwise it repeats only what went over a connection that it chose more than once, and on HTTP/2
 * (not from 8.1 to 8.6) only after an error that it has words for. */
static bool is_refusal(const struct itr_curl_request *r)
{
    const struct itr_curl_socket *s = r->socket;

    if (r->text[0] != '\0' || r->broke)
        return false;
    if (r->on_fresh && !s->shared)
        return true;
    if (s == NULL || s->version != ITR_CURL_VERSION_2)
        return false;
    if (r->settings->refusal == ITR_CURL_REFUSAL_81)
        return s->goaway >= 0 && r->stream > s->goaway;
    return true;
}

/* The chosen connection is of no use to anybody: have libcurl close it, if nothing else is in
 * flight on it. Else an HTTP/2 one stays in its pool, and since 8.22 may be chosen for another
 * second. */
static enum itr_curl_stop refuse_connection(struct itr_curl_request *r)
{
    (void)curl_easy_setopt(r->easy, CURLOPT_FORBID_REUSE, 1L);
    return ITR_CURL_STALE;
}

/* The last question before a request leaves. False: it must not, and r->stop says why. */
static bool may_leave(struct itr_curl_request *r)
{
    const struct itr_request *q = &r->exchange->request;

    if (r->sent)
        r->stop = is_refusal(r) ? ITR_CURL_REFUSED : ITR_CURL_REPEAT;
    else if (r->socket != NULL && !itr_curl_sockets_may_carry(r->sockets, r->socket, r->n_before))
        r->stop = refuse_connection(r);
    else if (q->may_send != NULL && !q->may_send(q->may_send_ctx))
        r->stop = ITR_CURL_HELD;
    return r->stop == ITR_CURL_GOES_ON;
}

#if ITR_CURL_HAS_PREREQ
/* The connection stands and nothing of this request was written yet. A second visit is libcurl
 * about to repeat it. */
static int on_before_request(void *ctx, char *peer_ip, char *own_ip, int peer_port, int own_port)
{
    struct itr_curl_request *r = ctx;

    (void)peer_ip, (void)own_ip, (void)peer_port;
    if (!r->sent && (r->socket = itr_curl_sockets_find(r->sockets, own_port)) != NULL)
        itr_curl_socket_chosen(r->socket);
    if (!may_leave(r))
        return CURL_PREREQFUNC_ABORT;
    r->sent = true;
    if (r->socket != NULL) {
        r->on_fresh = !r->socket->used;
        r->socket->used = true;
    }
    return CURL_PREREQFUNC_OK;
}
#endif

/* ITR_CURL_REFUSAL_81: the number of each stream, and of the last one that a server reads, are in
 * libcurl's trace alone. */
static int on_trace(CURL *easy, curl_infotype type, char *bytes, size_t n, void *ctx)
{
    struct itr_curl_request *r = ctx;
    char line[100];
    unsigned last;
    int number;

    (void)easy;
    if (type != CURLINFO_TEXT)
        return 0;
    (void)snprintf(line, sizeof line, "%.*s", (int)(n < sizeof line ? n : sizeof line), bytes);
    /* NOLINTBEGIN(cert-err34-c): numbers of libcurl's own, not of the network */
    if (sscanf(line, "[HTTP/2] [%d] OPENED", &number) == 1 ||
        sscanf(line, "Using Stream ID: %d", &number) == 1)
        r->stream = number;
    else if (sscanf(line, "received GOAWAY, error=%d, last_stream=%u", &number, &last) == 2 &&
             r->socket != NULL)
        r->socket->goaway = (long)last;
    /* NOLINTEND(cert-err34-c) */
    return 0;
}

/* ITR_CURL_REFUSAL_819: libcurl also calls it between two tries. */
static int on_progress(void *ctx, curl_off_t down, curl_off_t downed, curl_off_t up,
                       curl_off_t upped)
{
    struct itr_curl_request *r = ctx;

    (void)down, (void)downed, (void)up, (void)upped;
    r->broke = r->broke || (r->sent && r->text[0] != '\0');
    return 0;
}

static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct itr_curl_request *r = ctx;

    (void)purpose;
    itr_curl_socket_release(r->opened);
    r->opened = itr_curl_sockets_open(r->sockets, a);
    return r->opened != NULL ? r->opened->fd : CURL_SOCKET_BAD;
}

/* libcurl is told that less was taken than there was: that ends the transfer. */
static size_t refuse(struct itr_curl_request *r, enum itr_curl_stop why)
{
    r->stop = why;
    return 0;
}

/* Make room for all that is announced, so that it is not copied while the buffer grows. The memory
 * is used only as far as bytes come; without it the buffer grows after all. */
static void make_room(struct itr_curl_request *r)
{
    struct itr_buf *body = &r->exchange->response.body;
    curl_off_t n = 0;

    if (curl_easy_getinfo(r->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &n) == CURLE_OK && n > 0 &&
        (curl_off_t)(size_t)n == n)
        (void)itr_buf_reserve(body, (size_t)n);
}

static size_t on_body(char *bytes, size_t size, size_t n, void *ctx)
{
    struct itr_curl_request *r = ctx;

    if (r->exchange->response.body.len == 0)
        make_room(r);
    switch (itr_buf_append(&r->exchange->response.body, bytes, size * n)) {
    case ITR_OK:
        return size * n;
    case ITR_FULL:
        return refuse(r, ITR_CURL_BODY_TOO_LARGE);
    default:
        return refuse(r, ITR_CURL_NO_MEMORY);
    }
}

/* A status line: of the answer, or of a 1xx or a proxy's answer before it. */
static void begin_head(struct itr_curl_request *r, const char *line, size_t n)
{
    r->head_whole = false;
    if (!r->sent) /* a proxy's */
        return;
    r->answered = true;
    if (r->socket != NULL && r->socket->version == ITR_CURL_VERSION_UNKNOWN)
        r->socket->version = n > 5 && line[5] == '1' ? ITR_CURL_VERSION_1 : ITR_CURL_VERSION_2;
}

static bool is_date(const char *value, size_t n)
{
    char date[64];

    if (n >= sizeof date)
        return false;
    memcpy(date, value, n);
    date[n] = '\0';
    return curl_getdate(date, NULL) != -1;
}

/* From 8.21 on libcurl does not tell a date that is past from no Retry-After at all. */
static void note_retry_after(struct itr_curl_request *r, const char *line, size_t n)
{
    static const char name[] = "retry-after:";
    size_t len = sizeof name - 1;

    if ((*line | 0x20) == 'r' && n > len && strncasecmp(line, name, len) == 0)
        r->retry_date = is_date(line + len, n - len);
}

/* Gets whole lines only. That the head is whole is worth a look: libcurl takes one that is cut off
 * for an answer without a body. Lines after the head are the trailer's (RFC 9110, 6.5), and nobody
 * asked for them. */
static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
    struct itr_curl_request *r = ctx;
    struct itr_exchange *x = r->exchange;

    n *= size;
    if (n >= 5 && memcmp(line, "HTTP/", 5) == 0)
        begin_head(r, line, n);
    else if (r->head_whole)
        return n;
    else
        r->head_whole = n <= 2 && (*line == '\r' || *line == '\n');
    if ((r->head_bytes += n) > ITR_TRANSPORT_HEAD_MOST)
        return refuse(r, ITR_CURL_HEAD_TOO_LARGE);
    note_retry_after(r, line, n);
    if (!x->request.want_headers)
        return n;
    switch (itr_curl_headers_collect(&x->response.headers, line, n)) {
    case ITR_OK:
        return n;
    case ITR_FULL:
        return refuse(r, ITR_CURL_HEAD_TOO_LARGE);
    default:
        return refuse(r, ITR_CURL_NO_MEMORY);
    }
}

/* ---- options that never change ---- */

static void set_callbacks(struct itr_curl_request *r, struct itr_curl_sockets *sockets,
                          CURLcode *rc)
{
    itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_PRIVATE, (void *)r));
    itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_ERRORBUFFER, r->text));
    itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_WRITEFUNCTION, on_body));
    itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_WRITEDATA, (void *)r));
    itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_HEADERFUNCTION, on_header));
    itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_HEADERDATA, (void *)r));
    itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_OPENSOCKETFUNCTION, on_open));
    itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_OPENSOCKETDATA, (void *)r));
    itr_curl_note(
        rc, curl_easy_setopt(r->easy, CURLOPT_CLOSESOCKETFUNCTION, itr_curl_sockets_on_close));
    itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_CLOSESOCKETDATA, (void *)sockets));
}

/* What tells a refusal from a connection that broke. */
static void set_refusal(struct itr_curl_request *r, CURLcode *rc)
{
    if (r->settings->https_version == CURL_HTTP_VERSION_1_1)
        return;
    if (r->settings->refusal == ITR_CURL_REFUSAL_81) {
        itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_DEBUGFUNCTION, on_trace));
        itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_DEBUGDATA, (void *)r));
        itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_VERBOSE, 1L));
    } else if (r->settings->refusal == ITR_CURL_REFUSAL_819) {
        itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_XFERINFOFUNCTION, on_progress));
        itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_XFERINFODATA, (void *)r));
        itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_NOPROGRESS, 0L));
    }
}

/* What keeps a request from going out twice. */
static void set_once_only(struct itr_curl_request *r, CURLcode *rc)
{
#if ITR_CURL_HAS_PREREQ
    itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_PREREQFUNCTION, on_before_request));
    itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_PREREQDATA, (void *)r));
#else
    itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_FRESH_CONNECT, 1L));
    itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_FORBID_REUSE, 1L));
#endif
}

static void set_safety(struct itr_curl_request *r, CURLcode *rc)
{
    const struct itr_curl_settings *s = r->settings;

    itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_FOLLOWLOCATION, 0L));
    itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L));
    itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED));
    itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_SSL_VERIFYPEER, 1L));
    itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_SSL_VERIFYHOST, 2L));
    if (s->ca_file != NULL)
        itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_CAINFO, s->ca_file));
}

static void set_connection(struct itr_curl_request *r, CURLcode *rc)
{
    const struct itr_curl_settings *s = r->settings;

    itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_NOSIGNAL, 1L));
    itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_TCP_KEEPALIVE, 1L));
    if (s->connect_timeout_ms > 0)
        itr_curl_note(rc,
                      curl_easy_setopt(r->easy, CURLOPT_CONNECTTIMEOUT_MS, s->connect_timeout_ms));
    if (s->unix_socket != NULL)
        itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_UNIX_SOCKET_PATH, s->unix_socket));
    if (s->gzip) /* undo it; the header is in the shared list */
        itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_ACCEPT_ENCODING, "gzip"));
#if LIBCURL_VERSION_NUM >= 0x075700
    /* Else ending a request waits for its name to be resolved, however long past the deadline. */
    itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_QUICK_EXIT, 1L));
#endif
}

enum itr_status itr_curl_request_new(const struct itr_curl_settings *settings,
                                     struct itr_curl_sockets *sockets,
                                     struct itr_curl_request **out, struct itr_error *e)
{
    struct itr_curl_request *r = calloc(1, sizeof *r);
    CURLcode rc = CURLE_OK;

    *out = NULL;
    if (r == NULL)
        return itr_error_set(e, ITR_NOMEM, "no memory");
    r->settings = settings;
    r->sockets = sockets;
    itr_list_init(&r->node);
    if ((r->easy = curl_easy_init()) == NULL) {
        itr_curl_request_free(r);
        return itr_error_set(e, ITR_NOMEM, "no memory");
    }
    set_callbacks(r, sockets, &rc);
    set_refusal(r, &rc);
    set_once_only(r, &rc);
    set_safety(r, &rc);
    set_connection(r, &rc);
    if (rc != CURLE_OK) {
        itr_curl_request_free(r);
        return itr_curl_error_option(rc, ITR_CONFIG, e);
    }
    *out = r;
    return ITR_OK;
}

void itr_curl_request_free(struct itr_curl_request *r)
{
    if (r == NULL)
        return;
    curl_easy_cleanup(r->easy);
    itr_curl_socket_release(r->socket);
    itr_curl_socket_release(r->opened);
    itr_curl_headers_free(r->own_headers);
    free(r);
}

void itr_curl_request_abandon(struct itr_curl_request *r)
{
    itr_curl_socket_release(r->socket);
    itr_curl_socket_release(r->opened);
    itr_curl_headers_free(r->own_headers);
    free(r);
}

/* ---- options of one exchange ---- */

static void set_method(struct itr_curl_request *r, const struct itr_request *q, CURLcode *rc)
{
    curl_off_t n = (curl_off_t)q->body_len;

    /* The body is not copied. Setting it makes the request a POST. */
    if (q->post) {
        itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_POSTFIELDSIZE_LARGE, n));
        itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_POSTFIELDS, n > 0 ? q->body : ""));
    } else if (r->is_post) {
        itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_HTTPGET, 1L));
    }
    r->is_post = q->post;
}

static void set_headers(struct itr_curl_request *r, const struct itr_request *q, CURLcode *rc)
{
    const struct itr_curl_settings *s = r->settings;
    struct curl_slist *list = q->post ? s->post_headers : s->get_headers;

    if (q->headers != NULL && q->headers[0] != NULL) {
        list = r->own_headers = itr_curl_headers_make(q->headers, list);
        if (list == NULL)
            itr_curl_note(rc, CURLE_OUT_OF_MEMORY);
    }
    if (list != r->headers_in_use)
        itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, list));
    r->headers_in_use = list;
}

/* What a Content-Length already tells need not be read. */
static void set_maximum(struct itr_curl_request *r, size_t max, CURLcode *rc)
{
    curl_off_t most = max > LONG_MAX ? (curl_off_t)LONG_MAX : (curl_off_t)max;

    if (max != r->max_body)
        itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_MAXFILESIZE_LARGE, most));
    r->max_body = max;
}

static void set_freshness(struct itr_curl_request *r, bool fresh, CURLcode *rc)
{
    if (ITR_CURL_HAS_PREREQ && fresh != r->needs_fresh)
        itr_curl_note(rc, curl_easy_setopt(r->easy, CURLOPT_FRESH_CONNECT, fresh ? 1L : 0L));
    r->needs_fresh = fresh;
}

/* The handle may go on pointing to the freed list: the next begin() sets another. */
static void become_idle(struct itr_curl_request *r)
{
    if (r->own_headers != NULL) {
        itr_curl_headers_free(r->own_headers);
        r->own_headers = NULL;
        r->headers_in_use = NULL;
    }
    itr_curl_socket_release(r->socket);
    itr_curl_socket_release(r->opened);
    r->socket = r->opened = NULL;
    r->exchange = NULL;
}

/* As if nothing had happened yet. */
static void forget_exchange(struct itr_curl_request *r)
{
    r->sent = r->on_fresh = r->broke = r->answered = r->head_whole = r->retry_date = false;
    r->stop = ITR_CURL_GOES_ON;
    r->stream = 0;
    r->head_bytes = 0;
    r->text[0] = '\0';
}

enum itr_status itr_curl_request_begin(struct itr_curl_request *r, struct itr_exchange *x,
                                       const struct itr_curl_tries *tries, struct itr_error *e)
{
    const struct itr_request *q = &x->request;
    int64_t left_ms;
    CURLcode rc = CURLE_OK;
    enum itr_status s;

    itr_response_reset(&x->response);
    if ((s = itr_curl_origin_set(&r->origin, r->easy, r->settings, q->url, e)) != ITR_OK)
        return s;
    r->exchange = x;
    forget_exchange(r);
    r->tries = tries != NULL ? *tries : (struct itr_curl_tries){0};
    left_ms = itr_max64(q->timeout_ms - r->tries.spent_us / 1000, 1);
    r->deadline_mono_ms = itr_clock_mono_ms(itr_clock_system()) + itr_min64(left_ms, INT_MAX);
    set_freshness(r, r->tries.want_fresh, &rc);
    set_method(r, q, &rc);
    set_headers(r, q, &rc);
    set_maximum(r, x->response.body.max, &rc);
    if (rc == CURLE_OK)
        return ITR_OK;
    become_idle(r);
    return itr_curl_error_option(rc, ITR_USAGE, e);
}

bool itr_curl_request_may_go(struct itr_curl_request *r)
{
    return ITR_CURL_HAS_PREREQ || may_leave(r);
}

bool itr_curl_request_is_tls(const struct itr_curl_request *r)
{
    return strncmp(r->exchange->request.url, "https:", 6) == 0 || r->settings->proxy != NULL;
}

/* ---- the end of one exchange ---- */

/* HTTP/2: nothing of it was executed, although it was sent. See is_refusal; or libcurl 7.88 ends it
 * with CURLE_HTTP2, which without words means that the session ended and the server did not reset
 * the stream. */
static bool was_refused(const struct itr_curl_request *r, CURLcode code)
{
    if (r->stop == ITR_CURL_GOES_ON && code == CURLE_HTTP2)
        return itr_curl_outcome_sent(r) && !r->answered && r->text[0] == '\0' &&
               r->settings->refusal == ITR_CURL_REFUSAL_7;
    return r->stop == ITR_CURL_REFUSED;
}

bool itr_curl_request_must_retry(const struct itr_curl_request *r, CURLcode code,
                                 struct itr_curl_tries *tries)
{
    bool stale = r->stop == ITR_CURL_STALE;
    curl_off_t us = 0;

    if (r->tries.n >= MOST_TRIES || (!stale && !was_refused(r, code)))
        return false;
    curl_easy_getinfo(r->easy, CURLINFO_TOTAL_TIME_T, &us);
    *tries = r->tries;
    tries->n++;
    tries->spent_us += us;
    tries->want_fresh = stale;
    return tries->spent_us / 1000 < r->exchange->request.timeout_ms;
}

struct itr_exchange *itr_curl_request_finish(struct itr_curl_request *r, CURLcode code)
{
    struct itr_exchange *x = r->exchange;

    if (code != CURLE_OK && was_refused(r, code)) {
        r->stop = ITR_CURL_REFUSED;
        r->sent = false;
    }
    itr_curl_outcome_read(r, code);
    become_idle(r);
    return x;
}

struct itr_exchange *itr_curl_request_drop(struct itr_curl_request *r)
{
    struct itr_exchange *x = r->exchange;

    x->response.sent = itr_curl_outcome_sent(r);
    become_idle(r);
    return x;
}
