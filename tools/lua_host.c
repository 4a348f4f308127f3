/*
 * A Lua interpreter of a few lines: runs one script with its arguments and closes the state. Built
 * with a sanitizer it checks the modules it loads, without a preloaded runtime that every child
 * process of a script would inherit.
 */
#include <stdio.h>
#include <stdlib.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

/* As lua(1): arg[0] is the script, what follows are its arguments, arg[-1] is this program. */
static void push_arguments(lua_State *L, int argc, char **argv)
{
    int i;

    lua_createtable(L, argc, 2);
    for (i = 0; i < argc; i++) {
        lua_pushstring(L, argv[i]);
        lua_rawseti(L, -2, i - 1);
    }
    lua_setglobal(L, "arg");
}

static int with_traceback(lua_State *L)
{
    luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
    return 1;
}

/* `-e CHUNK` and a script file: what scripts that start this interpreter again use. */
static int load(lua_State *L, char **argv)
{
    if (argv[1][0] == '-' && argv[1][1] == 'e' && argv[2] != NULL)
        return luaL_loadstring(L, argv[2]);
    return luaL_loadfile(L, argv[1]);
}

int main(int argc, char **argv)
{
    lua_State *L;
    int failed;

    if (argc < 2) {
        fprintf(stderr, "usage: %s SCRIPT [ARGUMENT...]\n", argv[0]);
        return EXIT_FAILURE;
    }
    L = luaL_newstate();
    if (L == NULL)
        return EXIT_FAILURE;
    luaL_openlibs(L);
    push_arguments(L, argc, argv);
    lua_pushcfunction(L, with_traceback);
    failed = load(L, argv) != LUA_OK || lua_pcall(L, 0, 0, 1) != LUA_OK;
    if (failed)
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
    lua_close(L);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
