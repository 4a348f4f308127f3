#include "bind/json_read.h"

#include <math.h>
#include <string.h>

#include "bind/json_write.h"
#include "bind/number.h"
#include "core/base/decimal.h"
#include "core/json/number.h"
#include "core/json/string.h"

#define ENVELOPE_FIELDS 4 /* code, message, data, and elapsed, which the caller adds */
#define SHORT_BYTES 512   /* of a string with escapes that needs no buffer */

/* The text is known to be right: nothing of it is checked again. */
struct reader {
    lua_State *L;
    const unsigned char *at, *end;
    bool keep_nulls;
    int arrays;     /* index of the metatable of arrays */
    unsigned depth; /* levels that are open */
    /* How much the last container of each level held: rows of a list are alike, and a table that is
     * made in its size need not grow. */
    int members[ITR_JSON_MAX_DEPTH], items[ITR_JSON_MAX_DEPTH];
};

static void read_value(struct reader *r);

/* The next byte that is no space. */
static int look(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t'))
        r->at++;
    return r->at < r->end ? *r->at : 0;
}

/* ---- strings ---- */

static void push_unescaped(lua_State *L, struct itr_json_piece piece)
{
    char text[SHORT_BYTES], one[4];
    size_t n = itr_json_unescape_short(piece, text, sizeof text);
    const char *at = piece.at, *end = piece.at + piece.len, *from;
    luaL_Buffer b;

    if (n <= sizeof text) {
        lua_pushlstring(L, text, n);
        return;
    }
    luaL_buffinit(L, &b);
    while (at < end) {
        n = itr_json_stretch(&at, end, one, &from);
        luaL_addlstring(&b, from, n);
    }
    luaL_pushresult(&b);
}

static void read_string(struct reader *r)
{
    const unsigned char *first = r->at + 1;
    const unsigned char *stop = itr_json_skip_plain(first, r->end);
    struct itr_json_string rest = {.stop = stop};

    if (*stop != '"')
        rest = itr_json_string_rest(stop, r->end);
    r->at = rest.stop + 1;
    if (rest.escaped)
        push_unescaped(r->L,
                       (struct itr_json_piece){(const char *)first, (size_t)(rest.stop - first)});
    else
        lua_pushlstring(r->L, (const char *)first, (size_t)(rest.stop - first));
}

/* ---- numbers ---- */

static void push_real(lua_State *L, const char *text, size_t n)
{
    double d;

    if (!itr_decimal_read(text, n, &d) || isinf(d))
        lua_pushlstring(L, text, n);
    else if (ITR_LUA_HAS_INTEGERS && d == floor(d) && fabs(d) <= (double)ITR_NUMBER_EXACT)
        itr_number_push(L, (int64_t)d);
    else
        lua_pushnumber(L, d);
}

static void read_number(struct reader *r)
{
    struct itr_json_number n = itr_json_number_scan(r->at, r->end);
    const char *text = (const char *)r->at;
    size_t len = (size_t)(n.stop - r->at);
    int64_t value;

    r->at = n.stop;
    if (!n.is_integer)
        push_real(r->L, text, len);
    else if (!n.is_wide && itr_json_integer(text, len, &value))
        itr_number_push(r->L, value);
    else
        lua_pushlstring(r->L, text, len);
}

/* ---- tables ---- */

/* The name of a member is on top and its value is null: of two with one name the last counts. */
static void drop_member(lua_State *L, int table)
{
    lua_pushvalue(L, -1);
    lua_rawget(L, table);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 2);
    } else {
        lua_pop(L, 1);
        lua_pushnil(L);
        lua_rawset(L, table);
    }
}

static void read_object(struct reader *r)
{
    int *size = &r->members[r->depth++];
    int table, n = 0;

    lua_createtable(r->L, 0, *size);
    table = lua_gettop(r->L);
    r->at++;
    while (look(r) != '}') {
        read_string(r);
        (void)look(r);
        r->at++; /* the colon */
        if (look(r) == 'n' && !r->keep_nulls) {
            r->at += strlen("null");
            drop_member(r->L, table);
        } else {
            read_value(r);
            lua_rawset(r->L, table);
            n++;
        }
        if (look(r) == ',') {
            r->at++;
            (void)look(r);
        }
    }
    r->at++;
    *size = n;
    r->depth--;
}

static void read_array(struct reader *r)
{
    int *size = &r->items[r->depth++];
    int n = 0;

    lua_createtable(r->L, *size, 0);
    lua_pushvalue(r->L, r->arrays);
    lua_setmetatable(r->L, -2);
    r->at++;
    while (look(r) != ']') {
        read_value(r);
        lua_rawseti(r->L, -2, ++n);
        if (look(r) == ',')
            r->at++;
    }
    r->at++;
    *size = n;
    r->depth--;
}

/* ---- the document ---- */

static void read_word(struct reader *r, const char *word)
{
    r->at += strlen(word);
    if (*word == 'n')
        lua_pushlightuserdata(r->L, NULL);
    else
        lua_pushboolean(r->L, *word == 't');
}

static void read_value(struct reader *r)
{
    switch (look(r)) {
    case '"':
        read_string(r);
        break;
    case '{':
    case '[':
        luaL_checkstack(r->L, 6, "decoding JSON");
        if (*r->at == '{')
            read_object(r);
        else
            read_array(r);
        break;
    case 't':
        read_word(r, "true");
        break;
    case 'f':
        read_word(r, "false");
        break;
    case 'n':
        read_word(r, "null");
        break;
    default:
        read_number(r);
    }
}

void itr_json_read(lua_State *L, const struct itr_json_scan *scan,
                   struct itr_json_read_options options)
{
    struct reader r = {.L = L, .keep_nulls = options.keep_nulls};

    if (options.envelope)
        r.members[0] = ENVELOPE_FIELDS;
    r.at = (const unsigned char *)scan->text;
    r.end = r.at + scan->len;
    luaL_checkstack(L, 6, "decoding JSON");
    itr_json_write_push_array_metatable(L);
    r.arrays = lua_gettop(L);
    read_value(&r);
    lua_remove(L, r.arrays);
    if (!options.envelope || scan->code_is != ITR_JSON_CODE_INTEGER)
        return;
    lua_pushliteral(L, "code");
    itr_number_push(L, scan->code);
    lua_rawset(L, -3);
}
