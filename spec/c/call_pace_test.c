/* pace: how many requests start in a second, by itself and in a client whose clock is moved. */
#include "core/call/pace.h"

#include "support/client_driver.h"

/* ---- alone ---- */

/* How many turns there are in so many ms from `from` on, with a clock that ticks each ms. */
static int count_turns(struct itr_pace *p, int64_t from, int64_t ms)
{
    int64_t now;
    int n = 0;

    for (now = from; now < from + ms; now++)
        while (itr_pace_take(p, now))
            n++;
    return n;
}

static void ten_seconds_have_ten_times_the_rate(void **state)
{
    static const double rates[] = {0.5, 3, 7, 30, 400, 999, 3000, 100000};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct itr_pace p;
        int n;

        itr_pace_init(&p, rates[i]);
        n = count_turns(&p, 123456, 10000);
        assert_in_range(n, (int)(rates[i] * 10 * 0.999), (int)(rates[i] * 10 * 1.001) + 1);
    }
}

static void the_first_turn_is_alone(void **state)
{
    struct itr_pace p;

    (void)state;
    itr_pace_init(&p, 100);
    assert_int_equal(count_turns(&p, 5000, 10), 1);
}

static void a_turn_taken_late_does_not_delay_the_next(void **state)
{
    struct itr_pace p;

    (void)state;
    itr_pace_init(&p, 10);
    assert_true(itr_pace_take(&p, 1000));
    assert_true(itr_pace_take(&p, 1100 + ITR_PACE_CATCH_UP_MS));
    assert_false(itr_pace_take(&p, 1199));
    assert_true(itr_pace_take(&p, 1200));
}

static void a_pause_is_not_made_up_for(void **state)
{
    struct itr_pace p;

    (void)state;
    itr_pace_init(&p, 100);
    assert_true(itr_pace_take(&p, 1000));
    assert_int_equal(count_turns(&p, 60000, 10), 1);
    assert_int_equal(count_turns(&p, 60010, 1000), 100);
}

static void without_a_rate_it_is_always_ones_turn(void **state)
{
    struct itr_pace p = {0};

    (void)state;
    assert_false(itr_pace_is_set(&p));
    assert_true(itr_pace_take(&p, 1000));
    assert_true(itr_pace_take(&p, 1000));
}

/* ---- in a client ---- */

#define MOST 16

/* When each request of FAKE_API was sent. */
struct sent {
    struct fake_clock *clock;
    int n;
    int64_t at[MOST];
};

static void note_sent(enum fake_lane lane, int nth, void *ctx)
{
    struct sent *s = ctx;

    (void)nth;
    if (lane == FAKE_API && s->n < MOST)
        s->at[s->n++] = fake_clock_now(s->clock);
}

static void start_in(struct itr_client *c, struct itr_call_group *g, struct itr_call *call)
{
    struct itr_error e;

    client_driver_init_call(c, call);
    assert_int_equal(itr_client_start(c, g, call, &e), ITR_OK);
}

/* Takes all of the group's calls, and clears them. */
static void take_all(struct itr_client *c, struct itr_call_group *g)
{
    struct itr_call *call;

    while ((call = itr_client_next(c, g, INT64_MAX)) != NULL) {
        assert_int_equal(call->step, ITR_CALL_DONE);
        itr_call_clear(call);
    }
}

static void init_paced(struct client_driver *t, struct itr_call_group *g, double rate,
                       struct sent *sent)
{
    client_driver_warm(t);
    itr_call_group_init(g, NULL);
    itr_pace_init(&g->pace, rate);
    *sent = (struct sent){.clock = &t->f->clock};
    fake_before_send(note_sent, sent);
    fake_idle_advances(true);
}

static void requests_are_sent_evenly(void **state)
{
    struct client_driver *t = *state;
    struct itr_call_group g;
    struct itr_call calls[5];
    struct sent sent;
    int i;

    init_paced(t, &g, 10, &sent);
    for (i = 0; i < 5; i++)
        start_in(t->c, &g, &calls[i]);
    take_all(t->c, &g);
    assert_int_equal(sent.n, 5);
    for (i = 1; i < 5; i++)
        assert_int_equal(sent.at[i] - sent.at[i - 1], 100);
}

/* Three are answered with 429 and wait for the same time: they come back one by one. */
static void repeats_after_a_429_are_sent_evenly_too(void **state)
{
    struct client_driver *t = *state;
    struct itr_call_group g;
    struct itr_call calls[3];
    struct sent sent;
    int i;

    init_paced(t, &g, 100, &sent);
    for (i = 0; i < 3; i++)
        fake_answer_next(FAKE_API,
                         (struct fake_answer){.http_status = 429, .retry_after_ms = 2000});
    for (i = 0; i < 3; i++)
        start_in(t->c, &g, &calls[i]);
    take_all(t->c, &g);
    assert_int_equal(sent.n, 6);
    assert_in_range(sent.at[3] - sent.at[2], 1980, 2000);
    assert_int_equal(sent.at[4] - sent.at[3], 10);
    assert_int_equal(sent.at[5] - sent.at[4], 10);
}

