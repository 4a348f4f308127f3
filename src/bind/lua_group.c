#include "bind/lua_group.h"

#include <stddef.h>

#include "bind/bound_call.h"
#include "bind/call_args.h"
#include "bind/call_result.h"
#include "bind/error_push.h"
#include "core/base/clock.h"
#include "core/call/client.h"

#define MAX_SLOT 1000000
#define MAX_WAIT_S 1e6

static const char metatable_key; /* registry key of the groups' metatable */

static void set_keep(lua_State *L, int i)
{
#if LUA_VERSION_NUM >= 504
    lua_setiuservalue(L, i, 1);
#elif LUA_VERSION_NUM >= 502
    lua_setuservalue(L, i);
#else
    lua_setfenv(L, i);
#endif
}

static void get_keep(lua_State *L, int i)
{
#if LUA_VERSION_NUM >= 504
    lua_getiuservalue(L, i, 1);
#elif LUA_VERSION_NUM >= 502
    lua_getuservalue(L, i);
#else
    lua_getfenv(L, i);
#endif
}

struct itr_lua_group *itr_lua_group_check(lua_State *L, int i)
{
    struct itr_lua_group *g = itr_lua_testudata(L, i, &metatable_key);

    if (g == NULL)
        luaL_argerror(L, i, "itrigger.group expected");
    return g;
}

static int l_group(lua_State *L)
{
    struct lua_client *c = itr_lua_client_check(L, 1);
    enum itr_lua_side side = ITR_SIDE_SCRIPT;
    struct itr_lua_group *g;
    struct itr_client *client;
    struct itr_error e;

    if (lua_type(L, 3) == LUA_TSTRING)
        side = ITR_SIDE_OWN;
    else if (lua_toboolean(L, 3))
        side = ITR_SIDE_LOOP;
    if (itr_lua_client_side(L, c, side, &client, &e) != ITR_OK)
        return itr_error_return(L, &e);
#if LUA_VERSION_NUM >= 504
    g = lua_newuserdatauv(L, sizeof *g, 1);
#else
    g = lua_newuserdata(L, sizeof *g);
#endif
    itr_call_group_init(&g->group, g);
    g->owner = c;
    g->client = client;
    g->calls = NULL;
    g->id = (int64_t)lua_tonumber(L, 2);
    lua_newtable(L);
    lua_pushvalue(L, 1);
    lua_rawseti(L, -2, 0);
    set_keep(L, -2);
    itr_lua_registry_get(L, &metatable_key);
    lua_setmetatable(L, -2);
    lua_pushinteger(L, (lua_Integer)itr_client_config(client)->concurrency);
    return 2;
}

static bool is_open(const struct itr_lua_group *g)
{
    return itr_lua_client_present(g->owner, ITR_SIDE_SCRIPT) != NULL;
}

/* ---- the list of what is out ---- */

static void link_call(struct itr_lua_group *g, struct itr_bound_call *b)
{
    b->next_out = g->calls;
    b->prev_out = &g->calls;
    if (g->calls != NULL)
        g->calls->prev_out = &b->next_out;
    g->calls = b;
}

/* Out of the list and back to the client, which may be given back with it. */
static void drop(struct itr_lua_group *g, struct itr_bound_call *b)
{
    *b->prev_out = b->next_out;
    if (b->next_out != NULL)
        b->next_out->prev_out = b->prev_out;
    itr_lua_client_give_back(g->owner, b);
}

/* The path that an error names; keeps the string while the call is out. */
static void keep_path(lua_State *L, int group, int slot, int path)
{
    get_keep(L, group);
    lua_pushvalue(L, path);
    lua_rawseti(L, -2, slot);
    lua_pop(L, 1);
}

/* ---- start ---- */

static int slot_at(lua_State *L, int i)
{
    lua_Number slot = luaL_checknumber(L, i);

    luaL_argcheck(L, slot >= 1 && slot <= MAX_SLOT, i, "no such slot");
    return (int)slot;
}

