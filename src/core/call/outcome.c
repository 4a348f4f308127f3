#include "core/call/outcome.h"

const char *itr_outcome_method(bool post)
{
    return post ? "POST" : "GET";
}

void itr_outcome_of_call(const struct itr_call *call, struct itr_outcome *out)
{
    const struct itr_error *e = &call->error;

    *out = (struct itr_outcome){
        .method = itr_outcome_method(call->post),
        .elapsed_us = call->elapsed_us,
        .requests = call->n_sent,
        .refused = call->n_refused,
        .bytes = call->exchange.response.body.len,
    };
    if (call->step == ITR_CALL_DONE) {
        out->http_status = call->exchange.response.http_status;
        out->has_code = call->envelope.present;
        out->code = out->has_code ? call->envelope.scan.code : 0;
    } else {
        out->kind = e->kind;
        out->http_status = e->http_status;
        out->has_code = e->has_code;
        out->code = e->code;
    }
}

void itr_outcome_of_unstarted(const char *method, enum itr_status kind, struct itr_outcome *out)
{
    *out = (struct itr_outcome){.method = method, .kind = kind};
}
