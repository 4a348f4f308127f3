/*
 * envelope: what one answer of the gateway means, and what its codes are called
 * (docs/protocol.md, Codes). Pure; any thread.
 */
#ifndef ITR_CORE_CALL_ENVELOPE_H
#define ITR_CORE_CALL_ENVELOPE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/status.h"
#include "core/config/config.h"
#include "core/http/transport.h"
#include "core/json/scan.h"

enum itr_envelope_is {
    ITR_ENVELOPE_SUCCESS,       /* HTTP 2xx and a code of 200-299 */
    ITR_ENVELOPE_TOKEN_REFUSED, /* the gateway did not take the token; nothing was executed */
    ITR_ENVELOPE_NO_PERMISSION, /* the app may not call this API */
    ITR_ENVELOPE_ERROR,         /* any other code */
    ITR_ENVELOPE_NONE           /* no envelope in the answer */
};

/* A documented code and the name that errors carry. */
struct itr_code_name {
    int64_t code;
    const char *name;
};
/* Return all of them, ended by a row without a name. Static memory. */
const struct itr_code_name *itr_envelope_codes(void);

/* Return the name of a documented code, or NULL. */
const char *itr_envelope_code_name(int64_t code);

/* Return the name an error carries: by meaning first ("token_refused", "no_permission"), then by
 * code; NULL when neither has one. */
const char *itr_envelope_error_name(enum itr_envelope_is is, bool has_code, int64_t code);

/* One answer, read. */
struct itr_envelope {
    enum itr_envelope_is is;
    bool present;              /* the body is an object with an integer `code` */
    struct itr_json_scan scan; /* of the body, if it is JSON; points into the body */
    struct itr_error error;    /* what is wrong, unless is SUCCESS; texts are the gateway's own:
                                  secrets are still to be masked. retryable is left to the caller */
    const char *error_name;    /* static, or NULL */
};

/* Read a whole HTTP answer (r->carried is ITR_OK). ITR_OK, or ITR_NOMEM. Kinds of out->error:
 * ITR_API with an envelope, ITR_DECODE without one in a 2xx answer, else ITR_HTTP; ITR_TOKEN when
 * the token was refused. */
enum itr_status itr_envelope_read(const struct itr_response *r, const struct itr_config *config,
                                  struct itr_envelope *out);

#endif
