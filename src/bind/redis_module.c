#include "bind/compat.h"
#include "bind/pin.h"
#include "bind/store_box.h"
#include "store/stores.h"

/*
 * itrigger.redis: a module of its own, so that nobody needs hiredis who has no Redis.
 * open(address) gives a store in its box | nil, kind, message. client.lua calls it.
 */

__attribute__((visibility("default"))) int luaopen_itrigger_redis(lua_State *L);

static int l_gc(lua_State *L)
{
    struct itr_store_box *box = luaL_checkudata(L, 1, ITR_STORE_BOX);

    if (box->store != NULL)
        box->store->ops->release(box->store);
    box->store = NULL;
    return 0;
}

static int l_open(lua_State *L)
{
    const char *address = luaL_checkstring(L, 1);
    struct itr_store_box *box = itr_lua_newuserdata(L, sizeof *box);
    struct itr_error e;
    enum itr_status s;

    *box = (struct itr_store_box){.version = ITR_STORE_VERSION};
    luaL_getmetatable(L, ITR_STORE_BOX);
    lua_setmetatable(L, -2);
    s = itr_store_redis_new(address, &box->store, &e);
    if (s == ITR_OK)
        return 1;
    if (s == ITR_NOMEM)
        return luaL_error(L, "not enough memory");
    lua_pushnil(L);
    lua_pushstring(L, itr_status_name(s));
    lua_pushstring(L, e.text);
    return 3;
}

static const luaL_Reg functions[] = {{"open", l_open}, {NULL, NULL}};
static const luaL_Reg metamethods[] = {{"__gc", l_gc}, {NULL, NULL}};

int luaopen_itrigger_redis(lua_State *L)
{
    itr_pin_library_of((const void *)luaopen_itrigger_redis);
    luaL_newmetatable(L, ITR_STORE_BOX);
    itr_lua_setfuncs(L, metamethods);
    lua_pushliteral(L, ITR_STORE_BOX);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
    lua_newtable(L);
    itr_lua_setfuncs(L, functions);
    return 1;
}
