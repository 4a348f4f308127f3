/* source: leaving, sharing, missing threads, stats, fork. */
#include "support/source_driver.h"

/* ---- leaving ---- */

static void a_wait_that_was_forgotten_is_never_touched(void **state)
{
    struct t *t = *state;
    struct itr_wait *gone = malloc(sizeof *gone), stays;
    int woken_gone = 0, woken = 0;

    assert_non_null(gone);
    fake_hold(FAKE_TOKEN, true);
    assert_false(ask(t, (struct itr_token_ask){0}, gone, &woken_gone));
    assert_false(ask(t, (struct itr_token_ask){0}, &stays, &woken));
    itr_source_forget(t->s, gone);
    free(gone); /* a touch would be a use after free */
    assert_int_equal(stats(t).waiters, 1);
    fake_hold(FAKE_TOKEN, false);
    await_ready(t, &stays);
    itr_token_release(stays.token);
    assert_int_equal(stats(t).waiters, 0);
    assert_int_equal(woken_gone, 0);
}

static void an_answer_that_is_forgotten_drops_its_token(void **state)
{
    struct t *t = *state;
    struct itr_wait w;
    int woken = 0;

    warm(t);
    assert_true(ask(t, (struct itr_token_ask){0}, &w, &woken));
    itr_source_forget(t->s, &w);
    assert_null(w.token); /* and it is not leaked */
    itr_source_forget(t->s, &w);
}

static void a_source_may_be_released_while_a_fetch_is_out(void **state)
{
    struct t *t = *state;
    struct itr_source *same;
    struct itr_wait w;
    struct itr_error e;
    int woken = 0;

    fake_hold(FAKE_TOKEN, true);
    assert_false(ask(t, (struct itr_token_ask){0}, &w, &woken));
    itr_source_forget(t->s, &w);
    itr_source_release(t->s);
    assert_int_equal(itr_source_open(&t->f->config, &t->f->parts, &same, &e), ITR_OK);
    assert_ptr_equal(same, t->s); /* its thread keeps it */
    assert_int_equal(stats(t).state, ITR_CACHE_FETCHING);
    itr_source_release(same);
    fake_hold(FAKE_TOKEN, false);
    fake_store_await_alone(t->f->store);
    assert_int_equal(itr_source_open(&t->f->config, &t->f->parts, &t->s, &e), ITR_OK);
    warm(t);
    assert_int_equal(fake_sent(FAKE_TOKEN), 1); /* the token of that fetch is in the record */
}

/* ---- who shares ---- */

static bool is_same_source(struct t *t, const struct itr_config *c, struct itr_parts *parts)
{
    struct itr_source *s;
    struct itr_error e;
    bool same;

    assert_int_equal(itr_source_open(c, parts, &s, &e), ITR_OK);
    same = s == t->s;
    itr_source_release(s);
    return same;
}

static void gateway_app_secret_and_store_make_a_source(void **state)
{
    static const char *const names[] = {"gateway", "app_id", "app_secret"};
    struct t *t = *state;
    struct fake_store *other = fake_store_new(&t->f->clock);
    struct itr_parts parts = t->f->parts;
    struct itr_error e;
    size_t i;

    assert_true(is_same_source(t, &t->f->config, &parts));
    parts.store = &other->head;
    assert_false(is_same_source(t, &t->f->config, &parts));
    assert_true(fake_store_free(other));
    for (i = 0; i < count_of(names); i++) {
        struct itr_config c;
        fixture_config(&c);
        assert_int_equal(itr_config_set_text(&c, names[i], "https://x.test", &e), ITR_OK);
        assert_false(is_same_source(t, &c, &t->f->parts));
        itr_config_clear(&c);
    }
}

/* Else who mends an option would fetch with the broken one while the earlier client lives. */
static void what_a_fetch_uses_makes_a_source_too(void **state)
{
    static const char *const values[][2] = {
        {"ca_file", "/ca.pem"},        {"proxy", ""},          {"user_agent", "mine"},
        {"token_endpoint", "refresh"}, {"http_version", "2"},  {"token_ttl", "71"},
        {"refresh_margin", "17"},      {"daily_limit", "7"},   {"min_refresh_interval", "31"},
        {"connect_timeout", "6"},      {"token_timeout", "11"}};
    struct t *t = *state;
    struct itr_error e;
    size_t i;

    for (i = 0; i < count_of(values); i++) {
        struct itr_config c;
        fixture_config(&c);
        assert_int_equal(itr_config_set_text(&c, values[i][0], values[i][1], &e), ITR_OK);
        assert_false(is_same_source(t, &c, &t->f->parts));
        itr_config_clear(&c);
    }
}

