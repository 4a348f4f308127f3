/* client: calls over a scripted transport, one or many, with real fetch threads behind them. */
#include "support/fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/client.h"
#include "support/thread_maker.h"

struct t {
    struct fixture *f;
    struct itr_client *c;
};

static struct itr_client *open_client(struct fixture *f)
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

static int setup(void **state)
{
    struct t *t = calloc(1, sizeof *t);

    if (t == NULL || fixture_setup((void **)&t->f) != 0)
        return -1;
    t->c = open_client(t->f);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct t *t = *state;
    void *f = t->f;

    itr_client_free(t->c);
    thread_maker_await_none();
    free(t);
    return fixture_teardown(&f);
}

/* ---- calls ---- */

static void init_call(struct itr_client *c, struct itr_call *call)
{
    struct itr_error e;

    itr_call_init(call, itr_client_config(c));
    itr_call_reset(call);
    assert_int_equal(itr_url_path("/a", 2, true, &call->path, &e), ITR_OK);
}

static void start_for(struct itr_client *c, struct itr_call *call, int64_t timeout_ms)
{
    struct itr_error e;

    init_call(c, call);
    call->timeout_ms = timeout_ms;
    assert_int_equal(itr_client_start(c, call, &e), ITR_OK);
}

static void start(struct itr_client *c, struct itr_call *call)
{
    start_for(c, call, itr_client_config(c)->timeout_ms);
}

/* Pushes what was started as far as it goes: carries a call that ends by its own short deadline. */
static void push_all(struct itr_client *c)
{
    struct itr_call brief;

    fake_idle_advances(true);
    start_for(c, &brief, 50);
    assert_ptr_equal(itr_client_next(c), &brief);
    assert_int_equal(brief.error.kind, ITR_TIMEOUT);
    fake_idle_advances(false);
    itr_call_clear(&brief);
}

/* One call from start to end; its kind of error. */
static enum itr_status run_one(struct itr_client *c)
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

static void warm(struct t *t)
{
    assert_int_equal(run_one(t->c), ITR_OK);
    thread_maker_await_none();
}

static struct fake_answer http(int status, const char *body)
{
    return (struct fake_answer){.http_status = status, .body = body};
}

/* ---- one ---- */

static void a_call_fetches_a_token_and_is_done(void **state)
{
    struct t *t = *state;
    const struct itr_client_counters *n = itr_client_counters(t->c);

    assert_int_equal(run_one(t->c), ITR_OK);
    assert_string_equal(fake_request(FAKE_API, 0).url,
                        FIXTURE_GATEWAY "/a?accessToken=token-00000001");
    assert_int_equal(run_one(t->c), ITR_OK);
    assert_int_equal(fake_sent(FAKE_TOKEN), 1);
    assert_int_equal(fake_sent(FAKE_API), 2);
    assert_int_equal(n->calls, 2);
    assert_int_equal(n->refused + n->repeated, 0);
    assert_null(itr_client_next(t->c)); /* nothing is left */
}

static void a_token_revoked_under_it_costs_one_fetch_and_one_repeat(void **state)
{
    struct t *t = *state;

    fake_gateway_strict(true);
    warm(t);
    fake_gateway_revoke();
    assert_int_equal(run_one(t->c), ITR_OK);
    assert_int_equal(fake_sent(FAKE_TOKEN), 2);
    assert_int_equal(fake_sent(FAKE_API), 3);
    assert_int_equal(itr_client_counters(t->c)->refused, 1);
    assert_int_equal(itr_client_counters(t->c)->repeated, 1);
}

static void a_call_waits_its_backoff_by_the_clock(void **state)
{
    static const struct fake_answer unreachable = {.carried = ITR_NETWORK, .detail = "x"};
    struct t *t = *state;
    int64_t before;

    warm(t);
    fake_idle_advances(true);
    fake_answer_next(FAKE_API, unreachable);
    fake_answer_next(FAKE_API, (struct fake_answer){.http_status = 429, .retry_after_ms = 3000});
    before = fake_clock_now(&t->f->clock);
    assert_int_equal(run_one(t->c), ITR_OK);
    assert_in_range(fake_clock_now(&t->f->clock) - before, 3100, 3200);
    assert_int_equal(itr_client_counters(t->c)->repeated, 2);
}

