#include "bind/call_args.h"

#include "bind/call_opts.h"
#include "bind/json_write.h"
#include "bind/key_path.h"
#include "bind/number.h"
#include "core/http/url.h"

/* ---- parameters of a GET ---- */

struct name {
    const char *text;
    size_t len;
};

static enum itr_status bad_param(struct name name, struct itr_error *e, const char *problem)
{
    char shown[ITR_KEY_PATH_TEXT];

    itr_key_path_text_of(name.text, name.len, shown);
    return itr_error_set(e, ITR_USAGE, "parameter %s: %s", shown, problem);
}

static enum itr_status bad_type(lua_State *L, int i, struct name name, struct itr_error *e)
{
    switch (lua_type(L, i)) {
    case LUA_TLIGHTUSERDATA:
        return bad_param(name, e, "null cannot be sent in a URL; leave the parameter out");
    case LUA_TTABLE:
        return bad_param(
            name, e,
            "a table within a table cannot be sent in a URL; only an array of strings, "
            "numbers and booleans");
    case LUA_TNUMBER:
        return bad_param(name, e, "NaN and infinity cannot be sent");
    case ITR_LUA_TCDATA:
        return bad_param(name, e, "a cdata other than int64_t and uint64_t cannot be sent");
    case LUA_TFUNCTION:
        return bad_param(name, e, "a function cannot be sent");
    default:
        return bad_param(name, e, "a value of this type cannot be sent");
    }
}

/* One value at absolute index i. */
static enum itr_status add_scalar(lua_State *L, int i, struct name name, struct itr_query *q,
                                  struct itr_error *e)
{
    char digits[ITR_NUMBER_TEXT];
    const char *value = digits;
    size_t len = 0;
    int type = lua_type(L, i);

    if (type == LUA_TSTRING) {
        value = lua_tolstring(L, i, &len);
    } else if (type == LUA_TNUMBER || type == ITR_LUA_TCDATA) {
        if ((len = itr_number_text(L, i, digits)) == 0)
            return bad_type(L, i, name, e);
    } else if (type == LUA_TBOOLEAN) {
        value = lua_toboolean(L, i) ? "true" : "false";
        len = lua_toboolean(L, i) ? 4 : 5;
    } else {
        return bad_type(L, i, name, e);
    }
    return itr_query_add(q, name.text, name.len, value, len, e);
}

/* An array is its name, repeated. The number of keys tells holes and other keys. */
static enum itr_status add_array(lua_State *L, int i, struct name name, struct itr_query *q,
                                 struct itr_error *e)
{
    enum itr_status s = ITR_OK;
    size_t n = 0, at;

    for (lua_pushnil(L); lua_next(L, i); lua_pop(L, 1))
        n++;
    for (at = 1; s == ITR_OK && at <= n; at++) {
        lua_rawgeti(L, i, (int)at);
        s = lua_isnil(L, -1) ? bad_param(name, e, "a table must be an array without holes")
                             : add_scalar(L, i + 1, name, q, e);
        lua_pop(L, 1);
    }
    return s;
}

static enum itr_status add_param(lua_State *L, struct itr_query *q, struct itr_error *e)
{
    int v = lua_gettop(L);
    struct name name;

    if (lua_type(L, v - 1) != LUA_TSTRING)
        return itr_error_set(e, ITR_USAGE, "parameters must have names as keys, not a %s",
                             luaL_typename(L, v - 1));
    name.text = lua_tolstring(L, v - 1, &name.len);
    if (lua_istable(L, v))
        return add_array(L, v, name, q, e);
    return add_scalar(L, v, name, q, e);
}

static enum itr_status read_params(lua_State *L, int i, struct itr_query *q, struct itr_error *e)
{
    enum itr_status s = ITR_OK;
    int top = lua_gettop(L);

    if (lua_isnoneornil(L, i))
        return ITR_OK;
    for (lua_pushnil(L); s == ITR_OK && lua_next(L, i); lua_pop(L, 1))
        s = add_param(L, q, e);
    lua_settop(L, top);
    return s;
}

/* ---- body of a POST ---- */

static enum itr_status read_body(lua_State *L, int i, struct itr_buf *body, struct itr_error *e)
{
    static const struct itr_json_write_options options = {"body", "accessToken"};

    if (lua_isnoneornil(L, i))
        return itr_buf_append(body, "{}", 2);
    return itr_json_write(L, i, &options, body, e);
}

/* ---- all ---- */

enum itr_status itr_call_args_read(lua_State *L, int path, bool post, struct itr_bound_call *b,
                                   struct itr_error *e)
{
    struct itr_call *call = &b->call;
    enum itr_status s;
    size_t n;
    const char *text = lua_tolstring(L, path, &n);

    luaL_checkstack(L, 10, "arguments of a call");
    call->post = post;
    if ((s = itr_url_path(text, n, !post, &call->path, e)) != ITR_OK)
        return s;
    s = post ? read_body(L, path + 1, &call->body, e) : read_params(L, path + 1, &call->query, e);
    if (s != ITR_OK)
        return s;
    return itr_call_opts_read(L, path + 2, b, e);
}
