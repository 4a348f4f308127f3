/*
 * module: the Lua C module itrigger.core: what lua/itrigger builds its face from. Not for users.
 */
#ifndef ITR_BIND_MODULE_H
#define ITR_BIND_MODULE_H

#include "bind/compat.h"

/* The one symbol that is visible from outside. Returns the module's table:
 *   what lua_client.h lists
 *   options()                 -> { { name = , type = , secret = , ... }, ... }: see settings.h
 *   nearest(name, names)      -> which of an array of names a misspelt one means, or nil
 *   codes()                   -> { [200] = "success", ... }
 *   json_encode(value)        -> text | nil, err
 *   json_decode(text, keep)   -> value | nil, err; keep: null members stay
 *   set_error_metatable(t)
 *   array_metatable, null, version, curl_version */
__attribute__((visibility("default"))) int luaopen_itrigger_core(lua_State *L);

#endif
