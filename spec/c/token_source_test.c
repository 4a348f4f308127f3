/* token_source: one fetch for all who ask, on real threads. What is out is held by the gateway's
 * script until the test releases it, so nothing here depends on how fast a thread is. */
#include "support/fixture.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/token_source.h"
#include "support/thread_maker.h"

#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#endif
#ifndef UNDER_TSAN
#define UNDER_TSAN 0
#endif

struct t {
    struct fixture *f;
    struct itr_token_source *s;
};

static int setup(void **state)
{
    struct t *t = calloc(1, sizeof *t);
    struct itr_error e;

    if (t == NULL || fixture_setup((void **)&t->f) != 0 ||
        itr_token_source_open(&t->f->config, &t->f->parts, &t->s, &e) != ITR_OK)
        return -1;
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct t *t = *state;
    void *f = t->f;

    itr_token_source_release(t->s);
    fake_store_await_alone(t->f->store); /* a fetch thread may still be on its way out */
    free(t);
    return fixture_teardown(&f);
}

/* ---- asking ---- */

static void wake(void *ctx)
{
    int *woken = ctx;

    fake_world_lock();
    ++*woken;
    fake_world_changed();
    fake_world_unlock();
}

static bool ask(struct t *t, struct itr_token_ask a, struct itr_token_wait *w, int *woken)
{
    w->wake = wake;
    w->ctx = woken;
    return itr_token_source_ask(t->s, &a, w);
}

/* ... and woken: what wakes use may go out of scope. */
static void await_ready(struct t *t, struct itr_token_wait *w)
{
    fake_world_lock();
    while (!itr_token_wait_is_ready(w))
        fake_world_wait();
    fake_world_unlock();
    itr_token_source_await_wakes(t->s);
}

/* Asks, waits for the answer, and gives the token (or NULL) and the error. */
static struct itr_token *get(struct t *t, struct itr_token_ask a, struct itr_error *e)
{
    struct itr_token_wait w;
    int woken = 0;

    if (!ask(t, a, &w, &woken))
        await_ready(t, &w);
    if (e != NULL)
        *e = w.error;
    return w.token;
}

static struct itr_token *get_plain(struct t *t)
{
    return get(t, (struct itr_token_ask){0}, NULL);
}

static struct itr_token_stats stats(struct t *t)
{
    struct itr_token_stats st;

    itr_token_source_stats(t->s, &st);
    return st;
}

static void assert_text(struct itr_token *token, const char *text)
{
    assert_non_null(token);
    assert_string_equal(token->text, text);
}

/* Asks, expects an answer at once. */
static void assert_at_once(struct t *t, const char *text)
{
    struct itr_token_wait w;
    int woken = 0;

    assert_true(ask(t, (struct itr_token_ask){0}, &w, &woken));
    assert_text(w.token, text);
    assert_int_equal(woken, 0);
    itr_token_release(w.token);
}

static void warm(struct t *t)
{
    itr_token_release(get_plain(t));
    assert_int_equal(stats(t).state, ITR_CACHE_HELD);
}

static struct fake_answer http(int status, const char *body)
{
    return (struct fake_answer){.http_status = status, .body = body};
}

/* ---- one fetch ---- */

static void the_first_to_ask_waits_for_a_fetch_and_is_woken(void **state)
{
    struct t *t = *state;
    struct itr_token_wait w;
    int woken = 0;

    fake_hold(FAKE_TOKEN, true);
    assert_int_equal(stats(t).state, ITR_CACHE_NONE);
    assert_false(ask(t, (struct itr_token_ask){0}, &w, &woken));
    assert_false(itr_token_wait_is_ready(&w));
    assert_int_equal(stats(t).state, ITR_CACHE_FETCHING);
    assert_int_equal(stats(t).waiters, 1);
    fake_hold(FAKE_TOKEN, false);
    await_ready(t, &w);
    assert_text(w.token, "token-00000001");
    assert_int_equal(w.origin, ITR_FROM_GATEWAY);
    assert_int_equal(w.error.kind, ITR_OK);
    assert_int_equal(stats(t).waiters, 0); /* takes the lock: the waker is through */
    assert_int_equal(woken, 1);
    itr_token_release(w.token);
    assert_at_once(t, "token-00000001");
    assert_int_equal(fake_sent(FAKE_TOKEN), 1);
}

