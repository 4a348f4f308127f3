#include "bind/call_opts.h"

#include <math.h>
#include <string.h>

#include "bind/key_path.h"
#include "bind/number.h"
#include "core/base/nearest.h"
#include "core/http/url.h"

#define DAY_S 86400.0

/* What a reader works with; the option's value is on top of the stack. */
struct reader {
    lua_State *L;
    struct itr_bound_call *b; /* NULL for token opts */
    int64_t *timeout_ms, *min_valid_ms;
    struct itr_error *e;
};

static const char *const call_names[] = {"timeout", "idempotent", "min_valid", "headers",
                                         "raw",     "null",       NULL};
static const char *const token_names[] = {"timeout", "min_valid", NULL};

static enum itr_status wrong_type(struct reader *r, const char *name, const char *wanted)
{
    return itr_error_set(r->e, ITR_USAGE, "opts.%s must be %s, not a %s", name, wanted,
                         luaL_typename(r->L, -1));
}

/* ---- one value ---- */

static enum itr_status read_seconds(struct reader *r, const char *name, double min, int64_t *ms)
{
    double s;

    if (lua_type(r->L, -1) != LUA_TNUMBER)
        return wrong_type(r, name, "a number of seconds");
    s = (double)lua_tonumber(r->L, -1);
    if (!(s >= min && s <= DAY_S))
        return itr_error_set(r->e, ITR_USAGE, "opts.%s is %.17g; it can be %g to %g seconds", name,
                             s, min, DAY_S);
    *ms = (int64_t)ceil(s * 1000 - 1e-6);
    return ITR_OK;
}

static enum itr_status read_flag(struct reader *r, const char *name, bool *flag)
{
    if (!lua_isboolean(r->L, -1))
        return wrong_type(r, name, "a boolean");
    *flag = lua_toboolean(r->L, -1) != 0;
    return ITR_OK;
}

static enum itr_status read_null(struct reader *r)
{
    const char *word;

    if (lua_type(r->L, -1) != LUA_TSTRING)
        return wrong_type(r, "null", "\"nil\" or \"keep\"");
    word = lua_tostring(r->L, -1);
    if (strcmp(word, "nil") != 0 && strcmp(word, "keep") != 0)
        return itr_error_set(r->e, ITR_USAGE,
                             "opts.null is \"%.40s\"; it can be \"nil\" or \"keep\"", word);
    r->b->keep_nulls = *word == 'k';
    return ITR_OK;
}

/* ---- headers ---- */

/* name at -2, value at -1. */
static enum itr_status add_header(struct reader *r)
{
    char digits[ITR_NUMBER_TEXT];
    const char *name, *value = digits;
    size_t name_len, value_len = 0;
    enum itr_status s;

    if (lua_type(r->L, -2) != LUA_TSTRING)
        return itr_error_set(r->e, ITR_USAGE, "opts.headers must have names as keys, not a %s",
                             luaL_typename(r->L, -2));
    name = lua_tolstring(r->L, -2, &name_len);
    if (lua_type(r->L, -1) == LUA_TSTRING)
        value = lua_tolstring(r->L, -1, &value_len);
    else if (lua_type(r->L, -1) == LUA_TNUMBER)
        value_len = itr_number_text(r->L, lua_gettop(r->L), digits);
    if (value == digits && value_len == 0)
        return itr_error_set(r->e, ITR_USAGE,
                             "opts.headers: the value of \"%.60s\" must be a string, not a %s",
                             name, luaL_typename(r->L, -1));
    if ((s = itr_url_header(name, name_len, value, value_len, r->e)) != ITR_OK)
        return s;
    s = itr_bound_call_add_header(r->b, name, value, value_len);
    if (s == ITR_FULL)
        return itr_error_set(r->e, ITR_USAGE, "opts.headers: more than %d headers or %zu bytes",
                             ITR_HEADERS_MAX, ITR_HEADERS_BYTES);
    return s;
}

static enum itr_status read_headers(struct reader *r)
{
    lua_State *L = r->L;
    int table = lua_gettop(L);
    enum itr_status s = ITR_OK;

    if (!lua_istable(L, table))
        return wrong_type(r, "headers", "a table");
    for (lua_pushnil(L); s == ITR_OK && lua_next(L, table); lua_pop(L, 1))
        s = add_header(r);
    lua_settop(L, table);
    if (s == ITR_OK)
        itr_bound_call_set_headers(r->b);
    return s;
}

/* ---- the table ---- */

void itr_call_opts_push_names(lua_State *L)
{
    int i;

    lua_newtable(L);
    for (i = 0; call_names[i] != NULL; i++) {
        lua_pushstring(L, call_names[i]);
        lua_rawseti(L, -2, i + 1);
    }
}

static enum itr_status unknown(struct reader *r, const char *name)
{
    const char *near = itr_nearest(name, r->b != NULL ? call_names : token_names);
    char shown[ITR_KEY_PATH_TEXT];

    itr_key_path_text_of(name, strlen(name), shown);
    if (near == NULL)
        return itr_error_set(r->e, ITR_USAGE, "unknown option opts.%s", shown);
    return itr_error_set(r->e, ITR_USAGE, "unknown option opts.%s: did you mean \"%s\"?", shown,
                         near);
}

static enum itr_status read_one(struct reader *r, const char *name)
{
    if (strcmp(name, "timeout") == 0)
        return read_seconds(r, name, 0.001, r->timeout_ms);
    if (strcmp(name, "min_valid") == 0)
        return read_seconds(r, name, 0, r->min_valid_ms);
    if (r->b == NULL)
        return unknown(r, name);
    if (strcmp(name, "idempotent") == 0)
        return read_flag(r, name, &r->b->call.idempotent);
    if (strcmp(name, "raw") == 0)
        return read_flag(r, name, &r->b->call.raw);
    if (strcmp(name, "null") == 0)
        return read_null(r);
    if (strcmp(name, "headers") == 0)
        return read_headers(r);
    return unknown(r, name);
}

static enum itr_status read_all(struct reader *r, int i)
{
    lua_State *L = r->L;
    int top = lua_gettop(L);
    enum itr_status s = ITR_OK;

    if (lua_isnoneornil(L, i))
        return ITR_OK;
    luaL_checkstack(L, 10, "options of a call");
    for (lua_pushnil(L); s == ITR_OK && lua_next(L, i); lua_pop(L, 1)) {
        if (lua_type(L, -2) == LUA_TSTRING)
            s = read_one(r, lua_tostring(L, -2));
        else
            s = itr_error_set(r->e, ITR_USAGE, "opts must have names as keys, not a %s",
                              luaL_typename(L, -2));
    }
    lua_settop(L, top);
    return s;
}

enum itr_status itr_call_opts_read(lua_State *L, int i, struct itr_bound_call *b,
                                   struct itr_error *e)
{
    struct reader r = {L, b, &b->call.timeout_ms, &b->call.min_valid_ms, e};

    return read_all(&r, i);
}

enum itr_status itr_token_opts_read(lua_State *L, int i, int64_t *timeout_ms, int64_t *min_valid_ms,
                                    struct itr_error *e)
{
    struct reader r = {L, NULL, timeout_ms, min_valid_ms, e};

    return read_all(&r, i);
}
