/*
 * curl_global: libcurl as one thing of the process. Any thread.
 */
#ifndef ITR_TRANSPORT_CURL_GLOBAL_H
#define ITR_TRANSPORT_CURL_GLOBAL_H

#include "core/base/status.h"

/* Initialise libcurl, once a process; it is never undone, for others may use it too. One that
 * failed is tried again by the next call. ITR_NOMEM; ITR_CONFIG: the libcurl at run time has no
 * TLS, or is older than the one of the build and lacks what was built in (the question before
 * sending, an end that does not wait for the resolver). */
enum itr_status itr_curl_global_init(struct itr_error *e);

/* Return the version of the libcurl at run time: "7.88.1" and so on. */
const char *itr_curl_version(void);

#endif
