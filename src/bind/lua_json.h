/*
 * lua_json: encode and decode by the library's rules, as functions for Lua (lua/itrigger/json.lua).
 * On the Lua state's thread.
 */
#ifndef ITR_BIND_LUA_JSON_H
#define ITR_BIND_LUA_JSON_H

#include "bind/compat.h"

/* Called once when the module is opened. Adds json_encode and json_decode (module.h) to the table
 * on top. */
void itr_lua_json_open(lua_State *L);

#endif
