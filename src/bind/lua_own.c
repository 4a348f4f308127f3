#include "bind/lua_own.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "bind/lua_group.h"
#include "bind/own_transport.h"
#include "core/base/clock.h"
#include "core/call/call.h"

static int64_t now_ms(void)
{
    return itr_clock_mono_ms(itr_clock_system());
}

/* ---- requests ---- */

static bool is_given(const char *const *lines, const char *name)
{
    size_t n = strlen(name);

    for (; lines != NULL && *lines != NULL; lines++)
        if (strncasecmp(*lines, name, n) == 0 && ((*lines)[n] == ':' || (*lines)[n] == ';'))
            return true;
    return false;
}

/* The table of headers is on top. */
static void set_standard(lua_State *L, const struct itr_request *q, const char *name,
                         const char *value)
{
    if (value == NULL || is_given(q->headers, name))
        return;
    lua_pushstring(L, value);
    lua_setfield(L, -2, name);
}

static void push_headers(lua_State *L, const struct itr_request *q, const char *user_agent)
{
    const char *const *line;

    lua_createtable(L, 0, 4);
    set_standard(L, q, "Accept", "application/json");
    if (q->post)
        set_standard(L, q, "Content-Type", "application/json");
    set_standard(L, q, "User-Agent", user_agent);
    for (line = q->headers; line != NULL && *line != NULL; line++) {
        size_t n = strcspn(*line, ":;"); /* "Name: value", or "Name;" without a value */
        lua_pushlstring(L, *line, n);
        lua_pushstring(L, (*line)[n] == ':' ? *line + n + 2 : "");
        lua_rawset(L, -3);
    }
}

static void push_request(lua_State *L, const struct itr_exchange *x)
{
    const struct itr_request *q = &x->request;
    const struct itr_call *call = x->owner;

    lua_createtable(L, 0, 5);
    lua_pushstring(L, q->post ? "POST" : "GET");
    lua_setfield(L, -2, "method");
    lua_pushstring(L, q->url);
    lua_setfield(L, -2, "url");
    push_headers(L, q, call->config->user_agent);
    lua_setfield(L, -2, "headers");
    if (q->post) {
        lua_pushlstring(L, q->body == NULL ? "" : q->body, q->body_len);
        lua_setfield(L, -2, "body");
    }
    lua_pushnumber(L, (lua_Number)q->timeout_ms / 1000);
    lua_setfield(L, -2, "deadline");
}

static int l_request(lua_State *L)
{
    struct itr_lua_group *g = itr_lua_group_check(L, 1);
    struct itr_exchange *x;

    luaL_checkstack(L, 10, "request");
    x = itr_own_transport_take(itr_lua_client_own(g->owner), &g->group);
    if (x == NULL)
        return 0;
    x->response.elapsed_us = now_ms() * 1000; /* since when, until it is answered */
    push_request(L, x);
    return 1;
}

/* ---- answers ---- */

static void lost(struct itr_response *a, enum itr_status carried, const char *what)
{
    a->carried = carried;
    (void)snprintf(a->detail, sizeof a->detail, "the option transport: %s", what);
}

/* Pushes a field of the response at 2, without running code of the program. */
static int push_field(lua_State *L, const char *name)
{
    lua_pushstring(L, name);
    lua_rawget(L, 2);
    return lua_type(L, -1);
}

/* A number is text too; whatever the type, a pointer that is good as long as the value at i. */
static const char *text_at(lua_State *L, int i, size_t *n)
{
    return lua_type(L, i) == LUA_TSTRING || lua_type(L, i) == LUA_TNUMBER ? lua_tolstring(L, i, n)
                                                                          : NULL;
}

/* One line of "name: value\n", the name in lower case; one that would be two is left out. */
static enum itr_status add_line(struct itr_buf *out, const char *name, size_t name_len,
                                const char *value, size_t value_len)
{
    size_t start = out->len, i;
    enum itr_status s;

    if (memchr(name, '\n', name_len) != NULL || memchr(value, '\n', value_len) != NULL)
        return ITR_OK;
    if ((s = itr_buf_append(out, name, name_len)) != ITR_OK ||
        (s = itr_buf_append(out, ": ", 2)) != ITR_OK ||
        (s = itr_buf_append(out, value, value_len)) != ITR_OK ||
        (s = itr_buf_append_char(out, '\n')) != ITR_OK)
        return s;
    for (i = start; i < start + name_len; i++)
        if (out->data[i] >= 'A' && out->data[i] <= 'Z')
            out->data[i] = (char)(out->data[i] - 'A' + 'a');
    return ITR_OK;
}

