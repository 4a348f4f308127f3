/*
 * envelope: what one answer of the gateway means, and what its codes are called
 * (docs/protocol.md, Codes). Pure; any thread.
 */
#ifndef ITR_CORE_ENVELOPE_H
#define ITR_CORE_ENVELOPE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"
#include "core/json_scan.h"
#include "core/status.h"

enum itr_envelope_is {
    ITR_ENVELOPE_SUCCESS,       /* HTTP 2xx and a code of 200-299 */
    ITR_ENVELOPE_TOKEN_REFUSED, /* the gateway did not take the token; nothing was executed */
    ITR_ENVELOPE_NO_PERMISSION, /* the app may not call this API */
    ITR_ENVELOPE_ERROR,         /* any other code */
    ITR_ENVELOPE_NONE           /* no envelope in the answer */
};

/* A documented code: the name errors carry. Rows end with a NULL name. Static memory. */
struct itr_code_name {
    int64_t code;
    const char *name;
};
const struct itr_code_name *itr_envelope_codes(void);

/* The name of a documented code, or NULL. */
const char *itr_envelope_code_name(int64_t code);

/* The name an error carries: by meaning first ("token_refused", "no_permission"), then by code;
 * NULL when neither has one. */
const char *itr_envelope_error_name(enum itr_envelope_is is, bool has_code, int64_t code);

/* Judges an answer: scan of its body (NULL: not JSON), its HTTP status, `message` unescaped ("" if
 * none). The two code options come from config. */
enum itr_envelope_is itr_envelope_judge(const struct itr_json_scan *scan, int http_status,
                                        const char *message, const struct itr_config *config);

#endif
