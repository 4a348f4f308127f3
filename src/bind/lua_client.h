/*
 * lua_client: the client as a Lua userdata. Its methods' argument types are checked by
 * lua/itrigger/client.lua; the functions here check again only what memory safety asks for.
 *
 * Invariants: the userdata is made first and marked closed, the resource second; close clears
 * before it acts; a closed client answers every call with an error of kind "usage". A client that
 * is closed while a call of its own is under way (only a finalizer can do that) is given back when
 * that call ends. On the Lua state's thread.
 */
#ifndef ITR_BIND_LUA_CLIENT_H
#define ITR_BIND_LUA_CLIENT_H

#include "bind/compat.h"

#define ITR_LUA_CLIENT "itrigger.client" /* name of the metatable, and what getmetatable answers */

/* Called once when the module is opened. Adds to the table on top:
 *   new(settings, keep_nulls)                 -> client | nil, err
 *   call(client, is_post, path, params, opts) -> table | nil, err
 *   token(client, opts, is_refresh)           -> token, err, source | nil, err
 *   stats(client)                             -> table | nil, err
 *   close(client)                             -> true
 *   methods                                   the empty table behind client:..., for client.lua */
void itr_lua_client_open(lua_State *L);

#endif
