/*
 * lua_own: requests to, and answers from, a transport of the program's own (own_transport.h), as
 * Lua tables. On the Lua state's thread.
 */
#ifndef ITR_BIND_LUA_OWN_H
#define ITR_BIND_LUA_OWN_H

#include "bind/compat.h"

/* Add to the table on top; once, when the module is opened:
 *   request(group)  -> { method, url, headers, body, deadline }, number: of a call of the group
 *                      that is to be sent; nothing: there is none. One that was taken before and
 *                      not answered counts as lost from then on
 *   answer(group, number, response, err)  the answer to that one: { status, headers, body }, or nil
 *                                         and a text ("timeout" is one); a response that is neither
 *                                         counts as lost
 *   now()                         -> seconds, of a clock that only goes forward */
void itr_lua_own_open(lua_State *L);

#endif
