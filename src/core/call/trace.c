#include "core/call/trace.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024

static const char *outcome(const struct itr_call *call)
{
    if (call->step == ITR_CALL_TOKEN)
        return "token rejected, retrying";
    if (call->step == ITR_CALL_WAIT)
        return "again";
    return call->step == ITR_CALL_DONE ? "ok" : itr_status_name(call->error.kind);
}

void itr_trace_call(const struct itr_call *call)
{
    const struct itr_response *r = &call->exchange.response;
    char line[LINE_MAX_BYTES];
    char code[24] = "-";
    int64_t tenths = (r->elapsed_us + 50) / 100; /* of a ms; a locale may print 0.1 as 0,1 */
    int n;

    if (call->envelope.present)
        snprintf(code, sizeof code, "%lld", (long long)call->envelope.scan.code);
    n = snprintf(line, sizeof line,
                 "itrigger: %s %.200s%.600s token=sha256:%s http=%d code=%s %lld.%dms %s\n",
                 call->post ? "POST" : "GET", call->config->gateway, itr_buf_str(&call->path),
                 call->token != NULL ? call->token->id : "-", r->http_status, code,
                 (long long)(tenths / 10), (int)(tenths % 10), outcome(call));
    if (n > 0 && write(STDERR_FILENO, line, strnlen(line, sizeof line)) < 0)
        return; /* a trace that nobody can read is no error */
}
