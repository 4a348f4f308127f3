/*
 * compat: one face of the Lua C API for 5.1, 5.2, 5.3, 5.4, 5.5 and LuaJIT.
 *
 * Only what this folder uses, under names of ours, so that no version's header is redefined. All
 * functions follow the rules of the Lua function they stand for: which may raise and what they
 * push.
 */
#ifndef ITR_BIND_COMPAT_H
#define ITR_BIND_COMPAT_H

#include <lauxlib.h>
#include <lua.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

/* LuaJIT's type of FFI values; no other Lua has a type of this number. */
#define ITR_LUA_TCDATA 10

/* True where numbers have an integer subtype. */
#define ITR_LUA_HAS_INTEGERS (LUA_VERSION_NUM >= 503)

static inline size_t itr_lua_rawlen(lua_State *L, int i)
{
#if LUA_VERSION_NUM >= 502
    return (size_t)lua_rawlen(L, i);
#else
    return lua_objlen(L, i);
#endif
}

static inline int itr_lua_absindex(lua_State *L, int i)
{
    return i > 0 || i <= LUA_REGISTRYINDEX ? i : lua_gettop(L) + i + 1;
}

/* Return whether the number at i is of the integer subtype. */
static inline bool itr_lua_isinteger(lua_State *L, int i)
{
#if ITR_LUA_HAS_INTEGERS
    return lua_isinteger(L, i) != 0;
#else
    (void)L;
    (void)i;
    return false;
#endif
}

/* Put the functions of a list, ended by a row of NULLs, into the table on top. */
static inline void itr_lua_setfuncs(lua_State *L, const luaL_Reg *list)
{
    for (; list->name != NULL; list++) {
        lua_pushcfunction(L, list->func);
        lua_setfield(L, -2, list->name);
    }
}

static inline void *itr_lua_newuserdata(lua_State *L, size_t size)
{
#if LUA_VERSION_NUM >= 504
    return lua_newuserdatauv(L, size, 0);
#else
    return lua_newuserdata(L, size);
#endif
}

/* Push a userdata that can keep a table. */
static inline void *itr_lua_newkeeper(lua_State *L, size_t size)
{
#if LUA_VERSION_NUM >= 504
    return lua_newuserdatauv(L, size, 1);
#else
    return lua_newuserdata(L, size);
#endif
}

/* Pop a table, which the keeper at i keeps from now on. */
static inline void itr_lua_set_kept(lua_State *L, int i)
{
#if LUA_VERSION_NUM >= 504
    lua_setiuservalue(L, i, 1);
#elif LUA_VERSION_NUM >= 502
    lua_setuservalue(L, i);
#else
    lua_setfenv(L, i);
#endif
}

/* Push the table that the keeper at i keeps, once one was set. */
static inline void itr_lua_get_kept(lua_State *L, int i)
{
#if LUA_VERSION_NUM >= 504
    lua_getiuservalue(L, i, 1);
#elif LUA_VERSION_NUM >= 502
    lua_getuservalue(L, i);
#else
    lua_getfenv(L, i);
#endif
}

/* Push what the registry holds under an address. */
static inline void itr_lua_registry_get(lua_State *L, const void *key)
{
#if LUA_VERSION_NUM >= 502
    lua_rawgetp(L, LUA_REGISTRYINDEX, key);
#else
    lua_pushlightuserdata(L, (void *)key);
    lua_rawget(L, LUA_REGISTRYINDEX);
#endif
}

/* Pop a value into the registry, under an address. */
static inline void itr_lua_registry_set(lua_State *L, const void *key)
{
#if LUA_VERSION_NUM >= 502
    lua_rawsetp(L, LUA_REGISTRYINDEX, key);
#else
    lua_pushlightuserdata(L, (void *)key);
    lua_insert(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
#endif
}

/* Push what the registry holds under an address; the first time, what make pushes. A module can
 * be opened again in one state (package.loaded was cleared): what the first opening made lives on.
 */
static inline void itr_lua_registry_once(lua_State *L, const void *key, void (*make)(lua_State *L))
{
    itr_lua_registry_get(L, key);
    if (!lua_isnil(L, -1))
        return;
    lua_pop(L, 1);
    make(L);
    lua_pushvalue(L, -1);
    itr_lua_registry_set(L, key);
}

/* Return the userdata at i if its metatable is the one that the registry holds under an address,
 * else NULL. A third of the cost of luaL_testudata, which looks a name up. */
static inline void *itr_lua_testudata(lua_State *L, int i, const void *key)
{
    void *p = lua_touserdata(L, i);
    bool same;

    if (p == NULL || !lua_getmetatable(L, i))
        return NULL;
    itr_lua_registry_get(L, key);
    same = lua_rawequal(L, -1, -2) != 0;
    lua_pop(L, 2);
    return same ? p : NULL;
}

/* Return the userdata as itr_lua_testudata does, but raise "NAME expected" instead of returning
 * NULL. */
static inline void *itr_lua_checkudata(lua_State *L, int i, const void *key, const char *name)
{
    void *p = itr_lua_testudata(L, i, key);

    if (p == NULL) {
        luaL_argerror(L, i, lua_pushfstring(L, "%s expected", name));
        abort(); /* never: luaL_argerror does not return, which its header does not say */
    }
    return p;
}

#endif
