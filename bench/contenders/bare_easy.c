/*
 * bare_easy: what one call after the other costs at least: curl_easy_perform on a kept connection.
 * The URL is built once, outside the loop, and nobody minds the token.
 */
#include "bare.h"

int main(void)
{
    struct body body = {0};
    lua_State *L;
    long i, count = number("COUNT");
    CURL *easy;

    curl_global_init(CURL_GLOBAL_ALL);
    easy = make_easy(&body);
    L = make_decoder();
    for (i = 0; i < count; i++) {
        body.len = 0;
        take_answer(L, &body, curl_easy_perform(easy));
    }
    return 0;
}
