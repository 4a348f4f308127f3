#include "transport/curl_poller.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/clock.h"

#define FIRST_WATCHES 64
#define MOST_EVENTS 256 /* of one look; the others are seen by the next */
#define MOST_PASSES 32  /* of run_due */

struct itr_curl_watch {
    bool is_connection;  /* opened and not closed yet: may stay registered */
    uint32_t wanted;     /* by libcurl; 0: nothing */
    uint32_t registered; /* with epoll, of a connection; 0: nothing */
    uint64_t used_at;    /* n_looks when libcurl last used it */
};

/* ---- watches ---- */

static struct itr_curl_watch *watch_of(const struct itr_curl_poller *p, int fd)
{
    return fd >= 0 && (size_t)fd < p->n_watches ? &p->watches[fd] : NULL;
}

static bool make_room(struct itr_curl_poller *p, int fd)
{
    size_t n = p->n_watches > 0 ? p->n_watches : FIRST_WATCHES, i;
    struct itr_curl_watch *watches;

    if ((size_t)fd < p->n_watches)
        return true;
    while (n <= (size_t)fd)
        n *= 2;
    if ((watches = realloc(p->watches, n * sizeof *watches)) == NULL)
        return false;
    for (i = p->n_watches; i < n; i++)
        watches[i] = (struct itr_curl_watch){0};
    p->watches = watches;
    p->n_watches = n;
    return true;
}

/* Without memory it is registered anew for each request. */
void itr_curl_poller_opened(struct itr_curl_poller *p, int fd)
{
    if (make_room(p, fd))
        p->watches[fd] = (struct itr_curl_watch){.is_connection = true};
}

static int control(const struct itr_curl_poller *p, int op, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};

    return epoll_ctl(p->epoll, op, fd, &event);
}

void itr_curl_poller_closing(struct itr_curl_poller *p, int fd)
{
    struct itr_curl_watch *w = watch_of(p, fd);

    if (w == NULL)
        return;
    if (w->registered != 0) /* epoll would go on with it while a forked child has it, too */
        (void)control(p, EPOLL_CTL_DEL, fd, 0);
    *w = (struct itr_curl_watch){0};
}

static int watch_connection(const struct itr_curl_poller *p, struct itr_curl_watch *w, int fd,
                            uint32_t events)
{
    w->wanted = events;
    w->used_at = p->n_looks;
    if (events == 0 || events == w->registered)
        return 0;
    if (control(p, w->registered != 0 ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, events) != 0)
        return -1;
    w->registered = events;
    return 0;
}

/* libcurl's own, as its resolver has them: how long one lives is not known. */
static int watch_other(const struct itr_curl_poller *p, int fd, uint32_t events)
{
    if (events == 0) {
        (void)control(p, EPOLL_CTL_DEL, fd, 0);
        return 0;
    }
    if (control(p, EPOLL_CTL_MOD, fd, events) == 0)
        return 0;
    return control(p, EPOLL_CTL_ADD, fd, events);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *its_own)
{
    struct itr_curl_poller *p = ctx;
    struct itr_curl_watch *w = watch_of(p, fd);
    uint32_t events = 0;

    (void)easy, (void)its_own;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
        events |= EPOLLIN;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
        events |= EPOLLOUT;
    return w != NULL && w->is_connection ? watch_connection(p, w, fd, events)
                                         : watch_other(p, fd, events);
}

/* ---- lifetime ---- */

