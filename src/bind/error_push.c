#include "bind/error_push.h"

#include "bind/field.h"
#include "core/call/envelope.h"

static const char metatable_key; /* registry key of the metatable of errors */

void itr_error_push_metatable(lua_State *L)
{
    itr_lua_registry_set(L, &metatable_key);
}

void itr_error_push(lua_State *L, const struct itr_error *e, const char *name)
{
    if (e->kind == ITR_NOMEM)
        luaL_error(L, "not enough memory (%s)", e->text);
    luaL_checkstack(L, 6, "error");
    lua_createtable(L, 0, 10);
    itr_field_string(L, "kind", itr_status_name(e->kind));
    itr_field_string(L, "message", e->text);
    if (name == NULL)
        name = itr_envelope_error_name(ITR_ENVELOPE_ERROR, e->has_code, e->code);
    itr_field_string(L, "name", name);
    if (e->has_code)
        itr_field_integer(L, "code", e->code);
    if (e->http_status != 0)
        itr_field_integer(L, "http_status", e->http_status);
    itr_field_boolean(L, "retryable", e->retryable);

    /* The metatable last: setting fields must not run code of its. */
    itr_lua_registry_get(L, &metatable_key);
    if (lua_istable(L, -1))
        lua_setmetatable(L, -2);
    else
        lua_pop(L, 1);
}

int itr_error_return(lua_State *L, const struct itr_error *e)
{
    lua_pushnil(L);
    itr_error_push(L, e, NULL);
    return 2;
}

void itr_error_push_call(lua_State *L, const struct itr_error *e, const char *name, bool post,
                         int path, lua_Number elapsed_s)
{
    int table;

    itr_error_push(L, e, name);
    table = lua_gettop(L);
    lua_pushstring(L, post ? "POST" : "GET");
    itr_field_raw(L, table, "method");
    lua_pushvalue(L, path);
    itr_field_raw(L, table, "path");
    lua_pushnumber(L, elapsed_s);
    itr_field_raw(L, table, "elapsed");
}
