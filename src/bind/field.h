/*
 * field: one field of the table on top of the stack. Assignments are raw in effect: the tables are
 * new and have no metatable. May raise (memory). On the Lua state's thread.
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