static void another_group_keeps_its_own_pace(void **state)
{
    struct client_driver *t = *state;
    struct itr_call_group slow, free_one;
    struct itr_call calls[4];
    struct sent sent;
    int i;

    init_paced(t, &slow, 1, &sent);
    itr_call_group_init(&free_one, NULL);
    for (i = 0; i < 4; i++)
        start_in(t->c, i < 2 ? &slow : &free_one, &calls[i]);
    take_all(t->c, &free_one);
    assert_int_equal(sent.n, 3);
    assert_int_equal(sent.at[2], sent.at[0]);
    take_all(t->c, &slow);
    assert_int_equal(sent.at[3] - sent.at[0], 1000);
}

static void a_new_call_waits_for_those_that_wait(void **state)
{
    struct client_driver *t = *state;
    struct itr_call_group g;
    struct itr_call calls[2];
    struct sent sent;

    init_paced(t, &g, 10, &sent);
    assert_int_equal(itr_client_pause_ms(t->c, &g), 0);
    start_in(t->c, &g, &calls[0]);
    assert_int_equal(itr_client_pause_ms(t->c, &g), 100);
    start_in(t->c, &g, &calls[1]);
    assert_int_equal(itr_client_pause_ms(t->c, &g), 200);
    take_all(t->c, &g);
    assert_int_equal(itr_client_pause_ms(t->c, &g), 100);
    fake_clock_advance(&t->f->clock, 100);
    assert_int_equal(itr_client_pause_ms(t->c, &g), 0);
}

/* Calls that began while there was no token would all be sent when it comes. */
static void none_begins_while_another_has_no_token(void **state)
{
    struct client_driver *t = *state;
    struct itr_call_group g;
    struct itr_call call;

    itr_call_group_init(&g, NULL);
    itr_pace_init(&g.pace, 10);
    fake_hold(FAKE_TOKEN, true);
    start_in(t->c, &g, &call);
    fake_clock_advance(&t->f->clock, 5000);
    assert_int_equal(itr_client_pause_ms(t->c, &g), 100);
    fake_hold(FAKE_TOKEN, false);
    take_all(t->c, &g);
}

static void a_call_that_waits_for_its_turn_can_be_cancelled(void **state)
{
    struct client_driver *t = *state;
    struct itr_call_group g;
    struct itr_call calls[2];
    struct sent sent;

    init_paced(t, &g, 10, &sent);
    start_in(t->c, &g, &calls[0]);
    start_in(t->c, &g, &calls[1]);
    itr_client_cancel(t->c, &calls[1]);
    assert_int_equal(fake_cancelled(), 0);
    take_all(t->c, &g);
    assert_int_equal(sent.n, 1);
    itr_call_clear(&calls[1]);
}

static void a_turn_past_the_deadline_is_a_timeout(void **state)
{
    struct client_driver *t = *state;
    struct itr_call_group g;
    struct itr_call calls[2], *call;
    struct sent sent;

    init_paced(t, &g, 0.01, &sent);
    start_in(t->c, &g, &calls[0]);
    start_in(t->c, &g, &calls[1]);
    assert_ptr_equal(itr_client_next(t->c, &g, INT64_MAX), &calls[0]);
    call = itr_client_next(t->c, &g, INT64_MAX);
    assert_ptr_equal(call, &calls[1]);
    assert_int_equal(call->error.kind, ITR_TIMEOUT);
    assert_true(call->error.retryable);
    assert_int_equal(sent.n, 1);
    itr_call_clear(&calls[0]);
    itr_call_clear(&calls[1]);
}

/* Another party's look gives it its token: now it waits for its turn, which comes sooner than what
 * its own party was told. */
static void its_party_is_notified_that_it_waits_for_its_turn(void **state)
{
    struct client_driver *t = *state;
    struct itr_call_group g;
    struct itr_call calls[2];
    struct sent sent;

    init_paced(t, &g, 10, &sent);
    start_in(t->c, &g, &calls[0]);
    itr_client_pump(t->c);
    assert_ptr_equal(itr_client_ready(t->c), &g);
    start_in(t->c, &g, &calls[1]);
    assert_ptr_equal(itr_client_ready(t->c), &g);
    take_all(t->c, &g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_seconds_have_ten_times_the_rate),
        cmocka_unit_test(the_first_turn_is_alone),
        cmocka_unit_test(a_turn_taken_late_does_not_delay_the_next),
        cmocka_unit_test(a_pause_is_not_made_up_for),
        cmocka_unit_test(without_a_rate_it_is_always_ones_turn),
        with_client_driver(requests_are_sent_evenly),
        with_client_driver(repeats_after_a_429_are_sent_evenly_too),
        with_client_driver(another_group_keeps_its_own_pace),
        with_client_driver(a_new_call_waits_for_those_that_wait),
        with_client_driver(none_begins_while_another_has_no_token),
        with_client_driver(a_call_that_waits_for_its_turn_can_be_cancelled),
        with_client_driver(a_turn_past_the_deadline_is_a_timeout),
        with_client_driver(its_party_is_notified_that_it_waits_for_its_turn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
