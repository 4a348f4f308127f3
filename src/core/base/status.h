/*
 * status: what a function that can fail answers, and the detail that travels with it.
 *
 * Every such function returns enum itr_status; the detail goes into the caller's struct itr_error
 * (there is no thread-local "last error"). The values ITR_USAGE to ITR_STORE are the kinds that a
 * Lua programmer sees in err.kind; ITR_NOMEM becomes Lua's own memory error; ITR_FULL never leaves
 * the core. Callable from any thread.
 */
#ifndef ITR_CORE_BASE_STATUS_H
#define ITR_CORE_BASE_STATUS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

enum itr_status {
    ITR_OK = 0,
    ITR_USAGE,   /* a bad value in a call; nothing was sent */
    ITR_CONFIG,  /* a bad or missing option */
    ITR_NETWORK, /* libcurl could not carry the request, or lost the answer */
    ITR_TLS,     /* the connection could not be verified or encrypted */
    ITR_TIMEOUT, /* the deadline passed, in whatever phase */
    ITR_HTTP,    /* no envelope in an answer that is not 2xx; redirect; answer too large */
    ITR_DECODE,  /* no envelope in a 2xx answer; JSON that is not RFC 8259 */
    ITR_API,     /* an envelope with another code than 200-299 */
    ITR_TOKEN,   /* credentials refused; token answer without token; refused again */
    ITR_QUOTA,   /* the tenant's or the configured daily limit is reached */
    ITR_STORE,   /* the token store failed and no token is at hand */
    ITR_NOMEM,   /* no memory */
    ITR_FULL     /* a bounded buffer or list is at its maximum */
};

#define ITR_ERROR_TEXT 480

/* Plain value: may be copied by assignment; holds no pointer and never a secret. */
struct itr_error {
    enum itr_status kind; /* ITR_OK: nothing is wrong */
    bool has_code;        /* code below came from the gateway */
    bool retryable;       /* the same call may be made again: nothing of it was executed */
    bool no_descriptors;  /* no file descriptor was left: what is closed first may help */
    int http_status;      /* 0: no HTTP answer */
    int64_t code;
    char text[ITR_ERROR_TEXT]; /* NUL-terminated UTF-8, cut at a character boundary */
};

/* Make it the empty error. */
void itr_error_clear(struct itr_error *e);

/* Copy an error: as an assignment, but of the text only as much as there is. */
void itr_error_copy(struct itr_error *to, const struct itr_error *from);

/* Set kind and text, clear everything else, return kind (so: return itr_error_set(...)).
 * fmt is printf's; no argument may be a secret. e may be NULL. */
enum itr_status itr_error_set(struct itr_error *e, enum itr_status kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Return "usage", "config", ... as in err.kind; "memory" and "full" for the last two. Static
 * memory. */
const char *itr_status_name(enum itr_status s);

/* Return the kind of a name, or ITR_OK when there is none. The inverse, for records that are read.
 */
enum itr_status itr_status_of_name(const char *name);

#endif