#define THREADS 16

struct many {
    struct t *t;
    int asked; /* under the world's lock */
    struct itr_token *tokens[THREADS];
};

struct one {
    struct many *m;
    int i;
};

static void *ask_on_a_thread(void *arg)
{
    struct one *one = arg;
    struct itr_token_wait w;
    int woken = 0;
    bool ready = ask(one->m->t, (struct itr_token_ask){0}, &w, &woken);

    wake(&one->m->asked);
    if (!ready)
        await_ready(one->m->t, &w);
    one->m->tokens[one->i] = w.token;
    return NULL;
}

static void await_count(const int *count, int n)
{
    fake_world_lock();
    while (*count < n)
        fake_world_wait();
    fake_world_unlock();
}

static void many_threads_that_ask_at_once_cost_one_fetch(void **state)
{
    struct t *t = *state;
    struct many m = {.t = t};
    struct one ones[THREADS];
    pthread_t threads[THREADS];
    int i;

    fake_hold(FAKE_TOKEN, true);
    for (i = 0; i < THREADS; i++) {
        ones[i] = (struct one){&m, i};
        assert_int_equal(pthread_create(&threads[i], NULL, ask_on_a_thread, &ones[i]), 0);
    }
    await_count(&m.asked, THREADS);
    assert_int_equal(stats(t).waiters, THREADS);
    fake_hold(FAKE_TOKEN, false);
    for (i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_text(m.tokens[i], "token-00000001");
        itr_token_release(m.tokens[i]);
    }
    assert_int_equal(fake_sent(FAKE_TOKEN), 1);
}

static void *come_and_go(void *arg)
{
    struct t *t = arg;
    int i;

    for (i = 0; i < 200; i++) {
        struct itr_token *token = get_plain(t);
        struct itr_token_ask refused = {.refused = token};
        if (i % 10 == 9)
            itr_token_release(get(t, refused, NULL));
        else if (i % 10 == 5)
            itr_token_release(get(t, (struct itr_token_ask){.refresh = true}, NULL));
        itr_token_release(token);
        (void)stats(t);
    }
    return NULL;
}

static void threads_that_ask_refuse_and_refresh_lose_nothing(void **state)
{
    struct t *t = *state;
    pthread_t threads[4];
    int i;

    for (i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, t), 0);
    for (i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(stats(t).waiters, 0);
    assert_int_equal(stats(t).fetched, (uint64_t)fake_sent(FAKE_TOKEN));
}

/* ---- refused ---- */

#define CALLERS 100

static void a_token_refused_to_100_callers_costs_one_fetch(void **state)
{
    struct t *t = *state;
    struct itr_token_wait waits[CALLERS];
    struct itr_token *old = get_plain(t);
    struct itr_token_ask refused = {.refused = old};
    int i, woken = 0;

    fake_hold(FAKE_TOKEN, true);
    for (i = 0; i < CALLERS; i++)
        assert_false(ask(t, refused, &waits[i], &woken));
    fake_hold(FAKE_TOKEN, false);
    for (i = 0; i < CALLERS; i++) {
        await_ready(t, &waits[i]);
        assert_text(waits[i].token, "token-00000002");
        itr_token_release(waits[i].token);
    }
    itr_token_release(get(t, refused, NULL)); /* the 101st comes late */
    assert_int_equal(fake_sent(FAKE_TOKEN), 2);
    itr_token_release(old);
}

static void a_late_refusal_of_an_old_token_never_touches_its_successor(void **state)
{
    struct t *t = *state;
    struct itr_token *old = get_plain(t);
    struct itr_token_ask refused = {.refused = old};
    struct itr_token_wait w;
    int woken = 0;

    itr_token_release(get(t, refused, NULL));
    assert_true(ask(t, refused, &w, &woken));
    assert_text(w.token, "token-00000002");
    assert_int_equal(stats(t).state, ITR_CACHE_HELD);
    assert_int_equal(fake_sent(FAKE_TOKEN), 2);
    itr_token_release(w.token);
    itr_token_release(old);
}

