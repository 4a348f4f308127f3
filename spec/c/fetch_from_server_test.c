/* fetch/from_server: one fetch from a central server, on a scripted one and a clock of ours. The
 * source behind it (cache, waiters) is the same as for a store, so only what is new is asked of it.
 */
#include "core/source/source.h"
#include "support/fetch_driver.h"
#include "support/thread_maker.h"

#define SERVER "http://127.0.0.1:8700"
#define KEY "key-of-this-client-0123456789"

#define GRANT(token, fence)                                                                        \
    "{\"code\":200,\"message\":\"ok\",\"data\":{\"accessToken\":\"" token "\",\"fence\":" fence    \
    ",\"expiresIn\":7140,\"refreshIn\":5290}}"

static void central_config(struct itr_config *c)
{
    struct itr_error e;

    itr_config_init(c);
    assert_int_equal(itr_config_set_text(c, "gateway", FIXTURE_GATEWAY, &e), ITR_OK);
    assert_int_equal(itr_config_set_text(c, "app_id", FIXTURE_APP, &e), ITR_OK);
    assert_int_equal(itr_config_set_text(c, "token_store", SERVER, &e), ITR_OK);
    assert_int_equal(itr_config_set_text(c, "token_store_key", KEY, &e), ITR_OK);
    assert_int_equal(itr_config_finish(c, &e), ITR_OK);
}

static int central_setup(void **state)
{
    struct t *t = calloc(1, sizeof *t);

    if (t == NULL || fixture_setup((void **)&t->f) != 0)
        return -1;
    central_config(&t->config);
    t->parts = t->f->parts;
    t->parts.store = NULL;
    init_fetch(t, &t->config, &t->parts);
    fake_answer_always(FAKE_TOKEN,
                       (struct fake_answer){.http_status = 200, .body = GRANT("tok-1", "1000")});
    *state = t;
    return 0;
}

static int central_teardown(void **state)
{
    struct t *t = *state;
    void *f = t->f;

    clear_fetch(t);
    itr_config_clear(&t->config);
    free(t);
    return fixture_teardown(&f);
}

/* ---- steps ---- */

static void ask_for(struct t *t, struct itr_fetch_wish wish)
{
    run_for(t, &wish);
    assert_true(is_settled(t));
    assert_int_equal(itr_machine_fetches_today(&t->m, 0), -1);
    assert_null(strstr(t->r.error.text, KEY));
}

static void ask_once(struct t *t)
{
    ask_for(t, (struct itr_fetch_wish){0});
}

static void assert_served(const struct t *t, const char *text, uint64_t fence)
{
    assert_token(t, text, ITR_FROM_SERVER);
    assert_true(t->r.token->fence == fence);
}

static struct fake_request last_request(void)
{
    return fake_request(FAKE_TOKEN, fake_started(FAKE_TOKEN) - 1);
}

/* ---- the request ---- */

static void a_token_is_asked_for_with_the_key_and_nothing_else(void **state)
{
    struct t *t = *state;
    struct fake_request r;

    ask_once(t);
    assert_served(t, "tok-1", 1000);
    assert_int_equal(fake_started(FAKE_TOKEN), 1);
    r = last_request();
    assert_false(r.post);
    assert_string_equal(r.url, SERVER "/v1/apps/" FIXTURE_APP "/token");
    assert_string_equal(r.header, "Authorization: Bearer " KEY);
    assert_string_equal(r.body, "");
    assert_int_equal(r.timeout_ms, t->config.token_timeout_ms);
    assert_int_equal(fake_store_loads(t->f->store), 0);
}

static void a_socket_needs_no_key(void **state)
{
    struct t *t = *state;
    struct itr_error e;

    itr_config_clear(&t->config);
    central_config(&t->config);
    assert_int_equal(itr_config_set_text(&t->config, "token_store", "unix:/run/x.sock", &e),
                     ITR_OK);
    free(t->config.token_store_key);
    t->config.token_store_key = NULL;
    ask_once(t);
    assert_served(t, "tok-1", 1000);
    assert_string_equal(last_request().url, "http://localhost/v1/apps/" FIXTURE_APP "/token");
    assert_string_equal(last_request().header, "");
}