/* Reads the arguments and starts. The client may have been closed meanwhile, by a finalizer. */
static enum itr_status start(lua_State *L, struct itr_lua_group *g, struct itr_bound_call *b,
                             struct itr_error *e)
{
    enum itr_status s = itr_call_args_read(L, 4, lua_toboolean(L, 3) != 0, b, e);

    if (s == ITR_OK && itr_lua_client_is_closed(g->owner))
        s = itr_error_set(e, ITR_USAGE, "the client is closed");
    if (s == ITR_OK)
        s = itr_client_start(g->client, &g->group, &b->call, e);
    return s;
}

static int l_start(lua_State *L)
{
    struct itr_lua_group *g = itr_lua_group_check(L, 1);
    struct itr_bound_call *b;
    struct itr_error e;
    int slot = slot_at(L, 2);

    lua_settop(L, 6);
    luaL_checktype(L, 4, LUA_TSTRING);
    if (!is_open(g) || itr_lua_client_is_closed(g->owner)) {
        itr_error_set(&e, ITR_USAGE, "the client is closed");
        return itr_error_return(L, &e);
    }
    keep_path(L, 1, slot, 4);
    if ((b = itr_lua_client_take(g->owner)) == NULL)
        return luaL_error(L, "not enough memory");
    b->slot = slot;
    e.kind = start(L, g, b, &e);
    if (e.kind == ITR_OK) {
        link_call(g, b);
        lua_pushboolean(L, 1);
        return 1;
    }
    lua_pushnil(L);
    itr_error_push_call(L, b, &e, NULL, 4);
    itr_lua_client_give_back(g->owner, b);
    return 2;
}

/* ---- take ---- */

static struct itr_bound_call *bound(struct itr_call *call)
{
    return (struct itr_bound_call *)(void *)((char *)call - offsetof(struct itr_bound_call, call));
}

static lua_Number elapsed_s(const struct itr_call *call)
{
    return (lua_Number)(call->ended_mono_ms - call->deadline_mono_ms + call->timeout_ms) / 1000;
}

/* Pushes slot, response, err, elapsed of a call that is over. */
static int push_over(lua_State *L, struct itr_lua_group *g, struct itr_call *call)
{
    struct itr_bound_call *b = bound(call);
    int path, first;

    get_keep(L, 1);
    lua_rawgeti(L, -1, b->slot);
    path = lua_gettop(L);
    first = path + 1;
    lua_pushinteger(L, b->slot);
    (void)itr_call_result_push(L, b, path);
    lua_settop(L, first + 2);
    lua_pushnumber(L, elapsed_s(call));
    lua_pushnil(L);
    lua_rawseti(L, path - 1, b->slot);
    drop(g, b);
    return 4;
}

static int l_look(lua_State *L)
{
    struct itr_lua_group *g = itr_lua_group_check(L, 1);
    struct itr_call *call;
    int64_t wait_ms;

    lua_settop(L, 1);
    if (!is_open(g))
        return 0;
    if ((call = itr_client_look(g->client, &g->group, &wait_ms)) != NULL)
        return push_over(L, g, call);
    lua_pushnil(L);
    if (wait_ms < 0)
        lua_pushnil(L);
    else
        lua_pushnumber(L, (lua_Number)wait_ms / 1000);
    return 2;
}

/* The time `seconds` at argument i from now; none: for ever. */
static int64_t until(lua_State *L, int i)
{
    lua_Number seconds;

    if (lua_isnoneornil(L, i))
        return INT64_MAX;
    seconds = luaL_checknumber(L, i);
    if (!(seconds > 0))
        seconds = 0;
    if (seconds > MAX_WAIT_S)
        seconds = MAX_WAIT_S;
    return itr_clock_mono_ms(itr_clock_system()) + (int64_t)(seconds * 1000) + 1;
}

