/*
 * record/hold: the figures behind the table "what holds a fetch back" (docs/design.md 4.2)
 * that settle writes down and the table reads. Internal to record*.c; the table itself is
 * itr_record_held_until in record.h. Pure.
 */
#ifndef ITR_CORE_RECORD_HOLD_H
#define ITR_CORE_RECORD_HOLD_H

#include <stdint.h>

#include "core/record/record.h"

#define ITR_RECORD_LAPSES 4 /* lapsed leases hold back from this many failures in a row */
#define ITR_RECORD_SPREAD 6 /* with a daily limit, more failures in a row than these are spread */

/* How long no fetch may follow the last of `failures` in a row, which was at from_ms: the backoff,
 * and with a daily limit what spreads the fetches that are left over the rest of the day. */
int64_t itr_record_failure_wait_ms(const struct itr_record *view, int64_t from_ms,
                                   const struct itr_record_rules *rules, int failures,
                                   uint64_t random);

/* A fetch caused by a refusal was answered with a token now: notes it in the view, and how far off
 * the next such one must be. */
void itr_record_note_refused(struct itr_record *view, int64_t now_ms,
                             const struct itr_record_rules *rules);

/* An error as the fleet remembers it: text cut (see record/sound.h) and without controls, and
 * a kind that other machines can make something of. And back. */
void itr_record_keep_error(struct itr_record_error *kept, const struct itr_error *e);
void itr_record_give_error(const struct itr_record_error *kept, struct itr_error *e);

#endif
