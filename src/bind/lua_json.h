/*
 * lua_json: encode and decode by the library's rules, as functions for Lua (lua/itrigger/json.lua).
 * On the Lua state's thread.
 */
#ifndef ITR_BIND_LUA_JSON_H
#define ITR_BIND_LUA_JSON_H

#include "bind/compat.h"

/* Add to the table on top; once, when the module is opened:
 *   json_encode(value)        -> text | nil, err
 *   json_decode(text, keep)   -> value | nil, err; keep: null members stay */
void itr_lua_json_open(lua_State *L);

#endif
