#include "bind/number.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Registry keys: the addresses count. */
static const char istype_key, tostring_key, int64_key, uint64_key;

/* ---- LuaJIT's 64-bit integers ---- */

/* Pushes ffi.typeof(name) into the registry. ffi is on top. May raise; called protected. */
static void keep_ctype(lua_State *L, const char *name, const void *key)
{
    lua_getfield(L, -1, "typeof");
    lua_pushstring(L, name);
    lua_call(L, 1, 1);
    itr_lua_registry_set(L, key);
}

static int keep_ffi(lua_State *L)
{
    lua_getglobal(L, "require");
    lua_pushliteral(L, "ffi");
    lua_call(L, 1, 1);
    keep_ctype(L, "int64_t", &int64_key);
    keep_ctype(L, "uint64_t", &uint64_key);
    lua_getfield(L, -1, "istype");
    itr_lua_registry_set(L, &istype_key);
    lua_getglobal(L, "tostring");
    itr_lua_registry_set(L, &tostring_key);
    return 0;
}

void itr_number_open(lua_State *L)
{
    /* Only LuaJIT has a table `jit`; elsewhere a module called ffi would be somebody else's. */
    lua_getglobal(L, "jit");
    if (lua_istable(L, -1)) {
        lua_pushcfunction(L, keep_ffi);
        if (lua_pcall(L, 0, 0, 0) != 0)
            lua_pop(L, 1); /* a LuaJIT without FFI has no cdata either */
    }
    lua_pop(L, 1);
}

/* ffi.istype(ctype, value): LuaJIT's C API cannot tell cdata types apart, this built-in can. It is
 * true of the ctype itself, too. */
static bool is_of_ctype(lua_State *L, int i, const void *ctype_key)
{
    bool is;

    itr_lua_registry_get(L, &istype_key);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return false;
    }
    itr_lua_registry_get(L, ctype_key);
    lua_pushvalue(L, i);
    lua_call(L, 2, 1);
    is = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return is;
}

/* Is it a ctype such as ffi.typeof("int64_t")? Its text is "ctype<int64_t>", a number's "12LL". */
static bool is_ctype_object(lua_State *L, int i)
{
    const char *text;
    bool is;

    itr_lua_registry_get(L, &tostring_key);
    lua_pushvalue(L, i);
    lua_call(L, 1, 1);
    text = lua_tostring(L, -1);
    is = text == NULL || *text == 'c';
    lua_pop(L, 1);
    return is;
}

static size_t cdata_text(lua_State *L, int i, char *text)
{
    /* For cdata this is the address of the value itself (LuaJIT, lj_obj.c, lj_obj_ptr). */
    const void *at = lua_topointer(L, i);
    bool is_signed = is_of_ctype(L, i, &int64_key);
    int64_t s;
    uint64_t u;

    if ((!is_signed && !is_of_ctype(L, i, &uint64_key)) || is_ctype_object(L, i))
        return 0;
    if (is_signed) {
        memcpy(&s, at, sizeof s);
        return (size_t)snprintf(text, ITR_NUMBER_TEXT, "%" PRId64, s);
    }
    memcpy(&u, at, sizeof u);
    return (size_t)snprintf(text, ITR_NUMBER_TEXT, "%" PRIu64, u);
}

/* ---- both ways ---- */

size_t itr_number_text(lua_State *L, int i, char text[ITR_NUMBER_TEXT])
{
    if (lua_type(L, i) == ITR_LUA_TCDATA)
        return cdata_text(L, i, text);
    if (itr_lua_isinteger(L, i))
        return (size_t)snprintf(text, ITR_NUMBER_TEXT, "%" PRId64, (int64_t)lua_tointeger(L, i));
    return itr_decimal_write((double)lua_tonumber(L, i), text);
}

void itr_number_push(lua_State *L, int64_t value)
{
    char digits[ITR_NUMBER_TEXT];

    if (value < -ITR_NUMBER_EXACT || value > ITR_NUMBER_EXACT) {
        snprintf(digits, sizeof digits, "%" PRId64, value);
        lua_pushstring(L, digits);
        return;
    }
#if ITR_LUA_HAS_INTEGERS
    lua_pushinteger(L, (lua_Integer)value);
#else
    lua_pushnumber(L, (lua_Number)value);
#endif
}
