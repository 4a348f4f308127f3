#include "bind/lua_client.h"

#include <stdio.h>
#include <string.h>

#include "bind/bound_call.h"
#include "bind/call_args.h"
#include "bind/call_opts.h"
#include "bind/call_result.h"
#include "bind/error_push.h"
#include "bind/field.h"
#include "bind/lua_async.h"
#include "bind/lua_watch.h"
#include "bind/own_transport.h"
#include "bind/parts.h"
#include "bind/protected.h"
#include "bind/settings.h"
#include "bind/stats_push.h"
#include "core/base/bound.h"
#include "core/base/clock.h"
#include "core/base/list.h"
#include "core/call/client.h"
#include "core/call/outcome.h"
#include "core/os/descriptors.h"

struct lua_client {
    struct itr_client *client; /* ours; NULL until it is made and after it is given back */
    struct itr_client *sides[ITR_SIDES]; /* ours, likewise; of SCRIPT always NULL: it is client */
    struct itr_transport *own;           /* of the side OWN; its client's */
    bool closed;                         /* no call may begin */
    bool collected;                      /* its finalizer ran */
    bool keep_nulls;                     /* option null = "keep" */
    struct itr_config config;            /* only while the client is being made */
    struct itr_parts parts;              /* likewise */
    struct itr_list all;                 /* of our bound calls: every one that was made */
    struct itr_list spare;               /* those of all that no call uses */
    size_t n_taken;                      /* calls taken and not given back */
    size_t n_inside;                     /* C functions that are at work with it right now */
    struct itr_lua_watch watch;
};

static const char metatable_key; /* registry key of the clients' metatable */

/* ---- lifetime ---- */

struct lua_client *itr_lua_client_check(lua_State *L, int i)
{
    return itr_lua_checkudata(L, i, &metatable_key, ITR_LUA_CLIENT);
}

static struct lua_client *check_client(lua_State *L)
{
    return itr_lua_client_check(L, 1);
}

/* Gives everything back; right in any state. */
static void release(struct lua_client *c)
{
    struct itr_client *client = c->client;
    struct itr_list *node;
    int side;

    c->closed = true;
    c->client = NULL;
    for (side = 0; side < ITR_SIDES; side++) {
        itr_client_free(c->sides[side]);
        c->sides[side] = NULL;
    }
    itr_client_free(client);

    /* Now no call is in flight. */
    itr_list_init(&c->spare);
    while ((node = itr_list_take_first(&c->all)) != NULL)
        itr_bound_call_free(ITR_CONTAINER(node, struct itr_bound_call, all));
    itr_parts_clear(&c->parts);
    itr_config_clear(&c->config);
}

static void release_if_unused(struct lua_client *c)
{
    if (c->n_inside == 0 && (c->collected || (c->closed && c->n_taken == 0)))
        release(c);
}

void itr_lua_client_enter(struct lua_client *c)
{
    c->n_inside++;
}

void itr_lua_client_leave(struct lua_client *c)
{
    c->n_inside--;
    release_if_unused(c);
}

static int l_gc(lua_State *L)
{
    struct lua_client *c = check_client(L);

    c->closed = c->collected = true;
    release_if_unused(c);
    return 0;
}

static int l_close(lua_State *L)
{
    struct lua_client *c = check_client(L);

    c->closed = true;
    release_if_unused(c);
    lua_pushboolean(L, 1);
    return 1;
}

#define SHOWN_BYTES 600

static int l_tostring(lua_State *L)
{
    struct lua_client *c = check_client(L);
    const struct itr_config *config;
    char text[SHOWN_BYTES]; /* a copy: while Lua makes the string, a finalizer may close the client
                             */

    if (c->closed) {
        lua_pushliteral(L, ITR_LUA_CLIENT " (closed)");
        return 1;
    }
    config = itr_client_config(c->client);
    (void)snprintf(text, sizeof text, ITR_LUA_CLIENT " (app %.200s at %.300s)", config->app_id,
                   config->gateway);
    lua_pushstring(L, text);
    return 1;
}

/* ---- making one ---- */

