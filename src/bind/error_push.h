/*
 * error_push: the error tables that Lua sees (docs/reference.md, "Errors"). On the Lua state's
 * thread.
 */
#ifndef ITR_BIND_ERROR_PUSH_H
#define ITR_BIND_ERROR_PUSH_H

#include "bind/compat.h"
#include "core/base/status.h"

/* Keep the table on top as the metatable of all errors, and pop it. */
void itr_error_push_metatable(lua_State *L);

/* Push the table of an error: kind, message, retryable, and code, name, http_status where there
 * are any; name NULL: what the code is called. ITR_NOMEM raises instead, as Lua's own allocations
 * do. */
void itr_error_push(lua_State *L, const struct itr_error *e, const char *name);

/* Return nil and the error to Lua: `return itr_error_return(L, &e);`. */
int itr_error_return(lua_State *L, const struct itr_error *e);

/* Push the same with the call's method, its path (the string at absolute index path) and how many
 * seconds it took. */
void itr_error_push_call(lua_State *L, const struct itr_error *e, const char *name, bool post,
                         int path, lua_Number elapsed_s);

#endif
