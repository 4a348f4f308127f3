#include "bind/json_write.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "bind/key_path.h"
#include "bind/number.h"
#include "core/base/utf8.h"
#include "core/json/escape.h"

static const char array_key; /* registry key of the array metatable */

struct writer {
    lua_State *L;
    const struct itr_json_write_options *options;
    struct itr_buf *out;
    struct itr_error *e;
    struct itr_key_path path;                 /* of the value being written */
    const void *tables[ITR_JSON_WRITE_DEPTH]; /* those that are open, outermost first */
};

static enum itr_status write_value(struct writer *w, int i);

static void make_array_metatable(lua_State *L)
{
    lua_newtable(L);
    lua_pushliteral(L, "itrigger.array");
    lua_setfield(L, -2, "__name");
}

void itr_json_write_push_array_metatable(lua_State *L)
{
    itr_lua_registry_once(L, &array_key, make_array_metatable);
}

/* ---- errors ---- */

static enum itr_status fail(struct writer *w, const char *problem)
{
    char where[ITR_KEY_PATH_TEXT];

    if (w->path.depth == 0)
        return itr_error_set(w->e, ITR_USAGE, "%s: %s", w->options->what, problem);
    itr_key_path_text(&w->path, where);
    return itr_error_set(w->e, ITR_USAGE, "%s: %s: %s", w->options->what, where, problem);
}

/* The same for a fault of the table that holds the member being written. */
static enum itr_status fail_outside(struct writer *w, const char *problem)
{
    w->path.depth--;
    return fail(w, problem);
}

/* What a buffer says, in words for the caller. */
static enum itr_status appended(struct writer *w, enum itr_status s)
{
    if (s == ITR_FULL)
        return itr_error_set(w->e, ITR_USAGE, "%s: larger than %zu bytes as JSON", w->options->what,
                             w->out->max);
    if (s != ITR_OK)
        return itr_error_set(w->e, s, "no memory");
    return ITR_OK;
}

static enum itr_status put(struct writer *w, const char *bytes, size_t n)
{
    enum itr_status s = itr_buf_append(w->out, bytes, n);

    return s == ITR_OK ? s : appended(w, s);
}

/* ---- strings ---- */

static enum itr_status put_quoted(struct writer *w, const char *text, size_t n)
{
    enum itr_status s = itr_json_escape(text, n, w->out);

    return s == ITR_OK ? s : appended(w, s);
}

static enum itr_status write_string(struct writer *w, int i)
{
    size_t n;
    const char *text = lua_tolstring(w->L, i, &n);

    if (!itr_utf8_valid(text, n))
        return fail(w, "not valid UTF-8");
    return put_quoted(w, text, n);
}

/* ---- scalars ---- */

static enum itr_status write_number(struct writer *w, int i)
{
    char text[ITR_NUMBER_TEXT];
    size_t n = itr_number_text(w->L, i, text);

    if (n > 0)
        return put(w, text, n);
    if (lua_type(w->L, i) == ITR_LUA_TCDATA)
        return fail(w, "a cdata other than int64_t and uint64_t cannot be sent");
    return fail(w, "NaN and infinity cannot be written as JSON");
}

static enum itr_status write_light(struct writer *w, int i)
{
    if (lua_touserdata(w->L, i) != NULL)
        return fail(w, "a light userdata other than null cannot be sent");
    return put(w, "null", 4);
}

/* ---- tables ---- */

static bool is_marked_array(lua_State *L, int i)
{
    bool same;

    if (!lua_getmetatable(L, i))
        return false;
    itr_lua_registry_get(L, &array_key);
    same = lua_rawequal(L, -1, -2) != 0;
    lua_pop(L, 2);
    return same;
}

/* Counts the items; false when the keys are not exactly 1..n. The problem goes to *problem. */
static bool count_items(struct writer *w, int i, size_t *n, const char **problem)
{
    lua_State *L = w->L;
    size_t count = 0, highest = 0;

    for (lua_pushnil(L); lua_next(L, i); lua_pop(L, 1)) {
        double k = lua_type(L, -2) == LUA_TNUMBER ? (double)lua_tonumber(L, -2) : 0;
        if (lua_type(L, -2) == LUA_TSTRING) {
            *problem = "both string keys and numbers; a table is either an array or an object";
            return false;
        }
        if (!(k >= 1) || k != floor(k) || k > INT_MAX) {
            *problem = "a key that is neither a string nor an array index";
            return false;
        }
        highest = (size_t)k > highest ? (size_t)k : highest;
        count++;
    }
    *n = count;
    *problem = "an array with holes; put itrigger.null there";
    return count == highest;
}

static enum itr_status write_array(struct writer *w, int i)
{
    struct itr_key *key = &w->path.keys[w->path.depth - 1];
    const char *problem;
    enum itr_status s = put(w, "[", 1);
    size_t n, at;