/* The store that another module made, or NULL. */
static const struct itr_store_box *box_at(lua_State *L, int i)
{
    return lua_isnoneornil(L, i) ? NULL : luaL_checkudata(L, i, ITR_STORE_BOX);
}

static enum itr_status make(lua_State *L, struct lua_client *c, struct itr_error *e)
{
    enum itr_status s;

    if ((s = itr_settings_read(L, 1, &c->config, e)) != ITR_OK)
        return s;
    if ((s = itr_parts_init(&c->parts, &c->config, box_at(L, 3), e)) != ITR_OK)
        return s;
    return itr_client_new(&c->config, &c->parts, &c->client, e);
}

static struct lua_client *push_client(lua_State *L)
{
    struct lua_client *c = itr_lua_newkeeper(L, sizeof *c);

    *c = (struct lua_client){.closed = true};
    itr_config_init(&c->config);
    itr_list_init(&c->all);
    itr_list_init(&c->spare);
    itr_lua_registry_get(L, &metatable_key);
    lua_setmetatable(L, -2);
    return c;
}

/* Clients that were dropped and not closed hold descriptors until they are collected, and Lua does
 * not know how dear they are. */
static void collect_if_few(lua_State *L)
{
    if (itr_descriptors_are_few())
        lua_gc(L, LUA_GCCOLLECT, 0);
}

static int l_new(lua_State *L)
{
    struct lua_client *c;
    struct itr_error e;
    enum itr_status s;

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 3);
    (void)box_at(L, 3);
    c = push_client(L);
    c->keep_nulls = lua_toboolean(L, 2) != 0;
    collect_if_few(L);
    s = make(L, c, &e);
    itr_parts_clear(&c->parts);
    itr_config_clear(&c->config);
    if (s == ITR_OK) {
        c->closed = false;
        return 1;
    }
    return itr_error_return(L, &e);
}

/* ---- its sides ---- */

static enum itr_status closed(struct itr_error *e)
{
    return itr_error_set(e, ITR_USAGE, "the client is closed");
}

struct itr_client *itr_lua_client_present(const struct lua_client *c, enum itr_lua_side side)
{
    return side == ITR_SIDE_SCRIPT ? c->client : c->sides[side];
}

void itr_lua_client_make_room(lua_State *L, struct lua_client *c)
{
    struct itr_token *t = NULL;

    if (c->closed)
        return;
    if ((t = itr_source_hit(itr_client_source(c->client))) == NULL)
        collect_if_few(L);
    itr_token_release(t);
}

bool itr_lua_client_is_closed(const struct lua_client *c)
{
    return c->closed;
}

struct itr_lua_watch *itr_lua_client_watch(struct lua_client *c)
{
    return &c->watch;
}

struct itr_transport *itr_lua_client_own(const struct lua_client *c)
{
    return c->own;
}

enum itr_status itr_lua_client_side(lua_State *L, struct lua_client *c, enum itr_lua_side side,
                                    struct itr_client **out, struct itr_error *e)
{
    struct itr_transport_maker maker = {.open = itr_own_transport_open, .ctx = &c->own};
    enum itr_status s = ITR_OK;

    if (side != ITR_SIDE_SCRIPT && c->sides[side] == NULL)
        collect_if_few(L);
    if (c->closed)
        return closed(e);
    if (side == ITR_SIDE_LOOP)
        maker = itr_lua_async_maker(L);
    if (side != ITR_SIDE_SCRIPT && c->sides[side] == NULL)
        s = itr_client_sibling(c->client, &maker, &c->sides[side], e);
    *out = itr_lua_client_present(c, side);
    return s;
}

/* ---- calls ---- */

struct itr_bound_call *itr_lua_client_take(struct lua_client *c)
{
    struct itr_list *node = itr_list_take_first(&c->spare);
    struct itr_bound_call *b;

    if (node != NULL) {
        b = ITR_CONTAINER(node, struct itr_bound_call, node);
    } else {
        if ((b = itr_bound_call_new(itr_client_config(c->client))) == NULL)
            return NULL;
        itr_list_append(&c->all, &b->all);
        itr_bound_call_reset(b, c->keep_nulls);
    }
    c->n_taken++;
    return b;
}