static int l_take(lua_State *L)
{
    struct itr_lua_group *g = itr_lua_group_check(L, 1);
    int64_t until_mono_ms = until(L, 2);
    struct itr_call *call;

    lua_settop(L, 1);
    if (!is_open(g))
        return 0;
    call = itr_client_next(g->client, &g->group, until_mono_ms);
    return call != NULL ? push_over(L, g, call) : 0;
}

static int l_slow(lua_State *L)
{
    struct itr_lua_group *g = itr_lua_group_check(L, 1);
    int64_t ms = 0;

    if (g->group.slow_until_mono_ms != 0)
        ms = g->group.slow_until_mono_ms - itr_clock_mono_ms(itr_clock_system());
    lua_pushnumber(L, ms > 0 ? (lua_Number)ms / 1000 : 0);
    return 1;
}

/* ---- cancel ---- */

/* Ends a call at once. True: it may have been executed. */
static bool cancel(struct itr_lua_group *g, struct itr_bound_call *b)
{
    struct itr_call *call = &b->call;
    bool over = call->step == ITR_CALL_DONE || call->step == ITR_CALL_FAILED;
    bool out = call->step == ITR_CALL_SEND;

    itr_client_cancel(g->client, call);
    if (over)
        return call->step == ITR_CALL_DONE ||
               (!call->error.retryable && call->error.kind != ITR_USAGE);
    return call->executed || (out && call->exchange.response.sent);
}

static int l_cancel(lua_State *L)
{
    struct itr_lua_group *g = itr_lua_group_check(L, 1);
    int n = 0;

    lua_settop(L, 1);
    lua_newtable(L);
    while (is_open(g) && g->calls != NULL) {
        struct itr_bound_call *b = g->calls;
        lua_pushinteger(L, b->slot);
        if (cancel(g, b))
            lua_rawseti(L, 2, ++n);
        lua_settop(L, 2);
        if (b->next_out == NULL) /* the last: the client may go with it */
            itr_client_forget(g->client, &g->group);
        drop(g, b);
    }
    return 1;
}

/* ---- a loop's ---- */

static int l_pump(lua_State *L)
{
    struct itr_client *client = itr_lua_client_present(itr_lua_client_check(L, 1), ITR_SIDE_LOOP);

    if (client != NULL)
        itr_client_pump(client);
    return 0;
}

static int l_ready(lua_State *L)
{
    struct itr_client *client = itr_lua_client_present(itr_lua_client_check(L, 1), ITR_SIDE_LOOP);
    struct itr_call_group *g = client == NULL ? NULL : itr_client_ready(client);

    if (g == NULL)
        return 0;
    lua_pushnumber(L, (lua_Number)((struct itr_lua_group *)g->owner)->id);
    return 1;
}

static const luaL_Reg functions[] = {{"group", l_group}, {"start", l_start}, {"take", l_take},
                                     {"look", l_look},   {"slow", l_slow},   {"cancel", l_cancel},
                                     {"pump", l_pump},   {"ready", l_ready}, {NULL, NULL}};

static int l_gc(lua_State *L)
{
    struct itr_lua_group *g = itr_lua_group_check(L, 1);

    while (is_open(g) && g->calls != NULL) {
        struct itr_bound_call *b = g->calls;
        (void)cancel(g, b);
        if (b->next_out == NULL)
            itr_client_forget(g->client, &g->group);
        drop(g, b);
    }
    if (is_open(g))
        itr_client_forget(g->client, &g->group);
    return 0;
}

static void push_metatable(lua_State *L)
{
    lua_newtable(L);
    lua_pushcfunction(L, l_gc);
    lua_setfield(L, -2, "__gc");
}

void itr_lua_group_open(lua_State *L)
{
    itr_lua_setfuncs(L, functions);
    itr_lua_registry_once(L, &metatable_key, push_metatable);
    lua_pop(L, 1);
}
