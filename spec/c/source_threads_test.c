/* source: eight threads at once on one source, over a scripted gateway. Its own value is under
 * tsan; what is asserted holds without it too. */
#include "support/source_driver.h"

#include <sched.h>

#define THREADS 8
#define ROUNDS 300

static int all_have_it; /* under the world's lock */

struct worker {
    pthread_t thread;
    struct t *t;
    size_t number;
    int answers;    /* tokens that it got */
    int wrong;      /* what must not happen */
    uint64_t fence; /* of the last one */
    struct itr_token *token;
};

static void run_all(struct t *t, struct worker *all, void *(*body)(void *))
{
    size_t i;

    for (i = 0; i < THREADS; i++) {
        all[i] = (struct worker){.t = t, .number = i};
        assert_int_equal(pthread_create(&all[i].thread, NULL, body, &all[i]), 0);
    }
}

static void join_all(struct worker *all)
{
    size_t i;

    for (i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(all[i].thread, NULL), 0);
        assert_int_equal(all[i].wrong, 0);
    }
}

/* ---- one fetch for all ---- */

static void *get_one(void *arg)
{
    struct worker *w = arg;

    w->token = get(w->t, (struct itr_token_ask){0}, NULL);
    return NULL;
}

static void threads_that_find_nothing_share_one_fetch(void **state)
{
    struct t *t = *state;
    struct worker all[THREADS];
    size_t i;

    fake_hold(FAKE_TOKEN, true);
    run_all(t, all, get_one);
    while (stats(t).waiters < THREADS)
        (void)sched_yield(); /* ends: each of them asks, and no answer comes before we say so */
    fake_hold(FAKE_TOKEN, false);
    join_all(all);
    for (i = 0; i < THREADS; i++) {
        assert_ptr_equal(all[i].token, all[0].token);
        assert_text(all[i].token, "token-00000001");
        itr_token_release(all[i].token);
    }
    assert_int_equal(fake_sent(FAKE_TOKEN), 1);
    assert_int_equal(stats(t).waiters, 0);
}

/* ---- a life: hits, refusals, wishes, stats, time that goes by ---- */

static void take(struct worker *w, struct itr_token *token)
{
    if (token == NULL || token->fence < w->fence)
        w->wrong++; /* nothing, or an older one than before */
    else
        w->fence = token->fence;
    w->answers += token != NULL;
}

/* Each does all things, at different times. */
static void *live(void *arg)
{
    struct worker *w = arg;
    size_t i;

    for (i = 0; i < ROUNDS; i++) {
        size_t what = (i + w->number * 7) % 50;
        struct itr_token *token = get_plain(w->t), *next = NULL;

        take(w, token);
        if (what == 0)
            take(w, next = get(w->t, (struct itr_token_ask){.refused = token}, NULL));
        else if (what == 1)
            take(w, next = get(w->t, (struct itr_token_ask){.refresh = true}, NULL));
        else if (what == 2)
            w->wrong += stats(w->t).state == ITR_CACHE_NONE;
        else if (what == 3)
            fake_clock_advance(&w->t->f->clock, 60000);
        itr_token_release(next);
        itr_token_release(token);
    }
    return NULL;
}

static void a_token_never_goes_back_on_any_thread(void **state)
{
    struct t *t = *state;
    struct worker all[THREADS];
    size_t i;

    warm(t);
    run_all(t, all, live);
    join_all(all);
    thread_maker_await_none();
    for (i = 0; i < THREADS; i++)
        assert_int_equal(all[i].answers, ROUNDS + 2 * ROUNDS / 50);
    assert_true(fake_sent(FAKE_TOKEN) > 1);
    /* One for each refusal and wish would be the case without sharing; the first is warm's. */
    assert_true(fake_sent(FAKE_TOKEN) <= 1 + THREADS * 2 * ROUNDS / 50 + THREADS * ROUNDS / 50);
    assert_int_equal(stats(t).fetched, fake_sent(FAKE_TOKEN));
}

/* ---- one refusal, reported by all ---- */

static void *report_refusal(void *arg)
{
    struct worker *w = arg;
    struct itr_token *old = get_plain(w->t);

    wake(&all_have_it);
    await_count(&all_have_it, THREADS);
    w->token = get(w->t, (struct itr_token_ask){.refused = old}, NULL);
    itr_token_release(old);
    return NULL;
}

static void one_token_refused_on_all_of_them_costs_one_fetch(void **state)
{
    struct t *t = *state;
    struct worker all[THREADS];
    size_t i;

    warm(t);
    all_have_it = 0;
    run_all(t, all, report_refusal);
    join_all(all);
    for (i = 0; i < THREADS; i++) {
        assert_text(all[i].token, "token-00000002");
        itr_token_release(all[i].token);
    }
    assert_int_equal(fake_sent(FAKE_TOKEN), 2);
}

/* ---- leaving while the answer comes ---- */

static void *ask_and_leave(void *arg)
{
    struct worker *w = arg;
    size_t i;

    for (i = 0; i < ROUNDS; i++) {
        struct itr_wait wait;
        int woken = 0;

        (void)ask(w->t, (struct itr_token_ask){.refresh = true}, &wait, &woken);
        itr_source_forget(w->t->s, &wait);
        memset(&wait, 0xee, sizeof wait); /* nobody may touch it any more */
        if (i % 20 == w->number)
            fake_clock_advance(&w->t->f->clock, 31000);
    }
    return NULL;
}

static void waits_may_be_left_while_they_are_answered(void **state)
{
    struct t *t = *state;
    struct worker all[THREADS];

    warm(t);
    /* All rounds may join one fetch: it must not find that they ask too soon. */
    fake_clock_advance(&t->f->clock, 31000);
    run_all(t, all, ask_and_leave);
    join_all(all);
    thread_maker_await_none();
    assert_int_equal(stats(t).waiters, 0);
    assert_true(fake_sent(FAKE_TOKEN) > 1);
    warm(t);
}

/* ---- opening and releasing ---- */

static void *come_and_go(void *arg)
{
    struct worker *w = arg;
    size_t i;

    for (i = 0; i < ROUNDS; i++) {
        struct t mine = {.f = w->t->f};
        struct itr_token *token;
        struct itr_error e;

        if (itr_source_open(&mine.f->config, &mine.f->parts, &mine.s, &e) != ITR_OK) {
            w->wrong++;
            continue;
        }
        token = get_plain(&mine);
        take(w, token);
        itr_token_release(token);
        itr_source_release(mine.s);
    }
    return NULL;
}

static void a_source_may_come_and_go_on_all_of_them(void **state)
{
    struct t *t = *state;
    struct worker all[THREADS];
    struct itr_error e;

    /* Without our own reference it goes each time that nobody has it. */
    itr_source_release(t->s);
    run_all(t, all, come_and_go);
    join_all(all);
    assert_int_equal(itr_source_open(&t->f->config, &t->f->parts, &t->s, &e), ITR_OK);
    assert_int_equal(fake_sent(FAKE_TOKEN), 1); /* the store keeps it */
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(threads_that_find_nothing_share_one_fetch),
        T(a_token_never_goes_back_on_any_thread),
        T(one_token_refused_on_all_of_them_costs_one_fetch),
        T(waits_may_be_left_while_they_are_answered),
        T(a_source_may_come_and_go_on_all_of_them),
    };

    fixture_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
