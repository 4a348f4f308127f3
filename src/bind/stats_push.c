#include "bind/stats_push.h"

#include "bind/error_push.h"
#include "bind/field.h"

static void set_seconds(lua_State *L, const char *name, int64_t ms)
{
    itr_field_number(L, name, (lua_Number)ms / 1000);
}

static void set_error(lua_State *L, const char *name, const struct itr_error *e)
{
    if (e->kind == ITR_OK)
        return;
    itr_error_push(L, e, NULL);
    lua_setfield(L, -2, name);
}

static void push_event(lua_State *L, const struct itr_event *event)
{
    lua_createtable(L, 0, 4);
    set_seconds(L, "at", event->at_wall_ms);
    itr_field_string(L, "state", itr_cache_state_name(event->state));
    itr_field_string(L, "why", itr_cache_why_name(event->why));
    set_error(L, "error", &event->error);
}

static void set_events(lua_State *L, const struct itr_event_list *events)
{
    size_t i;

    lua_createtable(L, (int)events->n, 0);
    for (i = 0; i < events->n; i++) {
        push_event(L, &events->event[i]);
        lua_rawseti(L, -2, (int)i + 1);
    }
    lua_setfield(L, -2, "events");
}

/* What is known of the token; nothing of this when there is none. */
static void set_token(lua_State *L, const struct itr_stats *s)
{
    if (s->fence == 0)
        return;
    lua_pushfstring(L, "sha256:%s", s->id);
    lua_setfield(L, -2, "token");
    itr_field_integer(L, "fence", (int64_t)s->fence);
    set_seconds(L, "age", s->age_ms);
    set_seconds(L, "refresh_in", s->refresh_in_ms);
    set_seconds(L, "expires_in", s->expires_in_ms);
}

static void set_counters(lua_State *L, const struct itr_client_counters *n)
{
    itr_field_integer(L, "calls", (int64_t)n->calls);
    itr_field_integer(L, "refused", (int64_t)n->refused);
    itr_field_integer(L, "repeated", (int64_t)n->repeated);
}

void itr_stats_push(lua_State *L, const struct itr_client *client,
                    const struct itr_client_counters *counters)
{
    struct itr_stats s;
    struct itr_event_list events;

    itr_source_stats(itr_client_source(client), &s, &events);
    luaL_checkstack(L, 10, "stats");
    lua_createtable(L, 0, 16);
    itr_field_string(L, "state", itr_cache_state_name(s.state));
    set_token(L, &s);
    if (s.fetches_today >= 0)
        itr_field_integer(L, "fetches_today", s.fetches_today);
    if (s.daily_limit > 0)
        itr_field_integer(L, "daily_limit", s.daily_limit);
    set_error(L, "last_error", &s.last_error);
    itr_field_integer(L, "waiters", s.waiters);
    itr_field_string(L, "store", s.store);
    set_counters(L, counters);
    itr_field_integer(L, "fetched", (int64_t)s.fetched);
    set_events(L, &events);
}
