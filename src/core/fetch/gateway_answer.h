/*
 * fetch/gateway_answer: Build the request for a token, and judge its answer (docs/protocol.md,
 * Token). Pure; any thread.
 */
#ifndef ITR_CORE_FETCH_GATEWAY_ANSWER_H
#define ITR_CORE_FETCH_GATEWAY_ANSWER_H

#include "core/base/buf.h"
#include "core/base/status.h"
#include "core/config/config.h"
#include "core/http/transport.h"
#include "core/record/record.h"

/* Append {gateway}{path}?appId=...&appSecret=... to out (a secret buffer), percent-encoded. */
enum itr_status itr_gateway_answer_url(const char *gateway, enum itr_token_endpoint endpoint,
                                       const char *app_id, const char *app_secret,
                                       struct itr_buf *out);

/*
 * Judge what came of the request: fill out->is, out->error, and append a token's text to `token` (a
 * secret buffer, reset first). `secrets`: as for itr_answer_read, masked in whatever text the
 * gateway sent; the token in the answer is masked, too.
 *
 * Kinds of error: the transport's own; ITR_TOKEN for 40001-40003 and for an envelope of success
 * without a usable token; ITR_QUOTA for 40004; ITR_API for any other code; ITR_HTTP and ITR_DECODE
 * as in docs/design.md 2; ITR_NOMEM. The texts say what to do. Credentials count as refused with
 * any HTTP status.
 */
void itr_gateway_answer_read(const struct itr_response *response, const char *const *secrets,
                             struct itr_buf *token, struct itr_record_outcome *out);

#endif
