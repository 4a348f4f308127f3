/*
 * stats_push: what client:stats() answers (docs/reference.md). On the Lua state's thread.
 */
#ifndef ITR_BIND_STATS_PUSH_H
#define ITR_BIND_STATS_PUSH_H

#include "bind/compat.h"
#include "core/call/client.h"

/* Push the table: times in seconds, `at` of an event in seconds since 1970. counters are those of
 * all clients beside this one, too. The client is only read before the first Lua allocation;
 * counters are the caller's own copy. */
void itr_stats_push(lua_State *L, const struct itr_client *client,
                    const struct itr_client_counters *counters);

#endif
