/*
 * curl_loop: the transport of transport.h on one libcurl multi handle.
 *
 * Belongs to one thread at a time. Easy handles are kept and reused; curl_request.c is the one
 * place that configures them.
 */
#ifndef ITR_TRANSPORT_CURL_LOOP_H
#define ITR_TRANSPORT_CURL_LOOP_H

#include "core/transport.h"

/* Static memory. open() initialises libcurl once per process. */
const struct itr_transport_factory *itr_curl_loop_factory(void);

/* "7.88.1" and so on: the libcurl at run time. */
const char *itr_curl_version(void);

#endif
