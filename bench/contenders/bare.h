/*
 * bare: what the two bare contenders have in common: an easy handle with the options that itrigger
 * sets, a body that is collected, cjson.decode in an embedded Lua 5.4. The address is set once.
 *
 * What is to be done comes in the environment, the same for every contender: see bench/run.
 */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

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

static void die(const char *why)
{
    fprintf(stderr, "bare: %s\n", why);
    exit(1);
}

/* NULL where it is not set, or is "". */
static const char *given(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && *value != '\0' ? value : NULL;
}

static long number(const char *name)
{
    const char *value = given(name);

    return value != NULL ? strtol(value, NULL, 10) : 0;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *ctx)
{
    struct body *b = ctx;

    n *= size;
    if (b->len + n > b->cap) {
        b->cap = (b->len + n) * 2;
        if ((b->data = realloc(b->data, b->cap)) == NULL)
            die("no memory");
    }
    memcpy(b->data + b->len, bytes, n);
    b->len += n;
    return n;
}

static int before_request(void *ctx, char *ip, char *own_ip, int port, int own_port)
{
    (void)ctx, (void)ip, (void)own_ip, (void)port, (void)own_port;
    return CURL_PREREQFUNC_OK;
}

static struct curl_slist *make_headers(void)
{
    struct curl_slist *headers = curl_slist_append(NULL, "Accept: application/json");

    if (given("BODY") != NULL) {
        headers = curl_slist_append(headers, "Content-Type: application/json");
        headers = curl_slist_append(headers, "Expect:");
    }
    return headers;
}

static CURL *make_easy(struct body *body)
{
    CURL *easy = curl_easy_init();

    curl_easy_setopt(easy, CURLOPT_URL, getenv("URL"));
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, make_headers());
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, body);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_request);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 30000L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, 5000L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    if (given("CA_FILE") != NULL) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, given("CA_FILE"));
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
        curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
    }
    if (given("BODY") != NULL)
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, given("BODY"));
    return easy;
}

/* cjson.decode on top of a new state, or NULL where nothing is to be decoded. */
static lua_State *make_decoder(void)
{
    lua_State *L;

    if (given("DECODE") == NULL)
        return NULL;
    L = luaL_newstate();
    luaL_openlibs(L);
    if (luaL_dostring(L, "return require('cjson').decode") != LUA_OK)
        die(lua_tostring(L, -1));
    return L;
}

/* Looks at the answer, and decodes it if L is not NULL. */
static void take_answer(lua_State *L, const struct body *body, CURLcode rc)
{
    if (rc != CURLE_OK)
        die(curl_easy_strerror(rc));
    if (body->len < 11 || memcmp(body->data, "{\"code\":200", 11) != 0)
        die("not the answer that was asked for");
    if (L == NULL)
        return;
    lua_pushvalue(L, -1);
    lua_pushlstring(L, body->data, body->len);
    lua_call(L, 1, 1);
    if (lua_getfield(L, -1, "code") != LUA_TNUMBER || lua_tonumber(L, -1) != 200)
        die("wrong code");
    lua_pop(L, 2);
}

#endif
