/*
 * source_driver: one source on the fakes, asked by hand. What is out is held by the gateway's
 * script until the test releases it, so nothing depends on how fast a thread is. The functions are
 * static: each test program has the few that it uses.
 */
#ifndef SPEC_SOURCE_DRIVER_H
#define SPEC_SOURCE_DRIVER_H

#include "core/source/source.h"
#include "support/fixture.h"
#include "support/thread_maker.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

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
    struct itr_source *s;
};

static inline int setup(void **state)
{
    struct t *t = calloc(1, sizeof *t);
    struct itr_error e;

    if (t == NULL || fixture_setup((void **)&t->f) != 0 ||
        itr_source_open(&t->f->config, &t->f->parts, &t->s, &e) != ITR_OK)
        return -1;
    *state = t;
    return 0;
}

static inline int teardown(void **state)
{
    struct t *t = *state;
    void *f = t->f;

    itr_source_release(t->s);
    fake_store_await_alone(t->f->store); /* a fetch thread may still be on its way out */
    free(t);
    return fixture_teardown(&f);
}

/* ---- asking ---- */

static inline void wake(void *ctx)
{
    int *woken = ctx;

    fake_world_lock();
    ++*woken;
    fake_world_changed();
    fake_world_unlock();
}

static inline void await_count(const int *count, int n)
{
    fake_world_lock();
    while (*count < n)
        fake_world_wait();
    fake_world_unlock();
}

static inline bool ask(struct t *t, struct itr_token_ask a, struct itr_wait *w, int *woken)
{
    w->wake = wake;
    w->ctx = woken;
    return itr_source_ask(t->s, &a, w);
}

/* ... and woken: what wakes use may go out of scope. */
static inline void await_ready(struct t *t, struct itr_wait *w)
{
    fake_world_lock();
    while (!itr_wait_is_ready(w))
        fake_world_wait();
    fake_world_unlock();
    itr_source_await_wakes(t->s);
}

/* Asks, waits for the answer, and gives the token (or NULL) and the error. */
static inline struct itr_token *get(struct t *t, struct itr_token_ask a, struct itr_error *e)
{
    struct itr_wait w;
    int woken = 0;

    if (!ask(t, a, &w, &woken))
        await_ready(t, &w);
    if (e != NULL)
        *e = w.error;
    return w.token;
}

static inline struct itr_token *get_plain(struct t *t)
{
    return get(t, (struct itr_token_ask){0}, NULL);
}

static inline struct itr_stats stats(struct t *t)
{
    struct itr_stats st;

    itr_source_stats(t->s, &st, NULL);
    return st;
}

static inline struct itr_event_list events(struct t *t)
{
    struct itr_stats st;
    struct itr_event_list list;

    itr_source_stats(t->s, &st, &list);
    return list;
}

static inline void assert_text(struct itr_token *token, const char *text)
{
    assert_non_null(token);
    assert_string_equal(token->text, text);
}

/* Asks, expects an answer at once. */
static inline void assert_at_once(struct t *t, const char *text)
{
    struct itr_wait w;
    int woken = 0;

    assert_true(ask(t, (struct itr_token_ask){0}, &w, &woken));
    assert_text(w.token, text);
    assert_int_equal(woken, 0);
    itr_token_release(w.token);
}

static inline void warm(struct t *t)
{
    itr_token_release(get_plain(t));
    assert_int_equal(stats(t).state, ITR_CACHE_HELD);
}

static inline struct fake_answer http(int status, const char *body)
{
    return (struct fake_answer){.http_status = status, .body = body};
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
