/*
 * call_args: from the arguments of client:get and client:post to a call of the core
 * (docs/reference.md). On the Lua state's thread.
 */
#ifndef ITR_BIND_CALL_ARGS_H
#define ITR_BIND_CALL_ARGS_H

#include <stdbool.h>

#include "bind/bound_call.h"
#include "bind/compat.h"
#include "core/base/status.h"

/*
 * Put path (a string), params or body (a table or nil) and opts (a table or nil), which lie at the
 * absolute indices path, path + 1 and path + 2, into b, which was reset. ITR_USAGE: a bad value,
 * named; ITR_NOMEM. Runs no Lua code; may raise (memory).
 */
enum itr_status itr_call_args_read(lua_State *L, int path, bool post, struct itr_bound_call *b,
                                   struct itr_error *e);

#endif
