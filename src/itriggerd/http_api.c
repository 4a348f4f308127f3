#include "itriggerd/http_api.h"

#include <string.h>

#include "core/base/hex.h"
#include "core/json/member.h"
#include "core/json/number.h"
#include "core/json/scan.h"

#define VENDOR "/itrigger-tenant/v1/basic/accessTokenOpen"

static const struct api_route routes[] = {
    {"/v1/apps/{app}/token", "GET, HEAD", API_TOKEN, API_KEY, false, REQUEST_TOKEN, "token",
     "poll"},
    {"/v1/apps/{app}/refresh", "POST", API_REFRESH, API_KEY, false, REQUEST_REFRESH, "refresh",
     "report"},
    {VENDOR "/token", "GET", API_TOKEN, API_KEY, true, REQUEST_TOKEN, "token", NULL},
    {VENDOR "/token/refresh", "GET", API_REFRESH, API_KEY, true, REQUEST_REFRESH, "refresh", NULL},
    {"/healthz", "GET, HEAD", API_HEALTH, API_OPEN, false, REQUEST_OTHER, "healthz", NULL},
    {"/readyz", "GET, HEAD", API_READY, API_OPEN, false, REQUEST_OTHER, "readyz", NULL},
    {"/metrics", "GET, HEAD", API_METRICS, API_STATUS, false, REQUEST_OTHER, "metrics", NULL},
    {"/", "GET, HEAD", API_PAGE, API_STATUS, false, REQUEST_OTHER, "page", NULL},
};

static bool refuse(struct reply *r, int http_status, const char *message)
{
    reply_say(r, http_status, http_status, message);
    return false;
}

/* ---- percent-decoding ---- */

/* n bytes to out (max bytes and a NUL). False: a "%" that is none, a NUL, or too long. */
static bool decode(const char *text, size_t n, char *out, size_t max)
{
    size_t i, len = 0;

    for (i = 0; i < n; i++) {
        int c = (unsigned char)text[i];
        if (c == '%') {
            c = itr_hex_percent_byte(text + i, n - i);
            i += 2;
        }
        if (c <= 0 || len == max)
            return false;
        out[len++] = (char)c;
    }
    out[len] = '\0';
    return true;
}

/* ---- the path ---- */

/* Does it fit, and which part of it is the app's id? */
static bool fits(const char *pattern, const char *path, const char **app, size_t *app_len)
{
    const char *slot = strstr(pattern, "{app}");
    size_t before;

    *app = NULL;
    *app_len = 0;
    if (slot == NULL)
        return strcmp(pattern, path) == 0;
    before = (size_t)(slot - pattern);
    if (strncmp(pattern, path, before) != 0)
        return false;
    *app = path + before;
    *app_len = strcspn(*app, "/");
    return *app_len > 0 && strcmp(*app + *app_len, slot + strlen("{app}")) == 0;
}

static bool find_route(const struct api_request *request, struct api_call *call, struct reply *r)
{
    const char *app;
    size_t i, len;

    for (i = 0; i < sizeof routes / sizeof *routes; i++)
        if (fits(routes[i].path, request->path, &app, &len))
            break;
    if (i == sizeof routes / sizeof *routes)
        return refuse(r, 404, "unknown path");
    call->route = &routes[i];
    if (app != NULL && !decode(app, len, call->app_id, API_APP_ID_MAX))
        return refuse(r, 400, "the app id in the path is too long, or wrongly percent-encoded");
    return true;
}

static bool check_method(const struct api_request *request, const struct api_call *call,
                         struct reply *r)
{
    const char *list = call->route->methods;
    size_t n = strlen(request->method);

    for (; list != NULL; list = strchr(list, ' '), list = list != NULL ? list + 1 : NULL)
        if (strncmp(list, request->method, n) == 0 && (list[n] == ',' || list[n] == '\0'))
            return true;
    r->allow = call->route->methods;
    return refuse(r, 405,
                  "this path does not accept the method; the header Allow has those that it does");
}

/* ---- the key ---- */

/* Value of one base64 digit, or -1. */
static int base64(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;

    return at != NULL ? (int)(at - digits) : -1;
}

/* The password of "user:password" in base64. */
static bool read_basic(const char *text, char *out, size_t max)
{
    unsigned bits = 0;
    int have = 0, value;
    bool in_password = false;
    size_t len = 0;

    for (; (value = base64(*text)) >= 0; text++) {
        bits = (bits << 6 | (unsigned)value) & 0xffffff;
        if ((have += 6) < 8)
            continue;
        have -= 8;
        value = (int)(bits >> have & 0xff);
        if (value == 0 || len == max)
            return false;
        if (in_password)
            out[len++] = (char)value;
        in_password = in_password || value == ':';
    }
    out[len] = '\0';
    return in_password && text[strspn(text, "=")] == '\0';
}

static bool begins(const char *text, const char *word)
{
    for (; *word != '\0'; text++, word++)
        if ((*text | 0x20) != (*word | 0x20))
            return false;
    return *text == ' ';
}

