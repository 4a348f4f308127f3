#include "transport/curl_loop.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/bound.h"
#include "core/base/clock.h"
#include "core/base/list.h"
#include "core/os/descriptors.h"
#include "core/os/sigpipe.h"
#include "transport/curl_global.h"
#include "transport/curl_outcome.h"
#include "transport/curl_poller.h"
#include "transport/curl_request.h"
#include "transport/curl_settings.h"
#include "transport/curl_sockets.h"

/*
 * Design notes
 *
 * An exchange is in one of two places: `running` (a request carries it and its handle is in the
 * multi handle) or `finished` (to be handed out by wait, in the order they ended). A request is in
 * `running` or in `idle`.
 *
 * All of it belongs to the thread that has the loop. Only `woken` and the poller's wake are used by
 * wake() from other threads. `woken` is set before the wait is interrupted and looked at after it.
 *
 * libcurl acts when a socket is ready or a timer of its own is due, never on all handles: with a
 * slow gateway nearly all of them have nothing to do. The deadline of a request is ours, not a
 * timer of libcurl's, so that what has arrived can be read before it counts.
 */
struct itr_curl_loop {
    struct itr_transport transport; /* first: this is what the caller holds */
    CURLM *multi;                   /* ours */
    struct itr_curl_settings settings;
    struct itr_curl_sockets sockets; /* those that multi has open */
    struct itr_curl_poller poller;   /* waits for them */
    struct itr_list running, idle;   /* of requests; ours */
    struct itr_list late;            /* of requests that are being ended by their deadline */
    long n_idle;
    size_t n_begun;           /* of running ones, since the last perform */
    struct itr_list finished; /* of exchanges, borrowed */
    int64_t nearest_mono_ms;  /* no deadline of a running one is before */
    bool started_before_look; /* what begins now: before the poller's last look */
    bool tls;                 /* https was used: closing may write, too */
    struct itr_list node;     /* in the list of abandoned ones; see bury */
    atomic_bool woken;
};

#define LONGEST_WAIT_MS 3600000
#define MOST_PASSES 32 /* over what has arrived, before deadlines count */

static struct itr_curl_loop *loop_of(struct itr_transport *t)
{
    return (struct itr_curl_loop *)(void *)t;
}

static struct itr_curl_request *request_of(struct itr_list *node)
{
    return ITR_CONTAINER(node, struct itr_curl_request, node);
}

/* Return the first request of a list; NULL: none. */
static struct itr_curl_request *first_of(const struct itr_list *list)
{
    struct itr_list *node = itr_list_first(list);

    return node != NULL ? request_of(node) : NULL;
}

/* ---- finished ones ---- */

static void add_finished(struct itr_curl_loop *loop, struct itr_exchange *x)
{
    x->transfer = loop; /* no request carries it any more */
    itr_list_append(&loop->finished, &x->node);
}

static struct itr_exchange *take_finished(struct itr_curl_loop *loop)
{
    struct itr_list *node = itr_list_take_first(&loop->finished);
    struct itr_exchange *x;

    if (node == NULL)
        return NULL;
    x = ITR_CONTAINER(node, struct itr_exchange, node);
    x->transfer = NULL;
    return x;
}

/* ---- requests ---- */

static enum itr_status get_idle(struct itr_curl_loop *loop, struct itr_curl_request **r,
                                struct itr_error *e)
{
    if ((*r = first_of(&loop->idle)) == NULL)
        return itr_curl_request_new(&loop->settings, &loop->sockets, r, e);
    itr_list_remove(&(*r)->node);
    loop->n_idle--;
    return ITR_OK;
}

/* A handle that libcurl repeated with goes: it counts its repeats, and after five gives up at once.
 * So does one that was told to close a connection.
 * Old libcurl: a handle that was used would tell the numbers of its last request for the next one
 * until that begins, and `sent` is such a number. */
static void put_idle(struct itr_curl_loop *loop, struct itr_curl_request *r)
{
    if (!ITR_CURL_HAS_PREREQ || r->stop == ITR_CURL_REPEAT || r->stop == ITR_CURL_REFUSED ||
        r->stop == ITR_CURL_STALE || loop->n_idle >= loop->settings.max_host_connections) {
        itr_curl_request_free(r);
        return;
    }
    itr_list_prepend(&loop->idle, &r->node); /* the most recent is the warmest */
    loop->n_idle++;
}

