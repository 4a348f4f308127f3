#include "support/fake_transport.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE 64
#define RECORDED 512
#define RUNNING 256
#define OK_BODY "{\"code\":200,\"message\":\"操作成功\",\"data\":\"ok\"}"

struct lane {
    struct fake_answer queue[QUEUE];
    int first, end;
    struct fake_answer always;
    bool hold;
    int tickets;
    int started, sent;
    struct fake_request requests[RECORDED];
};

/* Under the world's lock. */
static struct {
    struct fake_clock *clock;
    struct lane lanes[FAKE_LANES];
    bool strict, idle_advances;
    pthread_t advancer; /* whose idle waits take the time forward */
    char token[32];     /* the last one granted */
    unsigned granted;
    int fail_open, fail_start, refuse_unread;
    enum itr_status start_failure;
    int transports, cancelled, abandoned, waits;
    void (*hook)(enum fake_lane lane, int nth, void *ctx);
    void *hook_ctx;
} gateway;

struct running {
    struct itr_exchange *x;
    enum fake_lane lane;
    int nth;
    int64_t deadline;
};

struct transport {
    struct itr_transport head;
    struct running running[RUNNING]; /* in the order of start */
    int n;
    bool woken;
};

static struct transport *of(struct itr_transport *t)
{
    return (struct transport *)t;
}

/* ---- answering ---- */

static void fill_buf(struct itr_response *r, const char *text)
{
    if (itr_buf_append_str(&r->body, text) == ITR_OK)
        return;
    r->carried = ITR_NOMEM;
    snprintf(r->detail, sizeof r->detail, "no memory");
}

static void grant(struct itr_response *r)
{
    char body[128];

    fake_world_lock();
    snprintf(gateway.token, sizeof gateway.token, "token-%08u", ++gateway.granted);
    snprintf(body, sizeof body,
             "{\"code\":200,\"message\":\"ok\",\"data\":{\"accessToken\":\"%s\"}}", gateway.token);
    fake_world_unlock();
    fill_buf(r, body);
}

static void fill(struct itr_exchange *x, enum fake_lane lane, const struct fake_answer *a)
{
    struct itr_response *r = &x->response;

    r->carried = a->carried;
    r->http_status = a->http_status;
    r->sent = a->carried == ITR_OK || a->sent;
    if (a->retry_after_ms != 0)
        r->retry_after_ms = a->retry_after_ms > 0 ? a->retry_after_ms : 0;
    snprintf(r->detail, sizeof r->detail, "%s", a->detail != NULL ? a->detail : "");
    if (a->carried != ITR_OK)
        return;
    if (a->body != NULL)
        fill_buf(r, a->body);
    else if (lane == FAKE_TOKEN && a->http_status == 200)
        grant(r);
}

/* With the world's lock held. */
static struct fake_answer pop(struct lane *l)
{
    return l->first < l->end ? l->queue[l->first++] : l->always;
}

static bool brings_token(const char *url)
{
    const char *at = strstr(url, "accessToken=");
    size_t n = strlen(gateway.token);

    return at != NULL && n > 0 && strncmp(at + 12, gateway.token, n) == 0 &&
           (at[12 + n] == '\0' || at[12 + n] == '&');
}

static struct fake_answer choose(const struct running *r)
{
    struct fake_answer refused = {.http_status = 401, .body = "{\"code\":401,\"message\":\"no\"}"};
    struct lane *l = &gateway.lanes[r->lane];

    l->sent++;
    if (r->lane == FAKE_API && gateway.strict && l->first == l->end &&
        !brings_token(r->x->request.url))
        return refused;
    return pop(l);
}

static bool refuses_unread(void)
{
    bool refuses;

    fake_world_lock();
    if ((refuses = gateway.refuse_unread > 0))
        gateway.refuse_unread--;
    fake_world_unlock();
    return refuses;
}

/* Return whether the request was sent and is read. */
static bool is_read(const struct running *r)
{
    const struct itr_request *q = &r->x->request;

    do {
        if (gateway.hook != NULL)
            gateway.hook(r->lane, r->nth, gateway.hook_ctx);
        if (q->may_send != NULL && !q->may_send(q->may_send_ctx))
            return false;
    } while (refuses_unread());
    return true;
}

/* Carries one exchange to its end. Called and left without the lock. */
static void carry(struct running *r)
{
    struct fake_answer a = {.carried = ITR_NETWORK, .detail = "not sent: it may not"};

    if (is_read(r)) {
        fake_world_lock();
        a = choose(r);
        fake_world_unlock();
    }
    fill(r->x, r->lane, &a);
}

static void time_out(struct running *r)
{
    struct fake_answer a = {.carried = ITR_TIMEOUT, .sent = true, .detail = "the time is over"};

    fill(r->x, r->lane, &a);
}

/* ---- the interface ---- */

