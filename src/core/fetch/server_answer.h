/*
 * fetch/server_answer: Judge a central token server's answer (docs/design.md 4.6):
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
#include "core/http/transport.h"

/* What it grants. */
struct itr_server_grant {
    uint64_t fence;        /* 1 to 2^63 - 1 */
    int64_t expires_in_ms; /* 0 to 2^52: life that is left; 0: none */
    int64_t refresh_in_ms; /* 0 to expires_in_ms: when a newer one is worth asking for */
};

/*
 * Judge what came of a request to `server` (its address, for the errors). `secrets`: as for
 * itr_answer_read, masked in whatever the server says.
 *
 * ITR_OK: *grant is written, and the token's text appended to `token` (a secret buffer, reset
 * first). Else *e says why there is none, and what to do: ITR_TOKEN for 40001-40003 and ITR_QUOTA
 * for 40004, which are the gateway's and come through the server with their codes; ITR_STORE for
 * all else that goes wrong with the server or on the way to it, with the code that it said;
 * ITR_NOMEM. A missing time, a time that is not a number or a fence that is not an integer makes
 * the answer useless; a time below 0 is 0.
 */
enum itr_status itr_server_answer_read(const char *server, const struct itr_response *response,
                                       const char *const *secrets, struct itr_buf *token,
                                       struct itr_server_grant *grant, struct itr_error *e);

#endif