void itr_lua_client_give_back(struct lua_client *c, struct itr_bound_call *b)
{
    itr_bound_call_reset(b, c->keep_nulls);   /* at once: it may have a large answer, and a token */
    itr_list_append(c->spare.next, &b->node); /* before the first: its memory is warm */
    c->n_taken--;
    release_if_unused(c);
}

struct call_frame {
    struct lua_client *c;
    struct itr_bound_call *b;
    bool post;
    struct itr_outcome outcome; /* once run_call has returned */
};

/* Waits for the call; hooks may raise meanwhile. */
static void await_call(lua_State *L, struct itr_client *client, struct itr_bound_call *b)
{
    const struct itr_clock *clock = itr_clock_system();

    while (itr_client_next(client, &b->alone, itr_clock_mono_ms(clock) + ITR_PROTECTED_SLICE_MS) ==
           NULL)
        itr_protected_run_hooks(L);
}

/* Protected: the arguments of the call lie at 2 (path), 3, 4. Returns what the call gives. */
static int run_call(lua_State *L)
{
    struct call_frame *f = lua_touserdata(L, 1);
    struct itr_error e;
    enum itr_status s = itr_call_args_read(L, 2, f->post, f->b, &e);

    if (s == ITR_OK && f->c->closed)
        s = closed(&e); /* by a finalizer */
    if (s == ITR_OK)
        s = itr_client_start(f->c->client, &f->b->alone, &f->b->call, &e);
    if (s == ITR_OK) {
        await_call(L, f->c->client, f->b);
        if (itr_call_result_collect(L, f->b) && !f->c->closed &&
            itr_client_restart(f->c->client, &f->b->alone, &f->b->call, &e) == ITR_OK)
            await_call(L, f->c->client, f->b);
        itr_outcome_of_call(&f->b->call, &f->outcome);
        return itr_call_result_push(L, f->b, 2);
    }
    e.kind = s;
    itr_outcome_of_unstarted(itr_outcome_method(f->post), s, &f->outcome);
    lua_pushnil(L);
    itr_error_push_call(L, &e, NULL, f->post, 2, 0);
    return 2;
}

static const struct itr_protected call_protected = {run_call};

static int push_closed(lua_State *L)
{
    struct itr_error e;

    closed(&e);
    return itr_error_return(L, &e);
}

/* Returns nil and an error for a call of a closed client: client, method, path, params, opts,
 * endpoint. */
static int push_closed_call(lua_State *L, struct lua_client *c, bool post)
{
    struct itr_outcome o;
    struct itr_error e;

    closed(&e);
    lua_pushnil(L);
    itr_error_push_call(L, &e, NULL, post, 3, 0);
    itr_outcome_of_unstarted(itr_outcome_method(post), e.kind, &o);
    return itr_lua_watch_note(L, &c->watch, 1, &o, 3, 6) == 0 ? 2 : lua_error(L);
}

static void check_table_or_nil(lua_State *L, int i)
{
    if (!lua_isnil(L, i))
        luaL_checktype(L, i, LUA_TTABLE);
}

static int l_call(lua_State *L)
{
    struct call_frame f = {.c = check_client(L)};
    int status, i;

    lua_settop(L, 6);
    luaL_checktype(L, 3, LUA_TSTRING);
    check_table_or_nil(L, 4);
    check_table_or_nil(L, 5);
    f.post = lua_toboolean(L, 2) != 0;
    itr_lua_client_make_room(L, f.c);
    if (f.c->closed)
        return push_closed_call(L, f.c, f.post);
    if ((f.b = itr_lua_client_take(f.c)) == NULL)
        return luaL_error(L, "not enough memory");
    itr_lua_client_enter(f.c);
    itr_protected_push(L, &call_protected, &f);
    for (i = 3; i <= 5; i++)
        lua_pushvalue(L, i);
    if ((status = itr_protected_call(L, 3, LUA_MULTRET)) == 0)
        status = itr_lua_watch_note(L, &f.c->watch, 1, &f.outcome, 3, 6);

    /* After an error it may still be in flight. */
    itr_client_cancel(f.c->client, &f.b->call);
    itr_client_forget(f.c->client, &f.b->alone);
    itr_lua_client_give_back(f.c, f.b);
    itr_lua_client_leave(f.c);
    return status == 0 ? lua_gettop(L) - 6 : lua_error(L);
}

