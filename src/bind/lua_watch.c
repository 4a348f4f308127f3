#include "bind/lua_watch.h"

#include <string.h>

#include "bind/field.h"
#include "bind/protected.h"

#define STACK_SLOTS 12

/* ---- the function ---- */

void itr_lua_watch_set(lua_State *L, struct itr_lua_watch *w, int client)
{
    lua_createtable(L, 1, 0);
    lua_insert(L, -2);
    lua_rawseti(L, -2, 1);
    itr_lua_set_kept(L, client);
    w->given = true;
}

/* The path without a query: a path with one is an error, and the query may hold anything. */
static void set_path(lua_State *L, int path)
{
    const char *text;
    size_t n;

    if (lua_type(L, path) != LUA_TSTRING)
        return;
    text = lua_tolstring(L, path, &n);
    lua_pushlstring(L, text, strcspn(text, "?#"));
    lua_setfield(L, -2, "path");
}

/* Protected: gets the outcome, the function, path and endpoint. */
static int run_note(lua_State *L)
{
    const struct itr_outcome *o = lua_touserdata(L, 1);

    lua_pushvalue(L, 2);
    lua_createtable(L, 0, 10);
    itr_field_string(L, "method", o->method);
    set_path(L, 3);
    if (lua_type(L, 4) == LUA_TSTRING) {
        lua_pushvalue(L, 4);
        lua_setfield(L, -2, "endpoint");
    }
    if (o->kind != ITR_OK)
        itr_field_string(L, "kind", itr_status_name(o->kind));
    if (o->has_code)
        itr_field_integer(L, "code", o->code);
    if (o->http_status != 0)
        itr_field_integer(L, "http_status", o->http_status);
    itr_field_number(L, "elapsed", (lua_Number)o->elapsed_us / 1e6);
    itr_field_integer(L, "attempts", (int64_t)o->requests);
    itr_field_integer(L, "refused", (int64_t)o->refused);
    itr_field_integer(L, "bytes", (int64_t)o->bytes);
    lua_call(L, 1, 0);
    return 0;
}

static const struct itr_protected note_protected = {run_note};

/* lua/itrigger/watch.lua answers for what the program's function raises: only what must go on, an
 * interrupt, comes out of it. */
static int tell(lua_State *L, int client, const struct itr_outcome *o, int path, int endpoint)
{
    struct itr_outcome copy = *o;
    int status;

    if (!lua_checkstack(L, STACK_SLOTS))
        return 0;
    itr_protected_push(L, &note_protected, &copy);
    itr_lua_get_kept(L, client);
    lua_rawgeti(L, -1, 1);
    lua_remove(L, -2);
    lua_pushvalue(L, path);
    lua_pushvalue(L, endpoint);
    status = itr_protected_call(L, 3, 0);
    if (status == 0 || status == LUA_ERRRUN)
        return status;
    lua_pop(L, 1); /* no memory to tell of it */
    return 0;
}

int itr_lua_watch_note(lua_State *L, struct itr_lua_watch *w, int client,
                       const struct itr_outcome *o, int path, int endpoint)
{
    int status;

    itr_tally_add(&w->tally, o);
    if (!w->given || w->inside)
        return 0;
    w->inside = true;
    status = tell(L, client, o, path, endpoint);
    w->inside = false;
    return status;
}

/* ---- the counts ---- */

void itr_lua_watch_push(lua_State *L, const struct itr_tally *tally)
{
    int kind, i;

    luaL_checkstack(L, STACK_SLOTS, "counts");
    lua_createtable(L, 0, 6);
    lua_createtable(L, 0, ITR_STORE + 1);
    for (kind = ITR_OK; kind <= ITR_STORE; kind++)
        itr_field_integer(L, itr_status_name((enum itr_status)kind),
                          (int64_t)tally->outcomes[kind]);
    lua_setfield(L, -2, "outcomes");
    lua_createtable(L, ITR_TALLY_BUCKETS + 1, 0);
    for (i = 0; i <= ITR_TALLY_BUCKETS; i++) {
        itr_number_push(L, (int64_t)tally->buckets[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "buckets");
    itr_field_number(L, "elapsed", (lua_Number)tally->elapsed_us / 1e6);
    itr_field_integer(L, "requests", (int64_t)tally->requests);
    itr_field_integer(L, "refused", (int64_t)tally->refused);
}

void itr_lua_watch_open(lua_State *L)
{
    int i;

    itr_protected_open(L, &note_protected);
    lua_createtable(L, ITR_TALLY_BUCKETS, 0);
    for (i = 0; i < ITR_TALLY_BUCKETS; i++) {
        lua_pushnumber(L, (lua_Number)itr_tally_bounds_ms[i] / 1000);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "call_bounds");
}
