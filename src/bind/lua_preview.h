/*
 * lua_preview: what a call would send, for the command's --dry-run and --curl. On the Lua state's
 * thread.
 */
#ifndef ITR_BIND_LUA_PREVIEW_H
#define ITR_BIND_LUA_PREVIEW_H

#include "bind/compat.h"

/* Add to the table on top; once, when the module is opened:
 *   preview(client, is_post, path, params)  -> url, its token masked, and of a POST the body |
 *                                              nil, err: as a call refuses it */
void itr_lua_preview_open(lua_State *L);

#endif