static void a_refused_token_is_given_out_again_if_no_other_is_to_be_had(void **state)
{
    struct t *t = *state;
    struct itr_token *old = get_plain(t), *again;
    struct itr_error e;

    fake_answer_next(FAKE_TOKEN, http(502, ""));
    again = get(t, (struct itr_token_ask){.refused = old}, &e);
    assert_true(again == old);
    assert_int_equal(e.kind, ITR_HTTP);
    assert_int_equal(e.http_status, 502);
    itr_token_release(again);
    assert_at_once(t, "token-00000001");
    itr_token_release(old);
}

static void a_refusal_that_a_fetch_under_way_answers_is_not_counted_to_the_next(void **state)
{
    struct t *t = *state;
    struct itr_token *old = get_plain(t);
    struct itr_token_wait w;
    struct itr_token_record r;
    int woken = 0;

    fake_clock_advance(&t->f->clock, 5400000); /* due */
    fake_hold(FAKE_TOKEN, true);
    assert_at_once(t, "token-00000001"); /* a refresh is out */
    fake_await_started(FAKE_TOKEN, 2);
    assert_false(ask(t, (struct itr_token_ask){.refused = old}, &w, &woken));
    fake_hold(FAKE_TOKEN, false);
    await_ready(t, &w);
    assert_text(w.token, "token-00000002");
    itr_token_release(w.token);

    fake_clock_advance(&t->f->clock, 5400000); /* due again: nobody refused this one */
    assert_at_once(t, "token-00000002");
    itr_token_release(get(t, (struct itr_token_ask){.refresh = true}, NULL)); /* joins it */
    assert_int_equal(fake_sent(FAKE_TOKEN), 3);
    fake_store_read(t->f->store, &r);
    assert_string_equal(r.text, "token-00000003");
    assert_int_equal(r.refused_ms, 0);
    itr_token_release(old);
}

/* ---- refreshing ---- */

static void while_a_refresh_is_out_callers_are_served_at_once(void **state)
{
    struct t *t = *state;
    struct itr_token_wait w;
    int woken = 0;

    warm(t);
    fake_clock_advance(&t->f->clock, 5400000);
    fake_hold(FAKE_TOKEN, true);
    assert_at_once(t, "token-00000001");
    fake_await_started(FAKE_TOKEN, 2);
    assert_int_equal(stats(t).state, ITR_CACHE_REFRESHING);
    assert_at_once(t, "token-00000001");
    assert_false(ask(t, (struct itr_token_ask){.refresh = true}, &w, &woken)); /* joins */
    fake_hold(FAKE_TOKEN, false);
    await_ready(t, &w);
    assert_text(w.token, "token-00000002");
    itr_token_release(w.token);
    assert_at_once(t, "token-00000002");
    assert_int_equal(fake_sent(FAKE_TOKEN), 2);
}

static void a_failed_refresh_keeps_the_token(void **state)
{
    struct t *t = *state;
    struct itr_token *kept;
    struct itr_error e;

    warm(t);
    fake_clock_advance(&t->f->clock, 5400000);
    fake_hold(FAKE_TOKEN, true);
    fake_answer_next(FAKE_TOKEN, http(503, ""));
    assert_at_once(t, "token-00000001");
    fake_await_started(FAKE_TOKEN, 2);
    fake_hold(FAKE_TOKEN, false);
    kept = get(t, (struct itr_token_ask){.refresh = true}, &e); /* joins it, or comes after it */
    itr_token_release(kept);
    assert_non_null(kept);
    assert_int_equal(stats(t).state, ITR_CACHE_HELD);
}

