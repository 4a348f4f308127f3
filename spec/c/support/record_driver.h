/*
 * record_driver: one record with the rules and the wish of its program, driven through fetches, and
 * what holds the next fetch back.
 */
#ifndef SPEC_RECORD_DRIVER_H
#define SPEC_RECORD_DRIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/record/record.h"
#include "support/record_fixture.h"

struct record_driver {
    struct itr_record_rules rules;
    struct fix_wish wish;
    struct itr_record r;
    struct itr_error error; /* of the last record_driver_held_until() */
};

/* Start with an empty record, the default rules and a wish with nothing in hand. */
void record_driver_init(struct record_driver *d);

/* Decide to fetch at now_ms, and settle the outcome at once. */
void record_driver_fetch(struct record_driver *d, int64_t now_ms,
                         struct itr_record_outcome outcome);

/* Return the time until which a fetch is held back, 0 if it is not; set error. */
int64_t record_driver_held_until(struct record_driver *d, int64_t now_ms);

/* Fail the test unless a fetch is held back with this kind until just before until_ms, and not at
 * until_ms. */
void record_driver_assert_held(struct record_driver *d, int64_t now_ms, int64_t until_ms,
                               enum itr_status kind);

#endif
