/*
 * lua_group: a group of calls as a Lua userdata: a party that starts calls on a client and takes
 * them back. On the Lua state's thread.
 */
#ifndef ITR_BIND_LUA_GROUP_H
#define ITR_BIND_LUA_GROUP_H

#include "bind/compat.h"
#include "bind/lua_client.h"
#include "core/call_group.h"

struct itr_lua_group {
    struct itr_call_group group;
    struct lua_client *owner;    /* a userdata that this one keeps */
    struct itr_client *client;   /* on which of its clients */
    int64_t id;
    struct itr_bound_call *calls; /* started, not taken; linked by next_spare */
};

struct itr_lua_group *itr_lua_group_check(lua_State *L, int i);
void itr_lua_group_open(lua_State *L);

#endif
