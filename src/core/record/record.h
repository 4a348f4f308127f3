/*
 * record: what the fleet shares about one app's token, and who may fetch when
 * (docs/design.md 4.2). Pure: no clock, no lock, no I/O, no randomness of its own.
 *
 * One small text record per gateway and app id: the token, the lease of the one who fetches, and
 * the budget. A store can only load and compare-and-swap it; every rule about fetching is here.
 * All times are wall milliseconds by the store's clock. Any time further ahead than its own rule
 * can put it counts as over (a clock was stepped).
 *
 * In five files: record.c decides and settles, record/view.c says what a record's times
 * are worth now, record/hold.c is the table "what holds a fetch back", record/text.c is
 * the text form, record/sound.c says what may stand in it. Any thread.
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

struct itr_record_error { /* an error as the fleet remembers it; no secret, bounded */
    enum itr_status kind; /* ITR_OK: none */
    bool has_code;
    int http_status;
    int64_t code;
    char text[ITR_RECORD_ERROR_TEXT + 1];
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
    uint64_t lease_fence;
    int64_t lease_end_ms;
    /* The budget. */
    int32_t day;                   /* days since 1970-01-01 in Asia/Shanghai (UTC+8, no DST) */
    int32_t fetches;               /* fetches counted on that day */
    int32_t failures;              /* failures in a row (sent and no usable answer, or lapsed) */
    struct itr_record_error error; /* of the last failure */
    int64_t retry_ms;              /* no fetch before, after failures or code 40004 */
    char forbidden[ITR_DIGEST_MAX + 1]; /* digest of the secret that 40001-40003 refused, or "" */
    int64_t forbidden_ms;               /* when it was refused */
    int64_t refused_ms;                 /* last refusal-caused fetch answered with a token, or 0 */
    int64_t refused_distance_ms;        /* how long after it the next such one must wait */
};

/* The rules of one app, fixed while a source lives. */
struct itr_record_rules {
    int64_t token_ttl_ms;
    int64_t refresh_margin_ms; /* at most a quarter of the life is used */
    int64_t min_refresh_interval_ms;
    int64_t lease_ms;    /* 5 s longer than token_timeout */
    int64_t daily_limit; /* 0: none, only counted */
    char secret_digest[ITR_DIGEST_MAX + 1];
};

/* Why and with what in hand a fetch looks at the record. */
struct itr_record_wish {
    const struct itr_record_rules *rules;
    const char *owner;      /* our lease name; unique per process and fetch */
    uint64_t held_fence;    /* of the token we hold; 0: none */
    uint64_t last_fence;    /* the highest that we have used; 0: none */
    uint64_t sent_fence;    /* of our last request that may have been sent; 0: none */
    const char *refused;    /* the string that was refused, or NULL */
    bool asked;             /* client:refresh(), or min_valid */
    int64_t local_retry_ms; /* this machine's own hold (nothing was sent), by the store's clock */
    const struct itr_error *local_error; /* its reason; NULL if no local hold */
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
    bool after_refusal;     /* HOLD: the row "a fetch caused by a refusal"; not waited out */
    struct itr_error error; /* HOLD; kind ITR_OK when only asked too early (a token is held) */
    struct itr_record next; /* ACQUIRE: our lease in it and the fetch counted */
};

/* In the order TAKE, WAIT, HOLD, ACQUIRE of docs/design.md 4.2. A lease that has the name
 * wish->owner is our own, of a swap whose answer was lost: nothing was sent under it, so its count
 * is taken back and it stands in nobody's way. Hence: decide only before anything was sent, or
 * after ITR_NOT_OURS. now_ms is cut to 0 ... 2^52. */
void itr_record_decide(const struct itr_record *r, int64_t now_ms,
                       const struct itr_record_wish *wish, struct itr_record_verdict *out);

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
    const char *refused;    /* the string whose refusal caused this fetch, or NULL */
    uint64_t random;        /* for the backoff's full jitter */
    int64_t age_ms;         /* how long ago the answer came; it is settled as of then */
};

enum itr_record_settled {
    ITR_SETTLED,        /* swap in *next */
    ITR_SETTLED_BEFORE, /* the outcome is in the record already, or nothing of ours is: no swap */
    ITR_NOT_OURS /* another's lease or a higher fence stands: drop the outcome, decide again */
};

/* `lease_fence` and wish->owner say which lease is ours; it is ours until somebody else takes it,
 * also past its end. A record that has neither a live lease nor a higher fence takes the outcome
 * too, and the fetch is counted in it (the store forgot). One in which our lease was given back
 * already stays as it is: settling twice is settling once. */
enum itr_record_settled itr_record_settle(const struct itr_record *r, int64_t now_ms,
                                          const struct itr_record_wish *wish, uint64_t lease_fence,
                                          const struct itr_record_outcome *outcome,
                                          struct itr_record *next);

/* True while the lease is still ours and has not ended: looked at just before the first byte. */
bool itr_record_is_ours(const struct itr_record *r, int64_t now_ms, const char *owner,
                        uint64_t lease_fence);

/* The row "what holds a fetch back" that is over last, as decide uses it; 0: nothing holds. */
int64_t itr_record_held_until(const struct itr_record *r, int64_t now_ms,
                              const struct itr_record_wish *wish, struct itr_error *error,
                              bool *after_refusal);

/* Backoff after `failures` (>= 1) in a row: 1 s doubling to 5 min, full jitter from `random`, but
 * at least 100 ms. */
int64_t itr_record_backoff_ms(int failures, uint64_t random);

/* How much earlier than refresh_ms this process refreshes: up to a sixth of the margin, drawn from
 * `random`; 0 where refresh_ms is not ahead of end_ms (a token given again). */
int64_t itr_record_jitter_ms(const struct itr_record *r, uint64_t random);

/* The times of the token in r (a view) on a process's own clock: store_now_ms by the store's clock
 * is mono_ms. `seed`: the process's jitter. No life is longer than token_ttl_ms. */
struct itr_token_times itr_record_token_times(const struct itr_record *r, int64_t store_now_ms,
                                              int64_t mono_ms, int64_t token_ttl_ms, uint64_t seed);

/* Text form. Encode: ITR_OK or ITR_NOMEM. Decode of nothing or of a corrupt text: ITR_OK and an
 * empty record; of a newer format: ITR_STORE (never overwrite it). */
enum itr_status itr_record_encode(const struct itr_record *r, struct itr_buf *out);
enum itr_status itr_record_decode(const char *bytes, size_t len, struct itr_record *out,
                                  struct itr_error *e);

/* The key of an app's record in every store: "itrigger:" and 32 hex digits of the SHA-256 of
 * gateway and app id, so that no id can be a path or a pattern. out: ITR_RECORD_KEY bytes. */
#define ITR_RECORD_KEY 48
void itr_record_key(const char *gateway, const char *app_id, char out[ITR_RECORD_KEY]);

#endif