static void a_refused_token_is_reported_by_its_fence(void **state)
{
    struct t *t = *state;
    struct itr_token *old = token_of("tok-0", UINT64_C(9007199254740993));

    fake_answer_always(FAKE_TOKEN, http(200, GRANT("tok-1", "9007199254740994")));
    ask_for(t, (struct itr_fetch_wish){.held = old, .refused = old});
    assert_served(t, "tok-1", UINT64_C(9007199254740994));
    assert_true(last_request().post);
    assert_string_equal(last_request().url, SERVER "/v1/apps/" FIXTURE_APP "/refresh");
    assert_string_equal(last_request().body, "{\"refused\":9007199254740993}");
    assert_string_equal(last_request().header, "Authorization: Bearer " KEY);
    itr_token_release(old);
}

static void who_asks_for_a_fetch_posts_an_empty_object(void **state)
{
    struct t *t = *state;

    ask_for(t, (struct itr_fetch_wish){.asked = true});
    assert_served(t, "tok-1", 1000);
    assert_true(last_request().post);
    assert_string_equal(last_request().body, "{}");
}

/* ---- the token ---- */

static void times_are_the_servers_and_a_few_seconds(void **state)
{
    struct t *t = *state;
    int64_t now, first = -1;
    int i, moved = 0;

    for (i = 0; i < 20; i++) {
        ask_once(t);
        now = fake_clock_now(&t->f->clock);
        assert_int_equal(t->r.token->born_mono_ms, now);
        assert_int_equal(t->r.token->end_mono_ms, now + 7140000);
        assert_in_range(t->r.token->refresh_mono_ms, now + 5290000, now + 5295000);
        moved += t->r.token->refresh_mono_ms != first;
        first = t->r.token->refresh_mono_ms;
    }
    assert_true(moved > 2); /* clients do not move together */
}

static void a_life_is_never_longer_than_token_ttl_nor_its_refresh_past_the_end(void **state)
{
    static const char *const bodies[] = {
        "{\"code\":200,\"data\":{\"accessToken\":\"a\",\"fence\":1,\"expiresIn\":1e300,"
        "\"refreshIn\":1e300}}",
        "{\"code\":200,\"data\":{\"accessToken\":\"a\",\"fence\":1,\"expiresIn\":0,"
        "\"refreshIn\":0}}",
        "{\"code\":200,\"data\":{\"accessToken\":\"a\",\"fence\":1,\"expiresIn\":2,"
        "\"refreshIn\":1.5}}",
        "{\"code\":200,\"data\":{\"accessToken\":\"a\",\"fence\":1,\"expiresIn\":-7,"
        "\"refreshIn\":3}}",
    };
    struct t *t = *state;
    size_t i;
    int again;

    for (i = 0; i < count_of(bodies); i++)
        for (again = 0; again < 20; again++) {
            int64_t now = fake_clock_now(&t->f->clock);
            fake_answer_always(FAKE_TOKEN, http(200, bodies[i]));
            ask_once(t);
            assert_served(t, "a", 1);
            assert_in_range(t->r.token->end_mono_ms, now, now + t->config.token_ttl_ms);
            assert_in_range(t->r.token->refresh_mono_ms, now, t->r.token->end_mono_ms);
        }
    fake_answer_next(FAKE_TOKEN, http(200, bodies[2]));
    ask_once(t); /* a short life: the few seconds are half of what is left at most */
    assert_true(t->r.token->refresh_mono_ms <= t->r.token->end_mono_ms - 250);
}

static void a_refused_token_that_comes_back_is_no_token(void **state)
{
    struct t *t = *state;
    struct itr_token *old = token_of("tok-1", 1000);

    ask_for(t, (struct itr_fetch_wish){.held = old, .refused = old});
    assert_error(t, ITR_TOKEN);
    assert_non_null(strstr(t->r.error.text, SERVER));
    assert_int_equal(t->m.local_failures, 0);
    itr_token_release(old);
}

/* ---- failures ---- */

static const struct fake_answer unreachable = {.carried = ITR_NETWORK, .detail = "refused"};
static const struct fake_answer silent = {.carried = ITR_TIMEOUT, .sent = true, .detail = "late"};

static void a_server_that_does_not_answer_is_kind_store(void **state)
{
    struct t *t = *state;

    fake_answer_next(FAKE_TOKEN, unreachable);
    ask_once(t);
    assert_error(t, ITR_STORE);
    assert_true(t->r.error.retryable);
    assert_non_null(strstr(t->r.error.text, SERVER));
    assert_in_range(t->r.retry_after_ms, 100, 1000);
    assert_int_equal(t->f->clock.slept, 0);

    fake_answer_next(FAKE_TOKEN, silent);
    ask_once(t); /* the hold is short: waited out */
    assert_error(t, ITR_STORE);
    assert_true(t->f->clock.slept >= 100);
    assert_int_equal(t->m.local_failures, 2);

    ask_once(t);
    assert_served(t, "tok-1", 1000);
    assert_int_equal(t->m.local_failures, 0);
    ask_once(t);
    assert_int_equal(fake_started(FAKE_TOKEN), 4);
}

