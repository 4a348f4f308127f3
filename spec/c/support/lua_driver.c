#include "support/lua_driver.h"

#include <stdio.h>
#include <stdlib.h>

#include "bind/module.h"

lua_State *lua_driver_open(void)
{
    lua_State *L = luaL_newstate();

    if (L == NULL)
        abort();
    luaL_openlibs(L);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_pushcfunction(L, luaopen_itrigger_core);
    lua_setfield(L, -2, "itrigger.core");
    lua_pop(L, 1);
    if (luaL_dostring(L, "package.path = 'lua/?.lua;lua/?/init.lua;' .. package.path") != LUA_OK)
        abort();
    return L;
}

void lua_driver_give(lua_State *L, const char *global, const char *text)
{
    lua_pushstring(L, text);
    lua_setglobal(L, global);
}

int lua_driver_run(lua_State *L, const char *chunk)
{
    if (luaL_dostring(L, chunk) == LUA_OK)
        return 0;
    fprintf(stderr, "# %s\n", luaL_tolstring(L, -1, NULL));
    return 1;
}
