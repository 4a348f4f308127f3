/*
 * call_opts: the options of one call: timeout, idempotent, min_valid, headers, raw, null
 * (docs/reference.md). On the Lua state's thread.
 */
#ifndef ITR_BIND_CALL_OPTS_H
#define ITR_BIND_CALL_OPTS_H

#include "bind/bound_call.h"
#include "bind/compat.h"
#include "core/base/status.h"

/* Read the table (or nil) at absolute index i into b. ITR_USAGE naming the option; ITR_NOMEM. */
enum itr_status itr_call_opts_read(lua_State *L, int i, struct itr_bound_call *b,
                                   struct itr_error *e);

/* Push an array of the names of all of them. */
void itr_call_opts_push_names(lua_State *L);

/* Read those of client:token and client:refresh, which know timeout and min_valid only. What is not
 * given stays as it is. */
enum itr_status itr_token_opts_read(lua_State *L, int i, int64_t *timeout_ms, int64_t *min_valid_ms,
                                    struct itr_error *e);

#endif
