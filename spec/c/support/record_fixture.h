/*
 * record_fixture: records, rules and wishes for the tests of record, and the few verbs that
 * they share. All is by value; texts are static.
 */
#ifndef ITR_SPEC_RECORD_FIXTURE_H
#define ITR_SPEC_RECORD_FIXTURE_H

#include "core/record/record.h"

/* Noon of a day in Asia/Shanghai: 2026-11-24T04:00:00Z. */
#define NOON INT64_C(1795492800000)
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define MIDNIGHT (NOON + 12 * HOUR) /* the next day begins there */

#define TTL (2 * HOUR)
#define MARGIN (30 * MINUTE)
#define INTERVAL (30 * SECOND)
#define LEASE (15 * SECOND)
#define FENCE 1000 /* of the fixture's token, "tok" */

/* Who looks at a record, and why. */
struct fix_wish {
    struct itr_record_self self;
    struct itr_reason why;
};

/* The defaults of the options, no daily limit. */
struct itr_record_rules fix_rules(void);

/* A wish of "us" with nothing in hand. */
struct fix_wish fix_wish(const struct itr_record_rules *rules);

/* Nothing; a record whose token "tok" was born at born_ms; the same with another's lease. */
struct itr_record fix_empty(void);
struct itr_record fix_token(int64_t born_ms);
struct itr_record fix_leased(struct itr_record r, int64_t lease_end_ms);

/* The same as functions of a wish. */
int64_t fix_held_until(const struct itr_record *r, int64_t now_ms, const struct fix_wish *wish,
                       struct itr_error *e);
enum itr_record_settled fix_settle_in(const struct itr_record *r, int64_t now_ms,
                                      const struct fix_wish *wish, uint64_t lease_fence,
                                      const struct itr_record_outcome *outcome,
                                      struct itr_record *next);

/* Decides, and fails the test unless the verdict is `is`. */
struct itr_record_verdict fix_decide(const struct itr_record *r, int64_t now_ms,
                                     const struct fix_wish *wish, enum itr_record_verdict_is is);

/* Decides to ACQUIRE, and settles `outcome` at once. */
struct itr_record fix_fetch(const struct itr_record *r, int64_t now_ms, const struct fix_wish *wish,
                            const struct itr_record_outcome *outcome);

/* Settles, and fails the test if the lease is not ours. */
struct itr_record fix_settle(const struct itr_record *r, int64_t now_ms,
                             const struct fix_wish *wish, uint64_t lease_fence,
                             const struct itr_record_outcome *outcome);

/* Fails the test unless both say the same (by their text forms). */
void fix_assert_same(const struct itr_record *a, const struct itr_record *b);

struct itr_record_outcome fix_got(const char *text);
struct itr_record_outcome fix_failed(void);
/* Of a code: 40001-40003 FORBIDDEN, 40004 LIMIT. */
struct itr_record_outcome fix_refused_with(int code);
struct itr_record_outcome fix_not_sent(void);

#endif
