/* No memory: each allocation of a client's whole life fails in turn. Whatever fails, it is a clean
 * ITR_NOMEM (or nobody minds), nothing leaks (under ASan), and the next try works.
 * Linked with --wrap for the four functions below (Makefile). */
#include "support/fixture.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "core/call/client.h"
#include "support/thread_maker.h"

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *s);

static atomic_long count;     /* allocations since arm() */
static atomic_long fail_at;   /* 0: none */
static atomic_bool and_after; /* all later ones too */
static atomic_long failed;

static void arm(long at, bool after)
{
    atomic_store(&count, 0);
    atomic_store(&failed, 0);
    atomic_store(&and_after, after);
    atomic_store(&fail_at, at);
}

static bool fails(void)
{
    long at = atomic_load(&fail_at), n;

    if (at == 0)
        return false;
    n = atomic_fetch_add(&count, 1) + 1;
    if (n != at && !(n > at && atomic_load(&and_after)))
        return false;
    atomic_fetch_add(&failed, 1);
    return true;
}

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails() ? NULL : __real_realloc(p, n);
}

char *__wrap_strdup(const char *s)
{
    return fails() ? NULL : __real_strdup(s);
}

/* ---- a client's whole life ---- */

struct life {
    struct itr_config config;
    struct itr_client *client;
    struct itr_call call;
    struct itr_error e;
};

static bool central; /* the token comes from a central server */

static enum itr_status set_up(struct life *l, struct fixture *f)
{
    static const char *const options[][2] = {{"gateway", FIXTURE_GATEWAY}, {"app_id", FIXTURE_APP}};
    static const char *const own[][2] = {{"app_secret", FIXTURE_SECRET}, {"trace", "0"}};
    static const char *const of_server[][2] = {{"token_store", "https://tokens.test"},
                                               {"token_store_key", "the-key"}};
    struct itr_parts parts = f->parts;
    enum itr_status s = ITR_OK;
    size_t i;

    for (i = 0; i < count_of(options) && s == ITR_OK; i++)
        s = itr_config_set_text(&l->config, options[i][0], options[i][1], &l->e);
    for (i = 0; i < count_of(own) && s == ITR_OK; i++)
        s = itr_config_set_text(&l->config, (central ? of_server : own)[i][0],
                                (central ? of_server : own)[i][1], &l->e);
    if (s == ITR_OK)
        s = itr_config_finish(&l->config, &l->e);
    if (central)
        parts.store = NULL;
    if (s == ITR_OK)
        s = itr_client_new(&l->config, &parts, &l->client, &l->e);
    return s;
}

static enum itr_status fill_call(struct life *l)
{
    enum itr_status s = itr_url_path("/a/b", 4, true, &l->call.path, &l->e);

    if (s == ITR_OK)
        s = itr_query_add(&l->call.query, "name", 4, "value", 5, &l->e);
    return s;
}

/* The call's own status, or that of whatever came before it. */
static enum itr_status live(struct life *l)
{
    enum itr_status s;

    itr_call_init(&l->call, itr_client_config(l->client));
    itr_call_reset(&l->call);
    s = fill_call(l);
    if (s == ITR_OK)
        s = itr_client_run(l->client, &l->call, &l->e);
    if (s == ITR_OK) {
        assert_true(l->call.step == ITR_CALL_DONE || l->call.step == ITR_CALL_FAILED);
        s = l->call.error.kind;
        l->e = l->call.error;
    }
    itr_call_clear(&l->call);
    return s;
}

static enum itr_status live_once(struct fixture *f, struct itr_error *e)
{
    struct life l = {0};
    enum itr_status s;

    itr_config_init(&l.config);
    s = set_up(&l, f);
    if (s == ITR_OK)
        s = live(&l);
    itr_client_free(l.client);
    itr_config_clear(&l.config);
    *e = l.e;
    return s;
}

/* One life in which the at-th allocation fails. False: there were fewer. */
static bool fail_one(long at, bool after)
{
    struct fixture *f;
    struct itr_error e;
    enum itr_status s;
    bool hit;

    assert_int_equal(fixture_setup((void **)&f), 0);
    /* an answer whose parts all need memory: a message, a wide integer */
    fake_answer_always(FAKE_API, (struct fake_answer){.http_status = 200,
                                                      .body = "{\"code\":80002,\"message\":\"m\","
                                                              "\"id\":226529926389059299}"});
    if (central)
        fake_answer_always(
            FAKE_TOKEN,
            (struct fake_answer){.http_status = 200,
                                 .body = "{\"code\":200,\"message\":\"ok\",\"data\":{"
                                         "\"accessToken\":\"t\",\"fence\":226529926389059299,"
                                         "\"expiresIn\":7200,\"refreshIn\":5400}}"});
    arm(at, after);
    s = live_once(f, &e);
    thread_maker_await_none();
    hit = atomic_load(&failed) > 0;
    arm(0, false);
    if (s != ITR_NOMEM && s != ITR_API)
        fail_msg("allocation %ld: %s (%s)", at, itr_status_name(s), e.text);
    if (!hit)
        assert_int_equal(s, ITR_API);
    else if (s == ITR_NOMEM)
        assert_int_equal(e.kind, ITR_NOMEM);

    /* The next try, with memory. A fetch that failed may have to be waited out. */
    fake_clock_advance(&f->clock, 600000);
    assert_int_equal(live_once(f, &e), ITR_API);
    assert_string_equal(e.text, "m");
    thread_maker_await_none();
    assert_int_equal(fixture_teardown((void **)&f), 0);
    return hit;
}

static void each_allocation_that_fails_alone_is_survived(void **state)
{
    long at = 1;

    (void)state;
    while (fail_one(at, false))
        at++;
    assert_in_range(at, 20, 500); /* it did count something */
}

static void memory_that_runs_out_and_stays_out_is_survived(void **state)
{
    long at = 1;

    (void)state;
    while (fail_one(at, true))
        at++;
}

static void so_is_it_with_a_central_server(void **state)
{
    central = true;
    each_allocation_that_fails_alone_is_survived(state);
    memory_that_runs_out_and_stays_out_is_survived(state);
    central = false;
}

static void a_config_that_cannot_be_copied_is_empty(void **state)
{
    long at = 1;
    struct itr_config from, to;
    enum itr_status s;

    (void)state;
    fixture_config(&from);
    do {
        arm(at++, false);
        s = itr_config_copy(&to, &from);
        arm(0, false);
        assert_true(s == ITR_OK || (s == ITR_NOMEM && to.app_id == NULL && to.gateway == NULL));
        itr_config_clear(&to);
    } while (s != ITR_OK);
    assert_in_range(at, 5, 20); /* it has four strings at least */
    itr_config_clear(&from);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_that_fails_alone_is_survived),
        cmocka_unit_test(memory_that_runs_out_and_stays_out_is_survived),
        cmocka_unit_test(so_is_it_with_a_central_server),
        cmocka_unit_test(a_config_that_cannot_be_copied_is_empty),
    };

    fixture_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
