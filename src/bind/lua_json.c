#include "bind/lua_json.h"

#include "bind/error_push.h"
#include "bind/json_read.h"
#include "bind/json_write.h"
#include "bind/scratch.h"
#include "core/base/buf.h"
#include "core/json/scan.h"

#define ENCODE_MAX ((size_t)64 << 20)

static int l_encode(lua_State *L)
{
    static const struct itr_json_write_options options = {"value", NULL};
    struct itr_error e;
    struct itr_buf *out;
    enum itr_status s;

    luaL_checkany(L, 1);
    lua_settop(L, 1);
    out = itr_scratch_push(L, ENCODE_MAX, false);
    s = itr_json_write(L, 1, &options, out, &e);
    if (s == ITR_OK)
        lua_pushlstring(L, itr_buf_str(out), out->len);
    itr_buf_clear(out);
    return s == ITR_OK ? 1 : itr_error_return(L, &e);
}

static int l_decode(lua_State *L)
{
    size_t n;
    const char *text = luaL_checklstring(L, 1, &n);
    struct itr_json_read_options options = {.keep_nulls = lua_toboolean(L, 2) != 0};
    struct itr_json_scan scan;
    struct itr_error e;
    enum itr_status s;

    lua_settop(L, 1); /* text stays where it is */
    if ((s = itr_json_scan(text, n, &scan, &e)) == ITR_OK)
        itr_json_read(L, &scan, options);
    return s == ITR_OK ? 1 : itr_error_return(L, &e);
}

static const luaL_Reg functions[] = {
    {"json_encode", l_encode}, {"json_decode", l_decode}, {NULL, NULL}};

void itr_lua_json_open(lua_State *L)
{
    itr_lua_setfuncs(L, functions);
}
