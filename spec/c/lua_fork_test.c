/* A process forks while a Lua state has a client with a TLS connection, or a fetch out: both sides
 * go on. Against the sandbox's nginx, which numbers its connections. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/lua_driver.h"
#include "support/raw_server.h"
#include "support/sandbox.h"
#include "support/source_driver.h"
#include "transport/curl_settings.h"

/* Whatever the other side does with a connection of TLS and HTTP/1.1, nginx hangs up when it is
 * told goodbye: a number that stays says that nobody did. */
static const char MAKE_CLIENT[] =
    "itrigger = require 'itrigger'\n"
    "options = { gateway = gateway, ca_file = ca_file, app_id = app, app_secret = secret,\n"
    "  http_version = '1.1', token_store = 'memory:' }\n"
    "function connection(c)\n"
    "  local path = '/itrigger-tenant/v1/basic/openAPItest/test/get'\n"
    "  return assert(c:get(path, nil, { headers = { ['X-Sandbox-Echo'] = '1' } "
    "})).data.connection\n"
    "end\n"
    "c = assert(itrigger.new(options))\n";

static lua_State *open_client(void)
{
    lua_State *L = lua_driver_open();

    lua_driver_give(L, "gateway", sandbox_value("SANDBOX_HTTPS"));
    lua_driver_give(L, "ca_file", sandbox_value("ITRIGGER_CA_FILE"));
    lua_driver_give(L, "app", sandbox_value("ITRIGGER_APP_ID"));
    lua_driver_give(L, "secret", sandbox_value("ITRIGGER_APP_SECRET"));
    assert_int_equal(lua_driver_run(L, MAKE_CLIENT), 0);
    return L;
}

/* A child that runs the chunk on its copy of the state, closes that, and ends by `end`: exit, as
 * processes do, or _exit where it has lost what a thread of the parent's held, which asan would
 * tell. */
static void run_in_child(lua_State *L, const char *chunk, void (*end)(int status))
{
    int status = -1;
    pid_t child;

    (void)fflush(NULL);
    if ((child = fork()) == 0) {
        int failed = lua_driver_run(L, chunk);
        (void)alarm(60);
        lua_close(L);
        end(failed);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static bool cannot_tell(void)
{
    if (UNDER_TSAN)
        print_message("tsan cannot follow a child of several threads that makes threads\n");
    else if (!ITR_CURL_HAS_PREREQ)
        print_message("with this libcurl no connection is used twice\n");
    return UNDER_TSAN || !ITR_CURL_HAS_PREREQ;
}

static void the_parents_tls_connection_outlives_its_children(void **state)
{
    lua_State *L;

    (void)state;
    if (cannot_tell())
        skip();
    L = open_client();
    assert_int_equal(lua_driver_run(L, "before = connection(c)"), 0);
    assert_int_equal(lua_driver_run(L, "assert(connection(c) == before, 'it is not kept')"), 0);
    run_in_child(L,
                 "local mine = connection(c) assert(mine ~= before) "
                 "assert(connection(c) == mine)",
                 exit);
    run_in_child(L, "c:close()", exit);
    run_in_child(L, "c = nil collectgarbage() collectgarbage()", exit);
    run_in_child(L,
                 "local more = assert(itrigger.new(options)) "
                 "assert(connection(more) ~= before) more:close()",
                 exit);
    run_in_child(L, "", exit); /* just closes and ends */
    assert_int_equal(lua_driver_run(L, "assert(connection(c) == before, 'a child hung up')"), 0);
    lua_close(L);
}

static void the_childs_tls_connection_outlives_the_parents_use(void **state)
{
    int go[2], status = -1;
    lua_State *L;
    pid_t child;
    char byte;

    (void)state;
    if (cannot_tell())
        skip();
    L = open_client();
    assert_int_equal(lua_driver_run(L, "before = connection(c)"), 0);
    assert_int_equal(pipe(go), 0);
    (void)fflush(NULL);
    if ((child = fork()) == 0) {
        close(go[1]);
        if (lua_driver_run(L, "mine = connection(c)") != 0 || read(go[0], &byte, 1) != 0)
            _exit(1);
        _exit(
            lua_driver_run(L, "assert(connection(c) == mine)")); /* the parent's is closed by now */
    }
    close(go[0]);
    assert_int_equal(lua_driver_run(L, "assert(connection(c) == before) c:close()"), 0);
    lua_close(L);
    close(go[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void a_child_has_the_token_of_its_parent(void **state)
{
    lua_State *L;

    (void)state;
    if (cannot_tell())
        skip();
    L = open_client();
    assert_int_equal(lua_driver_run(L, "token = assert(c:token())"), 0);
    run_in_child(L,
                 "local mine, _, source = c:token() "
                 "assert(mine == token and source == 'memory', source)",
                 _exit); /* the parent's thread may still be at its store */
    lua_close(L);
}

/* ---- a fetch that is out ---- */

#define ANSWER(token)                                                                              \
    "HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n"                                                \
    "{\"code\":200,\"message\":\"ok\",\"data\":{\"accessToken\":\"" token "\"}}"

static const struct raw_step HELD[] = {{RAW_READ, NULL, 0},
                                       {RAW_GATE, NULL, 0},
                                       {RAW_SEND, ANSWER("token-1"), 0},
                                       {RAW_AGAIN, NULL, 0}};
static const struct raw_step ALWAYS[] = {
    {RAW_READ, NULL, 0}, {RAW_SEND, ANSWER("token-2"), 0}, {RAW_AGAIN, NULL, 0}};

static void a_fork_while_a_fetch_is_out_leaves_each_its_own(void **state)
{
    const struct raw_step *const scripts[] = {HELD, ALWAYS};
    struct raw_server *server;
    char gateway[64];
    lua_State *L;

    (void)state;
    if (UNDER_TSAN) {
        print_message("tsan cannot follow a child of several threads that makes threads\n");
        skip();
    }
    server = raw_server_new(scripts, 2);
    (void)snprintf(gateway, sizeof gateway, "http://127.0.0.1:%d", raw_server_port(server));
    L = lua_driver_open();
    lua_driver_give(L, "gateway", gateway);
    assert_int_equal(
        lua_driver_run(L, "c = assert(require 'itrigger'.new { gateway = gateway,"
                          " app_id = 'forked', app_secret = 'x', token_store = 'memory:' })"
                          " local res, err = c:get('/a', nil, { timeout = 0.05 })"
                          " assert(not res and err.kind == 'timeout')"),
        0);
    raw_server_await_requests(server, 1);
    run_in_child(L, "assert(assert(c:token()) == 'token-2')", _exit);
    raw_server_open_gate(server);
    assert_int_equal(lua_driver_run(L, "assert(assert(c:token()) == 'token-1')"), 0);
    lua_close(L);
    assert_int_equal(raw_server_requests(server), 2);
    raw_server_free(server);
}

static int set_up(void **state)
{
    (void)state;
    sandbox_start();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sandbox_stop();
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_parents_tls_connection_outlives_its_children),
        cmocka_unit_test(the_childs_tls_connection_outlives_the_parents_use),
        cmocka_unit_test(a_child_has_the_token_of_its_parent),
        cmocka_unit_test(a_fork_while_a_fetch_is_out_leaves_each_its_own),
    };

    return cmocka_run_group_tests_name("lua_fork", tests, set_up, tear_down);
}
