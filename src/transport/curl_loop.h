/*
 * curl_loop: implements transport.h on one libcurl multi handle.
 *
 * Belongs to one thread at a time; only wake() is for all. Easy handles are kept and used again;
 * curl_request.c is the one place that configures them. Callbacks of libcurl call
 * nothing of ours but request.may_send.
 *
 * Beyond what transport.h promises: a kept connection on which something waits to be read, at the
 * earliest when the request is started, is not used, and a request that an HTTP/2 server refused
 * unread goes out again, both without its caller noticing and within its deadline, at most 50
 * times; sockets are close-on-exec; SIGPIPE is held back in this thread while TLS may write; a head
 * of more than 300 KB is ITR_HTTP like a body that is too large; an answer whose head is cut off is
 * ITR_NETWORK (libcurl takes it for one without a body).
 *
 * Limits, all libcurl's:
 * - before 7.80 no connection is kept, may_send is asked when the exchange starts, and what went
 *   to a proxy counts as sent;
 * - before 7.87 a name server that is silent holds a transfer, its cancel and free() up until the
 *   resolver gives up;
 * - a kept HTTP/1 connection that dies just as a request goes out is ITR_NETWORK with sent = true,
 *   as nobody can tell it from one that was read (HTTP/2 tells: GOAWAY, REFUSED_STREAM);
 * - from 8.1 to 8.6 that a stream was refused shows only by GOAWAY, or on a connection that
 *   carried nothing else; else it is ITR_NETWORK with sent = true;
 * - bytes behind a whole chunked or empty answer, read together with it, are dropped, and the
 *   connection is kept;
 * - before 8.1 the answer of an HTTP/2 server that ends the stream before it has read the body may
 *   be lost (ITR_NETWORK, sent = true); and if it says how long it is, and the body is larger than
 *   the server makes room for, the thread is busy until the deadline;
 * - the URL of the last request, token included, stays in memory that libcurl does not wipe.
 */
#ifndef ITR_TRANSPORT_CURL_LOOP_H
#define ITR_TRANSPORT_CURL_LOOP_H

#include <pthread.h>
#include <stdbool.h>

#include "core/http/transport.h"
#include "transport/curl_poller.h"

/* Return the factory, static memory. Its open() initialises libcurl once per process. */
const struct itr_transport_factory *itr_curl_loop_factory(void);

/* What follows is for the owner of a loop on a thread of its own (curl_worker); t is one that this
 * factory made. */

/* Return whether more are finished: wait() would return one without looking at the network. The
 * loop's thread. */
bool itr_curl_loop_has_more(const struct itr_transport *t);

/* As ops->start, of an exchange whose caller has woken t since and had to. If the last wait() was
 * ended by that, what this saw of idle connections counts, and they need not be looked at again. */
enum itr_status itr_curl_loop_start_waker(struct itr_transport *t, struct itr_exchange *x,
                                          struct itr_error *e);

/* Have wait() ask `sleeper`, which outlives t, and return after each look, whether or not one is
 * finished. */
void itr_curl_loop_set_sleeper(struct itr_transport *t, const struct itr_curl_sleeper *sleeper);

/* Have sockets opened and closed with this lock held from now on. It outlives t, and callers of t
 * do not hold it. Whoever holds it at a fork may call itr_curl_loop_lose in the child. */
void itr_curl_loop_guard(struct itr_transport *t, pthread_mutex_t *lock);

/* Abandon t in the child of a fork when another thread was working in it: close its sockets
 * silently and touch nothing else, for that may be half done. Exchanges stay with it. */
void itr_curl_loop_lose(struct itr_transport *t);

#endif
