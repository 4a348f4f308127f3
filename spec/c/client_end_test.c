/* client: cancelling, freeing, many clients on many threads, fork. */
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/client_driver.h"

/* ---- cancelling ---- */

static void cancel(struct client_driver *t, struct itr_call *call, enum itr_call_step in)
{
    assert_int_equal(call->step, in);
    itr_client_cancel(t->c, call);
    itr_client_cancel(t->c, call); /* twice is once */
    assert_null(client_driver_next(t->c));
    itr_call_clear(call);
}

static void a_call_is_cancelled_before_it_has_a_token(void **state)
{
    struct client_driver *t = *state;
    struct itr_call call;

    fake_hold(FAKE_TOKEN, true);
    client_driver_start(t->c, &call); /* has not asked yet */
    cancel(t, &call, ITR_CALL_TOKEN);
    client_driver_start(t->c, &call);
    client_driver_push_all(t->c);
    assert_true(call.asked);
    cancel(t, &call, ITR_CALL_TOKEN);
    fake_hold(FAKE_TOKEN, false);
    assert_int_equal(client_driver_run_one(t->c), ITR_OK);
}

static void a_call_is_cancelled_while_its_request_is_out(void **state)
{
    struct client_driver *t = *state;
    struct itr_call call;

    client_driver_warm(t);
    fake_hold(FAKE_API, true);
    client_driver_start(t->c, &call);
    client_driver_push_all(t->c);
    cancel(t, &call, ITR_CALL_SEND);
    assert_int_equal(fake_cancelled(), 1);
    fake_hold(FAKE_API, false);
    assert_int_equal(client_driver_run_one(t->c), ITR_OK);
}

static void a_call_is_cancelled_while_it_waits(void **state)
{
    static const struct fake_answer unreachable = {.carried = ITR_NETWORK, .detail = "x"};
    struct client_driver *t = *state;
    struct itr_call call, brief;

    client_driver_warm(t);
    fake_answer_next(FAKE_API, unreachable);
    fake_hold(FAKE_API, true);
    fake_idle_advances(true);
    client_driver_start(t->c, &call);
    client_driver_start_for(t->c, &brief, 50); /* less than the shortest wait before a repeat */
    fake_release(FAKE_API, 1);
    assert_ptr_equal(client_driver_next(t->c), &brief);
    cancel(t, &call, ITR_CALL_WAIT);
    itr_call_clear(&brief);
    assert_int_equal(fake_cancelled(), 0);
}

static void a_call_that_is_over_may_be_cancelled(void **state)
{
    struct client_driver *t = *state;
    struct itr_call call;

    client_driver_start(t->c, &call);
    /* Both complete; one of them waits to be taken. */
    assert_int_equal(client_driver_run_one(t->c), ITR_OK);
    while (call.step != ITR_CALL_DONE)
        assert_int_equal(client_driver_run_one(t->c), ITR_OK);
    cancel(t, &call, ITR_CALL_DONE);
}

static void a_client_may_be_freed_with_calls_out(void **state)
{
    struct client_driver *t = *state;
    struct itr_client *c = client_driver_open(t->f);
    struct itr_call calls[4];
    int i;

    client_driver_warm(t);
    fake_hold(FAKE_API, true);
    for (i = 0; i < 3; i++)
        client_driver_start(c, &calls[i]);
    fake_release(FAKE_API, 1);
    assert_non_null(client_driver_next(c));
    client_driver_start(c, &calls[3]);
    itr_client_free(c);
    for (i = 0; i < 4; i++)
        itr_call_clear(&calls[i]);
    assert_int_equal(fake_cancelled(), 3);
    fake_hold(FAKE_API, false);
}

static void a_client_may_be_freed_while_its_token_is_fetched(void **state)
{
    struct client_driver *t = *state;
    struct itr_client *c = client_driver_open(t->f);
    struct itr_call call;

    fake_hold(FAKE_TOKEN, true);
    fake_idle_advances(true);
    client_driver_start_for(c, &call, 50);
    assert_ptr_equal(client_driver_next(c), &call); /* the deadline */
    itr_client_free(c);
    itr_call_clear(&call);
    fake_idle_advances(false);
    fake_hold(FAKE_TOKEN, false);
    assert_int_equal(client_driver_run_one(t->c), ITR_OK);
}

/* ---- many clients ---- */

static void *run_many(void *client)
{
    int i;

    for (i = 0; i < 100; i++)
        if (client_driver_run_one(client) != ITR_OK)
            return client;
    return NULL;
}

