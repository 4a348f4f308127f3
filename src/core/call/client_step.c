#include "core/call/client_state.h"

#include "core/call/trace.h"

/* ---- ends ---- */

/* It is DONE or FAILED: from its list into its group's. */
static void end(struct itr_client *c, struct itr_call *call, int64_t now)
{
    itr_call_list_remove(call);
    call->ended_mono_ms = now;
    c->counters.refused += call->n_refused;
    c->counters.repeated += call->n_repeated;
    call->group->n_out--;
    itr_call_list_add(&call->group->over, call);
    itr_call_group_list_add(&c->ready, call->group);
}

void itr_client_end_all(struct itr_client *c, struct itr_call_list *list, const struct itr_error *e)
{
    while (list->first != NULL) {
        struct itr_call *call = list->first;
        if (call->asked)
            itr_source_forget(c->source, &call->wait);
        call->asked = false;
        itr_call_abort(call, e);
        end(c, call, itr_clock_mono_ms(c->clock));
    }
}

/* ---- one call, one step ---- */

void itr_client_wake(void *ctx)
{
    struct itr_transport *t = ctx;

    t->ops->wake(t);
}

/* TOKEN: asks once, then takes the answer when it is there. */
static void push_token(struct itr_client *c, struct itr_call *call, int64_t now)
{
    struct itr_token_ask ask;

    if (!call->asked) {
        ask = itr_call_ask(call);
        call->wait.wake = itr_client_wake;
        call->wait.ctx = c->transport;
        call->asked = true;
        (void)itr_source_ask(c->source, &ask, &call->wait);
    }
    if (itr_wait_is_ready(&call->wait)) {
        call->asked = false;
        itr_call_token(call, now, call->wait.token, &call->wait.error);
        call->wait.token = NULL; /* the call now owns it */
    } else if (now >= call->deadline_mono_ms) {
        itr_source_forget(c->source, &call->wait);
        call->asked = false;
        itr_call_expired(call);
    }
}

static void send(struct itr_client *c, struct itr_call *call, int64_t now)
{
    struct itr_error e;

    itr_call_request(call, now);
    if (call->step != ITR_CALL_SEND)
        return;
    itr_call_list_remove(call);
    if (c->transport->ops->start(c->transport, &call->exchange, &e) == ITR_OK) {
        itr_call_list_add(&c->sent, call);
        return;
    }
    if (e.kind == ITR_NETWORK) /* this time nothing began */
        e.retryable = !call->executed;
    itr_call_abort(call, &e);
}

static void push_wait(struct itr_call *call, int64_t now)
{
    if (now >= call->deadline_mono_ms)
        itr_call_expired(call);
    else if (now >= call->wait_until_mono_ms)
        itr_call_waited(call);
}

/* Pushes a call of `todo` as far as it goes. */
void itr_client_push(struct itr_client *c, struct itr_call *call, int64_t now)
{
    if (call->step == ITR_CALL_TOKEN)
        push_token(c, call, now);
    if (call->step == ITR_CALL_WAIT)
        push_wait(call, now);
    if (call->step == ITR_CALL_SEND)
        send(c, call, now);
    if (itr_client_is_over(call))
        end(c, call, now);
}

/* The gateway wants less: of this group, for no longer than a call would wait. */
static void slow_down(const struct itr_client *c, struct itr_call *call, int64_t now)
{
    int64_t ms = itr_call_slow_down_ms(call);
    int64_t until = now + (ms < c->config.timeout_ms ? ms : c->config.timeout_ms);

    if (call->group->slow_until_mono_ms < until)
        call->group->slow_until_mono_ms = until;
}

/* An answer came: judges it, and pushes the call on if it is not over. */
void itr_client_take_answer(struct itr_client *c, struct itr_call *call)
{
    int64_t now = itr_clock_mono_ms(c->clock);
    uint64_t random = call->exchange.response.carried == ITR_OK ? 0 : itr_clock_random(c->clock);

    if (call->exchange.response.http_status >= 429)
        random = itr_clock_random(c->clock);
    itr_call_answered(call, now, random);
    if (c->config.trace)
        itr_trace_call(call);
    if (call->exchange.response.http_status == 429)
        slow_down(c, call, now);
    itr_call_list_remove(call);
    if (!itr_client_is_over(call))
        itr_call_list_add(&c->todo, call);
    itr_client_push(c, call, now);
    /* It waits for something else now: what its party was told of the next look no longer holds. */
    if (call->list == &c->todo)
        itr_call_group_list_add(&c->ready, call->group);
}