static void an_expired_token_is_given_out_while_fetching_fails(void **state)
{
    struct t *t = *state;
    struct itr_token *stale;
    struct itr_error e;

    warm(t);
    fake_store_fail(t->f->store, -1, -1);
    fake_clock_advance(&t->f->clock, 7200000);
    stale = get(t, (struct itr_token_ask){0}, &e);
    assert_text(stale, "token-00000001");
    assert_int_equal(e.kind, ITR_STORE);
    itr_token_release(stale);
    assert_at_once(t, "token-00000001"); /* before retry: not even a look */
    assert_int_equal(stats(t).events[stats(t).n_events - 1].why, ITR_WHY_STALE);
    fake_store_fail(t->f->store, 0, 0);
}

static void a_caller_that_needs_more_life_waits_alone(void **state)
{
    struct t *t = *state;
    struct itr_token_wait w;
    int woken = 0;

    warm(t);
    fake_clock_advance(&t->f->clock, 3600000);
    fake_hold(FAKE_TOKEN, true);
    assert_false(ask(t, (struct itr_token_ask){.min_valid_ms = 3600001}, &w, &woken));
    assert_at_once(t, "token-00000001");
    fake_hold(FAKE_TOKEN, false);
    await_ready(t, &w);
    assert_text(w.token, "token-00000002");
    itr_token_release(w.token);
}

static void a_refresh_asked_too_soon_gives_the_present_token_and_no_error(void **state)
{
    struct t *t = *state;
    struct itr_token *token;
    struct itr_error e;

    warm(t);
    fake_clock_advance(&t->f->clock, 1000);
    token = get(t, (struct itr_token_ask){.refresh = true}, &e);
    assert_text(token, "token-00000001");
    assert_int_equal(e.kind, ITR_OK);
    assert_int_equal(fake_sent(FAKE_TOKEN), 1);
    itr_token_release(token);
}

/* ---- leaving ---- */

static void a_wait_that_was_forgotten_is_never_touched(void **state)
{
    struct t *t = *state;
    struct itr_token_wait *gone = malloc(sizeof *gone), stays;
    int woken_gone = 0, woken = 0;

    assert_non_null(gone);
    fake_hold(FAKE_TOKEN, true);
    assert_false(ask(t, (struct itr_token_ask){0}, gone, &woken_gone));
    assert_false(ask(t, (struct itr_token_ask){0}, &stays, &woken));
    itr_token_source_forget(t->s, gone);
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
    struct itr_token_wait w;
    int woken = 0;

    warm(t);
    assert_true(ask(t, (struct itr_token_ask){0}, &w, &woken));
    itr_token_source_forget(t->s, &w);
    assert_null(w.token); /* and it is not leaked */
    itr_token_source_forget(t->s, &w);
}

static void a_source_may_be_released_while_a_fetch_is_out(void **state)
{
    struct t *t = *state;
    struct itr_token_source *same;
    struct itr_token_wait w;
    struct itr_error e;
    int woken = 0;

    fake_hold(FAKE_TOKEN, true);
    assert_false(ask(t, (struct itr_token_ask){0}, &w, &woken));
    itr_token_source_forget(t->s, &w);
    itr_token_source_release(t->s);
    assert_int_equal(itr_token_source_open(&t->f->config, &t->f->parts, &same, &e), ITR_OK);
    assert_ptr_equal(same, t->s); /* its thread keeps it */
    assert_int_equal(stats(t).state, ITR_CACHE_FETCHING);
    itr_token_source_release(same);
    fake_hold(FAKE_TOKEN, false);
    fake_store_await_alone(t->f->store);
    assert_int_equal(itr_token_source_open(&t->f->config, &t->f->parts, &t->s, &e), ITR_OK);
    warm(t);
    assert_int_equal(fake_sent(FAKE_TOKEN), 1); /* the token of that fetch is in the record */
}

/* ---- who shares ---- */

