/*
 * lua_async: what lua/itrigger/async.lua needs of C besides groups of calls: the bell of this Lua
 * state, which its event loop hears, and the transports that ring it (docs/design.md 6).
 *
 * One bell a Lua state, made when it is first asked for and anew in the child of a fork. On the Lua
 * state's thread.
 */
#ifndef ITR_BIND_LUA_ASYNC_H
#define ITR_BIND_LUA_ASYNC_H

#include "bind/compat.h"
#include "core/client.h"

/* Called once when the module is opened. Adds to the table on top:
 *   bell(kind)       -> a descriptor ("fd") or a path ("socket") | nil, message. The kind of the
 *                       first time stays: another one is an error.
 *   bell_accept()    -> true | nil, message: "socket", after the host connected
 *   bell_ring()      wakes the loop, as if something were there
 *   bell_answered()  the loop was woken and is about to look */
void itr_lua_async_open(lua_State *L);

/* Who makes transports on the engine that ring this state's bell. For itr_client_beside; good as
 * long as the state. */
struct itr_carrier itr_lua_async_carrier(lua_State *L);

#endif