static void what_fails_again_and_again_is_asked_ever_more_seldom(void **state)
{
    struct t *t = *state;
    int tries = 0, before;

    fake_answer_always(FAKE_TOKEN, http(500, "<html>"));
    do {
        before = fake_started(FAKE_TOKEN);
        ask_once(t);
        assert_error(t, ITR_STORE);
        tries++;
    } while (fake_started(FAKE_TOKEN) > before && tries < 100);
    assert_in_range(tries, 3, 99); /* in the end a hold is too long to be waited out */
    assert_true(t->r.retry_after_ms >= 5000);
    assert_true(t->r.retry_after_ms <= 300000);
    assert_non_null(strstr(t->r.error.text, "HTTP 500")); /* the error that it held back for */
    fake_answer_always(FAKE_TOKEN, http(200, GRANT("tok-2", "2000")));
    fake_clock_advance(&t->f->clock, 300000);
    ask_once(t);
    assert_served(t, "tok-2", 2000);
}

static void retry_after_is_kept(void **state)
{
    static const struct fake_answer busy = {
        .http_status = 503,
        .retry_after_ms = 60000,
        .body = "{\"code\":503,\"message\":\"no token yet\"}",
    };
    struct t *t = *state;
    struct itr_token *old = token_of("tok-0", 7);

    fake_answer_next(FAKE_TOKEN, busy);
    ask_once(t);
    assert_error(t, ITR_STORE);
    assert_int_equal(t->r.retry_after_ms, 60000);
    fake_clock_advance(&t->f->clock, 54999);
    ask_once(t);
    assert_error(t, ITR_STORE);
    assert_int_equal(t->r.retry_after_ms, 5001);
    ask_for(t,
            (struct itr_fetch_wish){.held = old, .refused = old}); /* a refusal does not pass it */
    assert_error(t, ITR_STORE);
    assert_int_equal(fake_started(FAKE_TOKEN), 1);
    fake_clock_advance(&t->f->clock, 2);
    ask_once(t); /* what is left is short: waited out */
    assert_served(t, "tok-1", 1000);
    assert_int_equal(t->f->clock.slept, 4999);
    itr_token_release(old);
}

static void retry_after_of_years_is_an_hour(void **state)
{
    struct t *t = *state;
    struct fake_answer busy = {.http_status = 429, .retry_after_ms = INT64_MAX / 4, .body = "{}"};

    fake_answer_next(FAKE_TOKEN, busy);
    ask_once(t);
    assert_int_equal(t->r.retry_after_ms, 3600000);
}

static void the_gateways_own_codes_come_through(void **state)
{
    struct t *t = *state;

    fake_answer_next(FAKE_TOKEN, http(503, "{\"code\":40004,\"message\":\"limit\"}"));
    ask_once(t);
    assert_error(t, ITR_QUOTA);
    assert_int_equal(t->r.error.code, 40004);
    fake_answer_next(FAKE_TOKEN, http(503, "{\"code\":40003,\"message\":\"frozen\"}"));
    ask_once(t);
    assert_error(t, ITR_TOKEN);
    assert_int_equal(t->r.error.code, 40003);
}

static void a_transport_that_cannot_be_had_is_survived(void **state)
{
    struct t *t = *state;

    fake_fail_open(1);
    ask_once(t);
    assert_error(t, ITR_NOMEM);
    fake_fail_start(1, ITR_NOMEM);
    ask_once(t);
    assert_error(t, ITR_NOMEM);
    ask_once(t);
    assert_served(t, "tok-1", 1000);
}

static void the_child_of_a_fork_knows_nothing_of_the_parents_trouble(void **state)
{
    struct t *t = *state;

    fake_answer_next(FAKE_TOKEN, unreachable);
    ask_once(t);
    itr_machine_fork(&t->m, 0x99, 1);
    itr_fetch_fork(&t->fetch);
    ask_once(t);
    assert_served(t, "tok-1", 1000);
    assert_int_equal(t->f->clock.slept, 0);
}

