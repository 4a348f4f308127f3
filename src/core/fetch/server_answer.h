/*
 * fetch/server_answer: what a central token server's answer means (docs/design.md 4.6):
 *
 *   {"code":200,"message":"ok","data":{"accessToken":"...","fence":1795500000000,
 *    "expiresIn":7140,"refreshIn":5290}}
 *
 * with times in seconds from now, fractions allowed. What comes over the network is not trusted to
 * be that. Pure; any thread.
 */
#ifndef ITR_CORE_FETCH_SERVER_ANSWER_H
#define ITR_CORE_FETCH_SERVER_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/status.h"

/* One HTTP answer, or the lack of one; strings are borrowed. */
struct itr_server_answer {
    const char *server;      /* its address, for the errors */
    const char *key;         /* token_store_key, masked in whatever the server says; may be NULL */
    enum itr_status carried; /* ITR_OK: an HTTP answer came; else what the transport says */
    const char *detail;      /* carried != ITR_OK: the transport's text, redacted; may be NULL */
    int http_status;
    const char *body;
    size_t body_len;
};

/* What it grants. */
struct itr_server_grant {
    uint64_t fence;        /* 1 to 2^63 - 1 */
    int64_t expires_in_ms; /* 0 to 2^52: life that is left; 0: none */
    int64_t refresh_in_ms; /* 0 to expires_in_ms: when a newer one is worth asking for */
};

/*
 * ITR_OK: *grant is written, and the token's text appended to `token` (a secret buffer, reset
 * first). Else *e says why there is none, and what to do: ITR_TOKEN for 40001-40003 and ITR_QUOTA
 * for 40004, which are the gateway's and come through the server with their codes; ITR_STORE for
 * all else that goes wrong with the server or on the way to it, with the code that it said;
 * ITR_NOMEM. Times that are missing, no numbers, or a fence that is no integer, make the answer
 * useless; a time below 0 is 0.
 */
enum itr_status itr_server_answer_read(const struct itr_server_answer *answer,
                                       struct itr_buf *token, struct itr_server_grant *grant,
                                       struct itr_error *e);

#endif
