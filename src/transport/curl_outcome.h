/*
 * curl_outcome: reads from a finished easy handle what came of its request. Internal to
 * curl_request. One thread.
 */
#ifndef ITR_TRANSPORT_CURL_OUTCOME_H
#define ITR_TRANSPORT_CURL_OUTCOME_H

#include <curl/curl.h>
#include <stdbool.h>

#include "transport/curl_request.h"

/* Return whether a byte of the request may have left. */
bool itr_curl_outcome_sent(const struct itr_curl_request *r);

/* Fill in the response of r's exchange from libcurl's result. */
void itr_curl_outcome_read(struct itr_curl_request *r, CURLcode code);

#endif
