/*
 * http/exchange: carries one request of a token fetch over a transport of its own, because a fetch
 * is rare and its thread is short-lived. Blocks within the request's timeout. Any thread.
 */
#ifndef ITR_CORE_HTTP_EXCHANGE_H
#define ITR_CORE_HTTP_EXCHANGE_H

#include "core/http/transport.h"

/* Return ITR_OK to go on with a request, or the kind of error to give it up with, and *why
 * (static). Called several times a second. */
typedef enum itr_status itr_exchange_gives_up(void *ctx, const char **why);

struct itr_exchange_call {
    const struct itr_transport_factory *transport;
    const struct itr_transport_options *options;
    itr_exchange_gives_up *gives_up;
    void *ctx;
};

/* Send x, which has its request, and wait for the end. Its response says what came of it, also when
 * no transport could be opened. */
void itr_exchange_call_run(const struct itr_exchange_call *t, struct itr_exchange *x);

/* Fill in the response of a request that was never made. */
void itr_exchange_call_fail(struct itr_exchange *x, enum itr_status why, const char *text);

#endif