/* ---- token ---- */

/* Pushes the text through a copy: before Lua copies it, a finalizer may run and release what it is
 * part of. Takes over the reference. */
static void push_token(lua_State *L, struct itr_token *token)
{
    char text[ITR_TOKEN_MAX];
    size_t n = token->len;

    memcpy(text, token->text, n);
    itr_token_release(token);
    lua_pushlstring(L, text, n);
    itr_wipe(text, n);
}

int itr_lua_client_push_token(lua_State *L, struct itr_token *token, enum itr_token_origin origin,
                              const struct itr_error *e)
{
    push_token(L, token);
    if (e->kind == ITR_OK)
        lua_pushnil(L);
    else
        itr_error_push(L, e, NULL);
    lua_pushstring(L, itr_token_origin_name(origin));
    return 3;
}

/* held(client): the token that needs no wait and no fetch, nil, "memory"; nothing where it is to be
 * asked for, or where this is no client. */
static int l_held(lua_State *L)
{
    struct lua_client *c = itr_lua_testudata(L, 1, &metatable_key);
    struct itr_token *t;

    if (c == NULL || c->closed || (t = itr_source_hit(itr_client_source(c->client))) == NULL)
        return 0;
    push_token(L, t);
    lua_pushnil(L);
    lua_pushliteral(L, "memory");
    return 3;
}

struct token_frame {
    struct itr_client *client;
    struct itr_wait wait;
    int64_t deadline_mono_ms;
};

/* Protected: waits until there is an answer or the deadline passed; hooks may raise. */
static int await_token(lua_State *L)
{
    struct token_frame *f = lua_touserdata(L, 1);
    int64_t now;

    while (!itr_wait_is_ready(&f->wait) &&
           (now = itr_clock_mono_ms(itr_clock_system())) < f->deadline_mono_ms) {
        itr_client_await(f->client, &f->wait,
                         itr_min64(f->deadline_mono_ms, now + ITR_PROTECTED_SLICE_MS));
        itr_protected_run_hooks(L);
    }
    return 0;
}

static const struct itr_protected token_protected = {await_token};

/* Waits for the answer. Returns 0, or Lua's status with an error on top. */
static int wait_for_token(lua_State *L, struct token_frame *f, int64_t timeout_ms)
{
    int status;

    f->deadline_mono_ms = itr_clock_mono_ms(itr_clock_system()) + timeout_ms;
    itr_protected_push(L, &token_protected, f);
    if ((status = itr_protected_call(L, 0, 0)) != 0 || !itr_wait_is_ready(&f->wait))
        itr_source_forget(itr_client_source(f->client), &f->wait);
    return status;
}

static int l_token(lua_State *L)
{
    struct lua_client *c = check_client(L);
    struct itr_token_ask ask = {0};
    struct token_frame f;
    struct itr_token *token;
    struct itr_error e;
    enum itr_status s;
    int64_t timeout_ms, now = 0;

    lua_settop(L, 3);
    check_table_or_nil(L, 2);
    itr_lua_client_make_room(L, c);
    if (c->closed)
        return push_closed(L);
    f.client = c->client;
    timeout_ms = itr_client_config(f.client)->timeout_ms;
    ask.refresh = lua_toboolean(L, 3) != 0;
    if (itr_token_opts_read(L, 2, &timeout_ms, &ask.min_valid_ms, &e) != ITR_OK ||
        itr_client_ask(f.client, &ask, &f.wait, &e) != ITR_OK)
        return itr_error_return(L, &e);
    itr_lua_client_enter(c);
    if (!itr_wait_is_ready(&f.wait) && wait_for_token(L, &f, timeout_ms) != 0) {
        itr_lua_client_leave(c);
        return lua_error(L);
    }
    if (!itr_wait_is_ready(&f.wait) ||
        f.wait.error.kind != ITR_OK) /* else nobody asks for the time */
        now = itr_clock_mono_ms(itr_clock_system());
    s = itr_client_ask_answer(itr_client_source(f.client), &ask, &f.wait, now, timeout_ms, &token,
                              &e);
    itr_lua_client_leave(c);
    return s == ITR_OK ? itr_lua_client_push_token(L, token, f.wait.origin, &e)
                       : itr_error_return(L, &e);
}

