/*
 * token: Hold one access token of this process. Immutable after creation, counted, one
 * allocation, wiped on the last release. Any thread.
 *
 * Times are on the monotonic clock (clock.h): a record's wall times are turned into these when a
 * token is made, so that nothing in memory minds a stepped wall clock.
 */
#ifndef ITR_CORE_RECORD_TOKEN_H
#define ITR_CORE_RECORD_TOKEN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ITR_TOKEN_MAX 512 /* bytes; 32 are seen in practice (docs/protocol.md) */

/* Why a gateway rejects a token that it has only just given (docs/design.md 4.2): both likely
 * causes, because nothing in the answer tells them apart. */
#define ITR_TOKEN_FRESH_REFUSED                                                                    \
    "another program fetches tokens for this app without this token_store, or the answer was "     \
    "not about the token (see the option token_error_codes)"

/* Where this process got a token: the third result of client:token(). */
enum itr_token_origin {
    ITR_FROM_GATEWAY,
    ITR_FROM_MEMORY,
    ITR_FROM_FILE,
    ITR_FROM_REDIS,
    ITR_FROM_SERVER
};

struct itr_token {
    atomic_uint refs;
    uint64_t fence;          /* fencing number: a newer token has a higher one */
    int64_t born_mono_ms;    /* when the answer that gave it came */
    int64_t refresh_mono_ms; /* from here on it is due; jitter is in it */
    int64_t end_mono_ms;     /* from here on it is expired */
    enum itr_token_origin origin;
    char id[9];  /* first 8 hex digits of its SHA-256: all that may be shown of it */
    size_t len;  /* bytes of text */
    char text[]; /* NUL-terminated */
};

struct itr_token_times {
    int64_t born_mono_ms, refresh_mono_ms, end_mono_ms;
};

/* Create a token with one reference for the caller; text is copied, len <= ITR_TOKEN_MAX. NULL: no
 * memory. */
struct itr_token *itr_token_new(const char *text, size_t len, uint64_t fence,
                                struct itr_token_times times, enum itr_token_origin origin);
struct itr_token *itr_token_retain(struct itr_token *t); /* returns t; NULL is allowed */
void itr_token_release(struct itr_token *t);             /* NULL is allowed */

/* Return whether both have the same text. Fences are not compared: a gateway may give one string
 * twice. */
bool itr_token_same(const struct itr_token *a, const struct itr_token *b);

/* Return the origin's name: "memory", "file", "redis", "server", "gateway". Static memory. */
const char *itr_token_origin_name(enum itr_token_origin o);

#endif
