#include "core/call/client_state.h"

static void wait_for_token(struct itr_client *c, struct itr_wait *w, int64_t timeout_ms)
{
    int64_t now = itr_clock_mono_ms(c->clock);
    int64_t deadline = now + timeout_ms;

    while (!itr_wait_is_ready(w) && now < deadline) {
        struct itr_exchange *x = c->transport->ops->wait(c->transport, deadline - now);
        if (x != NULL)
            itr_client_take_answer(c, x->owner);
        now = itr_clock_mono_ms(c->clock);
    }
}

enum itr_status itr_client_check_ask(const struct itr_client *c, const struct itr_token_ask *ask,
                                     struct itr_error *e)
{
    if (ask->min_valid_ms > c->config.token_ttl_ms)
        return itr_error_set(e, ITR_USAGE,
                             "min_valid is more than token_ttl, the whole life of a token");
    return ITR_OK;
}

enum itr_status itr_client_ask_answer(const struct itr_token_ask *ask, struct itr_wait *w,
                                      int64_t now_mono_ms, int64_t timeout_ms,
                                      struct itr_token **token, struct itr_error *e)
{
    *token = NULL;
    if (!itr_wait_is_ready(w)) {
        itr_error_set(e, ITR_TIMEOUT, "no token came within %lld ms", (long long)timeout_ms);
        e->retryable = true;
        return ITR_TIMEOUT;
    }
    *token = w->token; /* the caller now owns it */
    w->token = NULL;
    *e = w->error;
    if (*token == NULL)
        return e->kind;
    /* A fetch ahead of time that failed is no news for who has a token as good as was asked for. */
    if (!ask->refresh && now_mono_ms + ask->min_valid_ms < (*token)->end_mono_ms)
        itr_error_clear(e);
    return ITR_OK;
}

enum itr_status itr_client_token(struct itr_client *c, const struct itr_token_ask *ask,
                                 int64_t timeout_ms, struct itr_token **token,
                                 enum itr_token_origin *origin, struct itr_error *e)
{
    struct itr_wait w;
    enum itr_status s = itr_client_ready_transport(c, e);

    *token = NULL;
    if (s != ITR_OK || (s = itr_client_check_ask(c, ask, e)) != ITR_OK)
        return s;
    w.wake = itr_client_wake;
    w.ctx = c->transport;
    if (!itr_source_ask(c->source, ask, &w))
        wait_for_token(c, &w, timeout_ms);
    s = itr_client_ask_answer(ask, &w, itr_clock_mono_ms(c->clock), timeout_ms, token, e);
    *origin = w.origin;
    if (s == ITR_TIMEOUT) /* it may still be in the queue */
        itr_source_forget(c->source, &w);
    return s;
}
