#include "bind/lua_preview.h"

#include "bind/bound_call.h"
#include "bind/call_args.h"
#include "bind/error_push.h"
#include "bind/lua_client.h"
#include "bind/protected.h"

struct preview_frame {
    struct itr_bound_call *b;
    bool post;
};

/* Protected: path and params lie at 2 and 3, no opts at 4. */
static int run_preview(lua_State *L)
{
    struct preview_frame *f = lua_touserdata(L, 1);
    struct itr_call *call = &f->b->call;
    struct itr_error e;
    enum itr_status s = itr_call_args_read(L, 2, f->post, f->b, &e);

    if (s == ITR_OK && (s = itr_call_write_url(call, NULL)) != ITR_OK)
        s = itr_error_set(&e, s == ITR_FULL ? ITR_USAGE : s,
                          "the parameters make the URL too long");
    if (s != ITR_OK) {
        e.kind = s;
        lua_pushnil(L);
        itr_error_push_call(L, &e, NULL, f->post, 2, 0);
        return 2;
    }
    lua_pushlstring(L, itr_buf_str(&call->url), call->url.len);
    if (!f->post)
        return 1;
    lua_pushlstring(L, itr_buf_str(&call->body), call->body.len);
    return 2;
}

static const struct itr_protected preview_protected = {run_preview};

static int l_preview(lua_State *L)
{
    struct lua_client *c = itr_lua_client_check(L, 1);
    struct preview_frame f = {.post = lua_toboolean(L, 2) != 0};
    struct itr_client *client;
    struct itr_error e;
    int status;

    lua_settop(L, 4);
    luaL_checktype(L, 3, LUA_TSTRING);
    luaL_checktype(L, 4, LUA_TTABLE);
    if (itr_lua_client_side(L, c, ITR_SIDE_SCRIPT, &client, &e) != ITR_OK)
        return itr_error_return(L, &e);
    if ((f.b = itr_lua_client_take(c)) == NULL)
        return luaL_error(L, "not enough memory");
    itr_lua_client_enter(c);
    itr_protected_push(L, &preview_protected, &f);
    lua_pushvalue(L, 3);
    lua_pushvalue(L, 4);
    lua_pushnil(L);
    status = itr_protected_call(L, 3, LUA_MULTRET);
    itr_lua_client_give_back(c, f.b);
    itr_lua_client_leave(c);
    return status == 0 ? lua_gettop(L) - 4 : lua_error(L);
}

static const luaL_Reg functions[] = {{"preview", l_preview}, {NULL, NULL}};

void itr_lua_preview_open(lua_State *L)
{
    itr_protected_open(L, &preview_protected);
    itr_lua_setfuncs(L, functions);
}