/* ---- stats ---- */

static void add_counters(struct itr_client_counters *sum, const struct itr_client *client)
{
    const struct itr_client_counters *n;

    if (client == NULL)
        return;
    n = itr_client_counters(client);
    sum->calls += n->calls;
    sum->refused += n->refused;
    sum->repeated += n->repeated;
}

static int l_stats(lua_State *L)
{
    struct lua_client *c = check_client(L);
    struct itr_client_counters counters = {0};
    int side;

    if (c->closed)
        return push_closed(L);
    for (side = 0; side < ITR_SIDES; side++)
        add_counters(&counters, itr_lua_client_present(c, (enum itr_lua_side)side));
    itr_stats_push(L, c->client, &counters);
    return 1;
}

/* ---- watching ---- */

static int l_watch(lua_State *L)
{
    struct lua_client *c = check_client(L);

    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    itr_lua_watch_set(L, &c->watch, 1);
    return 0;
}

/* The method as static memory; NULL: it is none of the two. */
static const char *method_at(lua_State *L, int i)
{
    const char *word = lua_tostring(L, i);

    if (word == NULL || (strcmp(word, "GET") != 0 && strcmp(word, "POST") != 0))
        return NULL;
    return itr_outcome_method(*word == 'P');
}

static int l_unstarted(lua_State *L)
{
    struct lua_client *c = check_client(L);
    struct itr_outcome o;

    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 5);
    lua_pushnumber(L, 0);
    itr_field_raw(L, 2, "elapsed");
    lua_pushliteral(L, "kind");
    lua_rawget(L, 2);
    itr_outcome_of_unstarted(method_at(L, 3), itr_status_of_name(luaL_checkstring(L, 6)), &o);
    lua_settop(L, 5);
    if (itr_lua_watch_note(L, &c->watch, 1, &o, 4, 5) != 0)
        return lua_error(L);
    lua_settop(L, 2);
    return 1;
}

static int l_counts(lua_State *L)
{
    struct lua_client *c = check_client(L);
    struct itr_tally tally = c->watch.tally;
    char app[SHOWN_BYTES]; /* a copy, as in l_tostring */

    if (c->closed)
        return push_closed(L);
    (void)snprintf(app, sizeof app, "%s", itr_client_config(c->client)->app_id);
    itr_lua_watch_push(L, &tally);
    itr_field_string(L, "app", app);
    return 1;
}

/* set_index(function): what finds the fields of every client. */
static int l_set_index(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    itr_lua_registry_get(L, &metatable_key);
    lua_pushvalue(L, 1);
    lua_setfield(L, -2, "__index");
    return 0;
}

/* ---- module ---- */

static const luaL_Reg metamethods[] = {
    {"__gc", l_gc}, {"__close", l_close}, {"__tostring", l_tostring}, {NULL, NULL}};

static const luaL_Reg functions[] = {{"new", l_new},
                                     {"call", l_call},
                                     {"unstarted", l_unstarted},
                                     {"token", l_token},
                                     {"held", l_held},
                                     {"stats", l_stats},
                                     {"counts", l_counts},
                                     {"watch", l_watch},
                                     {"close", l_close},
                                     {"set_index", l_set_index},
                                     {NULL, NULL}};

/* Pushes a new metatable. */
static void push_metatable(lua_State *L)
{
    lua_newtable(L);
    itr_lua_setfuncs(L, metamethods);
    lua_pushliteral(L, ITR_LUA_CLIENT);
    lua_setfield(L, -2, "__name");
    /* Scripts cannot take the metatable apart, and client.lua tells a client by this word. */
    lua_pushliteral(L, ITR_LUA_CLIENT);
    lua_setfield(L, -2, "__metatable");
}

void itr_lua_client_open(lua_State *L)
{
    itr_protected_open(L, &call_protected);
    itr_protected_open(L, &token_protected);
    itr_lua_watch_open(L);
    itr_lua_setfuncs(L, functions);
    itr_lua_registry_once(L, &metatable_key, push_metatable);
    lua_pop(L, 1);
}
