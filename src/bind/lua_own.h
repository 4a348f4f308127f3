/*
 * lua_own: requests out to, and answers in from, a transport of the program's own
 * (own_transport.h), as Lua tables. On the Lua state's thread.
 */
#ifndef ITR_BIND_LUA_OWN_H
#define ITR_BIND_LUA_OWN_H

#include "bind/compat.h"

/* Called once when the module is opened. Adds to the table on top:
 *   request(group)                -> { method, url, headers, body, deadline } of a call of the
 * group that is to be sent; nothing: there is none answer(group, response, err)  the answer to it:
 * { status, headers, body }, or nil and a text
 *                                 ("timeout" is one); a response that is none of this counts as
 * lost now()                         -> seconds, of a clock that only goes forward */
void itr_lua_own_open(lua_State *L);

#endif