static bool is_same_source(struct t *t, const struct itr_config *c, struct itr_parts *parts)
{
    struct itr_token_source *s;
    struct itr_error e;
    bool same;

    assert_int_equal(itr_token_source_open(c, parts, &s, &e), ITR_OK);
    same = s == t->s;
    itr_token_source_release(s);
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
static void what_a_fetch_heeds_makes_a_source_too(void **state)
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
    struct itr_token_wait w;
    int woken = 0;

    thread_maker_fail(1, EAGAIN);
    assert_true(ask(t, (struct itr_token_ask){0}, &w, &woken));
    assert_null(w.token);
    assert_int_equal(w.error.kind, ITR_NOMEM);
    assert_non_null(strstr(w.error.text, "thread"));
    assert_int_equal(stats(t).state, ITR_CACHE_NONE);
    assert_int_equal(stats(t).events[1].why, ITR_WHY_FAILED);
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
    assert_int_equal(stats(t).last_error.kind, ITR_NOMEM);
}

static void without_a_thread_a_doubted_token_is_given_out_again(void **state)
{
    struct t *t = *state;
    struct itr_token *old = get_plain(t), *again;
    struct itr_token_record r;
    struct itr_error e;

    thread_maker_await_none();
    thread_maker_fail(1, EAGAIN);
    again = get(t, (struct itr_token_ask){.refused = old}, &e);
    assert_true(again == old);
    assert_int_equal(e.kind, ITR_NOMEM);
    itr_token_release(again);
    itr_token_release(old);

    /* That refusal is over: the next fetch is not for it. */
    fake_clock_advance(&t->f->clock, 5400000);
    itr_token_release(get(t, (struct itr_token_ask){.refresh = true}, NULL));
    fake_store_read(t->f->store, &r);
    assert_string_equal(r.text, "token-00000002");
    assert_int_equal(r.refused_ms, 0);
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
    struct itr_token_record r;

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
    struct itr_token_stats st = stats(t);

    assert_int_equal(st.state, ITR_CACHE_NONE);
    assert_int_equal(st.fence, 0);
    assert_string_equal(st.id, "");
    assert_int_equal(st.n_events, 0);
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
    assert_int_equal(st.n_events, 2);
    assert_int_equal(st.events[0].why, ITR_WHY_START);
    assert_int_equal(st.events[0].state, ITR_CACHE_FETCHING);
    assert_int_equal(st.events[1].why, ITR_WHY_FETCHED);
    assert_int_equal(st.events[1].state, ITR_CACHE_HELD);
    fake_clock_advance(&t->f->clock, 7200000);
    assert_int_equal(stats(t).expires_in_ms, -1000);
}

static void the_last_20_events_are_kept_oldest_first(void **state)
{
    struct t *t = *state;
    struct itr_token_stats st;
    size_t i;

    warm(t);
    for (i = 0; i < 15; i++) { /* two events each */
        fake_clock_advance(&t->f->clock, 30000);
        itr_token_release(get(t, (struct itr_token_ask){.refresh = true}, NULL));
    }
    st = stats(t);
    assert_int_equal(st.n_events, ITR_EVENTS);
    for (i = 0; i < ITR_EVENTS; i++) {
        assert_int_equal(st.events[i].why, i % 2 == 0 ? ITR_WHY_ASKED : ITR_WHY_FETCHED);
        if (i > 0)
            assert_true(st.events[i].at_wall_ms >= st.events[i - 1].at_wall_ms);
    }
    assert_int_equal(fake_sent(FAKE_TOKEN), 16);
}

static void a_failure_is_an_event_with_its_error(void **state)
{
    struct t *t = *state;
    struct itr_token_stats st;
    struct itr_error e;

    fake_answer_next(FAKE_TOKEN, http(200, "{\"code\":40003,\"message\":\"x\"}"));
    assert_null(get(t, (struct itr_token_ask){0}, &e));
    assert_int_equal(e.kind, ITR_TOKEN);
    assert_int_equal(e.code, 40003);
    st = stats(t);
    assert_int_equal(st.state, ITR_CACHE_NONE);
    assert_int_equal(st.events[1].why, ITR_WHY_FAILED);
    assert_int_equal(st.events[1].error.code, 40003);
    assert_int_equal(st.last_error.code, 40003);
    assert_int_equal(st.fetched, 0);
    assert_null(get(t, (struct itr_token_ask){0}, &e)); /* at once, the same */
    assert_int_equal(e.code, 40003);
    assert_int_equal(fake_sent(FAKE_TOKEN), 1);
}

