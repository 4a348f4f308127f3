/*
 * lua_driver: Lua states with the library in them, in a C test: for what only C can do to them,
 * such as to run eight of them on eight threads, or to fork. Lua 5.4, with the library's Lua files
 * from the source tree. Linked into spec/c/lua_*_test only.
 */
#ifndef SPEC_LUA_DRIVER_H
#define SPEC_LUA_DRIVER_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

/* Return a state in which require "itrigger" works; the caller closes it. What goes wrong ends the
 * test program. Any thread. */
lua_State *lua_driver_open(void);

/* Set a global to a string. */
void lua_driver_give(lua_State *L, const char *global, const char *text);

/* Run a chunk. Return 0, or 1 after printing its error. Any thread. */
int lua_driver_run(lua_State *L, const char *chunk);

#endif
