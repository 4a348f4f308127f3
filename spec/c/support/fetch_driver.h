/*
 * fetch_driver: one fetch on a scripted gateway, a store that can be hurt, and a clock of ours, all
 * on the test's own thread: what another process does happens in hooks. The functions are static:
 * each test program has the few that it uses.
 */
#ifndef SPEC_FETCH_DRIVER_H
#define SPEC_FETCH_DRIVER_H

#include "core/fetch/fetch.h"
#include "support/fixture.h"
#include <stdio.h>
#include <stdlib.h>

struct t {
    struct fixture *f;
    struct itr_fetch fetch;
    struct itr_fetch_result r;
};

static inline int setup(void **state)
{
    struct t *t = calloc(1, sizeof *t);

    if (fixture_setup((void **)&t->f) != 0)
        return -1;
    itr_fetch_init(&t->fetch, &t->f->config, &t->f->parts);
    t->f->store->ctx = t;
    *state = t;
    return 0;
}

static inline int teardown(void **state)
{
    struct t *t = *state;
    void *f = t->f;

    itr_fetch_result_clear(&t->r);
    free(t);
    return fixture_teardown(&f);
}

/* ---- steps ---- */

static inline void run_for(struct t *t, const struct itr_fetch_wish *wish)
{
    itr_fetch_result_clear(&t->r);
    itr_fetch_run(&t->fetch, wish, &t->r);
    assert_int_equal(fake_open_transports(), 0);
    assert_int_equal(atomic_load(&t->fetch.leased), t->r.unsettled);
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
    r.lease_end_ms = fake_store_now(t->f->store) + for_ms;
    fake_store_write(t->f->store, &r);
}

static inline struct fake_answer http(int status, const char *body)
{
    return (struct fake_answer){.http_status = status, .body = body};
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
