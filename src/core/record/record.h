/*
 * record: Say what the fleet shares about one app's token, and who may fetch when (docs/design.md
 * 4.2). Pure: no clock, no lock, no I/O, no randomness. Any thread.
 *
 * One small text record per gateway and app id: the token, the lease of the one who fetches, and
 * what became of earlier fetches. A store can only load and compare-and-swap it; every rule about
 * fetching is here. The record holds facts, never a time before which something is forbidden: that
 * is computed by each reader from the facts (record/hold.h), so that readers with other options
 * never take each other's options for their own.
 *
 * All times are wall milliseconds by the store's clock. A time up to ITR_RECORD_SLEW_MS ahead of
 * now is believed, one further ahead is over: a clock was stepped. No option of the reader takes
 * part in that.
 *
 * In five files: record.c decides and settles, record/view.c says what a record's times are worth
 * now, record/hold.c is the table "no fetch before", record/text.c is the text form, record/sound.c
 * says what may stand in it.
 */
#ifndef ITR_CORE_RECORD_RECORD_H
#define ITR_CORE_RECORD_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/status.h"
#include "core/record/token.h"

#define ITR_RECORD_MAX 2048 /* bytes of the encoded record */
#define ITR_OWNER_MAX 32    /* bytes of a lease owner's name */
#define ITR_DIGEST_MAX 16   /* hex digits of the digest of an app secret */
#define ITR_RECORD_ERROR_TEXT 160
#define ITR_RECORD_SLEW_MS 5000 /* the clocks of one store's servers may differ so much */
#define ITR_RECORD_LEASE_MAX_MS                                                                    \
    660000 /* no lease is longer: 600 s of token_timeout, and extras                               \
            */

struct itr_record_error { /* an error as the fleet remembers it; no secret, bounded */
    enum itr_status kind; /* ITR_OK: none */
    bool has_code;
    int http_status;
    int64_t code;
    char text[ITR_RECORD_ERROR_TEXT + 1];
};

/* Why the last fetch brought no token. */
enum itr_record_failure {
    ITR_FAILURE_NONE,
    ITR_FAILURE_NO_ANSWER, /* sent, and no usable answer */
    ITR_FAILURE_LAPSED,    /* its lease ended and nobody said what came of it */
    ITR_FAILURE_FORBIDDEN, /* 40001-40003 */
    ITR_FAILURE_LIMIT      /* 40004 */
};

struct itr_record {
    /* The token; text "" when there is none. */
    uint64_t fence;
    char text[ITR_TOKEN_MAX + 1];
    int64_t born_ms;    /* when the answer that gave it came */
    int64_t refresh_ms; /* due from here on; without jitter */
    int64_t end_ms;     /* expired from here on */
    int64_t fetched_ms; /* the last answer with it; the same string again moves this, not born_ms */
    /* The lease; owner "" when nobody has it. */
    char owner[ITR_OWNER_MAX + 1];
    uint64_t lease_fence; /* of the last lease */
    int64_t lease_begin_ms;
    int64_t lease_end_ms;
    /* The day. */
    int32_t day;     /* days since 1970-01-01 in Asia/Shanghai (UTC+8, no DST) */
    int32_t fetches; /* fetches counted on that day */
    int32_t
        wasted; /* of those: without a token, lapsed, after a refusal, asked for while not due */
    /* Fetches in a row without a token; a token clears them. */
    int32_t failures;
    int64_t failed_ms; /* when the last one was */
    enum itr_record_failure failure;
    struct itr_record_error error;
    char forbidden[ITR_DIGEST_MAX + 1]; /* ITR_FAILURE_FORBIDDEN: digest of the secret, else "" */
    /* Fetches in a row that a refusal caused and that were answered with a token. */
    int32_t refusals;
    int64_t refused_ms; /* when the last one was */
};

/* The rules of one process for one app, fixed while a source lives. */
struct itr_record_rules {
    int64_t token_ttl_ms;
    int64_t refresh_margin_ms; /* at most a quarter of the life is used */
    int64_t min_refresh_interval_ms;
    int64_t lease_ms;    /* of its own leases */
    int64_t daily_limit; /* 0: none, only counted */
    char secret_digest[ITR_DIGEST_MAX + 1];
};

/* Who looks at the record. */
struct itr_record_self {
    const struct itr_record_rules *rules;
    const char *name;    /* as a lease's owner; unique per process and source */
    uint64_t last_fence; /* the highest that it has used; 0: none */
    uint64_t sent_fence; /* of its last request that may have been sent; 0: none */
};

/* Why a token is fetched. Strings are borrowed for the call. */
struct itr_reason {
    uint64_t held_fence;    /* fence of the token that is held; 0: none */
    const char *held;       /* its text, to be masked in messages; or NULL */
    const char *refused;    /* the string that the gateway rejected, or NULL */
    uint64_t refused_fence; /* its fence; 0: none. Without `refused`: another process's token, of
                               which no more is known */
    bool asked; /* client:refresh(), or a min_valid that the held token does not reach */
};

