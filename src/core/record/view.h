/*
 * record/view: Say what a record is worth at a given moment. Internal to record/ and its callers.
 *
 * Clocks are stepped, and stores come back from old copies: a time further ahead than clocks may
 * differ is over. That is done in one place, before anything is decided, so that the rules
 * themselves can trust what they read. Pure.
 */
#ifndef ITR_CORE_RECORD_VIEW_H
#define ITR_CORE_RECORD_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "core/record/record.h"

#define ITR_RECORD_TIME_MAX ((int64_t)1 << 51) /* ms: room for sums, and exact in any format */

#define ITR_SECOND_MS INT64_C(1000)
#define ITR_MINUTE_MS (60 * ITR_SECOND_MS)
#define ITR_HOUR_MS (60 * ITR_MINUTE_MS)
#define ITR_DAY_MS (24 * ITR_HOUR_MS)

/* Return now, within 0 ... ITR_RECORD_TIME_MAX. */
int64_t itr_record_now(int64_t now_ms);

/* Return the vendor's day (Asia/Shanghai, UTC+8 without DST) as days since 1970-01-01, and when the
 * next one begins. */
int32_t itr_record_day(int64_t now_ms);
int64_t itr_record_next_day_ms(int64_t now_ms);

/* Copy r to *out with every time at what it can be: the day is today's (with its own counts), a
 * token from the future is moved to now, failures and refusals from there are long ago, and a lease
 * from there has lapsed. */
void itr_record_view(const struct itr_record *r, int64_t now_ms, struct itr_record *out);

/* Copy r as itr_record_view does, and release a lease that has our name, as itr_record_decide
 * says. */
void itr_record_view_for(const struct itr_record *r, int64_t now_ms,
                         const struct itr_record_self *self, struct itr_record *out);

/* Return whether, in a view, somebody may be fetching; and whether somebody was, but never stored
 * the result. */
bool itr_record_has_live_lease(const struct itr_record *view, int64_t now_ms);
bool itr_record_has_lapsed_lease(const struct itr_record *view, int64_t now_ms);

#endif