/* ---- fork ---- */

/* In the child: the fetch that was out is the parent's; ours works, and needs no time. */
static void be_the_child(struct t *t, struct itr_token_wait *parents)
{
    int64_t slept = t->f->clock.slept;

    fake_hold(FAKE_TOKEN, false);
    itr_token_source_forget(t->s, parents); /* a copy of a waiter of the parent's */
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
    struct itr_token_wait w, other;
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

static struct t *ending; /* in the child that ends below; else NULL */

/* The first of the handlers: the connection stands only now. */
static void let_the_request_go(void)
{
    fake_hold(FAKE_TOKEN, false);
}

/* The last of the handlers; registered before the registry's. The request had not left yet and must
 * not leave any more, so its fetch is not counted and its lease not left behind. */
static void look_at_the_record(void)
{
    struct itr_token_record r;

    if (ending == NULL)
        return;
    fake_store_read(ending->f->store, &r);
    _exit(r.fetches == 0 && r.owner[0] == '\0' ? 0 : 5);
}

/* In a child: ends while a fetch is out whose lease outlives the process. */
static void end_with_a_lease(struct t *t)
{
    struct itr_token_wait w;
    int woken = 0;

    ending = t;
    t->f->store->ops.origin = ITR_FROM_FILE;
    fake_hold(FAKE_TOKEN, true);
    if (ask(t, (struct itr_token_ask){0}, &w, &woken))
        _exit(2);
    fake_await_started(FAKE_TOKEN, 1);
    fake_await_waits(1);
    if (atexit(let_the_request_go) != 0)
        _exit(3);
    exit(4);
}

static void the_process_ends_when_the_lease_of_its_fetch_is_given_back(void **state)
{
    struct t *t = *state;
    int status = -1;
    pid_t child;

    if (UNDER_TSAN)
        skip();
    if ((child = fork()) == 0)
        end_with_a_lease(t);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(the_first_to_ask_waits_for_a_fetch_and_is_woken),
        T(many_threads_that_ask_at_once_cost_one_fetch),
        T(threads_that_ask_refuse_and_refresh_lose_nothing),
        T(a_token_refused_to_100_callers_costs_one_fetch),
        T(a_late_refusal_of_an_old_token_never_touches_its_successor),
        T(a_refused_token_is_given_out_again_if_no_other_is_to_be_had),
        T(a_refusal_that_a_fetch_under_way_answers_is_not_counted_to_the_next),
        T(while_a_refresh_is_out_callers_are_served_at_once),
        T(a_failed_refresh_keeps_the_token),
        T(an_expired_token_is_given_out_while_fetching_fails),
        T(a_caller_that_needs_more_life_waits_alone),
        T(a_refresh_asked_too_soon_gives_the_present_token_and_no_error),
        T(a_wait_that_was_forgotten_is_never_touched),
        T(an_answer_that_is_forgotten_drops_its_token),
        T(a_source_may_be_released_while_a_fetch_is_out),
        T(gateway_app_secret_and_store_make_a_source),
        T(what_a_fetch_heeds_makes_a_source_too),
        T(without_a_thread_the_caller_gets_an_error_at_once),
        T(without_a_thread_a_good_token_is_kept),
        T(without_a_thread_a_doubted_token_is_given_out_again),
        T(a_token_that_could_not_be_stored_is_used_and_stored_later),
        T(stats_tell_of_the_token_and_its_times),
        T(the_last_20_events_are_kept_oldest_first),
        T(a_failure_is_an_event_with_its_error),
        T(a_fork_in_the_middle_of_a_fetch_leaves_both_processes_whole),
        T(a_child_goes_on_with_the_token_that_was_held),
        T(the_process_ends_when_the_lease_of_its_fetch_is_given_back),
    };

    fixture_main();
    if (atexit(look_at_the_record) != 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