static void a_start_that_fails_is_a_failed_call(void **state)
{
    struct t *t = *state;

    warm(t);
    fake_fail_start(1);
    assert_int_equal(run_one(t->c), ITR_NOMEM);
    assert_int_equal(run_one(t->c), ITR_OK);
}

static void a_usage_error_comes_out_like_any_other(void **state)
{
    struct t *t = *state;
    struct itr_call call;
    struct itr_error e;

    init_call(t->c, &call);
    call.min_valid_ms = t->f->config.token_ttl_ms + 1;
    assert_int_equal(itr_client_run(t->c, &call, &e), ITR_OK);
    assert_int_equal(call.step, ITR_CALL_FAILED);
    assert_int_equal(call.error.kind, ITR_USAGE);
    assert_int_equal(fake_started(FAKE_API) + fake_started(FAKE_TOKEN), 0);
    itr_call_clear(&call);
}

/* ---- deadlines ---- */

static void a_call_without_a_token_ends_by_its_deadline(void **state)
{
    struct t *t = *state;
    struct itr_call call;

    fake_hold(FAKE_TOKEN, true);
    start_for(t->c, &call, 9000); /* the fetch has ten seconds */
    fake_idle_advances(true);
    assert_ptr_equal(itr_client_next(t->c), &call);
    assert_int_equal(call.step, ITR_CALL_FAILED);
    assert_int_equal(call.error.kind, ITR_TIMEOUT);
    assert_true(call.error.retryable);
    assert_int_equal(fake_started(FAKE_API), 0);
    itr_call_clear(&call);
    fake_hold(FAKE_TOKEN, false);
}

static void a_request_gets_the_time_that_is_left(void **state)
{
    struct t *t = *state;
    struct itr_call call;

    warm(t);
    fake_hold(FAKE_API, true);
    fake_idle_advances(true);
    start(t->c, &call);
    assert_ptr_equal(itr_client_next(t->c), &call);
    assert_int_equal(call.error.kind, ITR_TIMEOUT);
    assert_false(call.error.retryable); /* it was sent */
    assert_int_equal(fake_request(FAKE_API, 1).timeout_ms, 30000);
    itr_call_clear(&call);
}

/* ---- many ---- */

#define MANY 20

static void many_calls_share_one_fetch(void **state)
{
    struct t *t = *state;
    struct itr_call calls[MANY];
    int i, done = 0;

    for (i = 0; i < MANY; i++)
        start(t->c, &calls[i]);
    while (itr_client_next(t->c) != NULL)
        done++;
    assert_int_equal(done, MANY);
    for (i = 0; i < MANY; i++) {
        assert_int_equal(calls[i].step, ITR_CALL_DONE);
        itr_call_clear(&calls[i]);
    }
    assert_int_equal(fake_sent(FAKE_TOKEN), 1);
    assert_int_equal(fake_sent(FAKE_API), MANY);
}

static void many_calls_refused_at_once_share_one_fetch(void **state)
{
    struct t *t = *state;
    struct itr_call calls[MANY];
    int i;

    fake_gateway_strict(true);
    warm(t);
    fake_gateway_revoke();
    for (i = 0; i < MANY; i++)
        start(t->c, &calls[i]);
    while (itr_client_next(t->c) != NULL)
        ;
    for (i = 0; i < MANY; i++) {
        assert_int_equal(calls[i].step, ITR_CALL_DONE);
        itr_call_clear(&calls[i]);
    }
    assert_int_equal(fake_sent(FAKE_TOKEN), 2);
    assert_int_equal(itr_client_counters(t->c)->refused, MANY);
}

static void calls_end_as_they_are_answered(void **state)
{
    struct t *t = *state;
    struct itr_call calls[3];
    struct itr_call *first;
    int i;

    warm(t);
    fake_hold(FAKE_API, true);
    for (i = 0; i < 3; i++)
        start(t->c, &calls[i]);
    fake_release(FAKE_API, 1);
    first = itr_client_next(t->c); /* the others are still out */
    assert_non_null(first);
    assert_int_equal(fake_sent(FAKE_API), 2);
    fake_hold(FAKE_API, false);
    assert_non_null(itr_client_next(t->c));
    assert_non_null(itr_client_next(t->c));
    assert_null(itr_client_next(t->c));
    for (i = 0; i < 3; i++)
        itr_call_clear(&calls[i]);
}

