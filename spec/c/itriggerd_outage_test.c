/* itriggerd: when the log tells of fetches that fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "itriggerd/outage.h"

static enum outage_news note(struct outage *o, const char *text, int64_t now_mono_ms)
{
    struct itr_error e;

    (void)itr_error_set(&e, ITR_NETWORK, "%s", text);
    return outage_note(o, &e, now_mono_ms);
}

static void it_is_told_when_it_begins_and_when_its_reason_changes(void **state)
{
    struct outage o = {0};

    (void)state;
    assert_int_equal(note(&o, "no route", 1000), OUTAGE_REASON);
    assert_int_equal(note(&o, "no route", 1250), OUTAGE_NO_NEWS);
    assert_int_equal(note(&o, "refused", 1500), OUTAGE_REASON);
    assert_int_equal(note(&o, "refused", 1750), OUTAGE_NO_NEWS);
    assert_int_equal(o.began_mono_ms, 1000);
    assert_int_equal(o.times, 4);
    itr_error_clear(&o.reason); /* it ended */
    assert_int_equal(note(&o, "refused", 9000), OUTAGE_REASON);
    assert_int_equal(o.began_mono_ms, 9000);
    assert_int_equal(o.times, 1);
}

static void it_is_told_each_ten_minutes_while_it_lasts(void **state)
{
    struct outage o = {0};
    int64_t at;
    int told = 0;

    (void)state;
    assert_int_equal(note(&o, "no route", 0), OUTAGE_REASON);
    for (at = 250; at <= 60 * 60 * 1000; at += 250)
        if (note(&o, "no route", at) == OUTAGE_LASTS) {
            assert_int_equal(at, ++told * 10 * 60 * 1000);
            assert_int_equal(o.began_mono_ms, 0);
        }
    assert_int_equal(told, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_told_when_it_begins_and_when_its_reason_changes),
        cmocka_unit_test(it_is_told_each_ten_minutes_while_it_lasts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