static void take_out(struct itr_curl_loop *loop, struct itr_curl_request *r)
{
    curl_multi_remove_handle(loop->multi, r->easy);
    itr_list_remove(&r->node);
}

/* libcurl itself failed, most likely without memory: none of what runs can be carried on. */
static void fail_all(struct itr_curl_loop *loop, CURLMcode code)
{
    struct itr_curl_request *r;

    while ((r = first_of(&loop->running)) != NULL) {
        struct itr_exchange *x;

        take_out(loop, r);
        x = itr_curl_request_drop(r);
        x->response.carried = code == CURLM_OUT_OF_MEMORY ? ITR_NOMEM : ITR_NETWORK;
        (void)snprintf(x->response.detail, sizeof x->response.detail, "libcurl: %s",
                       curl_multi_strerror(code));
        add_finished(loop, x);
        put_idle(loop, r);
    }
}

static void note_deadline(struct itr_curl_loop *loop, const struct itr_curl_request *r)
{
    loop->nearest_mono_ms = itr_min64(loop->nearest_mono_ms, r->deadline_mono_ms);
}

/* Have a request carry x, after these tries (NULL: it is the first). */
static enum itr_status begin(struct itr_curl_loop *loop, struct itr_exchange *x,
                             const struct itr_curl_tries *tries, struct itr_error *e)
{
    struct itr_curl_request *r;
    enum itr_status s;

    if ((s = get_idle(loop, &r, e)) != ITR_OK)
        return s;
    if ((s = itr_curl_request_begin(r, x, tries, e)) != ITR_OK)
        goto err0;
    loop->tls = loop->tls || itr_curl_request_is_tls(r);
    x->transfer = r;
    if (!itr_curl_request_may_go(r)) {
        add_finished(loop, itr_curl_request_finish(r, CURLE_ABORTED_BY_CALLBACK));
        put_idle(loop, r);
        return ITR_OK;
    }
    if (curl_multi_add_handle(loop->multi, r->easy) != CURLM_OK) {
        s = itr_error_set(e, ITR_NOMEM, "no memory for another transfer");
        goto err1;
    }
    r->n_before = loop->poller.n_looks - (loop->started_before_look ? 1 : 0);
    itr_list_append(&loop->running, &r->node);
    loop->n_begun++;
    note_deadline(loop, r);
    return ITR_OK;

err1:
    itr_curl_request_drop(r);
    x->transfer = NULL;
err0:
    put_idle(loop, r);
    return s;
}

/* Nothing of it was executed: it goes on without its caller noticing. */
static void retry(struct itr_curl_loop *loop, struct itr_curl_request *r,
                  const struct itr_curl_tries *tries)
{
    struct itr_exchange *x = itr_curl_request_drop(r);
    struct itr_error e;

    put_idle(loop, r);
    if (begin(loop, x, tries, &e) == ITR_OK)
        return;
    x->response.carried = e.kind == ITR_NOMEM ? ITR_NOMEM : ITR_NETWORK;
    x->response.sent = false;
    (void)snprintf(x->response.detail, sizeof x->response.detail, "%.200s", e.text);
    add_finished(loop, x);
}

static void collect(struct itr_curl_loop *loop)
{
    CURLMsg *m;
    int left;

    while ((m = curl_multi_info_read(loop->multi, &left)) != NULL) {
        struct itr_curl_request *r = NULL;
        CURLcode code = m->data.result;
        struct itr_curl_tries tries;

        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&r);
        take_out(loop, r); /* m is gone now */
        if (code != CURLE_OK && itr_curl_request_must_retry(r, code, &tries)) {
            retry(loop, r, &tries);
            continue;
        }
        add_finished(loop, itr_curl_request_finish(r, code));
        put_idle(loop, r);
    }
}

/* ---- the table ---- */

static enum itr_status loop_start(struct itr_transport *t, struct itr_exchange *x,
                                  struct itr_error *e)
{
    return begin(loop_of(t), x, NULL, e);
}

