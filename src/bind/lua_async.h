/*
 * lua_async: what lua/itrigger/async.lua needs of C besides groups of calls: the notifier of this
 * Lua state, which its event loop hears, and the transports that ring it (docs/design.md 6).
 *
 * One notifier a Lua state, made when it is first asked for and anew in the child of a fork. On the
 * Lua state's thread.
 */
#ifndef ITR_BIND_LUA_ASYNC_H
#define ITR_BIND_LUA_ASYNC_H

#include "bind/compat.h"
#include "core/call/client.h"

/* Add to the table on top; once, when the module is opened:
 *   notifier(kind)       -> a descriptor ("fd") or a path ("socket") | nil, message. The kind of
 *                           the first time stays: another one is an error
 *   notifier_accept()    -> true | nil, message: "socket", after the host connected
 *   notify()             wakes the loop, as if something were there
 *   notifier_answered()  the loop was woken and is about to look
 *   is_yieldable()       -> whether the running coroutine can yield; nil: this Lua cannot tell */
void itr_lua_async_open(lua_State *L);

/* Return what opens transports on the engine that notify this state's notifier. For
 * itr_client_sibling; good as long as the state. */
struct itr_transport_maker itr_lua_async_maker(lua_State *L);

#endif
