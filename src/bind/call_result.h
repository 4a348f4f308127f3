/*
 * call_result: from a call that is DONE or FAILED to what Lua gets. On the Lua state's thread.
 */
#ifndef ITR_BIND_CALL_RESULT_H
#define ITR_BIND_CALL_RESULT_H

#include "bind/bound_call.h"
#include "bind/compat.h"

/* Return the seconds from start to end of a call that is DONE or FAILED. */
static inline lua_Number itr_call_elapsed_s(const struct itr_call *call)
{
    return (lua_Number)call->elapsed_us / 1e6;
}

/* Collect garbage if the call failed for want of file descriptors, once: clients that were dropped
 * may hold some. Return whether the call is to be started once more. Protected, too. */
bool itr_call_result_collect(lua_State *L, struct itr_bound_call *b);

/* Push the results and return how many: the envelope's table; with raw the HTTP answer
 * { status, headers, body }; or nil and an error; each with the field elapsed. The path is the
 * string at absolute index path. May raise: to be called protected (protected.h), with b in no
 * list. */
int itr_call_result_push(lua_State *L, const struct itr_bound_call *b, int path);

#endif