static int64_t now_ms(void)
{
    return itr_clock_mono_ms(itr_clock_system());
}

/* Take in what libcurl did. Return whether it can go on. */
static bool settle(struct itr_curl_loop *loop, CURLMcode code)
{
    if (code != CURLM_OK)
        fail_all(loop, code);
    else
        collect(loop);
    return code == CURLM_OK;
}

/* Return whether something was ready, within ms. */
static bool await_sockets(struct itr_curl_loop *loop, int ms)
{
    int n;

    return settle(loop, itr_curl_poller_wait(&loop->poller, ms, &n)) && n > 0;
}

/* Take those whose deadline passed out of libcurl's hands: only those that nothing was sent of, or
 * all. Return whether any such is left. */
static bool take_late(struct itr_curl_loop *loop, int64_t now, bool only_unsent)
{
    struct itr_list *at, *next;
    bool is_left = false;

    for (at = loop->running.next; at != &loop->running; at = next) {
        struct itr_curl_request *r = request_of(at);

        next = at->next;
        if (r->deadline_mono_ms > now)
            continue;
        if (only_unsent && itr_curl_outcome_sent(r)) {
            is_left = true;
            continue;
        }
        take_out(loop, r);
        itr_list_append(&loop->late, &r->node);
    }
    return is_left;
}

/* An answer that is here does not become a time-out because its caller was busy (or stopped, or the
 * machine asleep) when it came: what has arrived is read before deadlines count. Nothing is sent
 * after one. */
static void heed_deadlines(struct itr_curl_loop *loop, int64_t now)
{
    struct itr_curl_request *r;
    struct itr_list *at;
    int passes = 0;

    if (take_late(loop, now, true))
        while (passes++ < MOST_PASSES && await_sockets(loop, 0))
            ;
    (void)take_late(loop, now, false);
    while ((r = first_of(&loop->late)) != NULL) {
        itr_list_remove(&r->node);
        add_finished(loop, itr_curl_request_finish(r, CURLE_OPERATION_TIMEDOUT));
        put_idle(loop, r);
    }
    loop->nearest_mono_ms = INT64_MAX;
    for (at = loop->running.next; at != &loop->running; at = at->next)
        note_deadline(loop, request_of(at));
}

/* Do what is due. */
static void perform(struct itr_curl_loop *loop)
{
    int64_t now;

    if (itr_list_is_empty(&loop->running))
        return;
    if ((now = now_ms()) >= loop->nearest_mono_ms)
        heed_deadlines(loop, now);
    if (loop->n_begun > 1) /* one look at all kept connections instead of one at each */
        itr_curl_poller_look(&loop->poller);
    loop->n_begun = 0;
    (void)settle(loop, itr_curl_poller_run_due(&loop->poller));
}

/* How long the caller wants to wait at most; 0: the time is over. */
static int wait_ms(int64_t timeout_ms, int64_t until_mono_ms)
{
    int64_t left = LONGEST_WAIT_MS;

    if (timeout_ms >= 0)
        left = itr_max64(until_mono_ms - now_ms(), 0);
    return (int)itr_min64(left, LONGEST_WAIT_MS);
}

/* And how long there is nothing to do, unless a socket is ready. */
static int idle_ms(const struct itr_curl_loop *loop, int most)
{
    int64_t timer = itr_curl_poller_timer_ms(&loop->poller), ms = most;

    if (itr_list_is_empty(&loop->running))
        return most;
    if (timer >= 0)
        ms = itr_min64(ms, timer);
    return (int)itr_min64(ms, itr_max64(loop->nearest_mono_ms - now_ms(), 0));
}

static struct itr_exchange *carry(struct itr_curl_loop *loop, int64_t timeout_ms)
{
    int64_t until = timeout_ms > 0 ? now_ms() + timeout_ms : 0;

