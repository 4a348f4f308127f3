/*
 * lua_driver: Lua states with the library in them, in a C test: for what only C can do to them,
 * such as to run eight of them on eight threads, or to fork. Lua 5.4, as the sources lie in the
 * tree. The functions are static: each test program has the few that it uses.
 */
#ifndef SPEC_LUA_DRIVER_H
#define SPEC_LUA_DRIVER_H

#include <stdio.h>
#include <stdlib.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "bind/module.h"

/* A state in which require "itrigger" works. Any thread; what is wrong ends the test program. */
static inline lua_State *lua_open_state(void)
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

static inline void lua_give(lua_State *L, const char *global, const char *text)
{
    lua_pushstring(L, text);
    lua_setglobal(L, global);
}

/* Runs a chunk: 0, or 1 after the error was printed. Any thread. */
static inline int lua_run(lua_State *L, const char *chunk)
{
    if (luaL_dostring(L, chunk) == LUA_OK)
        return 0;
    fprintf(stderr, "# %s\n", luaL_tolstring(L, -1, NULL));
    return 1;
}

#endif