enum itr_record_verdict_is {
    ITR_VERDICT_TAKE,   /* use the record's token */
    ITR_VERDICT_WAIT,   /* another's lease: look again, until_ms at the latest */
    ITR_VERDICT_HOLD,   /* no fetch until until_ms, with error */
    ITR_VERDICT_ACQUIRE /* swap in `next`; if that is done, we hold the lease and may fetch */
};

struct itr_record_verdict {
    enum itr_record_verdict_is is;
    int64_t until_ms;       /* WAIT, HOLD */
    struct itr_error error; /* HOLD; kind ITR_OK when only asked too early (a token is held) */
    struct itr_record next; /* ACQUIRE: our lease in it and the fetch counted */
};

/* Decide, in the order TAKE, WAIT, HOLD, ACQUIRE of docs/design.md 4.2. A lease that has our own
 * name is nobody's: no request of ours is in flight when this is called. Its count is taken back
 * unless its request may have been sent (sent_fence). Hence: decide only before anything was sent,
 * or after ITR_NOT_OURS. now_ms is cut to 0 ... 2^51. */
void itr_record_decide(const struct itr_record *r, int64_t now_ms,
                       const struct itr_record_self *self, const struct itr_reason *why,
                       struct itr_record_verdict *out);

enum itr_record_outcome_is {
    ITR_OUTCOME_TOKEN,     /* the gateway gave a token */
    ITR_OUTCOME_NOT_SENT,  /* nothing was sent: the count is taken back, nothing else is noted */
    ITR_OUTCOME_FAILED,    /* sent, and no usable answer */
    ITR_OUTCOME_FORBIDDEN, /* 40001-40003 */
    ITR_OUTCOME_LIMIT      /* 40004 */
};

struct itr_record_outcome {
    enum itr_record_outcome_is is;
    const char *text;       /* TOKEN: the string */
    struct itr_error error; /* all but TOKEN */
    bool after_refusal;     /* a refusal caused this fetch */
    bool asked;             /* it was asked for */
    int64_t age_ms;         /* how long ago the answer came; it is settled as of then */
};

enum itr_record_settled {
    ITR_SETTLED,        /* swap in *next */
    ITR_SETTLED_BEFORE, /* the outcome is in the record already, or nothing of ours is: no swap */
    ITR_NOT_OURS /* a higher fence stands, or another's lease of the same: drop the outcome, decide
                    again */
};

/* Settle what came of the fetch under our lease `lease_fence`; it is ours until somebody else takes
 * it, also past its end. A record without a higher fence takes the outcome too, and the fetch is
 * counted in it: the store forgot, or answered from the past. One in which our lease was given back
 * already stays as it is: settling twice is settling once. */
enum itr_record_settled itr_record_settle(const struct itr_record *r, int64_t now_ms,
                                          const struct itr_record_self *self, uint64_t lease_fence,
                                          const struct itr_record_outcome *outcome,
                                          struct itr_record *next);

/* Return whether our lease stands and has not ended: looked at just before the first byte. */
bool itr_record_lease_stands(const struct itr_record *r, int64_t now_ms, const char *name,
                             uint64_t lease_fence);

/* Return until when no fetch may begin, by the table "no fetch before"; 0: at once. *error says
 * why; kind ITR_OK: it was only asked for too early. */
int64_t itr_record_held_until(const struct itr_record *r, int64_t now_ms,
                              const struct itr_record_self *self, const struct itr_reason *why,
                              struct itr_error *error);

/* Return the backoff after `failures` (>= 1) in a row: 1 s doubling to 5 min, full jitter from
 * `random`, at least 100 ms. */
int64_t itr_record_backoff_ms(int failures, uint64_t random);

/* Return the times of the token in r on a process's own clock, when store_now_ms by the store's
 * clock is mono_ms: its refresh earlier by up to a sixth of the margin, drawn from `seed` (not for
 * a token given again), and no life longer than token_ttl_ms. */
struct itr_token_times itr_record_token_times(const struct itr_record *r, int64_t store_now_ms,
                                              int64_t mono_ms, int64_t token_ttl_ms, uint64_t seed);

/* Write and read the text form. Encode (with room for ITR_RECORD_MAX): ITR_OK or ITR_NOMEM. Decode
 * of nothing, of a corrupt text or of an older format: ITR_OK and an empty record; of a newer
 * format: ITR_STORE (never overwrite it). */
enum itr_status itr_record_encode(const struct itr_record *r, struct itr_buf *out);
enum itr_status itr_record_decode(const char *bytes, size_t len, struct itr_record *out,
                                  struct itr_error *e);

/* Write the key of an app's record in every store: "itrigger:" and 32 hex digits of the SHA-256 of
 * gateway and app id, so that no id can be a path or a pattern. out: ITR_RECORD_KEY bytes. */
#define ITR_RECORD_KEY 48
void itr_record_key(const char *gateway, const char *app_id, char out[ITR_RECORD_KEY]);

#endif