static void one_that_is_run_beside_others_loses_none_of_them(void **state)
{
    struct t *t = *state;
    struct itr_call calls[3];
    int i, done = 0;

    warm(t);
    for (i = 0; i < 3; i++)
        start(t->c, &calls[i]);
    assert_int_equal(run_one(t->c), ITR_OK);
    while (itr_client_next(t->c) != NULL)
        done++;
    assert_int_equal(done, 3);
    for (i = 0; i < 3; i++)
        itr_call_clear(&calls[i]);
    assert_int_equal(itr_client_counters(t->c)->calls, 5);
}

/* ---- the token alone ---- */

static void the_token_can_be_asked_for(void **state)
{
    struct t *t = *state;
    struct itr_token_ask ask = {0};
    struct itr_token *token;
    enum itr_token_origin origin;
    struct itr_error e;

    assert_int_equal(itr_client_token(t->c, &ask, 30000, &token, &origin, &e), ITR_OK);
    assert_string_equal(token->text, "token-00000001");
    assert_int_equal(origin, ITR_FROM_GATEWAY);
    itr_token_release(token);
    assert_int_equal(itr_client_token(t->c, &ask, 30000, &token, &origin, &e), ITR_OK);
    assert_int_equal(origin, ITR_FROM_MEMORY);
    itr_token_release(token);
    ask.min_valid_ms = t->f->config.token_ttl_ms + 1;
    assert_int_equal(itr_client_token(t->c, &ask, 30000, &token, &origin, &e), ITR_USAGE);
    assert_null(token);
}

static void a_token_that_does_not_come_in_time_is_a_timeout(void **state)
{
    struct t *t = *state;
    struct itr_token_ask ask = {0};
    struct itr_token *token;
    enum itr_token_origin origin;
    struct itr_error e;

    fake_hold(FAKE_TOKEN, true);
    fake_idle_advances(true);
    assert_int_equal(itr_client_token(t->c, &ask, 500, &token, &origin, &e), ITR_TIMEOUT);
    assert_null(token);
    assert_true(e.retryable);
    fake_hold(FAKE_TOKEN, false);
}

static void a_failed_fetch_is_the_tokens_error(void **state)
{
    struct t *t = *state;
    struct itr_token_ask ask = {0};
    struct itr_token *token;
    enum itr_token_origin origin;
    struct itr_error e;

    fake_answer_next(FAKE_TOKEN, http(200, "{\"code\":40001,\"message\":\"x\"}"));
    assert_int_equal(itr_client_token(t->c, &ask, 30000, &token, &origin, &e), ITR_TOKEN);
    assert_null(token);
    assert_int_equal(e.code, 40001);
    assert_int_equal(run_one(t->c), ITR_TOKEN);
    assert_int_equal(fake_started(FAKE_API), 0);
}

static void who_gets_less_life_than_asked_for_is_told_why(void **state)
{
    struct t *t = *state;
    struct itr_token_ask ask = {0};
    struct itr_token *token;
    enum itr_token_origin origin;
    struct itr_error e;

    warm(t);
    fake_clock_advance(&t->f->clock, 60000);
    ask.min_valid_ms = t->f->config.token_ttl_ms - 1000;
    fake_answer_next(FAKE_TOKEN, http(500, "{\"code\":500,\"message\":\"x\"}"));
    assert_int_equal(itr_client_token(t->c, &ask, 30000, &token, &origin, &e), ITR_OK);
    assert_string_equal(token->text, "token-00000001");
    assert_int_equal(e.kind, ITR_API);
    itr_token_release(token);
    ask.min_valid_ms = 1000;
    assert_int_equal(itr_client_token(t->c, &ask, 30000, &token, &origin, &e), ITR_OK);
    assert_int_equal(e.kind, ITR_OK);
    itr_token_release(token);
}

/* The token comes only after the call's answer. */
static void then_the_token(enum fake_lane lane, int nth, void *ctx)
{
    (void)nth;
    (void)ctx;
    if (lane == FAKE_API)
        fake_hold(FAKE_TOKEN, false);
}

