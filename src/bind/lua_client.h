/*
 * lua_client: the client as a Lua userdata. Its methods' argument types are checked by
 * lua/itrigger/client.lua; the functions here check again only what memory safety asks for.
 *
 * Invariants: the userdata is made first and marked closed, the resource second; a closed client
 * answers every call with an error of kind "usage". What it has is given back once no call is taken
 * and no C function is inside (protected.h: a finalizer may close it in the middle of one). On the
 * Lua state's thread.
 */
#ifndef ITR_BIND_LUA_CLIENT_H
#define ITR_BIND_LUA_CLIENT_H

#include "bind/compat.h"
#include "core/base/status.h"
#include "core/record/token.h"

struct itr_bound_call;
struct itr_client;
struct itr_lua_watch;
struct itr_transport;
struct lua_client;

/* Which of its clients carries a call. */
enum itr_lua_side {
    ITR_SIDE_SCRIPT, /* on the calling thread */
    ITR_SIDE_LOOP,   /* on the engine's; rings the notifier of this Lua state */
    ITR_SIDE_OWN     /* by a function of the program */
};
#define ITR_SIDES 3

/* Name of the metatable, and what getmetatable answers. */
#define ITR_LUA_CLIENT "itrigger.client"

/* Return the client at argument i, or raise. */
struct lua_client *itr_lua_client_check(lua_State *L, int i);
/* Get its client of that side, made when it is first asked for. Closed: ITR_USAGE. */
enum itr_status itr_lua_client_side(lua_State *L, struct lua_client *c, enum itr_lua_side side,
                                    struct itr_client **out, struct itr_error *e);
/* Return its client of that side; NULL: it is given back, or there is none. */
struct itr_client *itr_lua_client_present(const struct lua_client *c, enum itr_lua_side side);
bool itr_lua_client_is_closed(const struct lua_client *c);
/* Collect garbage if a token is to be fetched and few file descriptors are left. Finalizers may
 * run: call it before anything else is looked at. */
void itr_lua_client_make_room(lua_State *L, struct lua_client *c);
/* Return the transport of the side OWN, or NULL. */
struct itr_transport *itr_lua_client_own(const struct lua_client *c);

/* Return the part of it that counts its calls and calls on_call. Part of the userdata. */
struct itr_lua_watch *itr_lua_client_watch(struct lua_client *c);

/* Begin and end a stretch in which the caller uses what the client has, while Lua may run. */
void itr_lua_client_enter(struct lua_client *c);
void itr_lua_client_leave(struct lua_client *c);

/* Take a call that nobody uses, or NULL without memory; give it back, in no list. */
struct itr_bound_call *itr_lua_client_take(struct lua_client *c);
void itr_lua_client_give_back(struct lua_client *c, struct itr_bound_call *b);

/* Push what client:token() gives, 3 values; takes over the reference. */
int itr_lua_client_push_token(lua_State *L, struct itr_token *token, enum itr_token_origin origin,
                              const struct itr_error *e);

/* Add to the table on top; once, when the module is opened:
 *   new(settings, keep_nulls)                 -> client | nil, err
 *   call(client, is_post, path, params, opts, endpoint) -> table | nil, err
 *   unstarted(client, err, method, path, endpoint) -> err: notes a call that the Lua side refused
 *   watch(client, function)                   the function is called after each call
 *   counts(client)                            -> table | nil, err: see lua_watch.h; and app
 *   token(client, opts, is_refresh)           -> token, err, source | nil, err
 *   held(client)                              -> token, nil, "memory": it needs no wait; or nothing
 *   stats(client)                             -> table | nil, err
 *   close(client)                             -> true
 *   set_index(function)                       what finds the methods of every client */
void itr_lua_client_open(lua_State *L);

#endif
