/*
 * reply: one answer of the daemon before it goes out: status, body and the headers that depend on
 * what is said. The envelope is the vendor's (docs/protocol.md):
 * {"code":..,"message":..,"data":..}. Pure; one owner.
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
    char policy[256];               /* Content-Security-Policy of a page; "": it is none */
    enum reply_challenge challenge; /* 401: how to authenticate */
    bool has_token;                 /* must not be stored */
    struct itr_buf body;            /* wipes itself */
};

void reply_init(struct reply *r);
void reply_clear(struct reply *r);

/* The envelope without data. message: static or clean text, written as JSON here. */
void reply_say(struct reply *r, int http_status, int64_t code, const char *message);

/* The token with its fence and times from now, in seconds. */
void reply_token(struct reply *r, const struct itr_token *t, int64_t now_mono_ms);

/* No token, and why: 429 with 40004 for kind quota, else 503, with the gateway's code if it has
 * one. */
void reply_failure(struct reply *r, const struct itr_error *e);

/* The same two in the vendor's own words, for the drop-in paths: always HTTP 200 where the vendor
 * says so, the token alone in data. */
void reply_vendor_token(struct reply *r, const struct itr_token *t);
void reply_vendor_failure(struct reply *r, const struct itr_error *e);

/* Appends text as a JSON string with its quotes. Text is UTF-8, or the wrong bytes become "?". */
void reply_append_json(struct itr_buf *out, const char *text);

#endif