static void an_answer_that_comes_while_a_token_is_waited_for_is_not_lost(void **state)
{
    struct t *t = *state;
    struct itr_token_ask refresh = {.refresh = true};
    struct itr_call call;
    struct itr_token *token;
    enum itr_token_origin origin;
    struct itr_error e;

    warm(t);
    fake_clock_advance(&t->f->clock, 60000); /* a refresh may fetch again */
    fake_hold(FAKE_API, true);
    fake_hold(FAKE_TOKEN, true);
    start(t->c, &call);
    push_all(t->c);
    assert_int_equal(call.step, ITR_CALL_SEND);
    fake_before_send(then_the_token, NULL);
    fake_hold(FAKE_API, false);
    assert_int_equal(itr_client_token(t->c, &refresh, 30000, &token, &origin, &e), ITR_OK);
    assert_string_equal(token->text, "token-00000002");
    itr_token_release(token);
    assert_ptr_equal(itr_client_next(t->c), &call);
    assert_int_equal(call.step, ITR_CALL_DONE);
    assert_null(itr_client_next(t->c));
    itr_call_clear(&call);
}

/* ---- cancelling ---- */

static void cancel(struct t *t, struct itr_call *call, enum itr_call_step in)
{
    assert_int_equal(call->step, in);
    itr_client_cancel(t->c, call);
    itr_client_cancel(t->c, call); /* twice is once */
    assert_null(itr_client_next(t->c));
    itr_call_clear(call);
}

static void a_call_is_cancelled_before_it_has_a_token(void **state)
{
    struct t *t = *state;
    struct itr_call call;

    fake_hold(FAKE_TOKEN, true);
    start(t->c, &call); /* has not asked yet */
    cancel(t, &call, ITR_CALL_TOKEN);
    start(t->c, &call);
    push_all(t->c);
    assert_true(call.asked);
    cancel(t, &call, ITR_CALL_TOKEN);
    fake_hold(FAKE_TOKEN, false);
    assert_int_equal(run_one(t->c), ITR_OK);
}

static void a_call_is_cancelled_while_its_request_is_out(void **state)
{
    struct t *t = *state;
    struct itr_call call;

    warm(t);
    fake_hold(FAKE_API, true);
    start(t->c, &call);
    push_all(t->c);
    cancel(t, &call, ITR_CALL_SEND);
    assert_int_equal(fake_cancelled(), 1);
    fake_hold(FAKE_API, false);
    assert_int_equal(run_one(t->c), ITR_OK);
}

static void a_call_is_cancelled_while_it_waits(void **state)
{
    static const struct fake_answer unreachable = {.carried = ITR_NETWORK, .detail = "x"};
    struct t *t = *state;
    struct itr_call call, brief;

    warm(t);
    fake_answer_next(FAKE_API, unreachable);
    fake_hold(FAKE_API, true);
    fake_idle_advances(true);
    start_for(t->c, &brief, 50); /* less than the shortest wait before a repeat */
    start(t->c, &call);          /* the list is a stack: this one is sent first */
    fake_release(FAKE_API, 1);
    assert_ptr_equal(itr_client_next(t->c), &brief);
    cancel(t, &call, ITR_CALL_WAIT);
    itr_call_clear(&brief);
    assert_int_equal(fake_cancelled(), 0);
}

static void a_call_that_is_over_may_be_cancelled(void **state)
{
    struct t *t = *state;
    struct itr_call call;

    start(t->c, &call);
    assert_int_equal(run_one(t->c), ITR_OK); /* both end; one of them waits to be taken */
    while (call.step != ITR_CALL_DONE)
        assert_int_equal(run_one(t->c), ITR_OK);
    cancel(t, &call, ITR_CALL_DONE);
}

static void a_client_may_be_freed_with_calls_out(void **state)
{
    struct t *t = *state;
    struct itr_client *c = open_client(t->f);
    struct itr_call calls[4];
    int i;

    warm(t);
    fake_hold(FAKE_API, true);
    for (i = 0; i < 3; i++)
        start(c, &calls[i]);
    fake_release(FAKE_API, 1);
    assert_non_null(itr_client_next(c));
    start(c, &calls[3]); /* never pushed */
    itr_client_free(c);
    for (i = 0; i < 4; i++)
        itr_call_clear(&calls[i]);
    assert_int_equal(fake_cancelled(), 2);
    fake_hold(FAKE_API, false);
}

static void a_client_may_be_freed_while_its_token_is_fetched(void **state)
{
    struct t *t = *state;
    struct itr_client *c = open_client(t->f);
    struct itr_call call;

    fake_hold(FAKE_TOKEN, true);
    fake_idle_advances(true);
    start_for(c, &call, 50);
    assert_ptr_equal(itr_client_next(c), &call); /* the deadline */
    itr_client_free(c);
    itr_call_clear(&call);
    fake_idle_advances(false);
    fake_hold(FAKE_TOKEN, false);
    assert_int_equal(run_one(t->c), ITR_OK);
}

