/*
 * bare_multi: what calls side by side cost at least: a libcurl multi loop with AT_ONCE handles,
 * each put in again as soon as it is done.
 */
#include "bare.h"

#define MOST 1024

static struct body bodies[MOST];
static lua_State *L;
static CURLM *multi;
static long to_start, to_end;

static void start(CURL *easy, struct body *body)
{
    body->len = 0;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, (void *)body);
    curl_multi_add_handle(multi, easy);
    to_start--;
}

static void collect(void)
{
    CURLMsg *m;
    int left;

    while ((m = curl_multi_info_read(multi, &left)) != NULL) {
        CURL *easy = m->easy_handle;
        CURLcode rc = m->data.result;
        struct body *body;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&body);
        curl_multi_remove_handle(multi, easy);
        take_answer(L, body, rc);
        to_end--;
        if (to_start > 0)
            start(easy, body);
    }
}

int main(void)
{
    long i, at_once = number("AT_ONCE");
    int running;

    curl_global_init(CURL_GLOBAL_ALL);
    multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, at_once);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, at_once);
    L = make_decoder();
    to_start = to_end = number("COUNT");
    if (at_once < 1 || at_once > MOST)
        die("AT_ONCE must be 1 to 1024");
    for (i = 0; i < at_once && to_start > 0; i++)
        start(make_easy(&bodies[i]), &bodies[i]);
    while (to_end > 0) {
        if (curl_multi_perform(multi, &running) != CURLM_OK)
            die("curl_multi_perform");
        collect();
        if (running > 0 && curl_multi_poll(multi, NULL, 0, 1000, NULL) != CURLM_OK)
            die("curl_multi_poll");
    }
    return 0;
}
