/*
 * curl_poller: waits for libcurl's sockets by epoll and tells libcurl of those that are ready, so
 * that what a turn costs depends on how many are ready and not on how many are in flight; and can
 * be woken.
 *
 * A connection stays registered between two requests: libcurl forgets it after each, and two system
 * calls a request would cost more than epoll saves. One that becomes ready while libcurl does not
 * want to know is taken out then. So the poller has to know when it is opened and closed.
 *
 * Belongs to the thread of the loop, but for wake. After a fork the child may only close it.
 */
#ifndef ITR_TRANSPORT_CURL_POLLER_H
#define ITR_TRANSPORT_CURL_POLLER_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct itr_curl_watch;

/* Stays in place from open on. */
struct itr_curl_poller {
    CURLM *multi; /* borrowed */
    int epoll, wake;
    struct itr_curl_watch *watches; /* ours; by file descriptor */
    size_t n_watches;
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

/* End the present or the next wait. Any thread, and no lock is taken. */
void itr_curl_poller_wake(const struct itr_curl_poller *p);

/* Wait at most ms for sockets that are ready (or a wake), and let libcurl do what can be done.
 * *n: how many there were. */
CURLMcode itr_curl_poller_wait(struct itr_curl_poller *p, int ms, int *n);

/* Let libcurl do what its timers say is due: also the first step of a new transfer. */
CURLMcode itr_curl_poller_run_timers(struct itr_curl_poller *p);

/* Return in how many ms a timer of libcurl is due; -1: there is none. */
int itr_curl_poller_timer_ms(const struct itr_curl_poller *p);

#endif
