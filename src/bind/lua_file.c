#include "bind/lua_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* The descriptor of an open file of the io library. Raises for a closed one, whose FILE is gone. */
static int descriptor_of(lua_State *L)
{
#if LUA_VERSION_NUM >= 502
    const luaL_Stream *stream = luaL_checkudata(L, 1, "FILE*");
    FILE *file = stream->closef != NULL ? stream->f : NULL;
#else
    FILE *file = *(FILE *const *)luaL_checkudata(L, 1, "FILE*");
#endif

    if (file == NULL)
        return luaL_error(L, "attempt to use a closed file");
    return fileno(file);
}

static void set_flag(lua_State *L, const char *name, bool value)
{
    lua_pushboolean(L, value);
    lua_setfield(L, -2, name);
}

static int l_status(lua_State *L)
{
    struct stat st;
    char id[48];
    bool is_ours;

    if (fstat(descriptor_of(L), &st) != 0)
        return luaL_error(L, "file_status: fstat failed");
    is_ours = st.st_uid == geteuid() || st.st_uid == 0;
    lua_newtable(L);
    lua_pushfstring(L, "%d%d%d", (int)(st.st_mode >> 6 & 7), (int)(st.st_mode >> 3 & 7),
                    (int)(st.st_mode & 7));
    lua_setfield(L, -2, "mode");
    set_flag(L, "is_regular", S_ISREG(st.st_mode));
    set_flag(L, "is_private_to_write", is_ours && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0);
    set_flag(L, "is_private_to_read", is_ours && (st.st_mode & S_IROTH) == 0);
    (void)snprintf(id, sizeof id, "%" PRIuMAX ":%" PRIuMAX, (uintmax_t)st.st_dev,
                   (uintmax_t)st.st_ino); /* a lua_Number would round the larger ones */
    lua_pushstring(L, id);
    lua_setfield(L, -2, "id");
    return 1;
}

static int l_lock(lua_State *L)
{
    lua_pushboolean(L, flock(descriptor_of(L), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK);
    return 1;
}

static const luaL_Reg functions[] = {
    {"file_status", l_status}, {"file_lock", l_lock}, {NULL, NULL}};

void itr_lua_file_open(lua_State *L)
{
    itr_lua_setfuncs(L, functions);
}
