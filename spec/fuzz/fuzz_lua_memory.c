/*
 * Lua's allocations fail one after the other, at every place where the binding can be left by
 * longjmp: nothing leaks, nothing crashes, and the same call works as soon as there is memory.
 * Input: which script, how many allocations succeed, how many fail then.
 */
#include <lualib.h>

#include "bind/module.h"
#include "fuzz.h"

/* None of them may send anything. Each raises if it does not do what it says. */
static const char *const scripts[] = {
    "assert(core.json_encode({ list = { 1, 2.5, { deep = 'x' } }, text = ('y'):rep(500) }))",
    "local v, err = core.json_encode({ a = { b = print } }) assert(not v and err.kind == 'usage')",
    "assert(core.json_decode('{\"code\":200,\"a\":[1,null,{\"b\":9007199254740993}],\"c\":null}')."
    "a[3].b)",
    "local v, err = core.json_decode('{\"a\":') assert(not v and err.kind == 'decode')",
    "local c = assert(core.new({ app_id = 'a', app_secret = 's', gateway = 'http://127.0.0.1:1' }))"
    " assert(core.stats(c).calls == 0) assert(tostring(c)) core.close(c)",
    "local c, err = core.new({ app_id = 'a', gatway = 'x' }) assert(not c and err.kind == "
    "'config')",
    "local c = assert(core.new({ app_id = 'a', app_secret = 's', gateway = 'http://127.0.0.1:1' }))"
    " local r, err = core.call(c, true, '/x', { list = { 1, 2 }, f = 0.1, g = print })"
    " assert(not r and err.message:find('g: a function'))"
    " r, err = core.call(c, false, '/x', { a = { 'b', 1 }, c = true },"
    " { timeout = 1, headers = { ['X-A'] = 'b', ['X-B'] = 5 }, raw = 1 })"
    " assert(not r and err.kind == 'usage') core.close(c)",
};

#define N_SCRIPTS (sizeof scripts / sizeof scripts[0])

static size_t good, bad; /* allocations that still succeed, and that fail then */

static void *allocate(void *ctx, void *p, size_t old, size_t n)
{
    (void)ctx;
    (void)old;
    if (n == 0) {
        free(p);
        return NULL;
    }
    /* Making a block smaller must not fail (Lua manual, lua_Alloc). */
    if (p != NULL && n <= old)
        return realloc(p, n);
    if (good > 0)
        good--;
    else if (bad > 0) {
        bad--;
        return NULL;
    }
    return realloc(p, n);
}

static int run(lua_State *L, const char *script)
{
    int top = lua_gettop(L);
    int status = luaL_loadstring(L, script);

    if (status == LUA_OK)
        status = lua_pcall(L, 0, 0, 0);
    if (status != LUA_OK && status != LUA_ERRMEM) {
        /* A memory error of ours is a string like Lua's. */
        const char *text = lua_tostring(L, -1);
        CHECK(text != NULL && strstr(text, "not enough memory") != NULL);
    }
    lua_settop(L, top);
    return status;
}

static lua_State *open_state(void)
{
    lua_State *L;

    good = SIZE_MAX;
    bad = 0;
    L = lua_newstate(allocate, NULL);
    CHECK(L != NULL);
    luaL_openlibs(L);
    CHECK(luaopen_itrigger_core(L) == 1);
    lua_setglobal(L, "core");
    return L;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *script;
    lua_State *L;

    if (size < 4)
        return 0;
    script = scripts[data[0] % N_SCRIPTS];
    L = open_state();
    good = (size_t)data[1] | (size_t)(data[2] & 3) << 8;
    bad = data[3] % 8;
    (void)run(L, script);

    /* Memory is back. */
    good = SIZE_MAX;
    bad = 0;
    CHECK(run(L, script) == LUA_OK);
    lua_close(L);
    return 0;
}