/* ---- many clients ---- */

static void *run_many(void *client)
{
    int i;

    for (i = 0; i < 100; i++)
        if (run_one(client) != ITR_OK)
            return client;
    return NULL;
}

static void clients_on_many_threads_share_one_token(void **state)
{
    struct t *t = *state;
    struct itr_client *clients[3];
    pthread_t threads[3];
    void *failed;
    int i;

    fake_gateway_strict(true);
    for (i = 0; i < 3; i++) {
        clients[i] = open_client(t->f);
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
        struct itr_client *c = open_client(fixture);
        if (run_one(c) != ITR_OK)
            return c;
        itr_client_free(c);
    }
    return NULL;
}

static void clients_that_come_and_go_on_many_threads(void **state)
{
    struct t *t = *state;
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
    struct t *t = *state;
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

static int in_child(int (*f)(struct t *t, struct itr_call *call), struct t *t,
                    struct itr_call *call)
{
    int status = -1;
    pid_t child = fork();

    if (child == 0)
        _exit(f(t, call));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int finds_its_calls_failed(struct t *t, struct itr_call *call)
{
    fake_hold(FAKE_API, false);
    if (itr_client_next(t->c) != call || call->step != ITR_CALL_FAILED)
        return 1;
    if (call->error.kind != ITR_NETWORK || call->error.retryable)
        return 2; /* the parent may have executed it */
    if (itr_client_next(t->c) != NULL)
        return 3;
    if (run_one(t->c) != ITR_OK)
        return 4;
    itr_client_free(t->c);
    return fake_cancelled() == 0 && fake_abandoned() == 1 ? 0 : 5;
}

static int frees_the_client(struct t *t, struct itr_call *call)
{
    (void)call;
    itr_client_free(t->c);
    return fake_cancelled() == 0 && fake_abandoned() == 1 ? 0 : 1;
}

static void a_child_of_a_fork_never_touches_the_parents_connections(void **state)
{
    struct t *t = *state;
    struct itr_call sent, done;

    warm(t);
    fake_hold(FAKE_API, true);
    start(t->c, &sent);
    start(t->c, &done); /* pushed first: the list is a stack */
    fake_release(FAKE_API, 1);
    assert_ptr_equal(itr_client_next(t->c), &done);
    assert_int_equal(in_child(finds_its_calls_failed, t, &sent), 0);
    assert_int_equal(in_child(frees_the_client, t, &sent), 0);
    fake_hold(FAKE_API, false);
    assert_ptr_equal(itr_client_next(t->c), &sent);
    assert_int_equal(sent.step, ITR_CALL_DONE);
    itr_call_clear(&sent);
    itr_call_clear(&done);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(a_call_fetches_a_token_and_is_done),
        T(a_token_revoked_under_it_costs_one_fetch_and_one_repeat),
        T(a_call_waits_its_backoff_by_the_clock),
        T(a_start_that_fails_is_a_failed_call),
        T(a_usage_error_comes_out_like_any_other),
        T(a_call_without_a_token_ends_by_its_deadline),
        T(a_request_gets_the_time_that_is_left),
        T(many_calls_share_one_fetch),
        T(many_calls_refused_at_once_share_one_fetch),
        T(calls_end_as_they_are_answered),
        T(one_that_is_run_beside_others_loses_none_of_them),
        T(the_token_can_be_asked_for),
        T(a_token_that_does_not_come_in_time_is_a_timeout),
        T(a_failed_fetch_is_the_tokens_error),
        T(who_gets_less_life_than_asked_for_is_told_why),
        T(an_answer_that_comes_while_a_token_is_waited_for_is_not_lost),
        T(a_call_is_cancelled_before_it_has_a_token),
        T(a_call_is_cancelled_while_its_request_is_out),
        T(a_call_is_cancelled_while_it_waits),
        T(a_call_that_is_over_may_be_cancelled),
        T(a_client_may_be_freed_with_calls_out),
        T(a_client_may_be_freed_while_its_token_is_fetched),
        T(clients_on_many_threads_share_one_token),
        T(clients_that_come_and_go_on_many_threads),
        T(what_cannot_be_opened_leaves_the_config_with_the_caller),
        T(a_child_of_a_fork_never_touches_the_parents_connections),
    };

    fixture_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