    if (!count_items(w, i, &n, &problem))
        return fail_outside(w, problem);
    for (at = 1; s == ITR_OK && at <= n; at++) {
        if (at > 1)
            s = put(w, ",", 1);
        key->index = at;
        lua_rawgeti(w->L, i, (int)at);
        if (s == ITR_OK)
            s = write_value(w, i + 1);
        lua_pop(w->L, 1);
    }
    return s == ITR_OK ? put(w, "]", 1) : s;
}

/* Writes the name of the member whose key lies at index k. */
static enum itr_status write_name(struct writer *w, int k, bool first)
{
    struct itr_key *key = &w->path.keys[w->path.depth - 1];
    const char *forbidden = w->path.depth == 1 ? w->options->forbidden : NULL;
    enum itr_status s;

    if (lua_type(w->L, k) != LUA_TSTRING)
        return fail_outside(w, lua_type(w->L, k) == LUA_TNUMBER
                                   ? "both string keys and numbers; a table is either an array or "
                                     "an object"
                                   : "a key that is not a string");
    key->name = lua_tolstring(w->L, k, &key->name_len);
    if (key->name_len == 0)
        return fail_outside(w, "an empty key");
    if (!itr_utf8_valid(key->name, key->name_len))
        return fail(w, "this key is not valid UTF-8");
    if (forbidden != NULL && strcmp(key->name, forbidden) == 0)
        return fail(w, "the library adds the token itself; remove it");
    s = first ? ITR_OK : put(w, ",", 1);
    if (s == ITR_OK)
        s = put_quoted(w, key->name, key->name_len);
    return s == ITR_OK ? put(w, ":", 1) : s;
}

static enum itr_status write_object(struct writer *w, int i)
{
    lua_State *L = w->L;
    enum itr_status s = put(w, "{", 1);
    bool first = true;

    for (lua_pushnil(L); s == ITR_OK && lua_next(L, i); lua_pop(L, 1)) {
        if ((s = write_name(w, i + 1, first)) == ITR_OK)
            s = write_value(w, i + 2);
        first = false;
    }
    return s == ITR_OK ? put(w, "}", 1) : s;
}

/* Arrays have a number for their first key, or the mark. */
static bool is_array(lua_State *L, int i)
{
    bool number;

    if (is_marked_array(L, i))
        return true;
    lua_pushnil(L);
    if (!lua_next(L, i))
        return false;
    number = lua_type(L, -2) == LUA_TNUMBER;
    lua_pop(L, 2);
    return number;
}

/* Faults of the table itself: it is inside of itself, or too deep. */
static enum itr_status check_open(struct writer *w, const void *table)
{
    size_t d;

    for (d = 0; d < w->path.depth; d++)
        if (w->tables[d] == table)
            return fail(w, "a cycle: this table contains itself");
    if (w->path.depth == ITR_JSON_WRITE_DEPTH)
        return fail(w, "more than 100 levels of tables");
    return ITR_OK;
}

/* i is the top of the stack. */
static enum itr_status write_table(struct writer *w, int i)
{
    const void *table = lua_topointer(w->L, i);
    enum itr_status s = check_open(w, table);

    if (s != ITR_OK)
        return s;
    luaL_checkstack(w->L, 6, "encoding JSON");
    w->tables[w->path.depth] = table;
    w->path.keys[w->path.depth++] = (struct itr_key){0};
    s = is_array(w->L, i) ? write_array(w, i) : write_object(w, i);
    if (s == ITR_OK)
        w->path.depth--;
    return s;
}

static enum itr_status write_value(struct writer *w, int i)
{
    switch (lua_type(w->L, i)) {
    case LUA_TNIL:
        return put(w, "null", 4);
    case LUA_TBOOLEAN:
        return lua_toboolean(w->L, i) ? put(w, "true", 4) : put(w, "false", 5);
    case LUA_TSTRING:
        return write_string(w, i);
    case LUA_TNUMBER:
    case ITR_LUA_TCDATA:
        return write_number(w, i);
    case LUA_TLIGHTUSERDATA:
        return write_light(w, i);
    case LUA_TTABLE:
        return write_table(w, i);
    case LUA_TFUNCTION:
        return fail(w, "a function cannot be sent");
    case LUA_TTHREAD:
        return fail(w, "a coroutine cannot be sent");
    default:
        return fail(w, "a userdata cannot be sent");
    }
}

enum itr_status itr_json_write(lua_State *L, int i, const struct itr_json_write_options *options,
                               struct itr_buf *out, struct itr_error *e)
{
    struct writer w = {.L = L, .options = options, .out = out, .e = e};
    int top = lua_gettop(L);
    enum itr_status s;

    /* A copy on top, because the writer counts its places from there. */
    luaL_checkstack(L, 4, "encoding JSON");
    lua_pushvalue(L, i);
    s = write_value(&w, top + 1);
    lua_settop(L, top);
    return s;
}
