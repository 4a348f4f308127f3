/*
 * record/hold: Compute the table "no fetch before" (docs/design.md 4.2) from the facts in a record.
 * The table itself is itr_record_held_until in record.h. Internal to record/. Pure.
 */
#ifndef ITR_CORE_RECORD_HOLD_H
#define ITR_CORE_RECORD_HOLD_H

#include <stdint.h>

#include "core/record/record.h"

/* Return whether a refusal-caused fetch now follows the last one, by the view: then they count in a
 * row. */
bool itr_record_refusal_follows(const struct itr_record *view, int64_t now_ms,
                                const struct itr_record_rules *rules);

/* Return whether the row "asked" alone holds a fetch back, by the view. */
bool itr_record_is_asked_too_early(const struct itr_record *view, int64_t now_ms,
                                   const struct itr_record_rules *rules,
                                   const struct itr_reason *why);

/* Copy an error as the fleet remembers it: the text cut (see record/sound.h) and without controls,
 * and a kind that other machines can make something of. And back. */
void itr_record_keep_error(struct itr_record_error *kept, const struct itr_error *e);
void itr_record_give_error(const struct itr_record_error *kept, struct itr_error *e);

#endif