/* ---- a thread that cannot be made ---- */

static void without_a_thread_the_caller_gets_an_error_at_once(void **state)
{
    struct t *t = *state;
    struct itr_wait w;
    int woken = 0;

    thread_maker_fail(1, EAGAIN);
    assert_true(ask(t, (struct itr_token_ask){0}, &w, &woken));
    assert_null(w.token);
    assert_int_equal(w.error.kind, ITR_NETWORK);
    assert_non_null(strstr(w.error.text, "thread"));
    assert_int_equal(stats(t).state, ITR_CACHE_NONE);
    assert_int_equal(events(t).event[1].why, ITR_WHY_FAILED);
    warm(t); /* the next one works */
}

static void without_a_thread_a_good_token_is_kept(void **state)
{
    struct t *t = *state;

    warm(t);
    fake_clock_advance(&t->f->clock, 5400000);
    thread_maker_await_none();
    thread_maker_fail(1, EAGAIN);
    assert_at_once(t, "token-00000001");
    assert_int_equal(stats(t).state, ITR_CACHE_HELD);
    assert_int_equal(stats(t).last_error.kind, ITR_NETWORK);
}

static void without_a_thread_a_doubted_token_is_given_out_again(void **state)
{
    struct t *t = *state;
    struct itr_token *old = get_plain(t), *again;
    struct itr_record r;
    struct itr_error e;

    thread_maker_await_none();
    thread_maker_fail(1, EAGAIN);
    again = get(t, (struct itr_token_ask){.refused = old}, &e);
    assert_true(again == old);
    assert_int_equal(e.kind, ITR_NETWORK);
    itr_token_release(again);
    itr_token_release(old);

    /* That refusal is over: the next fetch is not for it. */
    fake_clock_advance(&t->f->clock, 5400000);
    itr_token_release(get(t, (struct itr_token_ask){.refresh = true}, NULL));
    fake_store_read(t->f->store, &r);
    assert_string_equal(r.text, "token-00000002");
    assert_int_equal(r.refusals, 0);
}

/* ---- a store that comes back ---- */

static void swaps_fail(enum fake_lane lane, int nth, void *ctx)
{
    struct fake_store *store = ctx;

    (void)lane;
    if (nth == 1)
        fake_store_fail(store, 0, -1);
}

static void a_token_that_could_not_be_stored_is_used_and_stored_later(void **state)
{
    struct t *t = *state;
    struct itr_record r;

    fake_before_send(swaps_fail, t->f->store);
    warm(t);
    fake_store_read(t->f->store, &r);
    assert_string_equal(r.text, "");
    fake_store_fail(t->f->store, 0, 0);
    fake_store_await_stored(t->f->store, 2); /* the lease, then the token; tried each second */
    fake_store_read(t->f->store, &r);
    assert_string_equal(r.text, "token-00000001");
    assert_string_equal(r.owner, "");
}

/* ---- stats ---- */

static void stats_tell_of_the_token_and_its_times(void **state)
{
    struct t *t = *state;
    struct itr_stats st = stats(t);

    assert_int_equal(st.state, ITR_CACHE_NONE);
    assert_int_equal(st.fence, 0);
    assert_string_equal(st.id, "");
    assert_int_equal(events(t).n, 0);
    warm(t);
    fake_clock_advance(&t->f->clock, 1000);
    st = stats(t);
    assert_int_equal(st.state, ITR_CACHE_HELD);
    assert_true(st.fence > 0);
    assert_int_equal(strlen(st.id), 8);
    assert_null(strstr(st.id, "token"));
    assert_int_equal(st.age_ms, 1000);
    assert_int_equal(st.expires_in_ms, 7199000);
    assert_in_range(st.refresh_in_ms, 5099000, 5399000);
    assert_int_equal(st.fetches_today, 1);
    assert_int_equal(st.daily_limit, 0);
    assert_int_equal(st.fetched, 1);
    assert_string_equal(st.store, "memory");
    assert_int_equal(st.last_error.kind, ITR_OK);
    assert_int_equal(events(t).n, 2);
    assert_int_equal(events(t).event[0].why, ITR_WHY_START);
    assert_int_equal(events(t).event[0].state, ITR_CACHE_FETCHING);
    assert_int_equal(events(t).event[1].why, ITR_WHY_FETCHED);
    assert_int_equal(events(t).event[1].state, ITR_CACHE_HELD);
    fake_clock_advance(&t->f->clock, 7200000);
    assert_int_equal(stats(t).expires_in_ms, -1000);
}