static bool set_callback(struct itr_curl_poller *p)
{
    return curl_multi_setopt(p->multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
           curl_multi_setopt(p->multi, CURLMOPT_SOCKETDATA, (void *)p) == CURLM_OK;
}

/* A wake that is edge-triggered need not be read: each write is seen once. */
int itr_curl_poller_open(struct itr_curl_poller *p, CURLM *multi)
{
    int error;

    *p = (struct itr_curl_poller){
        .multi = multi, .epoll = -1, .wake = -1, .looked_mono_us = INT64_MIN};
    if ((p->epoll = epoll_create1(EPOLL_CLOEXEC)) < 0)
        return errno;
    if ((p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0 ||
        control(p, EPOLL_CTL_ADD, p->wake, EPOLLIN | EPOLLET) != 0) {
        error = errno;
        itr_curl_poller_close(p);
        return error;
    }
    if (set_callback(p))
        return 0;
    itr_curl_poller_close(p);
    return ENOMEM;
}

void itr_curl_poller_lose(struct itr_curl_poller *p)
{
    if (p->epoll >= 0)
        close(p->epoll);
    if (p->wake >= 0)
        close(p->wake);
    p->epoll = p->wake = -1;
}

void itr_curl_poller_close(struct itr_curl_poller *p)
{
    itr_curl_poller_lose(p);
    free(p->watches);
    p->watches = NULL;
    p->n_watches = 0;
}

/* ---- waiting ---- */

void itr_curl_poller_wake(const struct itr_curl_poller *p)
{
    static const uint64_t one = 1;
    ssize_t n;

    do
        n = write(p->wake, &one, sizeof one);
    while (n < 0 && errno == EINTR);
}

/* EPOLLERR and EPOLLHUP set no bit. When a reset arrives, Linux may report the error a moment
 * before it reports that the socket can be read, and libcurl before 8.10 fails a transfer on
 * CURL_CSELECT_ERR alone, without reading what has arrived. On 0 it polls the socket itself. */
static int select_bits(uint32_t events)
{
    int bits = 0;

    if ((events & EPOLLIN) != 0)
        bits |= CURL_CSELECT_IN;
    if ((events & EPOLLOUT) != 0)
        bits |= CURL_CSELECT_OUT;
    return bits;
}

/* A kept connection that nobody uses became ready: the end, or bytes that nobody asked for. Whoever
 * wants to use it looks (curl_sockets). */
static void take_out(const struct itr_curl_poller *p, struct itr_curl_watch *w, int fd)
{
    (void)control(p, EPOLL_CTL_DEL, fd, 0);
    w->registered = 0;
}

/* Return whether the event is for libcurl. */
static bool is_wanted(struct itr_curl_poller *p, const struct epoll_event *event)
{
    int fd = event->data.fd;
    struct itr_curl_watch *w = watch_of(p, fd);

    if (fd == p->wake) {
        p->saw_wake = true;
        return false;
    }
    if (w == NULL || !w->is_connection || w->wanted != 0)
        return true;
    take_out(p, w, fd);
    return false;
}

static int wait_for_events(const struct itr_curl_poller *p, int ms,
                           struct epoll_event events[MOST_EVENTS])
{
    const struct itr_curl_sleeper *s = p->sleeper;
    int ready;

    if (s == NULL || ms == 0 || !s->fall_asleep(s->ctx))
        return epoll_wait(p->epoll, events, MOST_EVENTS, s == NULL ? ms : 0);
    ready = epoll_wait(p->epoll, events, MOST_EVENTS, ms);
    s->wake_up(s->ctx);
    return ready;
}

/* Return how many sockets are ready, within ms; < 0: errno. Leave in events[] the *n that libcurl
 * wants to know of. The connections that nobody uses come first, before libcurl chooses any. */
static int look_for(struct itr_curl_poller *p, int ms, struct epoll_event events[MOST_EVENTS],
                    int *n)
{
    int ready = wait_for_events(p, ms, events), i;

    *n = 0;
    p->saw_wake = false;
    for (i = 0; i < ready; i++)
        if (is_wanted(p, &events[i]))
            events[(*n)++] = events[i];
    p->n_looks++;
    p->looked_mono_us =
        ready >= 0 && ready < MOST_EVENTS ? itr_clock_mono_us(itr_clock_system()) : INT64_MIN;
    return ready;
}

void itr_curl_poller_look(struct itr_curl_poller *p)
{
    struct epoll_event events[MOST_EVENTS];
    int wanted;

    (void)look_for(p, 0, events, &wanted);
}

CURLMcode itr_curl_poller_wait(struct itr_curl_poller *p, int ms, int *n)
{
    struct epoll_event events[MOST_EVENTS];
    CURLMcode code = CURLM_OK;
    int wanted, running, i;

    *n = look_for(p, ms, events, &wanted);
    for (i = 0; i < wanted && code == CURLM_OK; i++)
        if ((code = itr_curl_poller_run_due(p)) == CURLM_OK)
            code = curl_multi_socket_action(p->multi, events[i].data.fd,
                                            select_bits(events[i].events), &running);
    return code;
}

/* libcurl need not say that it uses the connection, if the answer is there at once. */
bool itr_curl_poller_is_quiet(struct itr_curl_poller *p, int fd, uint64_t n_before)
{
    struct itr_curl_watch *w = watch_of(p, fd);
    bool was_seen;

    if (w == NULL || w->wanted != 0 || (w->registered & EPOLLIN) == 0)
        return false;
    was_seen = w->used_at < p->n_looks && n_before < p->n_looks;
    w->used_at = p->n_looks;
    return was_seen &&
           itr_clock_mono_us(itr_clock_system()) - ITR_CURL_POLLER_VOUCHES_US <= p->looked_mono_us;
}

int itr_curl_poller_timer_ms(const struct itr_curl_poller *p)
{
    long ms = -1;

    if (curl_multi_timeout(p->multi, &ms) != CURLM_OK || ms < 0)
        return -1;
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

/* What becomes due during a pass is done in the next one. */
CURLMcode itr_curl_poller_run_due(struct itr_curl_poller *p)
{
    CURLMcode code = CURLM_OK;
    int passes = 0, running;

    while (code == CURLM_OK && passes++ < MOST_PASSES && itr_curl_poller_timer_ms(p) == 0)
        code = curl_multi_socket_action(p->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    return code;
}
