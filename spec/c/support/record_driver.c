#include "support/record_driver.h"

#include "support/fixture.h"

void record_driver_init(struct record_driver *d)
{
    memset(d, 0, sizeof *d);
    d->rules = fix_rules();
    d->wish = fix_wish(&d->rules);
    d->r = fix_empty();
}

void record_driver_fetch(struct record_driver *d, int64_t now_ms, struct itr_record_outcome outcome)
{
    d->r = fix_fetch(&d->r, now_ms, &d->wish, &outcome);
}

int64_t record_driver_held_until(struct record_driver *d, int64_t now_ms)
{
    return fix_held_until(&d->r, now_ms, &d->wish, &d->error);
}

void record_driver_assert_held(struct record_driver *d, int64_t now_ms, int64_t until_ms,
                               enum itr_status kind)
{
    assert_int_equal(record_driver_held_until(d, now_ms), until_ms);
    assert_int_equal(d->error.kind, kind);
    assert_int_equal(record_driver_held_until(d, until_ms - 1), until_ms);
    assert_int_equal(record_driver_held_until(d, until_ms), 0);
    assert_int_equal(d->error.kind, ITR_OK);
}
