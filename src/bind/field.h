/*
 * field: one field of the table on top of the stack, which is new and has no metatable. May raise
 * (memory). On the Lua state's thread.
 */
#ifndef ITR_BIND_FIELD_H
#define ITR_BIND_FIELD_H

#include "bind/compat.h"
#include "bind/number.h"

/* Set a string; NULL: leaves the field out. */
static inline void itr_field_string(lua_State *L, const char *name, const char *value)
{
    if (value == NULL)
        return;
    lua_pushstring(L, value);
    lua_setfield(L, -2, name);
}

/* Pop the value on top into a field of the table at absolute index table, without metamethods. */
static inline void itr_field_raw(lua_State *L, int table, const char *name)
{
    lua_pushstring(L, name);
    lua_insert(L, -2);
    lua_rawset(L, table);
}

/* Set an integer, as itr_number_push pushes it. */
static inline void itr_field_integer(lua_State *L, const char *name, int64_t value)
{
    itr_number_push(L, value);
    lua_setfield(L, -2, name);
}

static inline void itr_field_number(lua_State *L, const char *name, lua_Number value)
{
    lua_pushnumber(L, value);
    lua_setfield(L, -2, name);
}

static inline void itr_field_boolean(lua_State *L, const char *name, bool value)
{
    lua_pushboolean(L, value);
    lua_setfield(L, -2, name);
}

#endif
