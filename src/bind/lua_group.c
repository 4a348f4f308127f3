#include "bind/lua_group.h"

#include "bind/bound_call.h"
#include "bind/call_args.h"
#include "bind/call_result.h"
#include "bind/error_push.h"
#include "bind/lua_watch.h"
#include "bind/protected.h"
#include "core/base/bound.h"
#include "core/base/clock.h"
#include "core/call/client.h"

#define MAX_SLOT 1000000
#define MAX_WAIT_S 1e6

static const char metatable_key; /* registry key of the groups' metatable */

struct itr_lua_group *itr_lua_group_check(lua_State *L, int i)
{
    return itr_lua_checkudata(L, i, &metatable_key, "itrigger.group");
}

/* Makes the group's userdata, closed. The client's stays with it. */
static struct itr_lua_group *push_group(lua_State *L, int client)
{
    struct itr_lua_group *g = itr_lua_newkeeper(L, sizeof *g);

    *g = (struct itr_lua_group){.owner = NULL};
    itr_call_group_init(&g->group, g);
    itr_list_init(&g->calls);
    itr_lua_registry_get(L, &metatable_key);
    lua_setmetatable(L, -2);
    lua_createtable(L, 1, 1);
    lua_pushvalue(L, client);
    lua_rawseti(L, -2, 0);
    itr_lua_set_kept(L, -2);
    return g;
}

static int l_group(lua_State *L)
{
    struct lua_client *c = itr_lua_client_check(L, 1);
    enum itr_lua_side side = ITR_SIDE_SCRIPT;
    struct itr_lua_group *g;
    struct itr_error e;

    if (lua_type(L, 3) == LUA_TSTRING)
        side = ITR_SIDE_OWN;
    else if (lua_toboolean(L, 3))
        side = ITR_SIDE_LOOP;
    g = push_group(L, 1);
    g->id = (int64_t)lua_tonumber(L, 2);
    if (itr_lua_client_side(L, c, side, &g->client, &e) != ITR_OK)
        return itr_error_return(L, &e);
    g->owner = c;
    lua_pushinteger(L, (lua_Integer)itr_client_config(g->client)->concurrency);
    return 2;
}

/* Does it have a client? */
static bool has_client(const struct itr_lua_group *g)
{
    return g->owner != NULL && itr_lua_client_present(g->owner, ITR_SIDE_SCRIPT) != NULL;
}

/* Can calls of it be looked at? */
static bool is_open(const struct itr_lua_group *g)
{
    return !g->ended && has_client(g);
}

static bool can_start(const struct itr_lua_group *g)
{
    return is_open(g) && !itr_lua_client_is_closed(g->owner);
}

static enum itr_status closed(const struct itr_lua_group *g, struct itr_error *e)
{
    return itr_error_set(e, ITR_USAGE, "the %s is closed", g->ended ? "batch" : "client");
}

static void link_call(struct itr_lua_group *g, struct itr_bound_call *b)
{
    itr_list_append(&g->calls, &b->node);
    g->n_calls++;
}

static void unlink_call(struct itr_lua_group *g, struct itr_bound_call *b)
{
    itr_list_remove(&b->node);
    g->n_calls--;
}

/* Keeps two strings while the call is pending: the path, for an error, and the endpoint, for
 * on_call. */
static void keep_names(lua_State *L, const struct itr_lua_group *g, int slot, int path)
{
    itr_lua_get_kept(L, 1);
    lua_pushvalue(L, path);
    lua_rawseti(L, -2, slot);
    if (itr_lua_client_watch(g->owner)->given) {
        lua_pushvalue(L, path + 3);
        lua_rawseti(L, -2, -slot);
    }
    lua_pop(L, 1);
}

/* Notes a call that ended. kept: where the table that the group keeps is. Returns as
 * itr_lua_watch_note does. */
static int note(lua_State *L, const struct itr_lua_group *g, int kept, int slot,
                const struct itr_outcome *o)
{
    struct itr_lua_watch *w = itr_lua_client_watch(g->owner);
    int top = lua_gettop(L), status;

    lua_rawgeti(L, kept, 0);
    lua_rawgeti(L, kept, slot);
    lua_rawgeti(L, kept, -slot);
    if ((status = itr_lua_watch_note(L, w, top + 1, o, top + 2, top + 3)) == 0)
        lua_settop(L, top);
    return status;
}

/* ---- start ---- */

static int slot_at(lua_State *L, int i)
{
    lua_Number slot = luaL_checknumber(L, i);

    luaL_argcheck(L, slot >= 1 && slot <= MAX_SLOT, i, "no such slot");
    return (int)slot;
}

struct start_frame {
    struct itr_lua_group *g;
    struct itr_bound_call *b;
    bool post;
    enum itr_status status;
    struct itr_error error;
};