static bool read_key(const struct api_request *request, struct api_call *call)
{
    const char *text = request->authorization;

    if (text == NULL || call->route->guard == API_OPEN)
        return true;
    if (begins(text, "Basic"))
        return call->route->guard == API_STATUS &&
               read_basic(text + 5 + strspn(text + 5, " "), call->key, API_KEY_MAX);
    if (!begins(text, "Bearer"))
        return false;
    text += 6 + strspn(text + 6, " ");
    if (strlen(text) > API_KEY_MAX)
        return false;
    memcpy(call->key, text, strlen(text) + 1);
    return true;
}

/* ---- what is asked for exactly ---- */

/* Digits of a number up to 2^63 - 1. */
static bool read_fence(const char *text, size_t n, uint64_t *fence)
{
    int64_t value;

    if (n == 0 || *text < '0' || *text > '9' || !itr_json_integer(text, n, &value))
        return false;
    *fence = (uint64_t)value;
    return true;
}

static bool read_wait(const char *text, int64_t *ms)
{
    uint64_t seconds;

    if (!read_fence(text, strlen(text), &seconds))
        return false;
    *ms = seconds < API_WAIT_MAX_MS / 1000 ? (int64_t)seconds * 1000 : API_WAIT_MAX_MS;
    return true;
}

static bool read_poll(const struct api_request *q, struct api_call *call, struct reply *r)
{
    if (q->query_newer_than != NULL &&
        !read_fence(q->query_newer_than, strlen(q->query_newer_than), &call->newer_than))
        return refuse(r, 400, "newer_than must be a fence, an integer");
    if (q->query_wait != NULL && !read_wait(q->query_wait, &call->wait_ms))
        return refuse(r, 400, "wait must be a whole number of seconds");
    return true;
}

static bool is_empty(struct itr_json_piece object)
{
    size_t i = 1; /* behind the brace */

    while (i < object.len && strchr(" \t\r\n", object.at[i]) != NULL)
        i++;
    return i < object.len && object.at[i] == '}';
}

/* {} or {"refused": FENCE}; nothing at all is {}. */
static bool read_refresh(const struct api_request *q, struct api_call *call, struct reply *r)
{
    struct itr_json_scan scan;
    struct itr_json_piece all = {q->body, q->body_len}, refused;
    struct itr_error e;
    enum itr_status s;

    if (q->body_len == 0)
        return true;
    s = itr_json_scan(q->body, q->body_len, &scan, &e);
    if (s != ITR_OK || !scan.is_object)
        return refuse(r, 400, "the body must be a JSON object");
    while (*all.at != '{')
        all.at++, all.len--;
    refused = itr_json_member(all, "refused");
    if (refused.at == NULL && !is_empty(all)) /* a misspelt report must not cost a fetch */
        return refuse(r, 400, "the body must be {\"refused\": FENCE}, or {} to ask for a fetch");
    /* 0 would be read as "none", and cost a fetch. */
    if (refused.at != NULL &&
        (!read_fence(refused.at, refused.len, &call->refused) || call->refused == 0))
        return refuse(r, 400, "refused must be a fence, a positive integer");
    return true;
}

/* The vendor's path: everything is in the query. */
static bool read_vendor(const struct api_request *q, struct api_call *call, struct reply *r)
{
    const char *id = q->query_app_id, *secret = q->query_app_secret;
    bool clean;

    if (id == NULL || *id == '\0' || secret == NULL || *secret == '\0') {
        reply_say(r, 200, 40001, "appId或appSecret为空");
        return false;
    }
    clean = decode(id, strlen(id), call->app_id, API_APP_ID_MAX) &&
            decode(secret, strlen(secret), call->key, API_KEY_MAX);
    if (!clean)
        api_say_no_key(call, r);
    return clean;
}

bool api_read(const struct api_request *request, struct api_call *call, struct reply *r)
{
    memset(call, 0, offsetof(struct api_call, key) + 1);
    call->refused = call->newer_than = 0;
    call->wait_ms = 0;
    if (!find_route(request, call, r) || !check_method(request, call, r))
        return false;
    if (call->route->vendor && !read_vendor(request, call, r))
        return false;
    if (!call->route->vendor && !read_key(request, call)) {
        api_say_no_key(call, r);
        return false;
    }
    if (request->body_is_cut)
        return refuse(r, 413, "the request body is too large; at most 4096 bytes are accepted");
    if (call->route->vendor)
        return true;
    if (call->route->what == API_TOKEN)
        return read_poll(request, call, r);
    return call->route->what != API_REFRESH || read_refresh(request, call, r);
}

/* ---- who may not ---- */

void api_say_no_key(const struct api_call *call, struct reply *r)
{
    if (call->route->vendor) {
        reply_say(r, 200, 40002, "appId或appSecret格式错误");
        return;
    }
    r->challenge =
        call->route->guard == API_STATUS ? REPLY_CHALLENGE_BASIC : REPLY_CHALLENGE_BEARER;
    (void)refuse(r, 401, "missing or unknown client key; send Authorization: Bearer KEY");
}

void api_say_no_right(const struct api_call *call, struct reply *r)
{
    if (call->route->vendor)
        api_say_no_key(call, r);
    else
        (void)refuse(
            r, 403,
            "this key gives no token of this app: check the app id in the path, and apps and "
            "role of the client");
}

void api_say_no_app(const struct api_call *call, struct reply *r)
{
    if (call->route->vendor)
        api_say_no_key(call, r);
    else
        (void)refuse(r, 404, "unknown app id");
}
