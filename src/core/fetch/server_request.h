/*
 * fetch/server_request: Ask a central token server once over a transport of its own: one GET, or
 * one POST that says which token was refused, by its fence. Blocks within token_timeout; what the
 * answer means is fetch/server_answer's. Any thread.
 */
#ifndef ITR_CORE_FETCH_SERVER_REQUEST_H
#define ITR_CORE_FETCH_SERVER_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/config/config.h"
#include "core/fetch/server_answer.h"
#include "core/http/exchange.h"

struct itr_server_request {
    const struct itr_config *config;
    const struct itr_transport_factory *transport;
    bool wants_newer;       /* a token was refused, or a refresh asked for */
    uint64_t refused_fence; /* 0: none was refused */
    itr_exchange_gives_up *gives_up;
    void *ctx;
};

/* Ask the central server once. ITR_OK: *grant is written, and the token's text appended to `token`
 * (a secret buffer, reset first); else *e says why not. *wait_ms: the server's Retry-After; -1:
 * none. */
enum itr_status itr_server_request_run(const struct itr_server_request *r, struct itr_buf *token,
                                       struct itr_server_grant *grant, int64_t *wait_ms,
                                       struct itr_error *e);

#endif
