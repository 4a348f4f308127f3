#include "bind/lua_async.h"

#include <string.h>

#include "bind/parts.h"
#include "core/bell.h"

struct state_bell {
    struct itr_bell *bell; /* one reference; NULL until it is asked for */
    enum itr_bell_kind kind;
    bool chosen; /* kind was asked for */
    bool over;   /* the Lua state is being closed */
};

static const char bell_key; /* registry key of the state's struct state_bell, a userdata */

/* ---- the bell ---- */

/* The bell, new where there is none of this process. */
static enum itr_status ready(struct state_bell *s, struct itr_bell **out, struct itr_error *e)
{
    enum itr_status status = ITR_OK;

    if (s->over)
        return itr_error_set(e, ITR_USAGE, "the Lua state is being closed");
    if (s->bell != NULL && !itr_bell_is_ours(s->bell)) {
        itr_bell_release(s->bell);
        s->bell = NULL;
    }
    if (s->bell == NULL)
        status = itr_bell_new(s->kind, &s->bell, e);
    *out = s->bell;
    return status;
}

static struct state_bell *of_state(lua_State *L)
{
    struct state_bell *s;

    itr_lua_registry_get(L, &bell_key);
    s = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return s;
}

static int push_failure(lua_State *L, const char *message)
{
    lua_pushnil(L);
    lua_pushstring(L, message);
    return 2;
}

static int l_bell(lua_State *L)
{
    struct state_bell *s = of_state(L);
    enum itr_bell_kind kind =
        strcmp(luaL_checkstring(L, 1), "socket") == 0 ? ITR_BELL_SOCKET : ITR_BELL_FD;
    struct itr_bell *bell = NULL;
    struct itr_error e;

    if (s->chosen && s->kind != kind)
        return push_failure(L, "this Lua state has a bell of the other kind already");
    s->kind = kind;
    s->chosen = true;
    if (ready(s, &bell, &e) != ITR_OK)
        return push_failure(L, e.text);
    if (kind == ITR_BELL_SOCKET)
        lua_pushstring(L, itr_bell_path(bell));
    else
        lua_pushinteger(L, itr_bell_fd(bell));
    return 1;
}

static int l_bell_accept(lua_State *L)
{
    struct state_bell *s = of_state(L);
    struct itr_error e;

    if (s->bell == NULL)
        return push_failure(L, "there is no bell");
    if (itr_bell_accept(s->bell, &e) != ITR_OK)
        return push_failure(L, e.text);
    lua_pushboolean(L, 1);
    return 1;
}

static int l_bell_ring(lua_State *L)
{
    struct state_bell *s = of_state(L);

    if (s->bell != NULL)
        itr_bell_ring(s->bell);
    return 0;
}

static int l_bell_answered(lua_State *L)
{
    struct state_bell *s = of_state(L);

    if (s->bell != NULL)
        itr_bell_answered(s->bell);
    return 0;
}

/* ---- transports that ring it ---- */

static enum itr_status open_engine(void *ctx, const struct itr_transport_options *options,
                                   struct itr_transport **out, struct itr_error *e)
{
    struct itr_bell *bell = NULL;
    enum itr_status status;

    *out = NULL;
    if ((status = ready(ctx, &bell, e)) != ITR_OK)
        return status;
    return itr_parts_open_engine(options, bell, out, e);
}

struct itr_carrier itr_lua_async_carrier(lua_State *L)
{
    return (struct itr_carrier){.open = open_engine, .ctx = of_state(L)};
}

/* ---- module ---- */

/* At the end of the state only: the registry holds it. */
static int l_gc(lua_State *L)
{
    struct state_bell *s = lua_touserdata(L, 1);

    if (s == NULL)
        return 0;
    s->over = true;
    itr_bell_release(s->bell);
    s->bell = NULL;
    return 0;
}

static void push_state_bell(lua_State *L)
{
    struct state_bell *s = itr_lua_newuserdata(L, sizeof *s);

    *s = (struct state_bell){.kind = ITR_BELL_FD};
    lua_newtable(L);
    lua_pushcfunction(L, l_gc);
    lua_setfield(L, -2, "__gc");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
}

static const luaL_Reg functions[] = {{"bell", l_bell},
                                     {"bell_accept", l_bell_accept},
                                     {"bell_ring", l_bell_ring},
                                     {"bell_answered", l_bell_answered},
                                     {NULL, NULL}};

void itr_lua_async_open(lua_State *L)
{
    itr_lua_setfuncs(L, functions);
    itr_lua_registry_once(L, &bell_key, push_state_bell);
    lua_pop(L, 1);
}