/* Seconds only: a date would need the transport's own reading of it. */
static void note_retry_after(struct itr_response *a, const char *name, const char *value)
{
    size_t digits = strspn(value, "0123456789");

    if (strcasecmp(name, "retry-after") != 0 || digits == 0 || digits > 9 || value[digits] != '\0')
        return;
    a->retry_after_ms = 0;
    for (; *value != '\0'; value++)
        a->retry_after_ms = a->retry_after_ms * 10 + (*value - '0');
    a->retry_after_ms *= 1000;
}

/* The header whose name is at name and whose value is on top. */
static enum itr_status take_header(lua_State *L, int name, struct itr_exchange *x)
{
    size_t name_len, value_len;
    const char *key = lua_tolstring(L, name, &name_len);
    const char *value = text_at(L, -1, &value_len);

    if (value == NULL)
        return ITR_OK;
    note_retry_after(&x->response, key, value);
    if (!x->request.want_headers)
        return ITR_OK;
    return add_line(&x->response.headers, key, name_len, value, value_len);
}

/* The table of headers is on top: values are text, or lists of text. */
static enum itr_status take_headers(lua_State *L, struct itr_exchange *x)
{
    int table = lua_gettop(L), i;
    enum itr_status s = ITR_OK;

    lua_pushnil(L);
    while (s == ITR_OK && lua_next(L, table) != 0) {
        if (lua_type(L, table + 1) == LUA_TSTRING && lua_type(L, -1) == LUA_TTABLE) {
            for (i = 1; s == ITR_OK; i++) {
                lua_rawgeti(L, table + 2, i);
                if (lua_isnil(L, -1))
                    break;
                s = take_header(L, table + 1, x);
                lua_pop(L, 1);
            }
        } else if (lua_type(L, table + 1) == LUA_TSTRING) {
            s = take_header(L, table + 1, x);
        }
        lua_settop(L, table + 1);
    }
    lua_settop(L, table);
    return s;
}

static enum itr_status take_body(lua_State *L, struct itr_exchange *x)
{
    size_t n;
    const char *body = text_at(L, -1, &n);

    return body == NULL ? ITR_OK : itr_buf_append(&x->response.body, body, n);
}

/* The response, a table, is at 2. */
static void take_response(lua_State *L, struct itr_exchange *x)
{
    struct itr_response *a = &x->response;
    enum itr_status s = ITR_OK;
    lua_Number status;

    status = push_field(L, "status") == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
    if (!(status >= 100 && status <= 999)) {
        lost(a, ITR_NETWORK, "its send gave a response without a status");
        return;
    }
    a->http_status = (int)status;
    if (push_field(L, "headers") == LUA_TTABLE)
        s = take_headers(L, x);
    if (s == ITR_OK) {
        (void)push_field(L, "body");
        s = take_body(L, x);
    }
    a->carried = s == ITR_FULL ? ITR_HTTP : s;
    if (s == ITR_FULL)
        (void)snprintf(a->detail, sizeof a->detail,
                       "the answer is larger than max_response_bytes (%zu bytes)", a->body.max);
    else if (s != ITR_OK)
        (void)snprintf(a->detail, sizeof a->detail, "no memory for the answer");
}

static void take_error(lua_State *L, struct itr_response *a)
{
    const char *text = lua_type(L, 3) == LUA_TSTRING ? lua_tostring(L, 3) : "it gave no answer";

    lost(a, strcmp(text, "timeout") == 0 ? ITR_TIMEOUT : ITR_NETWORK, text);
}

static int l_answer(lua_State *L)
{
    struct itr_lua_group *g = itr_lua_group_check(L, 1);
    struct itr_transport *t = itr_lua_client_own(g->owner);
    struct itr_exchange *x = itr_own_transport_taken(t, &g->group);

    lua_settop(L, 3);
    luaL_checkstack(L, 10, "answer");
    if (x == NULL)
        return 0;
    x->response.elapsed_us = now_ms() * 1000 - x->response.elapsed_us;
    if (lua_type(L, 2) == LUA_TTABLE)
        take_response(L, x);
    else
        take_error(L, &x->response);
    itr_own_transport_finish(t, x);
    return 0;
}

/* ---- module ---- */

static int l_now(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)now_ms() / 1000);
    return 1;
}

static const luaL_Reg functions[] = {
    {"request", l_request}, {"answer", l_answer}, {"now", l_now}, {NULL, NULL}};

void itr_lua_own_open(lua_State *L)
{
    itr_lua_setfuncs(L, functions);
}
