#include "bind/lua_own.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "bind/field.h"
#include "bind/lua_group.h"
#include "bind/own_transport.h"
#include "bind/scratch.h"
#include "core/base/clock.h"
#include "core/call/call.h"

/*
 * What is read from Lua or pushed to it lies in scratch buffers: while Lua allocates, a finalizer
 * may close the batch or the client, and with them goes the exchange.
 */

static struct itr_transport *transport_of(const struct itr_lua_group *g)
{
    return g->owner == NULL ? NULL : itr_lua_client_own(g->owner);
}

static void lost(struct itr_response *a, enum itr_status carried, const char *what)
{
    a->carried = carried;
    (void)snprintf(a->detail, sizeof a->detail, "the option transport: %s", what);
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

/* Appends "Name", NUL, "value", NUL. */
static enum itr_status add_pair(struct itr_buf *out, const char *name, size_t n, const char *value)
{
    enum itr_status s;

    if ((s = itr_buf_append(out, name, n)) != ITR_OK ||
        (s = itr_buf_append_char(out, '\0')) != ITR_OK)
        return s;
    return itr_buf_append(out, value, strlen(value) + 1);
}

static enum itr_status add_standard(struct itr_buf *out, const struct itr_request *q,
                                    const char *name, const char *value)
{
    if (value == NULL || is_given(q->headers, name))
        return ITR_OK;
    return add_pair(out, name, strlen(name), value);
}

static enum itr_status copy_headers(struct itr_buf *out, const struct itr_request *q,
                                    const char *user_agent)
{
    enum itr_status s = add_standard(out, q, "Accept", "application/json");
    const char *const *line;

    if (s == ITR_OK && q->post)
        s = add_standard(out, q, "Content-Type", "application/json");
    if (s == ITR_OK)
        s = add_standard(out, q, "User-Agent", user_agent);
    for (line = q->headers; s == ITR_OK && line != NULL && *line != NULL; line++) {
        size_t n = strcspn(*line, ":;"); /* "Name: value", or "Name;" without a value */
        s = add_pair(out, *line, n, (*line)[n] == ':' ? *line + n + 2 : "");
    }
    return s;
}

struct request_copy {
    struct itr_buf *url, *headers, *body; /* in scratch */
    bool post;
    int64_t timeout_ms;
};

static enum itr_status copy_request(struct request_copy *copy, const struct itr_exchange *x)
{
    const struct itr_request *q = &x->request;
    const struct itr_call *call = x->owner;
    enum itr_status s;

    copy->post = q->post;
    copy->timeout_ms = q->timeout_ms;
    if ((s = itr_buf_append_str(copy->url, q->url)) != ITR_OK)
        return s;
    if ((s = copy_headers(copy->headers, q, call->config->user_agent)) != ITR_OK)
        return s;
    return q->post && q->body_len > 0 ? itr_buf_append(copy->body, q->body, q->body_len) : ITR_OK;
}

static void push_buf(lua_State *L, const struct itr_buf *b)
{
    lua_pushlstring(L, itr_buf_str(b), b->len);
}

static void push_headers(lua_State *L, const struct itr_buf *pairs)
{
    const char *at = itr_buf_str(pairs), *end = at + pairs->len;

    lua_createtable(L, 0, 4);
    while (at < end) {
        lua_pushstring(L, at);
        at += strlen(at) + 1;
        lua_pushstring(L, at);
        at += strlen(at) + 1;
        lua_rawset(L, -3);
    }
}

static void push_request(lua_State *L, const struct request_copy *q)
{
    lua_createtable(L, 0, 5);
    itr_field_string(L, "method", q->post ? "POST" : "GET");
    push_buf(L, q->url);
    lua_setfield(L, -2, "url");
    push_headers(L, q->headers);
    lua_setfield(L, -2, "headers");
    if (q->post) {
        push_buf(L, q->body);
        lua_setfield(L, -2, "body");
    }
    itr_field_number(L, "deadline", (lua_Number)q->timeout_ms / 1000);
}

#define URL_MAX ((size_t)4 << 20)
#define HEADERS_MAX ((size_t)1 << 20)

static int l_request(lua_State *L)
{
    struct itr_lua_group *g = itr_lua_group_check(L, 1);
    struct request_copy copy;
    struct itr_exchange *x;
    uintptr_t number;

    luaL_checkstack(L, 10, "request");
    if ((x = itr_own_transport_taken(transport_of(g), &g->group)) != NULL) {
        lost(&x->response, ITR_NETWORK, "its send ended without an answer");
        itr_own_transport_finish(transport_of(g), x);
        return 0;
    }
    if (itr_own_transport_next(transport_of(g), &g->group) == NULL)
        return 0;
    copy.url = itr_scratch_push(L, URL_MAX, true);
    copy.headers = itr_scratch_push(L, HEADERS_MAX, false);
    copy.body = itr_scratch_push(L, ITR_BODY_MAX, false);

    /* From here to the copy's end nothing of Lua runs. */
    if ((x = itr_own_transport_next(transport_of(g), &g->group)) == NULL)
        return 0;
    if (copy_request(&copy, x) != ITR_OK)
        return luaL_error(L, "not enough memory");
    number = itr_own_transport_take(transport_of(g), x);

    push_request(L, &copy);
    itr_buf_clear(copy.url);
    itr_buf_clear(copy.headers);
    itr_buf_clear(copy.body);
    lua_pushnumber(L, (lua_Number)number);
    return 2;
}

/* ---- answers ---- */

/* What Lua gave; headers and body are in scratch. */
struct answer {
    struct itr_buf *headers, *body;
    bool want_headers;
    enum itr_status carried;
    int http_status;
    int64_t retry_after_ms;
    const char *problem; /* carried is not ITR_OK; static or a string on the stack */
};

/* Pushes a field of the response at 3, without running code of the program. */
static int push_field(lua_State *L, const char *name)
{
    lua_pushstring(L, name);
    lua_rawget(L, 3);
    return lua_type(L, -1);
}

/* A number is text too; else NULL. Good as long as the value at i. */
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
static void note_retry_after(struct answer *a, const char *name, const char *value)
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
static enum itr_status take_header(lua_State *L, int name, struct answer *a)
{
    size_t name_len, value_len;
    const char *key = lua_tolstring(L, name, &name_len);
    const char *value = text_at(L, -1, &value_len);

    if (value == NULL)
        return ITR_OK;
    note_retry_after(a, key, value);
    return a->want_headers ? add_line(a->headers, key, name_len, value, value_len) : ITR_OK;
}

/* The table of headers is on top: values are text, or lists of text. */
static enum itr_status take_headers(lua_State *L, struct answer *a)
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
                s = take_header(L, table + 1, a);
                lua_pop(L, 1);
            }
        } else if (lua_type(L, table + 1) == LUA_TSTRING) {
            s = take_header(L, table + 1, a);
        }
        lua_settop(L, table + 1);
    }
    lua_settop(L, table);
    return s;
}

