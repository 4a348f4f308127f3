#include "bind/json_read.h"

#include <math.h>

#include "bind/number.h"

static const char decode_key; /* registry key of the private decode function */

/* Older lua-cjson reads "infinity", hexadecimals and so on unless told not to; the scan refuses all
 * that, this is only the second lock on the door. */
static void set_strict(lua_State *L)
{
    lua_getfield(L, -1, "decode_invalid_numbers");
    if (lua_isfunction(L, -1)) {
        lua_pushboolean(L, 0);
        lua_call(L, 1, 0);
    } else {
        lua_pop(L, 1);
    }
}

void itr_json_read_open(lua_State *L)
{
    lua_getglobal(L, "require");
    lua_pushliteral(L, "cjson");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "new");
    lua_call(L, 0, 1);
    set_strict(L);
    lua_getfield(L, -1, "decode");
    itr_lua_registry_set(L, &decode_key);
    lua_pop(L, 2);
}

/* ---- tidying ---- */

/* What a walk over decoded tables has to do. */
struct tidy {
    bool numbers; /* floats that hold an integer become integers */
    bool nulls;   /* null members go */
    bool deep;    /* tables within tables too */
};

/* A float with an integer's value, small enough to be sure of every digit? */
static bool is_exact_float(lua_State *L, int i)
{
    double d;

    if (lua_type(L, i) != LUA_TNUMBER || itr_lua_isinteger(L, i))
        return false;
    d = (double)lua_tonumber(L, i);
    return d == floor(d) && fabs(d) <= (double)ITR_NUMBER_EXACT;
}

static bool is_null(lua_State *L, int i)
{
    return lua_type(L, i) == LUA_TLIGHTUSERDATA && lua_touserdata(L, i) == NULL;
}

/* Sets the member whose key lies at index k to the value on top, and pops that. */
static void replace(lua_State *L, int table, int k)
{
    lua_pushvalue(L, k);
    lua_insert(L, -2);
    lua_rawset(L, table);
}

/* The table at absolute index i. Assigning to members that are there is allowed during lua_next.
 * Recursion ends at ITR_JSON_MAX_DEPTH, which the scan checked. */
static void tidy_table(lua_State *L, int i, const struct tidy *todo)
{
    const int k = i + 1, v = i + 2;

    luaL_checkstack(L, 6, "decoding JSON");
    for (lua_pushnil(L); lua_next(L, i); lua_settop(L, k)) {
        if (lua_type(L, v) == LUA_TTABLE) {
            if (todo->deep)
                tidy_table(L, v, todo);
        } else if (todo->numbers && is_exact_float(L, v)) {
            itr_number_push(L, (int64_t)lua_tonumber(L, v));
            replace(L, i, k);
        } else if (todo->nulls && is_null(L, v) && lua_type(L, k) == LUA_TSTRING) {
            lua_pushnil(
                L); /* a string key: in an array null stays, or the later items would move */
            replace(L, i, k);
        }
    }
}

/* The scan found `code` and its value already; most answers need no more than this. */
static void set_code(lua_State *L, int i, const struct itr_json_scan *scan, bool always)
{
    bool number;

    lua_pushliteral(L, "code");
    lua_rawget(L, i);
    number = lua_type(L, -1) == LUA_TNUMBER;
    lua_pop(L, 1);
    if (!number && !always)
        return;
    lua_pushliteral(L, "code");
    itr_number_push(L, scan->code);
    lua_rawset(L, i);
}

/* The value on top: the whole answer. */
static void tidy(lua_State *L, const struct itr_json_scan *scan,
                 const struct itr_json_read_options *options)
{
    struct tidy todo = {
        .numbers = ITR_LUA_HAS_INTEGERS && (scan->has_numbers_top || scan->has_numbers_below),
        .nulls = scan->has_nulls && !options->keep_nulls,
    };
    int top = lua_gettop(L);

    todo.deep = todo.nulls || (todo.numbers && scan->has_numbers_below);
    if (!lua_istable(L, top)) {
        if (todo.numbers && is_exact_float(L, top)) {
            itr_number_push(L, (int64_t)lua_tonumber(L, top));
            lua_replace(L, top);
        }
        return;
    }
    if (todo.numbers || todo.nulls)
        tidy_table(L, top, &todo);
    if (scan->code_is == ITR_JSON_CODE_INTEGER)
        set_code(L, top, scan, options->envelope);
}

/* ---- decoding ---- */

/* lua-cjson refused what the scan took: its error is on top, and popped. */
static enum itr_status refused(lua_State *L, int status, struct itr_error *e)
{
    const char *text = lua_tostring(L, -1);
    enum itr_status s;

    if (status == LUA_ERRMEM)
        return (enum itr_status)lua_error(L); /* does not return */
    s = itr_error_set(e, ITR_DECODE, "lua-cjson cannot decode the answer: %.200s",
                      text != NULL ? text : "unknown error");
    lua_pop(L, 1);
    return s;
}

enum itr_status itr_json_read(lua_State *L, const struct itr_json_scan *scan,
                              struct itr_json_read_options options, struct itr_error *e)
{
    int status;

    itr_lua_registry_get(L, &decode_key);
    lua_pushlstring(L, scan->text, scan->len);
    if ((status = lua_pcall(L, 1, 1, 0)) != 0)
        return refused(L, status, e);
    tidy(L, scan, &options);
    return ITR_OK;
}
