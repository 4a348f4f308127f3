/*
 * protected: how a C function calls Lua while it holds what C alone knows of.
 *
 * The rule of this folder: nothing that Lua can reach may point at what C holds while C calls a Lua
 * function that allocates, and whatever it holds has an owner when that function raises. Any
 * allocation can run a finalizer, any call a hook; both are code of the program: they may close the
 * client or the batch, make calls of their own, and raise. So a call leaves all lists before its
 * result is made, the result is made in protected mode, and an error goes on to the caller after
 * the call was put where it belongs. On the Lua state's thread.
 */
#ifndef ITR_BIND_PROTECTED_H
#define ITR_BIND_PROTECTED_H

#include "bind/compat.h"

/* A function that runs protected. Static memory. */
struct itr_protected {
    lua_CFunction run; /* gets the frame (lua_touserdata(L, 1)) and the arguments behind it */
};

/* Make the function known to this Lua state: once, when the module is opened. */
static inline void itr_protected_open(lua_State *L, const struct itr_protected *p)
{
    lua_pushcfunction(L, p->run);
    itr_lua_registry_set(L, p);
}

/* Push the function and its frame; arguments follow, and itr_protected_call. Raises nothing. */
static inline void itr_protected_push(lua_State *L, const struct itr_protected *p, void *frame)
{
    itr_lua_registry_get(L, p);
    lua_pushlightuserdata(L, frame);
}

/* Call it with n_args values on top of the frame. Return 0, or Lua's status with the error on top:
 * the caller gives back what it holds and then calls lua_error. */
static inline int itr_protected_call(lua_State *L, int n_args, int n_results)
{
    return lua_pcall(L, n_args + 1, n_results, 0);
}

static inline int itr_protected_nothing(lua_State *L)
{
    (void)L;
    return 0;
}

/* Give a hook the chance to run: an interpreter's handler of SIGINT sets one that raises. The
 * caller holds nothing. */
static inline void itr_protected_run_hooks(lua_State *L)
{
    if (lua_gethookmask(L) == 0)
        return;
    lua_pushcfunction(L, itr_protected_nothing);
    lua_call(L, 0, 0);
}

/* Between two looks for a hook, a wait lasts so long at most. */
#define ITR_PROTECTED_SLICE_MS 100

#endif
