#include "bind/lua_group.h"

#include <stddef.h>

#include "bind/bound_call.h"
#include "bind/call_args.h"
#include "bind/call_result.h"
#include "bind/error_push.h"
#include "core/client.h"

/* Stand-in until the one of batches is merged. */

static const char metatable_key;

static void set_keep(lua_State *L, int i)
{
#if LUA_VERSION_NUM >= 504
    lua_setiuservalue(L, i, 1);
#elif LUA_VERSION_NUM >= 502
    lua_setuservalue(L, i);
#else
    lua_setfenv(L, i);
#endif
}

static void get_keep(lua_State *L, int i)
{
#if LUA_VERSION_NUM >= 504
    lua_getiuservalue(L, i, 1);
#elif LUA_VERSION_NUM >= 502
    lua_getuservalue(L, i);
#else
    lua_getfenv(L, i);
#endif
}

struct itr_lua_group *itr_lua_group_check(lua_State *L, int i)
{
    struct itr_lua_group *g = itr_lua_testudata(L, i, &metatable_key);

    if (g == NULL)
        luaL_argerror(L, i, "itrigger.group expected");
    return g;
}

static int fail(lua_State *L, const struct itr_error *e)
{
    lua_pushnil(L);
    itr_error_push(L, e, NULL);
    return 2;
}

static int l_group(lua_State *L)
{
    struct lua_client *c = itr_lua_client_check(L, 1);
    enum itr_lua_side side = ITR_SIDE_SCRIPT;
    struct itr_lua_group *g;
    struct itr_client *client;
    struct itr_error e;

    if (lua_type(L, 3) == LUA_TSTRING)
        side = ITR_SIDE_OWN;
    else if (lua_toboolean(L, 3))
        side = ITR_SIDE_LOOP;
    if (itr_lua_client_side(L, c, side, &client, &e) != ITR_OK)
        return fail(L, &e);
#if LUA_VERSION_NUM >= 504
    g = lua_newuserdatauv(L, sizeof *g, 1);
#else
    g = lua_newuserdata(L, sizeof *g);
#endif
    itr_call_group_init(&g->group, g);
    g->owner = c;
    g->client = client;
    g->calls = NULL;
    g->id = (int64_t)lua_tonumber(L, 2);
    lua_newtable(L);
    lua_pushvalue(L, 1);
    lua_rawseti(L, -2, 0);
    set_keep(L, -2);
    itr_lua_registry_get(L, &metatable_key);
    lua_setmetatable(L, -2);
    return 1;
}

static bool is_open(const struct itr_lua_group *g)
{
    return itr_lua_client_present(g->owner, ITR_SIDE_SCRIPT) != NULL;
}

static int l_start(lua_State *L)
{
    struct itr_lua_group *g = itr_lua_group_check(L, 1);
    struct itr_bound_call *b;
    struct itr_error e;
    enum itr_status s;

    lua_settop(L, 6);
    luaL_checktype(L, 4, LUA_TSTRING);
    if (!is_open(g)) {
        itr_error_set(&e, ITR_USAGE, "the client is closed");
        return fail(L, &e);
    }
    if ((b = itr_lua_client_take(g->owner)) == NULL)
        return luaL_error(L, "not enough memory");
    b->tag = (int64_t)lua_tonumber(L, 2);
    get_keep(L, 1);
    lua_pushvalue(L, 4);
    lua_rawseti(L, -2, (int)b->tag);
    lua_pop(L, 1);
    s = itr_call_args_read(L, 4, lua_toboolean(L, 3) != 0, b, &e);
    if (s == ITR_OK)
        s = itr_client_start(g->client, &g->group, &b->call, &e);
    if (s == ITR_OK) {
        b->next_spare = g->calls;
        g->calls = b;
        lua_pushboolean(L, 1);
        return 1;
    }
    e.kind = s;
    lua_pushnil(L);
    itr_error_push_call(L, b, &e, NULL, 4);
    itr_lua_client_give_back(g->owner, b);
    return 2;
}

static void drop(struct itr_lua_group *g, struct itr_bound_call *b)
{
    struct itr_bound_call **at = &g->calls;

    while (*at != b)
        at = &(*at)->next_spare;
    *at = b->next_spare;
    itr_lua_client_give_back(g->owner, b);
}

static int l_look(lua_State *L)
{
    struct itr_lua_group *g = itr_lua_group_check(L, 1);
    struct itr_bound_call *b;
    struct itr_call *call;
    int64_t wait_ms;
    int path, n, before;

    lua_settop(L, 1);
    if (!is_open(g))
        return 0;
    if ((call = itr_client_look(g->client, &g->group, &wait_ms)) == NULL) {
        lua_pushnil(L);
        if (wait_ms < 0)
            lua_pushnil(L);
        else
            lua_pushnumber(L, (lua_Number)wait_ms / 1000);
        return 2;
    }
    b = (struct itr_bound_call *)(void *)((char *)call - offsetof(struct itr_bound_call, call));
    get_keep(L, 1);
    lua_rawgeti(L, -1, (int)b->tag);
    path = lua_gettop(L);
    lua_pushnumber(L, (lua_Number)b->tag);
    before = lua_gettop(L);
    n = itr_call_result_push(L, b, path);
    if (n == 1)
        lua_pushnil(L);
    lua_settop(L, before + 2);
    drop(g, b);
    return 3;
}

static int l_pump(lua_State *L)
{
    struct itr_client *client = itr_lua_client_present(itr_lua_client_check(L, 1), ITR_SIDE_LOOP);

    if (client != NULL)
        itr_client_pump(client);
    return 0;
}

static int l_ready(lua_State *L)
{
    struct itr_client *client = itr_lua_client_present(itr_lua_client_check(L, 1), ITR_SIDE_LOOP);
    struct itr_call_group *g = client == NULL ? NULL : itr_client_ready(client);

    if (g == NULL)
        return 0;
    lua_pushnumber(L, (lua_Number)((struct itr_lua_group *)g->owner)->id);
    return 1;
}

static const luaL_Reg functions[] = {{"group", l_group}, {"start", l_start}, {"look", l_look},
                                     {"pump", l_pump},   {"ready", l_ready}, {NULL, NULL}};

static int l_gc(lua_State *L)
{
    struct itr_lua_group *g = itr_lua_group_check(L, 1);

    while (is_open(g) && g->calls != NULL) {
        itr_client_cancel(g->client, &g->calls->call);
        if (g->calls->next_spare == NULL)
            itr_client_forget(g->client, &g->group);
        drop(g, g->calls);
    }
    if (is_open(g))
        itr_client_forget(g->client, &g->group);
    return 0;
}

static void push_metatable(lua_State *L)
{
    lua_newtable(L);
    lua_pushcfunction(L, l_gc);
    lua_setfield(L, -2, "__gc");
}

void itr_lua_group_open(lua_State *L)
{
    itr_lua_setfuncs(L, functions);
    itr_lua_registry_once(L, &metatable_key, push_metatable);
    lua_pop(L, 1);
}