static void the_last_20_events_are_kept_oldest_first(void **state)
{
    struct t *t = *state;
    struct itr_event_list list;
    size_t i;

    warm(t);
    for (i = 0; i < 15; i++) { /* two events each */
        fake_clock_advance(&t->f->clock, 300000);
        itr_token_release(get(t, (struct itr_token_ask){.refresh = true}, NULL));
    }
    list = events(t);
    assert_int_equal(list.n, ITR_EVENTS);
    for (i = 0; i < ITR_EVENTS; i++) {
        assert_int_equal(list.event[i].why, i % 2 == 0 ? ITR_WHY_ASKED : ITR_WHY_FETCHED);
        if (i > 0)
            assert_true(list.event[i].at_wall_ms >= list.event[i - 1].at_wall_ms);
    }
    assert_int_equal(fake_sent(FAKE_TOKEN), 16);
}

static void a_failure_is_an_event_with_its_error(void **state)
{
    struct t *t = *state;
    struct itr_stats st;
    struct itr_error e;

    fake_answer_next(FAKE_TOKEN, http(200, "{\"code\":40003,\"message\":\"x\"}"));
    assert_null(get(t, (struct itr_token_ask){0}, &e));
    assert_int_equal(e.kind, ITR_TOKEN);
    assert_int_equal(e.code, 40003);
    st = stats(t);
    assert_int_equal(st.state, ITR_CACHE_NONE);
    assert_int_equal(events(t).event[1].why, ITR_WHY_FAILED);
    assert_int_equal(events(t).event[1].error.code, 40003);
    assert_int_equal(st.last_error.code, 40003);
    assert_int_equal(st.fetched, 0);
    assert_null(get(t, (struct itr_token_ask){0}, &e)); /* at once, the same */
    assert_int_equal(e.code, 40003);
    assert_int_equal(fake_sent(FAKE_TOKEN), 1);
}

/* ---- fork ---- */

/* In the child: the fetch that was out is the parent's; ours works, and needs no time. */
static void be_the_child(struct t *t, struct itr_wait *parents)
{
    int64_t slept = t->f->clock.slept;

    fake_hold(FAKE_TOKEN, false);
    itr_source_forget(t->s, parents); /* a copy of a waiter of the parent's */
    if (stats(t).waiters != 0 || stats(t).state != ITR_CACHE_NONE)
        _exit(2);
    if (get_plain(t) == NULL)
        _exit(3);
    if (stats(t).state != ITR_CACHE_HELD || t->f->clock.slept != slept)
        _exit(4);
    _exit(0);
}

static void a_fork_in_the_middle_of_a_fetch_leaves_both_processes_whole(void **state)
{
    struct t *t = *state;
    struct itr_wait w, other;
    int woken = 0, status = -1;
    pid_t child;

    if (UNDER_TSAN)
        skip(); /* it cannot follow a child of several threads that makes threads */
    fake_hold(FAKE_TOKEN, true);
    assert_false(ask(t, (struct itr_token_ask){0}, &other, &woken));
    assert_false(ask(t, (struct itr_token_ask){0}, &w, &woken));
    fake_await_started(FAKE_TOKEN, 1);
    fake_await_waits(1); /* its thread holds no lock */
    child = fork();
    if (child == 0)
        be_the_child(t, &w);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    fake_hold(FAKE_TOKEN, false);
    await_ready(t, &w);
    await_ready(t, &other);
    assert_text(w.token, "token-00000001");
    itr_token_release(w.token);
    itr_token_release(other.token);
    assert_int_equal(fake_sent(FAKE_TOKEN), 1);
}

