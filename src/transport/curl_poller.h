/*
 * curl_poller: waits for libcurl's sockets by epoll and tells libcurl of those that are ready, so
 * that what a turn costs depends on how many are ready and not on how many are in flight; and can
 * be woken.
 *
 * A connection stays registered between two requests: libcurl forgets it after each, and two system
 * calls a request would cost more than epoll saves. One that becomes ready while libcurl does not
 * want to know is taken out then; so each look also tells that nothing waits on the other idle
 * ones. The poller has to know when a connection is opened and closed.
 *
 * Belongs to the thread of the loop, but for wake. After a fork the child may only close it.
 */
#ifndef ITR_TRANSPORT_CURL_POLLER_H
#define ITR_TRANSPORT_CURL_POLLER_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How long a look counts. */
#define ITR_CURL_POLLER_VOUCHES_US 1000

struct itr_curl_watch;

/* Who is asked before each sleep. */
struct itr_curl_sleeper {
    bool (*fall_asleep)(void *ctx); /* false: do not sleep, only look */
    void (*wake_up)(void *ctx);     /* it slept */
    void *ctx;
};

/* Stays in place from open on. */
struct itr_curl_poller {
    CURLM *multi; /* borrowed */
    int epoll, wake;
    struct itr_curl_watch *watches; /* ours; by file descriptor */
    size_t n_watches;
    uint64_t n_looks;       /* how often it looked which sockets are ready */
    bool saw_wake;          /* the last look found a wake */
    int64_t looked_mono_us; /* when it last saw all of them; INT64_MIN: never, or not all */
    const struct itr_curl_sleeper *sleeper; /* borrowed; NULL: nobody */
};

/* Set up p to wait for the sockets of multi. Return 0, or an errno; then nothing is left to close.
 * multi must be cleaned up before p is closed. */
int itr_curl_poller_open(struct itr_curl_poller *p, CURLM *multi);
void itr_curl_poller_close(struct itr_curl_poller *p);

/* Close the two descriptors alone: for the child of a fork, where the rest may be half changed. */
void itr_curl_poller_lose(struct itr_curl_poller *p);

/* Note that a connection was opened, or is about to be closed. */
void itr_curl_poller_opened(struct itr_curl_poller *p, int fd);
void itr_curl_poller_closing(struct itr_curl_poller *p, int fd);

/* Return whether nothing waits to be read on a kept connection that is about to be used, as far as
 * the last look tells: it was at most ITR_CURL_POLLER_VOUCHES_US ago, after the connection's last
 * use, and not one of the first n_before looks. False: not known. No system call. */
bool itr_curl_poller_is_quiet(struct itr_curl_poller *p, int fd, uint64_t n_before);

/* End the present or the next wait. Any thread, and no lock is taken. */
void itr_curl_poller_wake(const struct itr_curl_poller *p);

/* Wait at most ms for sockets that are ready (or a wake), and let libcurl do what can be done: what
 * is due comes before each. *n: how many there were. */
CURLMcode itr_curl_poller_wait(struct itr_curl_poller *p, int ms, int *n);

/* Look which kept connections are quiet, as is_quiet tells then. What else is ready the next wait
 * finds again: libcurl hears nothing of it. Does not wait. */
void itr_curl_poller_look(struct itr_curl_poller *p);

/* Let libcurl do what its timers say is due: also the first step of a new transfer, and of one that
 * waited for a connection. That comes before libcurl hears of a ready socket: else it takes an
 * HTTP/2 connection that can be read for one that cannot be written to, and a body waits although
 * its head was sent. */
CURLMcode itr_curl_poller_run_due(struct itr_curl_poller *p);

/* Return in how many ms a timer of libcurl is due; -1: there is none. */
int itr_curl_poller_timer_ms(const struct itr_curl_poller *p);

#endif
