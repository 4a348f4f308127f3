/*
 * fetch_driver: one fetch on a scripted gateway, a store that can be hurt, and a clock of ours, all
 * on the test's own thread: what another process does happens in hooks. The functions are static:
 * each test program has the few that it uses.
 */
#ifndef SPEC_FETCH_DRIVER_H
#define SPEC_FETCH_DRIVER_H

#include "core/fetch/fetch.h"
#include "support/fixture.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct itr_fetch_wish {
    const struct itr_token *held, *refused;
    bool asked;
};

/* The first result of a fetch, as its source would take it. */
struct result {
    struct itr_token *token;
    struct itr_error error;
    int64_t retry_after_ms;
};

struct t {
    struct fixture *f;
    pthread_mutex_t lock;
    struct itr_machine m;
    struct itr_fetch fetch;
    struct result r;
    struct itr_config config; /* of a central server's client */
    struct itr_parts parts;
};

static inline void post(void *ctx, const struct itr_machine_done *done)
{
    struct t *t = ctx;
    struct itr_machine_result r;

    pthread_mutex_lock(&t->lock);
    itr_machine_on(&t->m, fake_clock_now(&t->f->clock), itr_clock_random(&t->f->clock.clock), done);
    if (itr_machine_take_result(&t->m, &r)) {
        assert_null(t->r.token);
        if (r.has_token)
            t->r.token = itr_token_new(r.text, strlen(r.text), r.fence, r.times, r.origin);
        t->r.error = r.error;
        t->r.retry_after_ms = r.retry_after_ms;
    }
    pthread_mutex_unlock(&t->lock);
}

static inline void init_fetch(struct t *t, const struct itr_config *config,
                              const struct itr_parts *parts)
{
    struct itr_machine_setup setup;

    pthread_mutex_init(&t->lock, NULL);
    itr_fetch_setup(config, parts, &setup);
    itr_machine_init(&t->m, &setup, 0x1234, (int64_t)getpid());
    itr_fetch_init(&t->fetch, config, parts);
    t->fetch.lock = &t->lock;
    t->fetch.machine = &t->m;
    t->fetch.post = post;
    t->fetch.ctx = t;
}

static inline void clear_result(struct t *t)
{
    itr_token_release(t->r.token);
    t->r = (struct result){0};
}

static inline void clear_fetch(struct t *t)
{
    clear_result(t);
    itr_machine_clear(&t->m);
    itr_fetch_clear(&t->fetch);
    pthread_mutex_destroy(&t->lock);
}

static inline int setup(void **state)
{
    struct t *t = calloc(1, sizeof *t);

    if (fixture_setup((void **)&t->f) != 0)
        return -1;
    init_fetch(t, &t->f->config, &t->f->parts);
    t->f->store->ctx = t;
    *state = t;
    return 0;
}

static inline int teardown(void **state)
{
    struct t *t = *state;
    void *f = t->f;

    clear_fetch(t);
    free(t);
    return fixture_teardown(&f);
}

/* ---- steps ---- */

static inline void begin_for(struct t *t, const struct itr_fetch_wish *wish)
{
    struct itr_reason why = {.asked = wish->asked};

    clear_result(t);
    if (wish->held != NULL) {
        why.held = wish->held->text;
        why.held_fence = wish->held->fence;
    }
    if (wish->refused != NULL) {
        why.refused = wish->refused->text;
        why.refused_fence = wish->refused->fence;
    }
    pthread_mutex_lock(&t->lock);
    itr_machine_begin(&t->m, fake_clock_now(&t->f->clock), &why);
    pthread_mutex_unlock(&t->lock);
}

/* Drives it until it rests, or only the store is in its way: then one more act tries again. */
static inline void drive(struct t *t)
{
    while (t->m.state != ITR_MACHINE_IDLE &&
           (t->m.state != ITR_MACHINE_SETTLE_PAUSE || t->m.then != ITR_MACHINE_REST))
        itr_fetch_act(&t->fetch);
}

static inline void run_for(struct t *t, const struct itr_fetch_wish *wish)
{
    begin_for(t, wish);
    drive(t);
    assert_int_equal(fake_open_transports(), 0);
    assert_false(t->fetch.in_transport);
}

/* The end of the process, seen by its fetch. */
static inline void end(struct t *t)
{
    pthread_mutex_lock(&t->lock);
    itr_machine_end(&t->m, fake_clock_now(&t->f->clock));
    pthread_mutex_unlock(&t->lock);
}

static inline bool is_settled(const struct t *t)
{
    return t->m.state == ITR_MACHINE_IDLE;
}

/* Tries once more to store what is pending. */
static inline bool settle_again(struct t *t)
{
    itr_fetch_act(&t->fetch); /* the pause */
    drive(t);
    return is_settled(t);
}

static inline void run(struct t *t)
{
    struct itr_fetch_wish wish = {0};

    run_for(t, &wish);
}

static inline struct itr_token *token_of(const char *text, uint64_t fence)
{
    struct itr_token_times times = {0, 1, 2};

    return itr_token_new(text, strlen(text), fence, times, ITR_FROM_MEMORY);
}

static inline void assert_token(const struct t *t, const char *text, enum itr_token_origin origin)
{
    assert_non_null(t->r.token);
    assert_string_equal(t->r.token->text, text);
    assert_int_equal(t->r.token->origin, origin);
    assert_int_equal(t->r.error.kind, ITR_OK);
}

static inline void assert_error(const struct t *t, enum itr_status kind)
{
    assert_null(t->r.token);
    assert_int_equal(t->r.error.kind, kind);
    assert_null(strstr(t->r.error.text, FIXTURE_SECRET));
}

static inline struct itr_record record(const struct t *t)
{
    struct itr_record r;

    fake_store_read(t->f->store, &r);
    return r;
}

/* A record with another's token, an hour old. */
static inline struct itr_record with_token(const struct t *t, const char *text, uint64_t fence)
{
    struct itr_record r = record(t);
    int64_t now = fake_store_now(t->f->store);

    snprintf(r.text, sizeof r.text, "%s", text);
    r.fence = fence;
    r.born_ms = r.fetched_ms = now - 3600000;
    r.refresh_ms = now + 1800000;
    r.end_ms = now + 3600000;
    r.owner[0] = '\0';
    r.lease_fence = fence;
    r.lease_end_ms = 0;
    return r;
}

static inline void put_token(struct t *t, const char *text, uint64_t fence)
{
    struct itr_record r = with_token(t, text, fence);

    fake_store_write(t->f->store, &r);
}

static inline void put_lease(struct t *t, int64_t for_ms)
{
    struct itr_record r = record(t);

    snprintf(r.owner, sizeof r.owner, "another-process");
    r.lease_fence = (uint64_t)fake_store_now(t->f->store);
    r.lease_begin_ms = fake_store_now(t->f->store);
    r.lease_end_ms = r.lease_begin_ms + for_ms;
    fake_store_write(t->f->store, &r);
}

static inline struct fake_answer http(int status, const char *body)
{
    return (struct fake_answer){.http_status = status, .body = body};
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
