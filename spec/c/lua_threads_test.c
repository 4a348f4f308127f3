/* Lua states on threads of one process: one token for all of them. Over a real libcurl, to a server
 * of the test's own that counts. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/lua_driver.h"
#include "support/raw_server.h"

#define THREADS 8
#define CALLS 25

#define BODY "{\"code\":200,\"message\":\"ok\",\"data\":{\"accessToken\":\"token-1\"}}"
#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n" BODY

static const struct raw_step ALWAYS[] = {
    {RAW_READ, NULL, 0}, {RAW_SEND, ANSWER, 0}, {RAW_AGAIN, NULL, 0}};
static const struct raw_step HELD[] = {
    {RAW_READ, NULL, 0}, {RAW_GATE, NULL, 0}, {RAW_SEND, ANSWER, 0}, {RAW_AGAIN, NULL, 0}};

static struct raw_server *server;
static char gateway[64];
static const char *app; /* of this test alone: the store "memory:" is the process's */

static void serve(const char *name, const struct raw_step *first)
{
    static const struct raw_step *scripts[2]; /* outlives the server */

    scripts[0] = first;
    scripts[1] = ALWAYS;
    assert_int_equal(strlen(BODY), 60); /* as ANSWER says */
    app = name;
    server = raw_server_new(scripts, 2);
    (void)snprintf(gateway, sizeof gateway, "http://127.0.0.1:%d", raw_server_port(server));
}

static int stop_serving(void **state)
{
    (void)state;
    raw_server_free(server);
    return 0;
}

/* A state with a client in it: the global c. NULL: the error is printed. */
static lua_State *open_client(void)
{
    lua_State *L = lua_driver_open();

    lua_driver_give(L, "gateway", gateway);
    lua_driver_give(L, "app", app);
    if (lua_driver_run(L, "c = assert(require 'itrigger'.new { gateway = gateway, app_id = app,"
                          " app_secret = 's-e-c-r-e-t', token_store = 'memory:' })") == 0)
        return L;
    lua_close(L);
    return NULL;
}

static void run_all(void *(*body)(void *failed))
{
    pthread_t threads[THREADS];
    int failed[THREADS] = {0};
    size_t i;

    for (i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, body, &failed[i]), 0);
    for (i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(failed[i], 0);
    }
}

/* ---- eight at once ---- */

static void *live(void *failed)
{
    lua_State *L = open_client();

    *(int *)failed = L == NULL || lua_driver_run(L, "for i = 1, 25 do assert(c:get('/a')) end "
                                                    "assert(c:stats().fetched <= 1)");
    if (L != NULL)
        lua_close(L);
    return NULL;
}

static void states_on_threads_share_one_token(void **state)
{
    (void)state;
    serve("at-once", ALWAYS);
    run_all(live);
    assert_int_equal(raw_server_requests(server), 1 + THREADS * CALLS);
}

/* ---- come and go ---- */

static void *come_and_go(void *failed)
{
    int i;

    for (i = 0; i < CALLS && *(int *)failed == 0; i++) {
        lua_State *L = open_client();
        *(int *)failed = L == NULL || lua_driver_run(L, "assert(c:get('/a'))");
        if (L != NULL)
            lua_close(L);
    }
    return NULL;
}

static void states_that_come_and_go_leave_the_token_to_the_next(void **state)
{
    (void)state;
    serve("come-and-go", ALWAYS);
    run_all(come_and_go);
    assert_int_equal(raw_server_requests(server), 1 + THREADS * CALLS);
}

/* ---- a state that is closed while a fetch is out ---- */

static void a_state_may_be_closed_while_its_fetch_is_out(void **state)
{
    lua_State *L;

    (void)state;
    serve("closed-early", HELD);
    assert_non_null(L = open_client());
    /* However long that is: the answer does not come before the gate is open. */
    assert_int_equal(lua_driver_run(L, "local res, err = c:get('/a', nil, { timeout = 0.05 })"
                                       " assert(not res and err.kind == 'timeout', err)"),
                     0);
    raw_server_await_requests(server, 1);
    lua_close(L);
    raw_server_open_gate(server);

    /* What came of it is the next one's. */
    assert_non_null(L = open_client());
    assert_int_equal(lua_driver_run(L, "assert(assert(c:token()) == 'token-1')"), 0);
    lua_close(L);
    assert_int_equal(raw_server_requests(server), 1);
}

static void *ask_in_vain(void *failed)
{
    lua_State *L = open_client();

    *(int *)failed =
        L == NULL || lua_driver_run(L, "local res, err = c:get('/a', nil, { timeout = 0.05 })"
                                       " assert(not res and err.kind == 'timeout', err)");
    if (L != NULL)
        lua_close(L);
    return NULL;
}

static void all_states_may_be_closed_while_their_one_fetch_is_out(void **state)
{
    lua_State *L;

    (void)state;
    serve("all-closed-early", HELD);
    run_all(ask_in_vain);
    raw_server_open_gate(server);
    assert_non_null(L = open_client());
    assert_int_equal(lua_driver_run(L, "assert(c:get('/a'))"), 0);
    lua_close(L);
    assert_int_equal(raw_server_requests(server), 2);
}

#define T(f) cmocka_unit_test_teardown(f, stop_serving)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(states_on_threads_share_one_token),
        T(states_that_come_and_go_leave_the_token_to_the_next),
        T(a_state_may_be_closed_while_its_fetch_is_out),
        T(all_states_may_be_closed_while_their_one_fetch_is_out),
    };

    return cmocka_run_group_tests_name("lua_threads", tests, NULL, NULL);
}
