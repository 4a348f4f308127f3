/* The last changes of a source: what is kept of each, and which are one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/source/events.h"

static struct itr_error error(enum itr_status kind, const char *text)
{
    struct itr_error e;

    (void)itr_error_set(&e, kind, "%s", text);
    return e;
}

/* A fetch at this time that fails so. */
static void fail_fetch(struct itr_events *ev, int64_t at, const char *text)
{
    struct itr_error e = error(ITR_NETWORK, text);

    itr_events_note(ev, at, ITR_CACHE_FETCHING, ITR_WHY_START, NULL);
    itr_events_note(ev, at + 1, ITR_CACHE_NONE, ITR_WHY_FAILED, &e);
}

static void an_error_is_kept_whole(void **state)
{
    struct itr_events ev = {0};
    struct itr_event_list list;
    struct itr_error e;
    char text[ITR_ERROR_TEXT + 10];

    (void)state;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    e = error(ITR_API, text); /* the longest there is */
    e.has_code = e.retryable = true;
    e.http_status = 502;
    e.code = 50001;
    itr_events_note(&ev, 5, ITR_CACHE_NONE, ITR_WHY_FAILED, &e);
    itr_events_note(&ev, 6, ITR_CACHE_HELD, ITR_WHY_FETCHED, &(struct itr_error){0});
    itr_events_copy(&ev, &list);
    assert_int_equal(list.n, 2);
    assert_int_equal(list.event[0].at_wall_ms, 5);
    assert_int_equal(list.event[0].state, ITR_CACHE_NONE);
    assert_int_equal(list.event[0].why, ITR_WHY_FAILED);
    assert_int_equal(list.event[0].times, 1);
    assert_int_equal(list.event[0].error.kind, ITR_API);
    assert_true(list.event[0].error.has_code && list.event[0].error.retryable);
    assert_int_equal(list.event[0].error.http_status, 502);
    assert_int_equal(list.event[0].error.code, 50001);
    assert_string_equal(list.event[0].error.text, e.text);
    assert_int_equal(list.event[1].why, ITR_WHY_FETCHED);
    assert_int_equal(list.event[1].error.kind, ITR_OK);
    assert_string_equal(list.event[1].error.text, "");
    itr_events_clear(&ev);
}

static void a_failure_that_repeats_is_one_event(void **state)
{
    struct itr_events ev = {0};
    struct itr_event_list list;
    int i;

    (void)state;
    for (i = 0; i < 100; i++)
        fail_fetch(&ev, i * 10, "no route");
    itr_events_copy(&ev, &list);
    assert_int_equal(list.n, 2);
    assert_int_equal(list.event[1].first_wall_ms, 1);
    assert_int_equal(list.event[1].at_wall_ms, 991);
    assert_int_equal(list.event[1].times, 100);
    fail_fetch(&ev, 1000, "another reason");
    itr_events_copy(&ev, &list);
    assert_int_equal(list.n, 4);
    assert_int_equal(list.event[3].times, 1);
    itr_events_clear(&ev);
}

static void the_last_20_are_kept_oldest_first(void **state)
{
    struct itr_events ev = {0};
    struct itr_event_list list;
    char text[8] = "a";
    size_t i;

    (void)state;
    for (i = 0; i < 26; i++, text[0]++)
        fail_fetch(&ev, (int64_t)i, text);
    itr_events_copy(&ev, &list);
    assert_int_equal(list.n, ITR_EVENTS);
    for (i = 0; i < ITR_EVENTS / 2; i++) { /* nothing is left of an older one */
        assert_int_equal(list.event[2 * i].error.kind, ITR_OK);
        assert_int_equal(list.event[2 * i + 1].error.text[0], 'q' + (char)i);
    }
    itr_events_clear(&ev);
    itr_events_copy(&ev, &list);
    assert_int_equal(list.n, 0);
}

/* The start of a fetch that fails like the one before it is not kept, and costs no older event. */
static void an_outage_pushes_out_nothing_older(void **state)
{
    struct itr_events ev = {0};
    struct itr_event_list list;
    char text[8] = "a";
    int64_t at = 0;
    size_t i;

    (void)state;
    for (i = 0; i < 26; i++, text[0]++)
        fail_fetch(&ev, at += 10, text);
    text[0]--;
    for (i = 0; i < 100; i++)
        fail_fetch(&ev, at += 10, text);
    itr_events_copy(&ev, &list);
    assert_int_equal(list.n, ITR_EVENTS);
    for (i = 1; i < ITR_EVENTS; i++)
        assert_true(list.event[i - 1].first_wall_ms < list.event[i].first_wall_ms);
    assert_int_equal(list.event[0].at_wall_ms, 170);
    assert_int_equal(list.event[ITR_EVENTS - 1].times, 101);
    itr_events_clear(&ev);
}

/* A source has one, and a daemon a thousand sources. */
static void twenty_events_take_less_than_a_kilobyte(void **state)
{
    (void)state;
    assert_true(sizeof(struct itr_events) < 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_is_kept_whole),
        cmocka_unit_test(a_failure_that_repeats_is_one_event),
        cmocka_unit_test(the_last_20_are_kept_oldest_first),
        cmocka_unit_test(an_outage_pushes_out_nothing_older),
        cmocka_unit_test(twenty_events_take_less_than_a_kilobyte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
