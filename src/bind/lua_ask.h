/*
 * lua_ask: a question for the token that does not wait for its answer, as a userdata:
 * client:token() and client:refresh() in an event loop. It is looked at again and again
 * (docs/design.md 6, "wait"), and leaves the queue when it is collected. On the Lua state's thread.
 */
#ifndef ITR_BIND_LUA_ASK_H
#define ITR_BIND_LUA_ASK_H

#include "bind/compat.h"

/* Add to the table on top; once, when the module is opened:
 *   ask(client, opts, is_refresh)  -> ask, seconds that it may wait at most | nil, err
 *   asked(ask, is_late)            -> nothing: no answer yet | token, err, source | nil, err;
 *                                     is_late: the time is over, an error then */
void itr_lua_ask_open(lua_State *L);

#endif