/* Protected: reads the arguments at 2 (path), 3, 4, and starts the call. */
static int run_start(lua_State *L)
{
    struct start_frame *f = lua_touserdata(L, 1);

    f->status = itr_call_args_read(L, 2, f->post, f->b, &f->error);
    if (f->status == ITR_OK && !can_start(f->g)) /* closed by a finalizer */
        f->status = closed(f->g, &f->error);
    if (f->status == ITR_OK)
        f->status = itr_client_start(f->g->client, &f->g->group, &f->b->call, &f->error);
    return 0;
}

static const struct itr_protected start_protected = {run_start};

/* Returns nil and the error to Lua, for a call that was not started. */
static int push_unstarted(lua_State *L, const struct itr_lua_group *g, int slot, bool post,
                          const struct itr_error *e)
{
    struct itr_outcome o;

    lua_pushnil(L);
    itr_error_push_call(L, e, NULL, post, 4, 0);
    itr_outcome_of_unstarted(itr_outcome_method(post), e->kind, &o);
    itr_lua_get_kept(L, 1);
    lua_insert(L, -3);
    return note(L, g, lua_gettop(L) - 2, slot, &o) == 0 ? 2 : lua_error(L);
}

/* The call is in no list while its arguments are read. */
static int l_start(lua_State *L)
{
    struct start_frame f = {.g = itr_lua_group_check(L, 1)};
    struct lua_client *owner = f.g->owner;
    int slot = slot_at(L, 2), status, i;

    lua_settop(L, 7);
    luaL_checktype(L, 4, LUA_TSTRING);
    f.post = lua_toboolean(L, 3) != 0;
    itr_lua_client_make_room(L, owner);
    keep_names(L, f.g, slot, 4);
    if (!can_start(f.g)) {
        closed(f.g, &f.error);
        return push_unstarted(L, f.g, slot, f.post, &f.error);
    }
    if ((f.b = itr_lua_client_take(owner)) == NULL)
        return luaL_error(L, "not enough memory");
    f.b->slot = slot;
    itr_lua_client_enter(owner);
    itr_protected_push(L, &start_protected, &f);
    for (i = 4; i <= 6; i++)
        lua_pushvalue(L, i);
    if ((status = itr_protected_call(L, 3, 0)) == 0 && f.status == ITR_OK)
        link_call(f.g, f.b);
    else
        itr_lua_client_give_back(owner, f.b);
    itr_lua_client_leave(owner);
    if (status != 0)
        return lua_error(L);
    if (f.status == ITR_OK) {
        lua_pushboolean(L, 1);
        return 1;
    }
    f.error.kind = f.status;
    return push_unstarted(L, f.g, slot, f.post, &f.error);
}

/* ---- take ---- */

static struct itr_bound_call *bound(struct itr_call *call)
{
    return ITR_CONTAINER(call, struct itr_bound_call, call);
}

/* Protected: gets a completed call and its path, returns slot, response, err, elapsed; or nothing,
 * if the call is to be started once more. */
static int run_result(lua_State *L)
{
    struct itr_bound_call *b = lua_touserdata(L, 1);

    if (itr_call_result_collect(L, b))
        return 0;
    lua_pushinteger(L, b->slot);
    (void)itr_call_result_push(L, b, 2);
    lua_settop(L, 5);
    lua_pushnumber(L, itr_call_elapsed_s(&b->call));
    return 4;
}

static const struct itr_protected result_protected = {run_result};

/* Starts it once more, or has it handed out as it is. */
static void restart(struct itr_lua_group *g, struct itr_bound_call *b)
{
    struct itr_error e;

    if (itr_lua_client_is_closed(g->owner) ||
        itr_client_restart(g->client, &g->group, &b->call, &e) != ITR_OK)
        itr_client_put_back(g->client, &g->group, &b->call);
}

/* Returns slot, response, err, elapsed of a call that the client handed out; 0: it was started once
 * more. If that raises, the call is handed out again by the next look. */
static int hand_out(lua_State *L, struct itr_lua_group *g, struct itr_call *call)
{
    struct lua_client *owner = g->owner;
    struct itr_bound_call *b = bound(call);
    struct itr_outcome outcome;
    int keep, status;
    bool again;

    unlink_call(g, b);
    itr_lua_client_enter(owner);
    itr_lua_get_kept(L, 1);
    keep = lua_gettop(L);
    itr_protected_push(L, &result_protected, b);
    lua_rawgeti(L, keep, b->slot);
    status = itr_protected_call(L, 1, 4);
    again = status == 0 && lua_isnil(L, -4);
    if (status == 0 && !again && !b->noted) {
        b->noted = true; /* also if that is interrupted */
        itr_outcome_of_call(call, &outcome);
        status = note(L, g, keep, b->slot, &outcome);
    }
    if (g->ended || (status == 0 && !again)) {
        itr_lua_client_give_back(owner, b);
    } else {
        link_call(g, b);
        if (again)
            restart(g, b);
        else
            itr_client_put_back(g->client, &g->group, call);
    }
    itr_lua_client_leave(owner);
    if (status != 0)
        return lua_error(L);
    return again ? 0 : 4;
}

