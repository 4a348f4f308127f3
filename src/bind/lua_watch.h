/*
 * lua_watch: counts the calls of a client, and calls the program's function (the option on_call)
 * after each. A part of the client's userdata, which keeps the function. On the Lua state's thread,
 * after the call's result was made; never within a callback of libcurl or under a lock.
 */
#ifndef ITR_BIND_LUA_WATCH_H
#define ITR_BIND_LUA_WATCH_H

#include "bind/compat.h"
#include "core/call/outcome.h"
#include "core/call/tally.h"

struct itr_lua_watch { /* zero it before use */
    struct itr_tally tally;
    bool given;  /* there is a function */
    bool inside; /* it runs: the calls that it makes itself are only counted */
};

/* Pop a function, to be called after each call of the client at absolute index client from now on.
 */
void itr_lua_watch_set(lua_State *L, struct itr_lua_watch *w, int client);

/* Count a call that has ended, and call the function. client, path and endpoint (a string or nil)
 * are absolute indices. Return 0, or Lua's status with an error on top that must not be swallowed:
 * the caller gives back what it holds and then calls lua_error. Raises nothing. */
int itr_lua_watch_note(lua_State *L, struct itr_lua_watch *w, int client,
                       const struct itr_outcome *o, int path, int endpoint);

/* Push the counts: { outcomes = { ok = n, timeout = n … }, buckets = { n … }, elapsed = seconds,
 * requests = n, refused = n }. */
void itr_lua_watch_push(lua_State *L, const struct itr_tally *tally);

/* Add to the table on top, once, when the module is opened: call_bounds, the upper bounds of the
 * buckets in seconds. */
void itr_lua_watch_open(lua_State *L);

#endif
