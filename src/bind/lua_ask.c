#include "bind/lua_ask.h"

#include "bind/call_opts.h"
#include "bind/error_push.h"
#include "bind/lua_client.h"
#include "core/base/clock.h"
#include "core/call/client.h"

struct lua_ask {
    struct itr_source *source; /* one reference; NULL: answered, or never asked */
    struct itr_token_ask ask;
    struct itr_wait wait;
    int64_t timeout_ms;
};

static const char metatable_key; /* registry key of their metatable */

static void leave(struct lua_ask *a)
{
    struct itr_source *source = a->source;

    if (source == NULL)
        return;
    a->source = NULL;
    itr_source_forget(source, &a->wait);
    itr_source_release(source);
}

static struct lua_ask *check(lua_State *L)
{
    return itr_lua_checkudata(L, 1, &metatable_key, "itrigger.ask");
}

static int l_gc(lua_State *L)
{
    leave(check(L));
    return 0;
}

static int l_ask(lua_State *L)
{
    struct lua_client *c = itr_lua_client_check(L, 1);
    struct itr_client *client;
    struct lua_ask *a;
    struct itr_error e;

    lua_settop(L, 3);
    if (!lua_isnil(L, 2))
        luaL_checktype(L, 2, LUA_TTABLE);
    itr_lua_client_make_room(L, c);
    a = itr_lua_newuserdata(L, sizeof *a);
    *a = (struct lua_ask){.ask.refresh = lua_toboolean(L, 3) != 0};
    itr_lua_registry_get(L, &metatable_key);
    lua_setmetatable(L, -2);
    if (itr_lua_client_side(L, c, ITR_SIDE_SCRIPT, &client, &e) != ITR_OK)
        return itr_error_return(L, &e);
    a->timeout_ms = itr_client_config(client)->timeout_ms;
    if (itr_token_opts_read(L, 2, &a->timeout_ms, &a->ask.min_valid_ms, &e) != ITR_OK)
        return itr_error_return(L, &e);
    if (itr_client_check_ask(client, &a->ask, &e) != ITR_OK)
        return itr_error_return(L, &e);
    a->source = itr_source_retain(itr_client_source(client));
    (void)itr_source_ask(a->source, &a->ask, &a->wait);
    lua_pushnumber(L, (lua_Number)a->timeout_ms / 1000);
    return 2;
}

static int l_asked(lua_State *L)
{
    struct lua_ask *a = check(L);
    enum itr_token_origin origin;
    struct itr_token *token;
    struct itr_error e;
    enum itr_status s;

    if (a->source == NULL || (!lua_toboolean(L, 2) && !itr_wait_is_ready(&a->wait)))
        return 0;
    s = itr_client_ask_answer(a->source, &a->ask, &a->wait, itr_clock_mono_ms(itr_clock_system()),
                              a->timeout_ms, &token, &e);
    origin = a->wait.origin;
    leave(a);
    return s == ITR_OK ? itr_lua_client_push_token(L, token, origin, &e) : itr_error_return(L, &e);
}

static void push_metatable(lua_State *L)
{
    lua_newtable(L);
    lua_pushcfunction(L, l_gc);
    lua_setfield(L, -2, "__gc");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
}

static const luaL_Reg functions[] = {{"ask", l_ask}, {"asked", l_asked}, {NULL, NULL}};

void itr_lua_ask_open(lua_State *L)
{
    itr_lua_setfuncs(L, functions);
    itr_lua_registry_once(L, &metatable_key, push_metatable);
    lua_pop(L, 1);
}
