/*
 * curl_loop: the transport of transport.h on one libcurl multi handle.
 *
 * Belongs to one thread at a time; only wake() is for all. Easy handles are kept and used again;
 * curl_request.c is the one place that configures them. Callbacks of libcurl never call out, but
 * for request.may_send.
 *
 * Beyond what transport.h promises: sockets are close-on-exec; SIGPIPE is held back in this thread
 * while TLS may write; a head of more than 300 KB is ITR_HTTP like a body that is too large; an
 * answer whose head is cut off is ITR_NETWORK (libcurl takes it for one without a body).
 *
 * Limits, all libcurl's:
 * - before 7.80 no connection is kept, may_send is asked when the exchange starts, and what went
 *   to a proxy counts as sent;
 * - before 7.87 a name server that is silent holds a transfer, its cancel and free() up until the
 *   resolver gives up;
 * - a kept connection that dies just as a request goes out, or an HTTP/2 stream that the server
 *   turned away unread, is ITR_NETWORK with sent = true, as libcurl cannot tell it from one that
 *   was read;
 * - the URL of the last request, token included, stays in memory that libcurl does not wipe.
 */
#ifndef ITR_TRANSPORT_CURL_LOOP_H
#define ITR_TRANSPORT_CURL_LOOP_H

#include "core/transport.h"

/* Static memory. open() initialises libcurl once per process. */
const struct itr_transport_factory *itr_curl_loop_factory(void);

/* "7.88.1" and so on: the libcurl at run time. */
const char *itr_curl_version(void);

#endif
