/*
 * What json_write takes is strict JSON and reads back equal, through json_read; what it refuses is
 * a usage error in valid UTF-8. The input is a little program that builds a Lua value: see build().
 */
#include <inttypes.h>
#include <math.h>

#include <lualib.h>

#include "bind/json_read.h"
#include "bind/json_write.h"
#include "bind/number.h"
#include "core/base/utf8.h"
#include "core/json/scan.h"
#include "fuzz.h"

#define DEEPEST 120 /* a little more than the writer takes */
#define WIDEST 24   /* members of one table */

struct input {
    const uint8_t *at, *end;
};

static lua_State *L;
static int array_mark; /* stack index of the array metatable */

/* ---- from bytes to a Lua value ---- */

static unsigned next_byte(struct input *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

static void next_bytes(struct input *in, void *to, size_t n)
{
    size_t have = (size_t)(in->end - in->at), k = n < have ? n : have;

    memset(to, 0, n);
    memcpy(to, in->at, k);
    in->at += k;
}

static void build(struct input *in, int depth);

static void build_string(struct input *in)
{
    char text[256];
    size_t n = next_byte(in);

    next_bytes(in, text, n);
    lua_pushlstring(L, text, n);
}

static void build_number(struct input *in, bool integer)
{
    int64_t i;
    double d;

    if (integer) {
        next_bytes(in, &i, sizeof i);
        lua_pushinteger(L, (lua_Integer)i);
    } else {
        next_bytes(in, &d, sizeof d);
        lua_pushnumber(L, d);
    }
}

static void build_array(struct input *in, int depth)
{
    unsigned n = next_byte(in) % WIDEST, i;

    lua_newtable(L);
    for (i = 1; i <= n; i++) {
        build(in, depth + 1);
        lua_rawseti(L, -2, (int)i);
    }
    if (next_byte(in) & 1) {
        lua_pushvalue(L, array_mark);
        lua_setmetatable(L, -2);
    }
}

/* Keys of any type but nil and NaN. */
static void build_key(struct input *in)
{
    if (next_byte(in) % 16 == 0)
        lua_pushinteger(L, (lua_Integer)next_byte(in));
    else
        build_string(in);
}

static void build_object(struct input *in, int depth)
{
    unsigned n = next_byte(in) % WIDEST, i;

    lua_newtable(L);
    for (i = 0; i < n; i++) {
        build_key(in);
        build(in, depth + 1);
        lua_rawset(L, -3);
    }
}

/* A table into itself. */
static void build_cycle(void)
{
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "again");
}

static void build(struct input *in, int depth)
{
    unsigned what = next_byte(in) % 16;

    luaL_checkstack(L, 10, "fuzz");
    if (depth >= DEEPEST)
        what %= 5;
    switch (what) {
    case 0:
        lua_pushlightuserdata(L, NULL);
        break;
    case 1:
        lua_pushboolean(L, next_byte(in) & 1);
        break;
    case 2:
    case 3:
        build_number(in, what == 2);
        break;
    case 4:
    case 5:
        build_string(in);
        break;
    case 6:
        lua_pushcfunction(L, luaopen_base); /* any function; nobody calls it */
        break;
    case 7:
        build_cycle();
        break;
    case 8:
    case 9:
    case 10:
    case 11:
        build_array(in, depth);
        break;
    default:
        build_object(in, depth);
    }
}

/* ---- equal ---- */

static void check_equal(int a, int b);

/* An integer beyond 2^53-1 comes back as its digits. */
static void check_number(int a, int b)
{
    char digits[ITR_NUMBER_TEXT];
    double d = (double)lua_tonumber(L, a);
    bool integer = lua_isinteger(L, a) != 0;
    int64_t i = integer ? (int64_t)lua_tointeger(L, a) : 0;

    CHECK(isfinite(d));
    if (!integer && d == floor(d) && fabs(d) < 9.2e18) {
        integer = true;
        i = (int64_t)d;
    }
    if (integer && (i > ITR_NUMBER_EXACT || i < -ITR_NUMBER_EXACT)) {
        snprintf(digits, sizeof digits, "%" PRId64, i);
        CHECK(lua_type(L, b) == LUA_TSTRING && strcmp(lua_tostring(L, b), digits) == 0);
    } else if (integer) {
        CHECK(lua_isinteger(L, b) && (int64_t)lua_tointeger(L, b) == i);
    } else if (lua_type(L, b) == LUA_TSTRING) {
        CHECK(strtod(lua_tostring(L, b), NULL) == d); /* between 9.2e18 and 2^63 */
    } else {
        CHECK(lua_type(L, b) == LUA_TNUMBER && (double)lua_tonumber(L, b) == d);
    }
}

static size_t count(int i)
{
    size_t n = 0;

    for (lua_pushnil(L); lua_next(L, i); lua_pop(L, 1))
        n++;
    return n;
}

static void check_table(int a, int b)
{
    int top = lua_gettop(L);

    CHECK(lua_istable(L, b));
    CHECK(count(a) == count(b));
    for (lua_pushnil(L); lua_next(L, a); lua_settop(L, top + 1)) {
        lua_pushvalue(L, top + 1);
        lua_rawget(L, b);
        check_equal(top + 2, top + 3);
    }
}

static void check_equal(int a, int b)
{
    luaL_checkstack(L, 10, "fuzz");
    switch (lua_type(L, a)) {
    case LUA_TNUMBER:
        check_number(a, b);
        break;
    case LUA_TTABLE:
        check_table(a, b);
        break;
    default: /* null, booleans, strings; a function was refused */
        CHECK(lua_rawequal(L, a, b));
    }
}

/* ---- one input ---- */

static void check_written(int value, const struct itr_buf *text)
{
    struct itr_json_scan scan;
    struct itr_json_read_options options = {.keep_nulls = true};
    struct itr_error e;

    CHECK(itr_json_scan(text->data, text->len, &scan, &e) == ITR_OK);
    itr_json_read(L, &scan, options);
    check_equal(value, lua_gettop(L));
}

static void start(void)
{
    L = luaL_newstate();
    CHECK(L != NULL);
    luaL_openlibs(L);
    itr_number_open(L);
    itr_json_write_push_array_metatable(L);
    array_mark = lua_gettop(L);
}

/* The scan refuses two members of one name at the top only for names of the envelope, and a table
 * cannot hold two; so nothing that is written may be refused. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct itr_json_write_options options = {"value", NULL};
    struct input in = {data, data + size};
    struct itr_buf text;
    struct itr_error e;
    enum itr_status s;

    if (L == NULL)
        start();
    build(&in, 0);
    itr_buf_init(&text, (size_t)1 << 24);
    s = itr_json_write(L, array_mark + 1, &options, &text, &e);
    CHECK(lua_gettop(L) == array_mark + 1);
    if (s == ITR_OK)
        check_written(array_mark + 1, &text);
    else
        CHECK(s == ITR_USAGE && e.kind == s && itr_utf8_valid(e.text, strlen(e.text)));
    itr_buf_clear(&text);
    lua_settop(L, array_mark);
    return 0;
}