static void clients_on_many_threads_share_one_token(void **state)
{
    struct client_driver *t = *state;
    struct itr_client *clients[3];
    pthread_t threads[3];
    void *failed;
    int i;

    fake_gateway_strict(true);
    for (i = 0; i < 3; i++) {
        clients[i] = client_driver_open(t->f);
        assert_ptr_equal(itr_client_source(clients[i]), itr_client_source(t->c));
    }
    for (i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_many, clients[i]), 0);
    for (i = 0; i < 3; i++) {
        pthread_join(threads[i], &failed);
        assert_null(failed);
        itr_client_free(clients[i]);
    }
    assert_int_equal(fake_sent(FAKE_TOKEN), 1);
    assert_int_equal(fake_sent(FAKE_API), 300);
}

static void *open_run_close(void *fixture)
{
    int i;

    for (i = 0; i < 50; i++) {
        struct itr_client *c = client_driver_open(fixture);
        if (client_driver_run_one(c) != ITR_OK)
            return c;
        itr_client_free(c);
    }
    return NULL;
}

static void clients_that_come_and_go_on_many_threads(void **state)
{
    struct client_driver *t = *state;
    pthread_t threads[3];
    void *failed;
    int i;

    for (i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, open_run_close, t->f), 0);
    for (i = 0; i < 3; i++) {
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
}

static void what_cannot_be_opened_leaves_the_config_with_the_caller(void **state)
{
    struct client_driver *t = *state;
    struct itr_config config;
    struct itr_client *c = t->c;
    struct itr_error e;

    assert_int_equal(itr_config_copy(&config, &t->f->config), ITR_OK);
    fake_fail_open(1);
    assert_int_equal(itr_client_new(&config, &t->f->parts, &c, &e), ITR_NOMEM);
    assert_null(c);
    assert_string_equal(config.app_id, FIXTURE_APP);
    itr_config_clear(&config);
}

/* ---- fork ---- */

static int in_child(int (*f)(struct client_driver *t, struct itr_call *call),
                    struct client_driver *t, struct itr_call *call)
{
    int status = -1;
    pid_t child = fork();

    if (child == 0)
        _exit(f(t, call));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int finds_its_calls_failed(struct client_driver *t, struct itr_call *call)
{
    fake_hold(FAKE_API, false);
    if (client_driver_next(t->c) != call || call->step != ITR_CALL_FAILED)
        return 1;
    if (call->error.kind != ITR_NETWORK || call->error.retryable)
        return 2; /* the parent may have executed it */
    if (client_driver_next(t->c) != NULL)
        return 3;
    if (client_driver_run_one(t->c) != ITR_OK)
        return 4;
    itr_client_free(t->c);
    return fake_cancelled() == 0 && fake_abandoned() == 1 ? 0 : 5;
}

static int frees_the_client(struct client_driver *t, struct itr_call *call)
{
    (void)call;
    itr_client_free(t->c);
    return fake_cancelled() == 0 && fake_abandoned() == 1 ? 0 : 1;
}

static void a_child_of_a_fork_never_touches_the_parents_connections(void **state)
{
    struct client_driver *t = *state;
    struct itr_call sent, done;

    client_driver_warm(t);
    fake_hold(FAKE_API, true);
    client_driver_start(t->c, &done);
    client_driver_start(t->c, &sent);
    fake_release(FAKE_API, 1);
    assert_ptr_equal(client_driver_next(t->c), &done);
    assert_int_equal(in_child(finds_its_calls_failed, t, &sent), 0);
    assert_int_equal(in_child(frees_the_client, t, &sent), 0);
    fake_hold(FAKE_API, false);
    assert_ptr_equal(client_driver_next(t->c), &sent);
    assert_int_equal(sent.step, ITR_CALL_DONE);
    itr_call_clear(&sent);
    itr_call_clear(&done);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        with_client_driver(a_call_is_cancelled_before_it_has_a_token),
        with_client_driver(a_call_is_cancelled_while_its_request_is_out),
        with_client_driver(a_call_is_cancelled_while_it_waits),
        with_client_driver(a_call_that_is_over_may_be_cancelled),
        with_client_driver(a_client_may_be_freed_with_calls_out),
        with_client_driver(a_client_may_be_freed_while_its_token_is_fetched),
        with_client_driver(clients_on_many_threads_share_one_token),
        with_client_driver(clients_that_come_and_go_on_many_threads),
        with_client_driver(what_cannot_be_opened_leaves_the_config_with_the_caller),
        with_client_driver(a_child_of_a_fork_never_touches_the_parents_connections),
    };

    fixture_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