static enum itr_status take_body(lua_State *L, struct answer *a)
{
    size_t n;
    const char *body = text_at(L, -1, &n);

    return body == NULL ? ITR_OK : itr_buf_append(a->body, body, n);
}

/* The response, a table, is at 3. */
static void take_response(lua_State *L, struct answer *a)
{
    enum itr_status s = ITR_OK;
    lua_Number status;

    status = push_field(L, "status") == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
    if (!(status >= 100 && status <= 999)) {
        a->carried = ITR_NETWORK;
        a->problem = "its send gave a response without a status";
        return;
    }
    a->http_status = (int)status;
    if (push_field(L, "headers") == LUA_TTABLE)
        s = take_headers(L, a);
    if (s == ITR_OK) {
        (void)push_field(L, "body");
        s = take_body(L, a);
    }
    a->carried = s == ITR_FULL ? ITR_HTTP : s;
    a->problem =
        s == ITR_FULL ? "the answer is larger than max_response_bytes" : "no memory for the answer";
}

static void take_error(lua_State *L, struct answer *a)
{
    a->problem = lua_type(L, 4) == LUA_TSTRING ? lua_tostring(L, 4) : "its send gave no answer";
    a->carried = strcmp(a->problem, "timeout") == 0 ? ITR_TIMEOUT : ITR_NETWORK;
}

/* Moves the buffer's bytes to `to`; both keep their maximum. */
static void move_bytes(struct itr_buf *to, struct itr_buf *from)
{
    struct itr_buf old = *to;

    *to = *from;
    to->max = old.max;
    to->wipe = old.wipe;
    old.max = from->max;
    old.wipe = old.wipe || from->wipe;
    *from = old;
    itr_buf_clear(from);
}

static void fill(struct itr_response *r, struct answer *a)
{
    r->carried = a->carried;
    r->http_status = a->http_status;
    r->retry_after_ms = a->retry_after_ms;
    move_bytes(&r->headers, a->headers);
    move_bytes(&r->body, a->body);
    if (a->carried != ITR_OK)
        lost(r, a->carried, a->problem);
}

static int l_answer(lua_State *L)
{
    struct itr_lua_group *g = itr_lua_group_check(L, 1);
    uintptr_t number = (uintptr_t)luaL_checknumber(L, 2);
    struct itr_exchange *x = itr_own_transport_find(transport_of(g), &g->group, number);
    struct answer a = {.retry_after_ms = -1};
    size_t body_max, headers_max;

    lua_settop(L, 4);
    luaL_checkstack(L, 12, "answer");
    if (x == NULL)
        return 0;
    a.want_headers = x->request.want_headers;
    body_max = x->response.body.max;
    headers_max = x->response.headers.max;
    a.headers = itr_scratch_push(L, headers_max, false);
    a.body = itr_scratch_push(L, body_max, true);
    if (lua_type(L, 3) == LUA_TTABLE)
        take_response(L, &a);
    else
        take_error(L, &a);

    /* It may be cancelled by now. */
    if ((x = itr_own_transport_find(transport_of(g), &g->group, number)) == NULL)
        return 0;
    fill(&x->response, &a);
    itr_own_transport_finish(transport_of(g), x);
    return 0;
}

/* ---- module ---- */

static int l_now(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)itr_clock_mono_ms(itr_clock_system()) / 1000);
    return 1;
}

static const luaL_Reg functions[] = {
    {"request", l_request}, {"answer", l_answer}, {"now", l_now}, {NULL, NULL}};

void itr_lua_own_open(lua_State *L)
{
    itr_lua_setfuncs(L, functions);
}