static void stop_the_process(enum fake_lane lane, int nth, void *ctx)
{
    struct t *t = ctx;

    (void)lane;
    (void)nth;
    end(t);
}

static void the_end_of_the_process_waits_for_no_hold(void **state)
{
    struct t *t = *state;

    fake_answer_next(FAKE_TOKEN, unreachable);
    fake_before_send(stop_the_process, t);
    ask_once(t);
    fake_before_send(NULL, NULL);
    ask_once(t);
    assert_error(t, ITR_TIMEOUT);
    assert_int_equal(t->f->clock.slept, 0);
    assert_int_equal(fake_started(FAKE_TOKEN), 1);
}

/* The test's thread runs the fetch and waits for the server; this one ends the process meanwhile.
 */
static void *end_meanwhile(void *ctx)
{
    struct t *t = ctx;

    fake_await_started(FAKE_TOKEN, 1);
    fake_await_waits(1);
    end(t);
    fake_clock_advance(&t->f->clock, 200);
    return NULL;
}

static void the_end_of_the_process_cancels_what_is_out(void **state)
{
    struct t *t = *state;
    pthread_t thread;

    fake_hold(FAKE_TOKEN, true);
    assert_int_equal(pthread_create(&thread, NULL, end_meanwhile, t), 0);
    ask_once(t);
    (void)pthread_join(thread, NULL);
    assert_error(t, ITR_TIMEOUT);
    assert_int_equal(fake_cancelled(), 1);
    fake_hold(FAKE_TOKEN, false);
    ask_once(t); /* nor is anything begun */
    assert_int_equal(fake_started(FAKE_TOKEN), 1);
}

static void note_leased(enum fake_lane lane, int nth, void *ctx)
{
    struct t *t = ctx;

    (void)lane;
    (void)nth;
    assert_true(t->fetch.in_transport);
}

static void the_end_of_the_process_waits_for_what_is_out(void **state)
{
    struct t *t = *state;

    fake_before_send(note_leased, t);
    ask_once(t);
    assert_served(t, "tok-1", 1000);
    fake_before_send(NULL, NULL);
    assert_false(t->fetch.in_transport);
}

/* ---- through a source ---- */

static void wake(void *ctx)
{
    (void)ctx;
    fake_world_lock();
    fake_world_changed();
    fake_world_unlock();
}

static void await_ready(struct itr_source *s, struct itr_wait *w)
{
    fake_world_lock();
    while (!itr_wait_is_ready(w))
        fake_world_wait();
    fake_world_unlock();
    itr_source_await_wakes(s);
}

static struct itr_wait ask(struct itr_source *s, struct itr_token_ask a)
{
    struct itr_wait w = {0};

    w.wake = wake;
    if (!itr_source_ask(s, &a, &w))
        await_ready(s, &w);
    return w;
}

static void assert_text(const struct itr_wait *w, const char *text)
{
    assert_non_null(w->token);
    assert_string_equal(w->token->text, text);
    itr_token_release(w->token);
}

static void twenty_who_wait_are_one_request(void **state)
{
    struct t *t = *state;
    struct itr_source *s;
    struct itr_wait waits[20] = {0};
    struct itr_error e;
    size_t i;

    assert_int_equal(itr_source_open(&t->config, &t->parts, &s, &e), ITR_OK);
    fake_hold(FAKE_TOKEN, true);
    for (i = 0; i < count_of(waits); i++) {
        waits[i].wake = wake;
        assert_false(itr_source_ask(s, &(struct itr_token_ask){0}, &waits[i]));
    }
    fake_hold(FAKE_TOKEN, false);
    for (i = 0; i < count_of(waits); i++) {
        await_ready(s, &waits[i]);
        assert_text(&waits[i], "tok-1");
    }
    assert_int_equal(fake_started(FAKE_TOKEN), 1);
    itr_source_release(s);
    thread_maker_await_none();
}

