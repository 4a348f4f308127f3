/*
 * client_driver: one client on the fakes, and calls made on it. The functions are static: each test
 * program has the few that it uses.
 */
#ifndef SPEC_CLIENT_DRIVER_H
#define SPEC_CLIENT_DRIVER_H

#include "core/call/client.h"
#include "support/fixture.h"
#include "support/thread_maker.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct t {
    struct fixture *f;
    struct itr_client *c;
};

static struct itr_call_group party; /* all that are started here */

/* The next of them that is over; NULL: none is left. */
static inline struct itr_call *next_call(struct itr_client *c)
{
    return itr_client_next(c, &party, INT64_MAX);
}

static inline struct itr_client *open_client(struct fixture *f)
{
    struct itr_config config;
    struct itr_client *c;
    struct itr_error e;

    assert_int_equal(itr_config_copy(&config, &f->config), ITR_OK);
    assert_int_equal(itr_client_new(&config, &f->parts, &c, &e), ITR_OK);
    assert_null(config.app_id); /* moved */
    itr_config_clear(&config);
    return c;
}

static inline int setup(void **state)
{
    struct t *t = calloc(1, sizeof *t);

    if (t == NULL || fixture_setup((void **)&t->f) != 0)
        return -1;
    t->c = open_client(t->f);
    itr_call_group_init(&party, NULL);
    *state = t;
    return 0;
}

static inline int teardown(void **state)
{
    struct t *t = *state;
    void *f = t->f;

    itr_client_free(t->c);
    thread_maker_await_none();
    free(t);
    return fixture_teardown(&f);
}

/* ---- calls ---- */

static inline void init_call(struct itr_client *c, struct itr_call *call)
{
    struct itr_error e;

    itr_call_init(call, itr_client_config(c));
    itr_call_reset(call);
    assert_int_equal(itr_url_path("/a", 2, true, &call->path, &e), ITR_OK);
}

static inline void start_for(struct itr_client *c, struct itr_call *call, int64_t timeout_ms)
{
    struct itr_error e;

    init_call(c, call);
    call->timeout_ms = timeout_ms;
    assert_int_equal(itr_client_start(c, &party, call, &e), ITR_OK);
}

static inline void start(struct itr_client *c, struct itr_call *call)
{
    start_for(c, call, itr_client_config(c)->timeout_ms);
}

/* Pushes what was started as far as it goes: carries a call that ends by its own short deadline. */
static inline void push_all(struct itr_client *c)
{
    struct itr_call brief;

    fake_idle_advances(true);
    start_for(c, &brief, 50);
    assert_ptr_equal(next_call(c), &brief);
    assert_int_equal(brief.error.kind, ITR_TIMEOUT);
    fake_idle_advances(false);
    itr_call_clear(&brief);
}

/* One call from start to end; its kind of error. */
static inline enum itr_status run_one(struct itr_client *c)
{
    struct itr_call call;
    struct itr_error e;
    enum itr_status kind;

    init_call(c, &call);
    assert_int_equal(itr_client_run(c, &call, &e), ITR_OK);
    assert_true(call.step == ITR_CALL_DONE || call.step == ITR_CALL_FAILED);
    kind = call.error.kind;
    itr_call_clear(&call);
    return kind;
}

static inline void warm(struct t *t)
{
    assert_int_equal(run_one(t->c), ITR_OK);
    thread_maker_await_none();
}

static inline struct fake_answer http(int status, const char *body)
{
    return (struct fake_answer){.http_status = status, .body = body};
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