static void a_child_goes_on_with_the_token_that_was_held(void **state)
{
    struct t *t = *state;
    int status = -1;
    pid_t child;

    warm(t);
    child = fork();
    if (child == 0) {
        struct itr_token *token = get_plain(t);
        _exit(token != NULL && strcmp(token->text, "token-00000001") == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(fake_sent(FAKE_TOKEN), 1);
}

/* ---- the process's end ---- */

static struct {
    struct t *t;
    int told;      /* written to at the very end; -1: nobody listens */
    int held_load; /* this load waits until the process is ending */
    int settling, go;
} end = {.told = -1};

/* 1 decides, 2 looks before the first byte, 3 settles. */
static void hold_the_load(struct fake_store *s, int nth)
{
    (void)s;
    if (nth != end.held_load)
        return;
    wake(&end.settling);
    await_count(&end.go, 1);
}

/* Runs before the registry's handler: registered after it. */
static void let_go(void)
{
    wake(&end.go);
}

/* Runs after the registry's handler: registered before it. A fetch thread that the end did not wait
 * for may go on: is there one that takes a lease now? */
static void report(void)
{
    struct itr_record r;

    if (end.told < 0)
        return;
    if (end.held_load == 1) {
        wake(&end.go);
        thread_maker_await_none();
        if (write(end.told, end.t->f->store->swaps == 0 ? "nothing" : "a lease", 8) < 0)
            abort();
        _exit(0);
    }
    fake_store_read(end.t->f->store, &r);
    if (write(end.told, r.owner[0] == '\0' ? r.text : "leased", sizeof "token-00000001") < 0)
        abort();
    _exit(0);
}

/* Ends the process while its fetch is in that load. */
static void end_in_load(struct t *t, int held_load, int told)
{
    struct itr_error e;
    struct itr_wait w;
    int woken = 0;

    (void)alarm(60);
    end.t = t;
    end.told = told;
    end.held_load = held_load;
    t->f->store->ops.origin = ITR_FROM_REDIS; /* a lease in it outlives the process */
    itr_source_release(t->s);
    assert_int_equal(itr_source_open(&t->f->config, &t->f->parts, &t->s, &e), ITR_OK);
    t->f->store->before_load = hold_the_load;
    (void)ask(t, (struct itr_token_ask){0}, &w, &woken);
    await_count(&end.settling, 1);
    if (held_load > 1)
        (void)atexit(let_go);
    exit(0);
}

static void assert_end_in_load(struct t *t, int held_load, const char *expected)
{
    char told[32] = "";
    int ends[2], status = -1;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0)
        end_in_load(t, held_load, ends[1]);
    close(ends[1]);
    assert_true(read(ends[0], told, sizeof told - 1) > 0);
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_string_equal(told, expected);
}

static void the_process_ends_only_when_its_lease_is_given_back(void **state)
{
    if (UNDER_TSAN)
        skip();
    assert_end_in_load(*state, 3, "token-00000001");
}

/* The end was noted before the lease was taken: nothing may be left behind, for nobody waits. */
static void a_process_that_is_ending_takes_no_lease(void **state)
{
    if (UNDER_TSAN)
        skip();
    assert_end_in_load(*state, 1, "nothing");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(a_wait_that_was_forgotten_is_never_touched),
        T(an_answer_that_is_forgotten_drops_its_token),
        T(a_source_may_be_released_while_a_fetch_is_out),
        T(gateway_app_secret_and_store_make_a_source),
        T(what_a_fetch_uses_makes_a_source_too),
        T(without_a_thread_the_caller_gets_an_error_at_once),
        T(without_a_thread_a_good_token_is_kept),
        T(without_a_thread_a_doubted_token_is_given_out_again),
        T(a_token_that_could_not_be_stored_is_used_and_stored_later),
        T(stats_tell_of_the_token_and_its_times),
        T(the_last_20_events_are_kept_oldest_first),
        T(a_failure_is_an_event_with_its_error),
        T(a_fork_in_the_middle_of_a_fetch_leaves_both_processes_whole),
        T(a_child_goes_on_with_the_token_that_was_held),
        T(the_process_ends_only_when_its_lease_is_given_back),
        T(a_process_that_is_ending_takes_no_lease),
    };

    (void)atexit(report); /* before anything of the core */
    fixture_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
