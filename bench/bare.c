/*
 * bare: what a member query costs at least: a kept connection, bare curl_easy_perform with the
 * options that itrigger sets, then cjson.decode of the body in an embedded Lua 5.4. The URL is
 * built once, outside the loop, and nobody minds the token.
 *
 *   bare URL COUNT [CA_FILE]
 */
#include <curl/curl.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct body {
    char *data;
    size_t len, cap;
};

static size_t on_body(char *bytes, size_t size, size_t n, void *ctx)
{
    struct body *b = ctx;

    n *= size;
    if (b->len + n > b->cap) {
        b->cap = (b->len + n) * 2;
        b->data = realloc(b->data, b->cap);
        if (b->data == NULL)
            abort();
    }
    memcpy(b->data + b->len, bytes, n);
    b->len += n;
    return n;
}

static int before_request(void *ctx, char *ip, char *local_ip, int port, int local_port)
{
    (void)ctx, (void)ip, (void)local_ip, (void)port, (void)local_port;
    return CURL_PREREQFUNC_OK;
}

static CURL *make_easy(const char *url, const char *ca_file, struct body *body)
{
    CURL *easy = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Accept: application/json");

    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, body);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_request);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 30000L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, 5000L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    if (ca_file != NULL)
        curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
    return easy;
}

static void push_decode(lua_State *L)
{
    luaL_openlibs(L);
    if (luaL_dostring(L, "return require('cjson').decode") != LUA_OK) {
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
        exit(1);
    }
}

int main(int argc, char **argv)
{
    struct body body = {0};
    lua_State *L = luaL_newstate();
    long i, count = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
    CURL *easy;

    curl_global_init(CURL_GLOBAL_ALL);
    easy = make_easy(argv[1], argc > 3 ? argv[3] : NULL, &body);
    push_decode(L);
    for (i = 0; i < count; i++) {
        CURLcode rc;
        body.len = 0;
        rc = curl_easy_perform(easy);
        if (rc != CURLE_OK) {
            fprintf(stderr, "%s\n", curl_easy_strerror(rc));
            return 1;
        }
        lua_pushvalue(L, -1);
        lua_pushlstring(L, body.data, body.len);
        lua_call(L, 1, 1);
        if (lua_getfield(L, -1, "code") != LUA_TNUMBER || lua_tonumber(L, -1) != 200)
            return 1;
        lua_pop(L, 2);
    }
    return 0;
}
