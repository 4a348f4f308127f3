#include "bind/scratch.h"

static const char metatable_key; /* registry key of the buffers' metatable */

struct itr_buf *itr_scratch_push(lua_State *L, size_t max, bool secret)
{
    struct itr_buf *b = itr_lua_newuserdata(L, sizeof *b);

    if (secret)
        itr_buf_init_secret(b, max);
    else
        itr_buf_init(b, max);
    itr_lua_registry_get(L, &metatable_key);
    lua_setmetatable(L, -2);
    return b;
}

static int l_gc(lua_State *L)
{
    struct itr_buf *b = itr_lua_testudata(L, 1, &metatable_key);

    if (b != NULL)
        itr_buf_clear(b);
    return 0;
}

static void push_metatable(lua_State *L)
{
    lua_newtable(L);
    lua_pushcfunction(L, l_gc);
    lua_setfield(L, -2, "__gc");
}

void itr_scratch_open(lua_State *L)
{
    itr_lua_registry_once(L, &metatable_key, push_metatable);
    lua_pop(L, 1);
}
