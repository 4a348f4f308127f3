/*
 * module: the Lua C module itrigger.core: what lua/itrigger builds its face from. Not for users.
 */
#ifndef ITR_BIND_MODULE_H
#define ITR_BIND_MODULE_H

#include "bind/compat.h"

/* Return the module's table: what lua_client.h, lua_group.h, lua_ask.h, lua_async.h, lua_own.h and
 * lua_json.h list, and
 *   options()                 -> { { name = , type = , secret = , ... }, ... }: see settings.h
 *   nearest(name, names)      -> which of an array of names a misspelt one means, or nil
 *   codes()                   -> { [200] = "success", ... }
 *   isatty(0, 1 or 2)         -> is that descriptor a terminal?
 *   digest(text)              -> 16 hexadecimal digits
 *   monotonic_s()             -> seconds of a clock that is never set
 *   set_error_metatable(t)
 *   array_metatable, null, version, curl_version
 * The one symbol that is visible from outside. */
__attribute__((visibility("default"))) int luaopen_itrigger_core(lua_State *L);

#endif
