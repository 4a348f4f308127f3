#include "bind/lua_async.h"

#include <stdio.h>
#include <string.h>

#include "bind/parts.h"
#include "core/os/notifier.h"

#define PATH_BYTES 256 /* of a Unix socket, with room */

struct state_notifier {
    struct itr_notifier *notifier; /* one reference; NULL until it is asked for */
    enum itr_notifier_kind kind;
    bool chosen; /* kind was asked for */
    bool over;   /* the Lua state is being closed */
};

static const char notifier_key; /* registry key of the state's struct state_notifier, a userdata */

/* ---- the notifier ---- */

/* The notifier, new where there is none of this process. */
static enum itr_status ready(struct state_notifier *s, struct itr_notifier **out,
                             struct itr_error *e)
{
    enum itr_status status = ITR_OK;

    if (s->over)
        return itr_error_set(e, ITR_USAGE, "the Lua state is being closed");
    if (s->notifier != NULL && !itr_notifier_is_ours(s->notifier)) {
        itr_notifier_release(s->notifier);
        s->notifier = NULL;
    }
    if (s->notifier == NULL)
        status = itr_notifier_new(s->kind, &s->notifier, e);
    *out = s->notifier;
    return status;
}

static struct state_notifier *of_state(lua_State *L)
{
    struct state_notifier *s;

    itr_lua_registry_get(L, &notifier_key);
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

static int l_notifier(lua_State *L)
{
    struct state_notifier *s = of_state(L);
    enum itr_notifier_kind kind =
        strcmp(luaL_checkstring(L, 1), "socket") == 0 ? ITR_NOTIFIER_SOCKET : ITR_NOTIFIER_FD;
    struct itr_notifier *notifier = NULL;
    struct itr_error e;
    char path[PATH_BYTES];

    if (s->chosen && s->kind != kind)
        return push_failure(L, "this Lua state has a notifier of the other kind already");
    s->kind = kind;
    s->chosen = true;
    if (ready(s, &notifier, &e) != ITR_OK)
        return push_failure(L, e.text);
    if (kind == ITR_NOTIFIER_FD) {
        lua_pushinteger(L, itr_notifier_fd(notifier));
    } else {
        /* A copy: while Lua makes the string, a finalizer may end the state's notifier. */
        (void)snprintf(path, sizeof path, "%s", itr_notifier_path(notifier));
        lua_pushstring(L, path);
    }
    return 1;
}

static int l_accept(lua_State *L)
{
    struct state_notifier *s = of_state(L);
    struct itr_error e;

    if (s->notifier == NULL)
        return push_failure(L, "there is no notifier");
    if (itr_notifier_accept(s->notifier, &e) != ITR_OK)
        return push_failure(L, e.text);
    lua_pushboolean(L, 1);
    return 1;
}

static int l_notify(lua_State *L)
{
    struct state_notifier *s = of_state(L);

    if (s->notifier != NULL)
        itr_notifier_notify(s->notifier);
    return 0;
}

static int l_answered(lua_State *L)
{
    struct state_notifier *s = of_state(L);

    if (s->notifier != NULL)
        itr_notifier_answered(s->notifier);
    return 0;
}

/* ---- coroutines ---- */

/* In the interpreter from Lua 5.3 on and in LuaJIT, whichever headers we were built with. */
extern int lua_isyieldable(lua_State *L) __attribute__((weak));

/* Return whether the running coroutine can yield where it is; nothing where the interpreter cannot
 * tell. ngx_lua hides coroutine.isyieldable. */
static int l_is_yieldable(lua_State *L)
{
    if (lua_isyieldable == NULL)
        return 0;
    lua_pushboolean(L, lua_isyieldable(L));
    return 1;
}

/* ---- transports that ring it ---- */

static enum itr_status open_engine(void *ctx, const struct itr_transport_options *options,
                                   struct itr_transport **out, struct itr_error *e)
{
    struct itr_notifier *notifier = NULL;
    enum itr_status status;

    *out = NULL;
    if ((status = ready(ctx, &notifier, e)) != ITR_OK)
        return status;
    return itr_parts_open_engine(options, notifier, out, e);
}

struct itr_transport_maker itr_lua_async_maker(lua_State *L)
{
    return (struct itr_transport_maker){.open = open_engine, .ctx = of_state(L)};
}

/* ---- module ---- */

/* At the end of the state only: the registry holds it. */
static int l_gc(lua_State *L)
{
    struct state_notifier *s = lua_touserdata(L, 1);

    if (s == NULL)
        return 0;
    s->over = true;
    itr_notifier_release(s->notifier);
    s->notifier = NULL;
    return 0;
}

static void push_state_notifier(lua_State *L)
{
    struct state_notifier *s = itr_lua_newuserdata(L, sizeof *s);

    *s = (struct state_notifier){.kind = ITR_NOTIFIER_FD};
    lua_newtable(L);
    lua_pushcfunction(L, l_gc);
    lua_setfield(L, -2, "__gc");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
}

static const luaL_Reg functions[] = {
    {"notifier", l_notifier},          {"notifier_accept", l_accept},    {"notify", l_notify},
    {"notifier_answered", l_answered}, {"is_yieldable", l_is_yieldable}, {NULL, NULL}};

void itr_lua_async_open(lua_State *L)
{
    itr_lua_setfuncs(L, functions);
    itr_lua_registry_once(L, &notifier_key, push_state_notifier);
    lua_pop(L, 1);
}
