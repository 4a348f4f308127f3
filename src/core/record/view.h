/*
 * record/view: what a record is worth at a given moment. Internal to record*.c.
 *
 * Clocks are stepped, and stores come back from old copies: a time that lies further ahead than its
 * own rule can have put it is over. That is done in one place, before anything is decided, so that
 * the rules themselves can trust what they read. Pure.
 */
#ifndef ITR_CORE_RECORD_VIEW_H
#define ITR_CORE_RECORD_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "core/record/record.h"

#define ITR_RECORD_TIME_MAX ((int64_t)1 << 52) /* ms: room for sums, and exact in any format */

#define ITR_SECOND_MS INT64_C(1000)
#define ITR_MINUTE_MS (60 * ITR_SECOND_MS)
#define ITR_HOUR_MS (60 * ITR_MINUTE_MS)
#define ITR_DAY_MS (24 * ITR_HOUR_MS)

#define ITR_BACKOFF_MAX_MS (5 * ITR_MINUTE_MS)     /* after failures */
#define ITR_FORBIDDEN_MS (10 * ITR_MINUTE_MS)      /* after 40001-40003 */
#define ITR_LIMIT_MS (30 * ITR_MINUTE_MS)          /* after 40004 */
#define ITR_REFUSED_MAX_MS ITR_HOUR_MS             /* between refusal-caused fetches */
#define ITR_REFUSED_LIMIT_MAX_MS (4 * ITR_HOUR_MS) /* the same, when a daily limit spreads them */

/* now, within 0 ... ITR_RECORD_TIME_MAX. */
int64_t itr_record_now(int64_t now_ms);

/* The vendor's day (Asia/Shanghai, UTC+8 without DST) as days since 1970-01-01, and when the next
 * one begins. */
int32_t itr_record_day(int64_t now_ms);
int64_t itr_record_next_day_ms(int64_t now_ms);

/* Copies r to *out with every time at what it can be: the day is today's (with its own count), the
 * token's times are cut, holds that are impossibly far ahead are gone, and so is the end of a lease
 * that is (which then has lapsed). */
void itr_record_view(const struct itr_record *r, int64_t now_ms,
                     const struct itr_record_rules *rules, struct itr_record *out);

/* The same, and our own lease (see itr_record_decide) taken back. */
void itr_record_view_for(const struct itr_record *r, int64_t now_ms,
                         const struct itr_record_wish *wish, struct itr_record *out);

/* Of a view: somebody may be fetching; somebody was, and never said what came of it. */
bool itr_record_has_live_lease(const struct itr_record *view, int64_t now_ms);
bool itr_record_has_lapsed_lease(const struct itr_record *view, int64_t now_ms);

#endif
