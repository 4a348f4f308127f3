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

/* A group with a rate, its calls, and when each request of FAKE_API was sent. */
struct paced {
    struct itr_client *client;
    struct fake_clock *clock;
    struct itr_call_group group;
    struct itr_call calls[MOST];
    int n_calls, n_sent;
    int64_t sent_at[MOST];
};

static void note_sent(enum fake_lane lane, int nth, void *ctx)
{
    struct paced *p = ctx;

    (void)nth;
    if (lane == FAKE_API && p->n_sent < MOST)
        p->sent_at[p->n_sent++] = fake_clock_now(p->clock);
}

static void paced_init(struct paced *p, struct client_driver *t, double rate)
{
    *p = (struct paced){.client = t->c, .clock = &t->f->clock};
    itr_call_group_init(&p->group, NULL);
    itr_pace_init(&p->group.pace, rate);
    fake_before_send(note_sent, p);
}

/* With a token, and a clock that moves on where nothing is to be done. */
static void paced_init_warm(struct paced *p, struct client_driver *t, double rate)
{
    client_driver_warm(t);
    paced_init(p, t, rate);
    fake_idle_advances(true);
}

static void start_in(struct itr_client *c, struct itr_call_group *g, struct itr_call *call)
{
    struct itr_error e;

    client_driver_init_call(c, call);
    assert_int_equal(itr_client_start(c, g, call, &e), ITR_OK);
}

static void paced_start(struct paced *p, int n)
{
    while (n-- > 0)
        start_in(p->client, &p->group, &p->calls[p->n_calls++]);
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

static void paced_take_all(struct paced *p)
{
    take_all(p->client, &p->group);
}

static int64_t paced_pause_ms(const struct paced *p)
{
    return itr_client_pause_ms(p->client, &p->group);
}

static int64_t gap_before(const struct paced *p, int i)
{
    return p->sent_at[i] - p->sent_at[i - 1];
}

static void requests_are_sent_evenly(void **state)
{
    struct paced p;
    int i;

    paced_init_warm(&p, *state, 10);
    paced_start(&p, 5);
    paced_take_all(&p);
    assert_int_equal(p.n_sent, 5);
    for (i = 1; i < 5; i++)
        assert_int_equal(gap_before(&p, i), 100);
}

/* Three are answered with 429 and wait for the same time: they come back one by one. */
static void repeats_after_a_429_are_sent_evenly_too(void **state)
{
    static const struct fake_answer slow_down = {.http_status = 429, .retry_after_ms = 2000};
    struct paced p;
    int i;

    paced_init_warm(&p, *state, 100);
    for (i = 0; i < 3; i++)
        fake_answer_next(FAKE_API, slow_down);
    paced_start(&p, 3);
    paced_take_all(&p);
    assert_int_equal(p.n_sent, 6);
    assert_in_range(gap_before(&p, 3), 1980, 2000);
    assert_int_equal(gap_before(&p, 4), 10);
    assert_int_equal(gap_before(&p, 5), 10);
}

static void another_group_keeps_its_own_pace(void **state)
{
    struct itr_call_group free_one;
    struct itr_call calls[2];
    struct paced slow;
    int i;

    paced_init_warm(&slow, *state, 1);
    itr_call_group_init(&free_one, NULL);
    paced_start(&slow, 2);
    for (i = 0; i < 2; i++)
        start_in(slow.client, &free_one, &calls[i]);
    take_all(slow.client, &free_one);
    assert_int_equal(slow.n_sent, 3);
    assert_int_equal(slow.sent_at[2], slow.sent_at[0]);
    paced_take_all(&slow);
    assert_int_equal(slow.sent_at[3] - slow.sent_at[0], 1000);
}

static void a_new_call_waits_for_those_that_wait(void **state)
{
    struct paced p;

    paced_init_warm(&p, *state, 10);
    assert_int_equal(paced_pause_ms(&p), 0);
    paced_start(&p, 1);
    assert_int_equal(paced_pause_ms(&p), 100);
    paced_start(&p, 1);
    assert_int_equal(paced_pause_ms(&p), 200);
    paced_take_all(&p);
    assert_int_equal(paced_pause_ms(&p), 100);
    fake_clock_advance(p.clock, 100);
    assert_int_equal(paced_pause_ms(&p), 0);
}

/* Calls that began while there was no token would all be sent when it comes. */
static void none_begins_while_another_has_no_token(void **state)
{
    struct paced p;

    paced_init(&p, *state, 10);
    fake_hold(FAKE_TOKEN, true);
    paced_start(&p, 1);
    fake_clock_advance(p.clock, 5000);
    assert_int_equal(paced_pause_ms(&p), 100);
    fake_hold(FAKE_TOKEN, false);
    paced_take_all(&p);
}

static void a_call_that_waits_for_its_turn_can_be_cancelled(void **state)
{
    struct paced p;

    paced_init_warm(&p, *state, 10);
    paced_start(&p, 2);
    itr_client_cancel(p.client, &p.calls[1]);
    assert_int_equal(fake_cancelled(), 0);
    paced_take_all(&p);
    assert_int_equal(p.n_sent, 1);
    itr_call_clear(&p.calls[1]);
}

static void a_turn_past_the_deadline_is_a_timeout(void **state)
{
    const struct itr_call *late;
    struct paced p;

    paced_init_warm(&p, *state, 0.01);
    paced_start(&p, 2);
    late = &p.calls[1];
    assert_ptr_equal(itr_client_next(p.client, &p.group, INT64_MAX), &p.calls[0]);
    assert_ptr_equal(itr_client_next(p.client, &p.group, INT64_MAX), late);
    assert_int_equal(late->error.kind, ITR_TIMEOUT);
    assert_true(late->error.retryable);
    assert_int_equal(p.n_sent, 1);
    itr_call_clear(&p.calls[0]);
    itr_call_clear(&p.calls[1]);
}

/* Another party's look gives it its token: now it waits for its turn, which comes sooner than what
 * its own party was told. */
static void its_party_is_notified_that_it_waits_for_its_turn(void **state)
{
    struct paced p;

    paced_init_warm(&p, *state, 10);
    paced_start(&p, 1);
    itr_client_pump(p.client);
    assert_ptr_equal(itr_client_ready(p.client), &p.group);
    paced_start(&p, 1);
    assert_ptr_equal(itr_client_ready(p.client), &p.group);
    paced_take_all(&p);
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