static void a_token_in_memory_outlives_a_server_that_is_down(void **state)
{
    struct t *t = *state;
    struct itr_source *s;
    struct itr_stats st;
    struct itr_wait w;
    struct itr_error e;

    assert_int_equal(itr_source_open(&t->config, &t->parts, &s, &e), ITR_OK);
    w = ask(s, (struct itr_token_ask){0});
    assert_int_equal(w.origin, ITR_FROM_SERVER);
    assert_text(&w, "tok-1");
    itr_source_stats(s, &st, NULL);
    assert_string_equal(st.store, "server");
    assert_int_equal(st.fetched, 0); /* the gateway was not asked by us */

    fake_answer_always(FAKE_TOKEN, unreachable);
    fake_clock_advance(&t->f->clock, 5300000); /* due */
    w = ask(s, (struct itr_token_ask){0});
    assert_int_equal(w.origin, ITR_FROM_MEMORY);
    assert_text(&w, "tok-1");
    thread_maker_await_none();
    fake_clock_advance(&t->f->clock, 10000000); /* long past its end */
    w = ask(s, (struct itr_token_ask){0});
    assert_text(&w, "tok-1");
    thread_maker_await_none();
    itr_source_release(s);
}

static void a_token_that_is_not_newer_is_kept_and_asked_for_later(void **state)
{
    struct t *t = *state;
    struct itr_source *s;
    struct itr_stats st;
    struct itr_event_list events;
    struct itr_wait w;
    struct itr_error e;

    assert_int_equal(itr_source_open(&t->config, &t->parts, &s, &e), ITR_OK);
    w = ask(s, (struct itr_token_ask){0});
    assert_text(&w, "tok-1");
    fake_answer_always(FAKE_TOKEN, http(200, GRANT("tok-0", "999")));
    fake_clock_advance(&t->f->clock, 5300000);
    w = ask(s, (struct itr_token_ask){0});
    assert_text(&w, "tok-1");
    thread_maker_await_none();
    assert_int_equal(fake_started(FAKE_TOKEN), 2);
    itr_source_stats(s, &st, &events);
    assert_int_equal(st.fence, 1000);
    assert_int_equal(events.event[events.n - 1].why, ITR_WHY_KEPT);
    w = ask(s, (struct itr_token_ask){0});
    assert_text(&w, "tok-1");
    assert_int_equal(fake_started(FAKE_TOKEN), 2);
    itr_source_release(s);
}

static void sources_of_two_keys_or_servers_are_two(void **state)
{
    struct t *t = *state;
    struct itr_source *one, *same, *other;
    struct itr_error e;

    assert_int_equal(itr_source_open(&t->config, &t->parts, &one, &e), ITR_OK);
    assert_int_equal(itr_source_open(&t->config, &t->parts, &same, &e), ITR_OK);
    assert_ptr_equal(one, same);
    itr_source_release(same);
    assert_int_equal(itr_config_set_text(&t->config, "token_store_key", "another", &e), ITR_OK);
    assert_int_equal(itr_source_open(&t->config, &t->parts, &other, &e), ITR_OK);
    assert_ptr_not_equal(one, other);
    itr_source_release(other);
    assert_int_equal(itr_config_set_text(&t->config, "token_store_key", KEY, &e), ITR_OK);
    assert_int_equal(itr_config_set_text(&t->config, "token_store", "unix:/x", &e), ITR_OK);
    assert_int_equal(itr_source_open(&t->config, &t->parts, &other, &e), ITR_OK);
    assert_ptr_not_equal(one, other);
    itr_source_release(other);
    itr_source_release(one);
}

#define S(f) cmocka_unit_test_setup_teardown(f, central_setup, central_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        S(a_token_is_asked_for_with_the_key_and_nothing_else),
        S(a_socket_needs_no_key),
        S(a_refused_token_is_reported_by_its_fence),
        S(who_asks_for_a_fetch_posts_an_empty_object),
        S(times_are_the_servers_and_a_few_seconds),
        S(a_life_is_never_longer_than_token_ttl_nor_its_refresh_past_the_end),
        S(a_refused_token_that_comes_back_is_no_token),
        S(a_server_that_does_not_answer_is_kind_store),
        S(what_fails_again_and_again_is_asked_ever_more_seldom),
        S(retry_after_is_kept),
        S(retry_after_of_years_is_an_hour),
        S(the_gateways_own_codes_come_through),
        S(a_transport_that_cannot_be_had_is_survived),
        S(the_child_of_a_fork_knows_nothing_of_the_parents_trouble),
        S(the_end_of_the_process_waits_for_no_hold),
        S(the_end_of_the_process_cancels_what_is_out),
        S(the_end_of_the_process_waits_for_what_is_out),
        S(twenty_who_wait_are_one_request),
        S(a_token_in_memory_outlives_a_server_that_is_down),
        S(a_token_that_is_not_newer_is_kept_and_asked_for_later),
        S(sources_of_two_keys_or_servers_are_two),
    };

    fixture_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
