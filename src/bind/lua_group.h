/*
 * lua_group: a group of calls as a Lua userdata: a party (a coroutine, a batch) that starts calls
 * on a client and takes them back. Each call has a slot, a small number that its party chose and
 * that no other call of the group has while it is pending. On the Lua state's thread.
 *
 * Invariants: a group keeps its client's userdata; its calls are of the client's pool and go back
 * there when they are taken, cancelled, or the group is collected, which cancels what is pending.
 */
#ifndef ITR_BIND_LUA_GROUP_H
#define ITR_BIND_LUA_GROUP_H

#include "bind/compat.h"
#include "bind/lua_client.h"
#include "core/base/list.h"
#include "core/call/group.h"

struct itr_lua_group {
    struct itr_call_group group;
    struct lua_client *owner;  /* a userdata that this one keeps; NULL: the group has no client */
    struct itr_client *client; /* on which of its sides; good while owner has a client */
    int64_t id;                /* what core.ready returns; the party's own */
    struct itr_list calls;     /* of bound calls (their `node`): started, not taken */
    int n_calls;               /* in it */
    bool ended;                /* it was cancelled, or collected */
};

/* Return the group at argument i, or raise. */
struct itr_lua_group *itr_lua_group_check(lua_State *L, int i);

/* Add to the table on top; once, when the module is opened:
 *
 *   group(client, id, side) -> group, concurrency | nil, err
 *       side: nil or false, a script's; true, an event loop's; a string, the program's own
 *       transport's
 *   pace(group, per_second): so many requests start in a second at most; before the first start
 *   start(group, slot, is_post, path, params, opts, endpoint) -> true | nil, err
 *   take(group, seconds) -> slot, response, err, elapsed
 *       Waits until a call is completed. Nothing when none is left, or (seconds, not nil) after
 *       that time; false, nil, err: the group is over or its client closed. elapsed: seconds from
 *       start to end of the whole call
 *   look(group) -> the same at once
 *       Or nil, seconds: look again by then (nil: whenever the notifier rings)
 *   left(group) -> how many calls were started and not taken
 *   slow(group) -> for how many seconds no new call of this group should start
 *   cancel(group) -> an array of slots: the calls that may have been executed and were not taken
 *       The group is over then
 *   pump(client), ready(client) -> id | nothing
 *       itr_client_pump, itr_client_ready of the loop's side
 */
void itr_lua_group_open(lua_State *L);

#endif
