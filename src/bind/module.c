#include "bind/module.h"

#include <unistd.h>

#include "bind/call_opts.h"
#include "bind/error_push.h"
#include "bind/json_write.h"
#include "bind/lua_ask.h"
#include "bind/lua_async.h"
#include "bind/lua_client.h"
#include "bind/lua_file.h"
#include "bind/lua_group.h"
#include "bind/lua_json.h"
#include "bind/lua_own.h"
#include "bind/lua_preview.h"
#include "bind/number.h"
#include "bind/parts.h"
#include "bind/pin.h"
#include "bind/scratch.h"
#include "bind/settings.h"
#include "core/base/clock.h"
#include "core/base/fnv.h"
#include "core/base/hex.h"
#include "core/base/nearest.h"
#include "core/base/version.h"
#include "core/call/envelope.h"

static int l_options(lua_State *L)
{
    itr_settings_push_options(L);
    return 1;
}

#define NAMES_MAX 64

static int l_nearest(lua_State *L)
{
    const char *names[NAMES_MAX + 1];
    const char *near;
    int n;

    luaL_checkstring(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    luaL_checkstack(L, NAMES_MAX + 2, "names");
    for (n = 0; n < NAMES_MAX; n++) {
        lua_rawgeti(L, 2, n + 1); /* stays on the stack while it is used */
        if (lua_type(L, -1) != LUA_TSTRING)
            break;
        names[n] = lua_tostring(L, -1);
    }
    names[n] = NULL;
    if ((near = itr_nearest(lua_tostring(L, 1), names)) == NULL)
        lua_pushnil(L);
    else
        lua_pushstring(L, near);
    return 1;
}

static int l_codes(lua_State *L)
{
    const struct itr_code_name *c = itr_envelope_codes();

    lua_newtable(L);
    for (; c->name != NULL; c++) {
        lua_pushstring(L, c->name);
        lua_rawseti(L, -2, (int)c->code);
    }
    return 1;
}

/* isatty(0, 1 or 2) -> boolean */
static int l_isatty(lua_State *L)
{
    lua_pushboolean(L, isatty((int)luaL_checkinteger(L, 1)) == 1);
    return 1;
}

/* digest(text) -> 16 hexadecimal digits, the same for the same text; not against forgers */
static int l_digest(lua_State *L)
{
    unsigned char digest[8];
    char digits[2 * sizeof digest + 1];
    size_t n, i;
    const char *text = luaL_checklstring(L, 1, &n);
    uint64_t hash = itr_fnv(ITR_FNV_START, text, n);

    for (i = 0; i < sizeof digest; i++)
        digest[i] = (unsigned char)(hash >> (56 - 8 * i));
    itr_hex_write(digest, sizeof digest, digits);
    lua_pushlstring(L, digits, 2 * sizeof digest);
    return 1;
}

/* monotonic_s() -> seconds of a clock that is never set */
static int l_monotonic_s(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)itr_clock_mono_ms(itr_clock_system()) / 1000);
    return 1;
}

static int l_set_error_metatable(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    itr_error_push_metatable(L);
    return 0;
}

static const luaL_Reg functions[] = {{"options", l_options},
                                     {"nearest", l_nearest},
                                     {"codes", l_codes},
                                     {"isatty", l_isatty},
                                     {"digest", l_digest},
                                     {"monotonic_s", l_monotonic_s},
                                     {"set_error_metatable", l_set_error_metatable},
                                     {NULL, NULL}};

static void set_constants(lua_State *L)
{
    itr_json_write_push_array_metatable(L);
    lua_setfield(L, -2, "array_metatable");
    itr_call_opts_push_names(L);
    lua_setfield(L, -2, "call_opts");
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
    lua_pushliteral(L, ITR_VERSION);
    lua_setfield(L, -2, "version");
    lua_pushstring(L, itr_parts_curl_version());
    lua_setfield(L, -2, "curl_version");
}

int luaopen_itrigger_core(lua_State *L)
{
    itr_pin_library_of((const void *)itr_error_push_metatable);
    itr_number_open(L);
    itr_scratch_open(L);
    lua_newtable(L);
    itr_lua_setfuncs(L, functions);
    itr_lua_json_open(L);
    itr_lua_client_open(L);
    itr_lua_ask_open(L);
    itr_lua_preview_open(L);
    itr_lua_async_open(L);
    itr_lua_own_open(L);
    itr_lua_file_open(L);
    itr_lua_group_open(L);
    set_constants(L);
    return 1;
}
