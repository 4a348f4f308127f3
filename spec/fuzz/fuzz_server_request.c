/*
 * itriggerd's requests, any: the input's lines are method, path, Authorization, Accept-Language,
 * appId, appSecret, newer_than and wait; the rest is the body. A line of "-" is a part that was not
 * sent.
 *
 * It is a call whose parts are within their bounds, or an answer that says what is wrong: an
 * envelope in JSON, with a status that is none of success, but on the vendor's own paths.
 */
#include "core/base/utf8.h"
#include "core/json/scan.h"
#include "fuzz.h"
#include "itriggerd/http_api.h"

#define LINES 8

static void check_call(const struct api_request *q, const struct api_call *call)
{
    CHECK(call->route != NULL);
    CHECK(strlen(call->app_id) <= API_APP_ID_MAX && strlen(call->key) <= API_KEY_MAX);
    CHECK(call->wait_ms >= 0 && call->wait_ms <= API_WAIT_MAX_MS);
    CHECK(call->refused <= INT64_MAX && call->newer_than <= INT64_MAX);
    CHECK((call->refused == 0 && call->route->what != API_REFRESH) ||
          call->route->what == API_REFRESH);
    CHECK(strstr(call->route->methods, q->method) != NULL);
    CHECK(call->route->vendor || strchr(call->route->path, '{') != NULL || call->app_id[0] == '\0');
    if (call->route->vendor || strchr(call->route->path, '{') != NULL)
        CHECK(call->app_id[0] != '\0');
    if (call->route->guard == API_OPEN)
        CHECK(call->key[0] == '\0');
}

static void check_refusal(const struct api_call *call, const struct reply *r)
{
    struct itr_json_scan scan;
    struct itr_error e;

    CHECK(itr_json_scan(r->body.data, r->body.len, &scan, &e) == ITR_OK);
    CHECK(scan.is_object && scan.code_is == ITR_JSON_CODE_INTEGER);
    CHECK(strstr(itr_buf_str(&r->body), "accessToken") == NULL);
    CHECK(itr_utf8_valid(r->body.data, r->body.len));
    if (call->route != NULL && call->route->vendor && r->http_status == 200)
        CHECK(scan.code == 40001 || scan.code == 40002);
    else
        CHECK(r->http_status >= 400 && r->http_status < 500 && scan.code == r->http_status);
    CHECK((r->http_status == 405) == (r->allow != NULL));
    CHECK((r->http_status == 401) == (r->challenge != REPLY_NO_CHALLENGE));
}

/* Cut the lines off; each is NULL that is "-" or missing. Return what is left of the text. */
static char *cut_lines(char *text, const char *lines[LINES])
{
    int i;

    for (i = 0; i < LINES; i++) {
        char *end = text != NULL ? strchr(text, '\n') : NULL;
        lines[i] =
            text != NULL && strcmp(text, "") != 0 && strncmp(text, "-\n", 2) != 0 ? text : NULL;
        if (end != NULL)
            *end = '\0';
        text = end != NULL ? end + 1 : NULL;
    }
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_string(data, size), *body;
    const char *lines[LINES];
    struct api_request q = {0};
    static struct api_call call;
    struct reply r;

    body = cut_lines(text, lines);
    q.method = lines[0] != NULL ? lines[0] : "GET";
    q.path = lines[1] != NULL ? lines[1] : "/";
    q.authorization = lines[2];
    q.accept_language = lines[3];
    q.query_app_id = lines[4];
    q.query_app_secret = lines[5];
    q.query_newer_than = lines[6];
    q.query_wait = lines[7];
    q.body = body != NULL ? body : "";
    q.body_len = body != NULL ? size - (size_t)(body - text) : 0;
    memset(&call, 0xa5, sizeof call);
    reply_init(&r);
    if (api_read(&q, &call, &r))
        check_call(&q, &call);
    else
        check_refusal(&call, &r);
    reply_clear(&r);
    free(text);
    return 0;
}
