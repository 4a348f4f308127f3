/*
 * fetch/gateway_answer: the request for a token, and what its answer means (docs/protocol.md,
 * Token). Pure.
 */
#ifndef ITR_CORE_FETCH_GATEWAY_ANSWER_H
#define ITR_CORE_FETCH_GATEWAY_ANSWER_H

#include "core/base/buf.h"
#include "core/base/status.h"
#include "core/config/config.h"
#include "core/record/record.h"

/* Appends {gateway}{path}?appId=...&appSecret=... to out (a secret buffer), percent-encoded. */
enum itr_status itr_gateway_answer_url(const char *gateway, enum itr_token_endpoint endpoint,
                                       const char *app_id, const char *app_secret,
                                       struct itr_buf *out);

/* One HTTP answer of the token endpoint, or the lack of one. */
struct itr_gateway_answer {
    enum itr_status carried; /* ITR_OK: an HTTP answer came; else what the transport says */
    bool sent;               /* a byte of the request may have left */
    const char *detail;      /* carried != ITR_OK: the transport's text, redacted; may be NULL */
    int http_status;
    const char *body;
    size_t body_len;
};

/*
 * What it means. out->is, out->error as in record.h; a token's text is appended to `token`
 * (a secret buffer, reset first). Kinds of error: the transport's own; ITR_TOKEN for 40001-40003
 * and for an envelope of success without a usable token (absent, empty, no string, longer than
 * ITR_TOKEN_MAX, control characters); ITR_QUOTA for 40004; ITR_API for any other code; ITR_HTTP and
 * ITR_DECODE as in docs/reference.md, "Errors". The messages name what to do, and `app_secret` is
 * masked in whatever text the gateway sent. Credentials count as refused with any HTTP status.
 */
void itr_gateway_answer_read(const struct itr_gateway_answer *answer, const char *app_secret,
                             struct itr_buf *token, struct itr_record_outcome *out);

#endif