    for (;;) {
        struct itr_exchange *x;
        int most;

        perform(loop);
        if ((x = take_finished(loop)) != NULL)
            return x;
        if (atomic_exchange_explicit(&loop->woken, false, memory_order_acquire))
            return NULL;
        most = timeout_ms == 0 ? 0 : wait_ms(timeout_ms, until);
        if (most > 0 || !itr_list_is_empty(&loop->running))
            (void)await_sockets(loop, idle_ms(loop, most));
        if ((x = take_finished(loop)) != NULL || most == 0)
            return x;
        if (loop->poller.sleeper != NULL) { /* it now looks for what it may have been woken for */
            (void)atomic_exchange_explicit(&loop->woken, false, memory_order_acquire);
            return NULL;
        }
    }
}

static struct itr_exchange *loop_wait(struct itr_transport *t, int64_t timeout_ms)
{
    struct itr_curl_loop *loop = loop_of(t);
    struct itr_sigpipe pipe;
    struct itr_exchange *x = take_finished(loop);

    if (x != NULL)
        return x;
    if (!loop->tls) /* libcurl's plain send has MSG_NOSIGNAL */
        return carry(loop, timeout_ms);
    itr_sigpipe_hold(&pipe);
    x = carry(loop, timeout_ms);
    itr_sigpipe_release(&pipe);
    return x;
}

static void cancel(struct itr_curl_loop *loop, struct itr_exchange *x)
{
    struct itr_curl_request *r = x->transfer;

    if (x->transfer == loop) {
        itr_list_remove(&x->node);
    } else if (r != NULL) {
        take_out(loop, r);
        itr_curl_request_drop(r);
        put_idle(loop, r);
    }
    x->transfer = NULL;
}

static void loop_cancel(struct itr_transport *t, struct itr_exchange *x)
{
    struct itr_sigpipe pipe;

    itr_sigpipe_hold(&pipe);
    cancel(loop_of(t), x);
    itr_sigpipe_release(&pipe);
}

static void loop_wake(struct itr_transport *t)
{
    struct itr_curl_loop *loop = loop_of(t);

    if (!atomic_exchange_explicit(&loop->woken, true, memory_order_release))
        itr_curl_poller_wake(&loop->poller);
}

static void free_idle(struct itr_curl_loop *loop)
{
    struct itr_curl_request *r;

    while ((r = first_of(&loop->idle)) != NULL) {
        itr_list_remove(&r->node);
        itr_curl_request_free(r);
    }
}

static void clear(struct itr_curl_loop *loop)
{
    itr_curl_sockets_clear(&loop->sockets);
    itr_curl_settings_clear(&loop->settings);
}

static void loop_free(struct itr_transport *t)
{
    struct itr_curl_loop *loop = loop_of(t);
    struct itr_curl_request *r;
    struct itr_sigpipe pipe;

    if (loop == NULL)
        return;
    itr_sigpipe_hold(&pipe);
    while ((r = first_of(&loop->running)) != NULL)
        cancel(loop, r->exchange);
    while (take_finished(loop) != NULL)
        ;
    free_idle(loop);
    curl_multi_cleanup(loop->multi); /* closes the kept connections */
    itr_curl_poller_close(&loop->poller);
    itr_sigpipe_release(&pipe);
    clear(loop);
    free(loop);
}

/* libcurl cannot give the multi handle and what runs in it back without ending the connections,
 * which the parent goes on using. So they stay, where a leak checker still sees whose they are. */
static void bury(struct itr_curl_loop *loop)
{
    static struct itr_list *_Atomic abandoned;

    loop->node.next = atomic_load(&abandoned);
    while (!atomic_compare_exchange_weak(&abandoned, &loop->node.next, &loop->node))
        ;
}

static void loop_abandon(struct itr_transport *t)
{
    struct itr_curl_loop *loop = loop_of(t);
    struct itr_curl_request *r;

    while ((r = first_of(&loop->running)) != NULL) {
        itr_list_remove(&r->node);
        itr_curl_request_drop(r)->transfer = NULL;
        itr_curl_request_abandon(r);
    }
    while (take_finished(loop) != NULL)
        ;
    free_idle(loop);
    itr_curl_sockets_close(&loop->sockets);
    itr_curl_poller_close(&loop->poller);
    clear(loop);
    bury(loop);
}

static const struct itr_transport_ops OPS = {
    .version = ITR_TRANSPORT_VERSION,
    .start = loop_start,
    .wait = loop_wait,
    .cancel = loop_cancel,
    .wake = loop_wake,
    .free = loop_free,
    .abandon = loop_abandon,
};

