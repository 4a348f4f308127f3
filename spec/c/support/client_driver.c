#include "support/client_driver.h"

#include <stdlib.h>

#include "support/thread_maker.h"

struct itr_call_group client_driver_group;

struct itr_call *client_driver_next(struct itr_client *c)
{
    return itr_client_next(c, &client_driver_group, INT64_MAX);
}

struct itr_client *client_driver_open(struct fixture *f)
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

int client_driver_setup(void **state)
{
    struct client_driver *t = calloc(1, sizeof *t);

    if (t == NULL || fixture_setup((void **)&t->f) != 0)
        return -1;
    t->c = client_driver_open(t->f);
    itr_call_group_init(&client_driver_group, NULL);
    *state = t;
    return 0;
}

int client_driver_teardown(void **state)
{
    struct client_driver *t = *state;
    void *f = t->f;

    itr_client_free(t->c);
    thread_maker_await_none();
    free(t);
    return fixture_teardown(&f);
}

/* ---- calls ---- */

void client_driver_init_call(struct itr_client *c, struct itr_call *call)
{
    struct itr_error e;

    itr_call_init(call, itr_client_config(c));
    itr_call_reset(call);
    assert_int_equal(itr_url_path("/a", 2, true, &call->path, &e), ITR_OK);
}

void client_driver_start_for(struct itr_client *c, struct itr_call *call, int64_t timeout_ms)
{
    struct itr_error e;

    client_driver_init_call(c, call);
    call->timeout_ms = timeout_ms;
    assert_int_equal(itr_client_start(c, &client_driver_group, call, &e), ITR_OK);
}

void client_driver_start(struct itr_client *c, struct itr_call *call)
{
    client_driver_start_for(c, call, itr_client_config(c)->timeout_ms);
}

void client_driver_push_all(struct itr_client *c)
{
    struct itr_call brief;

    fake_idle_advances(true);
    client_driver_start_for(c, &brief, 50);
    assert_ptr_equal(client_driver_next(c), &brief);
    assert_int_equal(brief.error.kind, ITR_TIMEOUT);
    fake_idle_advances(false);
    itr_call_clear(&brief);
}

enum itr_status client_driver_run_one(struct itr_client *c)
{
    struct itr_call call;
    struct itr_error e;
    enum itr_status kind;

    client_driver_init_call(c, &call);
    assert_int_equal(itr_client_run(c, &call, &e), ITR_OK);
    assert_true(call.step == ITR_CALL_DONE || call.step == ITR_CALL_FAILED);
    kind = call.error.kind;
    itr_call_clear(&call);
    return kind;
}

void client_driver_warm(struct client_driver *t)
{
    assert_int_equal(client_driver_run_one(t->c), ITR_OK);
    thread_maker_await_none();
}