static void record(struct lane *l, const struct itr_request *q)
{
    struct fake_request *r = &l->requests[l->started % RECORDED];

    *r = (struct fake_request){0};
    r->post = q->post;
    r->timeout_ms = q->timeout_ms;
    r->want_headers = q->want_headers;
    snprintf(r->url, sizeof r->url, "%s", q->url);
    snprintf(r->body, sizeof r->body, "%.*s", (int)q->body_len, q->body != NULL ? q->body : "");
    if (q->headers != NULL && q->headers[0] != NULL)
        snprintf(r->header, sizeof r->header, "%s", q->headers[0]);
    l->started++;
    fake_world_changed();
}

static void reset_response(struct itr_response *r)
{
    itr_buf_reset(&r->body);
    itr_buf_reset(&r->headers);
    r->carried = ITR_OK;
    r->sent = false;
    r->http_status = 0;
    r->retry_after_ms = -1;
    r->elapsed_us = 1000;
    r->detail[0] = '\0';
}

/* A central token server's requests are the token endpoint's lane too. */
static enum fake_lane lane_of(const char *url)
{
    bool token = strstr(url, "/accessTokenOpen/") != NULL || strstr(url, "/v1/apps/") != NULL;

    return token ? FAKE_TOKEN : FAKE_API;
}

static enum itr_status start(struct itr_transport *tr, struct itr_exchange *x, struct itr_error *e)
{
    struct transport *t = of(tr);
    struct running *r;
    enum itr_status s = ITR_OK;

    reset_response(&x->response);
    fake_world_lock();
    if (gateway.fail_start > 0) {
        gateway.fail_start--;
        s = gateway.start_failure;
    } else {
        assert(t->n < RUNNING);
        r = &t->running[t->n++];
        r->x = x;
        r->lane = lane_of(x->request.url);
        r->deadline = gateway.clock->mono + x->request.timeout_ms;
        record(&gateway.lanes[r->lane], &x->request);
        r->nth = gateway.lanes[r->lane].started;
        x->transfer = t;
    }
    fake_world_unlock();
    return s == ITR_OK ? ITR_OK : itr_error_set(e, s, "it could not begin (start)");
}

/* With the lock held: takes the i-th out. */
static struct running take(struct transport *t, int i)
{
    struct running r = t->running[i];

    t->n--;
    memmove(&t->running[i], &t->running[i + 1], (size_t)(t->n - i) * sizeof r);
    r.x->transfer = NULL;
    return r;
}

/* With the lock held: the index of one that can be finished, or -1. */
static int find_free(const struct transport *t)
{
    int i;

    for (i = 0; i < t->n; i++) {
        struct lane *l = &gateway.lanes[t->running[i].lane];
        if (!l->hold)
            return i;
        if (l->tickets > 0) {
            l->tickets--;
            return i;
        }
    }
    return -1;
}

static int find_late(const struct transport *t)
{
    int i;

    for (i = 0; i < t->n; i++)
        if (gateway.clock->mono >= t->running[i].deadline)
            return i;
    return -1;
}

/* With the lock held, nothing to carry: waits, or takes the time forward. False: the time is up. */
static bool idle(const struct transport *t, int64_t timeout_ms, int64_t until)
{
    int64_t at = timeout_ms < 0 ? INT64_MAX : until;
    int i;

    if (timeout_ms >= 0 && gateway.clock->mono >= until)
        return false;
    for (i = 0; i < t->n; i++)
        if (t->running[i].deadline < at)
            at = t->running[i].deadline;
    if (gateway.idle_advances && pthread_equal(gateway.advancer, pthread_self()) &&
        (timeout_ms >= 0 || t->n > 0)) {
        gateway.clock->wall += at - gateway.clock->mono;
        gateway.clock->mono = at;
        fake_world_changed();
        return true;
    }
    gateway.waits++;
    fake_world_changed();
    fake_world_wait();
    gateway.waits--;
    return true;
}

static struct itr_exchange *finish(struct transport *t, int i, void (*how)(struct running *r))
{
    struct running r = take(t, i);

    fake_world_unlock();
    how(&r);
    return r.x;
}

static struct itr_exchange *wait_for_one(struct itr_transport *tr, int64_t timeout_ms)
{
    struct transport *t = of(tr);
    int64_t until;
    int i;

    fake_world_lock();
    until = gateway.clock->mono + timeout_ms;
    do {
        if ((i = find_free(t)) >= 0)
            return finish(t, i, carry);
        if ((i = find_late(t)) >= 0)
            return finish(t, i, time_out);
    } while (!t->woken && timeout_ms != 0 && idle(t, timeout_ms, until));
    t->woken = false;
    fake_world_unlock();
    return NULL;
}

static void cancel(struct itr_transport *tr, struct itr_exchange *x)
{
    struct transport *t = of(tr);
    int i;

    fake_world_lock();
    for (i = 0; i < t->n && t->running[i].x != x; i++)
        ;
    assert(i < t->n); /* only what runs may be cancelled */
    (void)take(t, i);
    gateway.cancelled++;
    fake_world_unlock();
}

