/*
 * reply: an answer of the daemon before it is sent: status, body, and the headers that depend on
 * the answer. The envelope is the vendor's (docs/protocol.md): {"code":..,"message":..,"data":..}.
 * Pure; one owner.
 */
#ifndef ITRIGGERD_REPLY_H
#define ITRIGGERD_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/status.h"
#include "core/record/token.h"

enum reply_challenge {
    REPLY_NO_CHALLENGE,
    REPLY_CHALLENGE_BEARER,
    REPLY_CHALLENGE_BASIC /* or Bearer */
};

struct reply {
    int http_status;
    int64_t code;                   /* of the envelope, for the counters */
    const char *content_type;       /* static */
    const char *allow;              /* 405: the methods; static; NULL: no such header */
    int retry_after_s;              /* 0: no such header */
    const char *policy;             /* Content-Security-Policy of a page; NULL: it is none */
    enum reply_challenge challenge; /* 401: how to authenticate */
    struct itr_buf body;            /* wipes itself */
};

void reply_init(struct reply *r);
void reply_clear(struct reply *r);

/* Write an envelope without data. message: any text; bytes that are not UTF-8 become "?". */
void reply_say(struct reply *r, int http_status, int64_t code, const char *message);

/* Write the token with its fence and its times, in seconds from now; in the vendor's format, for
 * the drop-in paths, only the token. */
void reply_token(struct reply *r, const struct itr_token *t, int64_t now_mono_ms, bool vendor);
/* Write why there is no token: 429 with code 40004 for kind quota, else 503, with the gateway's
 * code if it has one; in the vendor's format always HTTP 200. */
void reply_failure(struct reply *r, const struct itr_error *e, bool vendor);

#endif
