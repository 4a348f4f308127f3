/*
 * outcome: how a call ended, as plain values: for the counts of a client, and for a program that
 * watches its calls. No token, no parameter. Pure; any thread.
 */
#ifndef ITR_CORE_CALL_OUTCOME_H
#define ITR_CORE_CALL_OUTCOME_H

#include "core/call/call.h"

struct itr_outcome {
    const char *method;   /* static; NULL: neither GET nor POST */
    enum itr_status kind; /* ITR_OK: it succeeded */
    int http_status;      /* 0: no HTTP answer */
    bool has_code;
    int64_t code; /* of the envelope, if has_code */
    int64_t elapsed_us;
    uint64_t requests; /* sent */
    uint64_t refused;  /* answers in which the gateway rejected the token */
    size_t bytes;      /* of the last answer's body, decompressed */
};

/* Return "POST" or "GET". Static memory. */
const char *itr_outcome_method(bool post);

/* Read the outcome of a call that is DONE or FAILED. */
void itr_outcome_of_call(const struct itr_call *call, struct itr_outcome *out);

/* Fill in the outcome of a call that was not started, because of an error of that kind. */
void itr_outcome_of_unstarted(const char *method, enum itr_status kind, struct itr_outcome *out);

#endif
