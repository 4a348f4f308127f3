/*
 * fetch/gateway_request: Ask the gateway for one token over a transport of its own, and say what
 * came of it. Blocks within token_timeout; what the answer means is fetch/gateway_answer's. Any
 * thread.
 */
#ifndef ITR_CORE_FETCH_GATEWAY_REQUEST_H
#define ITR_CORE_FETCH_GATEWAY_REQUEST_H

#include <stdbool.h>

#include "core/base/buf.h"
#include "core/config/config.h"
#include "core/http/exchange.h"
#include "core/record/record.h"

struct itr_gateway_request {
    const struct itr_config *config;
    const struct itr_transport_factory *transport;
    const char *const *tokens;   /* known ones, to mask in the gateway's words; ended by NULL */
    bool (*may_send)(void *ctx); /* just before the first byte: is the lease still ours? */
    itr_exchange_gives_up *gives_up;
    void *ctx;
};

/* Ask the gateway for one token. Its text is appended to `token` (a secret buffer, reset first);
 * *outcome says the rest, and its text is left to the caller. */
void itr_gateway_request_run(const struct itr_gateway_request *r, struct itr_buf *token,
                             struct itr_record_outcome *outcome);

#endif