/* ---- on a thread of its own ---- */

bool itr_curl_loop_has_more(const struct itr_transport *t)
{
    return !itr_list_is_empty(&((const struct itr_curl_loop *)(const void *)t)->finished);
}

enum itr_status itr_curl_loop_start_waker(struct itr_transport *t, struct itr_exchange *x,
                                          struct itr_error *e)
{
    struct itr_curl_loop *loop = loop_of(t);
    enum itr_status s;

    loop->started_before_look = loop->poller.saw_wake;
    s = begin(loop, x, NULL, e);
    loop->started_before_look = false;
    return s;
}

void itr_curl_loop_set_sleeper(struct itr_transport *t, const struct itr_curl_sleeper *sleeper)
{
    loop_of(t)->poller.sleeper = sleeper;
}

void itr_curl_loop_guard(struct itr_transport *t, pthread_mutex_t *lock)
{
    loop_of(t)->sockets.lock = lock;
}

void itr_curl_loop_lose(struct itr_transport *t)
{
    itr_curl_sockets_close(&loop_of(t)->sockets);
    itr_curl_poller_lose(&loop_of(t)->poller);
    bury(loop_of(t));
}

/* ---- making one ---- */

/* Else the end waits for every name that is still being resolved (since 8.20). */
static bool set_quick_exit(CURLM *m)
{
#if LIBCURL_VERSION_NUM >= 0x081400
    return curl_multi_setopt(m, CURLMOPT_QUICK_EXIT, 1L) == CURLM_OK;
#else
    (void)m;
    return true;
#endif
}

/* Before libcurl 8.21 a multi handle that found no descriptors for its wakeup says so only when it
 * is used; since then there is none. */
static enum itr_status make_multi(struct itr_curl_loop *loop, struct itr_error *e)
{
    long max = loop->settings.max_host_connections;
    CURLM *m;
    int error;

    errno = 0;
    m = curl_multi_init();
    if (m != NULL && curl_multi_setopt(m, CURLMOPT_MAX_HOST_CONNECTIONS, max) == CURLM_OK &&
        curl_multi_setopt(m, CURLMOPT_MAXCONNECTS, max) == CURLM_OK && set_quick_exit(m) &&
        curl_multi_wakeup(m) == CURLM_OK) {
        if ((error = itr_curl_poller_open(&loop->poller, m)) == 0) {
            loop->sockets.poller = &loop->poller;
            loop->multi = m;
            return ITR_OK;
        }
        errno = error;
    }
    error = itr_descriptors_is_lack(errno) ? errno : itr_descriptors_exhausted();
    curl_multi_cleanup(m);
    if (error != 0)
        return itr_descriptors_error(e, "no connection can be opened", error);
    return itr_error_set(e, ITR_NOMEM, "no memory for a libcurl multi handle");
}

static enum itr_status loop_open(const struct itr_transport_options *options,
                                 struct itr_transport **out, struct itr_error *e)
{
    struct itr_curl_loop *loop;
    enum itr_status s;

    *out = NULL;
    if ((s = itr_curl_global_init(e)) != ITR_OK)
        return s;
    if ((loop = calloc(1, sizeof *loop)) == NULL)
        return itr_error_set(e, ITR_NOMEM, "no memory");
    loop->transport.ops = &OPS;
    itr_list_init(&loop->running);
    itr_list_init(&loop->idle);
    itr_list_init(&loop->late);
    itr_list_init(&loop->finished);
    loop->nearest_mono_ms = INT64_MAX;
    itr_curl_sockets_init(&loop->sockets);
    if ((s = itr_curl_settings_init(&loop->settings, options, e)) != ITR_OK)
        goto err0;
    if ((s = make_multi(loop, e)) != ITR_OK)
        goto err1;
    *out = &loop->transport;
    return ITR_OK;

err1:
    itr_curl_settings_clear(&loop->settings);
err0:
    free(loop);
    return s;
}

const struct itr_transport_factory *itr_curl_loop_factory(void)
{
    static const struct itr_transport_factory factory = {.open = loop_open};

    return &factory;
}