static void wake(struct itr_transport *tr)
{
    fake_world_lock();
    of(tr)->woken = true;
    fake_world_changed();
    fake_world_unlock();
}

static void drop(struct itr_transport *tr)
{
    fake_world_lock();
    gateway.transports--;
    fake_world_changed();
    fake_world_unlock();
    free(tr);
}

static void abandon(struct itr_transport *tr)
{
    fake_world_lock();
    gateway.abandoned++;
    fake_world_unlock();
    drop(tr);
}

static const struct itr_transport_ops ops = {
    ITR_TRANSPORT_VERSION, start, wait_for_one, cancel, wake, drop, abandon,
};

static enum itr_status open_transport(const struct itr_transport_options *options,
                                      struct itr_transport **out, struct itr_error *e)
{
    struct transport *t = calloc(1, sizeof *t);
    bool fail;

    (void)options;
    fake_world_lock();
    fail = t == NULL || gateway.fail_open > 0;
    if (gateway.fail_open > 0)
        gateway.fail_open--;
    if (!fail)
        gateway.transports++;
    fake_world_unlock();
    if (fail) {
        free(t);
        return itr_error_set(e, ITR_NOMEM, "no memory (open)");
    }
    t->head.ops = &ops;
    *out = &t->head;
    return ITR_OK;
}

const struct itr_transport_factory fake_transport_factory = {open_transport};

/* ---- the script ---- */

void fake_gateway_reset(struct fake_clock *clock)
{
    fake_world_lock();
    memset(&gateway, 0, sizeof gateway);
    gateway.clock = clock;
    gateway.lanes[FAKE_TOKEN].always.http_status = 200;
    gateway.lanes[FAKE_API].always.http_status = 200;
    gateway.lanes[FAKE_API].always.body = OK_BODY;
    fake_world_unlock();
}

void fake_answer_next(enum fake_lane lane, struct fake_answer a)
{
    struct lane *l = &gateway.lanes[lane];

    fake_world_lock();
    assert(l->end < QUEUE);
    l->queue[l->end++] = a;
    fake_world_unlock();
}

void fake_answer_always(enum fake_lane lane, struct fake_answer a)
{
    fake_world_lock();
    gateway.lanes[lane].always = a;
    fake_world_unlock();
}

void fake_gateway_strict(bool strict)
{
    fake_world_lock();
    gateway.strict = strict;
    fake_world_unlock();
}

void fake_gateway_revoke(void)
{
    fake_world_lock();
    gateway.token[0] = '\0';
    fake_world_unlock();
}

void fake_hold(enum fake_lane lane, bool hold)
{
    fake_world_lock();
    gateway.lanes[lane].hold = hold;
    fake_world_changed();
    fake_world_unlock();
}

void fake_release(enum fake_lane lane, int n)
{
    fake_world_lock();
    gateway.lanes[lane].tickets += n;
    fake_world_changed();
    fake_world_unlock();
}

void fake_before_send(void (*hook)(enum fake_lane lane, int nth, void *ctx), void *ctx)
{
    fake_world_lock();
    gateway.hook = hook;
    gateway.hook_ctx = ctx;
    fake_world_unlock();
}

void fake_fail_open(int n)
{
    fake_world_lock();
    gateway.fail_open = n;
    fake_world_unlock();
}

void fake_fail_start(int n, enum itr_status kind)
{
    fake_world_lock();
    gateway.fail_start = n;
    gateway.start_failure = kind;
    fake_world_unlock();
}

void fake_refuse_unread(int n)
{
    fake_world_lock();
    gateway.refuse_unread = n;
    fake_world_unlock();
}

void fake_idle_advances(bool advances)
{
    fake_world_lock();
    gateway.idle_advances = advances;
    gateway.advancer = pthread_self();
    fake_world_changed();
    fake_world_unlock();
}

/* ---- what was seen ---- */

static int read_int(const int *value)
{
    int n;

    fake_world_lock();
    n = *value;
    fake_world_unlock();
    return n;
}

static void await(const int *value, int n)
{
    fake_world_lock();
    while (*value < n)
        fake_world_wait();
    fake_world_unlock();
}

int fake_started(enum fake_lane lane)
{
    return read_int(&gateway.lanes[lane].started);
}

int fake_sent(enum fake_lane lane)
{
    return read_int(&gateway.lanes[lane].sent);
}

void fake_await_started(enum fake_lane lane, int n)
{
    await(&gateway.lanes[lane].started, n);
}

struct fake_request fake_request(enum fake_lane lane, int i)
{
    struct fake_request r;

    fake_world_lock();
    assert(i < gateway.lanes[lane].started);
    r = gateway.lanes[lane].requests[i % RECORDED];
    fake_world_unlock();
    return r;
}

int fake_open_transports(void)
{
    return read_int(&gateway.transports);
}

int fake_cancelled(void)
{
    return read_int(&gateway.cancelled);
}

int fake_abandoned(void)
{
    return read_int(&gateway.abandoned);
}

void fake_await_waits(int n)
{
    await(&gateway.waits, n);
}