/* Returns false, nil, err: nothing can come any more. */
static int push_over(lua_State *L, const struct itr_lua_group *g)
{
    struct itr_error e;

    lua_pushboolean(L, 0);
    closed(g, &e);
    return 1 + itr_error_return(L, &e);
}

static int l_look(lua_State *L)
{
    struct itr_lua_group *g = itr_lua_group_check(L, 1);
    struct itr_call *call;
    int64_t wait_ms;

    lua_settop(L, 1);
    if (!is_open(g))
        return push_over(L, g);
    call = itr_client_look(g->client, &g->group, &wait_ms);
    if (call != NULL && hand_out(L, g, call) != 0)
        return 4;
    lua_pushnil(L);
    if (call != NULL)
        wait_ms = 0; /* it was started once more */
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
    int64_t until_mono_ms = until(L, 2), now;
    struct itr_call *call;

    lua_settop(L, 1);
    for (;;) {
        if (!is_open(g))
            return push_over(L, g);
        if (until_mono_ms == INT64_MAX && g->n_calls == 0)
            return 0;
        now = itr_clock_mono_ms(itr_clock_system());
        call = itr_client_next(g->client, &g->group,
                               itr_min64(until_mono_ms, now + ITR_PROTECTED_SLICE_MS));
        if (call != NULL && hand_out(L, g, call) != 0)
            return 4;
        lua_settop(L, 1);
        if (until_mono_ms <= itr_clock_mono_ms(itr_clock_system()))
            return 0;
        itr_protected_run_hooks(L); /* which may close the batch, or the client */
    }
}

static int l_slow(lua_State *L)
{
    struct itr_lua_group *g = itr_lua_group_check(L, 1);
    int64_t ms = is_open(g) ? itr_client_pause_ms(g->client, &g->group) : 0;

    lua_pushnumber(L, (lua_Number)ms / 1000);
    return 1;
}

static int l_pace(lua_State *L)
{
    struct itr_lua_group *g = itr_lua_group_check(L, 1);
    lua_Number per_second = luaL_checknumber(L, 2);

    luaL_argcheck(L, per_second > 0, 2, "must be above 0");
    itr_pace_init(&g->group.pace, per_second);
    return 0;
}

static int l_left(lua_State *L)
{
    struct itr_lua_group *g = itr_lua_group_check(L, 1);

    lua_pushinteger(L, is_open(g) ? g->n_calls : 0);
    return 1;
}

/* ---- cancel ---- */

/* Ends a call at once. True: it may have been executed. */
static bool cancel(struct itr_client *client, struct itr_call *call)
{
    bool sending = call->step == ITR_CALL_SEND;

    itr_client_cancel(client, call);
    if (call->step == ITR_CALL_DONE)
        return true;
    if (call->step == ITR_CALL_FAILED)
        return !call->error.retryable && call->error.kind != ITR_USAGE;
    return call->executed || (sending && call->exchange.response.sent);
}

/* Cancels the oldest call and gives it back, with which the client may go. Returns its slot if it
 * may have been executed, else 0. */
static int cancel_first(struct itr_lua_group *g)
{
    struct itr_bound_call *b =
        ITR_CONTAINER(itr_list_first(&g->calls), struct itr_bound_call, node);
    int slot;

    unlink_call(g, b);
    slot = cancel(g->client, &b->call) ? b->slot : 0;
    if (g->n_calls == 0)
        itr_client_forget(g->client, &g->group);
    itr_lua_client_give_back(g->owner, b);
    return slot;
}

static int l_cancel(lua_State *L)
{
    struct itr_lua_group *g = itr_lua_group_check(L, 1);
    int n = 0, slot;

    lua_settop(L, 1);
    lua_newtable(L);
    g->ended = true;
    while (has_client(g) && g->n_calls > 0)
        if ((slot = cancel_first(g)) != 0) {
            lua_pushinteger(L, slot); /* nothing is held here: what follows may run a finalizer */
            lua_rawseti(L, 2, ++n);
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

static const luaL_Reg functions[] = {{"group", l_group}, {"start", l_start},   {"take", l_take},
                                     {"look", l_look},   {"pace", l_pace},     {"slow", l_slow},
                                     {"left", l_left},   {"cancel", l_cancel}, {"pump", l_pump},
                                     {"ready", l_ready}, {NULL, NULL}};

static int l_gc(lua_State *L)
{
    struct itr_lua_group *g = itr_lua_group_check(L, 1);

    g->ended = true;
    while (has_client(g) && g->n_calls > 0)
        (void)cancel_first(g);
    if (has_client(g))
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
    itr_protected_open(L, &start_protected);
    itr_protected_open(L, &result_protected);
    itr_lua_setfuncs(L, functions);
    itr_lua_registry_once(L, &metatable_key, push_metatable);
    lua_pop(L, 1);
}
