#include "bind/call_result.h"

#include <string.h>

#include "bind/error_push.h"
#include "bind/field.h"
#include "bind/json_read.h"

/* ---- raw ---- */

/* headers[name] = value, or "earlier, value" (RFC 9110, 5.3). The table is on top. */
static void add_header(lua_State *L, const char *name, size_t name_len, const char *value,
                       size_t value_len)
{
    int table = lua_gettop(L);

    lua_pushlstring(L, name, name_len);
    lua_pushvalue(L, -1);
    lua_rawget(L, table);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_pushlstring(L, value, value_len);
    } else {
        lua_pushliteral(L, ", ");
        lua_pushlstring(L, value, value_len);
        lua_concat(L, 3);
    }
    lua_rawset(L, table);
}

/* "name: value\n" lines, as transport.h has them. */
static void push_headers(lua_State *L, const struct itr_buf *lines)
{
    const char *line = itr_buf_str(lines), *end = line + lines->len, *stop, *colon;

    lua_newtable(L);
    for (; line < end && (stop = memchr(line, '\n', (size_t)(end - line))) != NULL;
         line = stop + 1) {
        const char *value;
        if ((colon = memchr(line, ':', (size_t)(stop - line))) == NULL)
            continue;
        value = colon + 1;
        while (value < stop && *value == ' ')
            value++;
        add_header(L, line, (size_t)(colon - line), value, (size_t)(stop - value));
    }
}

static void push_raw(lua_State *L, const struct itr_response *r)
{
    lua_createtable(L, 0, 4);
    itr_field_integer(L, "status", r->http_status);
    push_headers(L, &r->headers);
    lua_setfield(L, -2, "headers");
    lua_pushlstring(L, itr_buf_str(&r->body), r->body.len);
    lua_setfield(L, -2, "body");
}

/* ---- all ---- */

static int push_failure(lua_State *L, const struct itr_bound_call *b, int path)
{
    const struct itr_call *call = &b->call;
    struct itr_json_read_options options = {.keep_nulls = b->keep_nulls, .envelope = true};
    int table;

    lua_pushnil(L);
    itr_error_push_call(L, &call->error, call->error_name, call->post, path,
                        itr_call_elapsed_s(call));
    table = lua_gettop(L);
    if (call->envelope.present) {
        itr_json_read(L, &call->envelope.scan, options);
        itr_field_raw(L, table, "response");
    }
    return 2;
}

bool itr_call_result_collect(lua_State *L, struct itr_bound_call *b)
{
    if (b->call.step != ITR_CALL_FAILED || !b->call.error.no_descriptors || b->collected)
        return false;
    b->collected = true;
    lua_gc(L, LUA_GCCOLLECT, 0);
    return true;
}

int itr_call_result_push(lua_State *L, const struct itr_bound_call *b, int path)
{
    const struct itr_call *call = &b->call;
    struct itr_json_read_options options = {.keep_nulls = b->keep_nulls, .envelope = true};

    luaL_checkstack(L, 10, "result of a call");
    if (call->step == ITR_CALL_FAILED)
        return push_failure(L, b, path);
    if (call->raw)
        push_raw(L, &call->exchange.response);
    else
        itr_json_read(L, &call->envelope.scan, options);
    lua_pushnumber(L, itr_call_elapsed_s(call));
    itr_field_raw(L, lua_gettop(L) - 1, "elapsed");
    return 1;
}
