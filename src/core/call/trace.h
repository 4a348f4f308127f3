/*
 * trace: one redacted line a request to stderr, for ITRIGGER_TRACE=1. Never a token, a secret, a
 * query or a body: the token is shown by its short id. One write(2) a line; any thread.
 */
#ifndef ITR_CORE_CALL_TRACE_H
#define ITR_CORE_CALL_TRACE_H

#include "core/call/call.h"

/* Write the line of an answer that was judged, or of a transport that failed. */
void itr_trace_call(const struct itr_call *call);

#endif
