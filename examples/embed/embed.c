/*
 * A program that embeds Lua: 8 states on 8 threads, each calls the API. The states share nothing of
 * Lua's; the library's token is one for the process, so it is fetched once.
 *
 *   cc -Wl,-E -o embed embed.c $(pkg-config --cflags --libs lua5.4) -lpthread
 *   ITRIGGER_APP_ID=... ITRIGGER_APP_SECRET=... ITRIGGER_GATEWAY=https://... ./embed
 *
 * -Wl,-E: the program exports Lua's functions, which modules like itrigger.core look for in it. It
 * matters where Lua is linked in statically; without it `require` fails with "undefined symbol".
 */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <pthread.h>
#include <stdio.h>

#define STATES 8

static const char *const SCRIPT =
    "local itrigger = require 'itrigger'\n"
    "local query = '/itrigger-bff/v2/open/api/member/query'\n"
    "local member = { mobile = '18899888899', storeNo = '1159374785466208256' }\n"
    "local names = {}\n"
    "for i = 1, 5 do\n"
    "  names[i] = assert(itrigger.get(query, member)).data.realName\n"
    "end\n"
    "return #names .. ' answers, ' .. names[1]\n";

struct till {
    pthread_t thread;
    int number;
    int failed;
};

static void *run(void *arg)
{
    struct till *till = arg;
    lua_State *L = luaL_newstate();

    till->failed = 1;
    if (L == NULL)
        return NULL;
    luaL_openlibs(L);
    till->failed = luaL_dostring(L, SCRIPT);
    printf("state %d: %s\n", till->number, luaL_tolstring(L, -1, NULL));
    lua_close(L);
    return NULL;
}

int main(void)
{
    struct till tills[STATES];
    int i, failed = 0;

    for (i = 0; i < STATES; i++) {
        tills[i].number = i + 1;
        if (pthread_create(&tills[i].thread, NULL, run, &tills[i]) != 0) {
            perror("pthread_create");
            return 1;
        }
    }
    for (i = 0; i < STATES; i++) {
        pthread_join(tills[i].thread, NULL);
        failed += tills[i].failed != 0;
    }
    return failed == 0 ? 0 : 1;
}
