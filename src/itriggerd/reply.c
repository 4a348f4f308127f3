#include "itriggerd/reply.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/utf8.h"
#include "core/json/escape.h"

#define BODY_MAX ((size_t)64 * 1024)
#define QUOTA_RETRY_S 60
#define FAILURE_RETRY_S 2

static const char json_type[] = "application/json; charset=utf-8";

void reply_init(struct reply *r)
{
    *r = (struct reply){.http_status = 500, .content_type = json_type};
    itr_buf_init_secret(&r->body, BODY_MAX);
}

void reply_clear(struct reply *r)
{
    itr_buf_clear(&r->body);
}

/* As a JSON string; bytes that are not UTF-8 become "?". */
static void append_json(struct itr_buf *out, const char *text)
{
    size_t len = strlen(text), at, n;
    char *clean;

    if (itr_utf8_valid(text, len) && strchr(text, 0x7f) == NULL) {
        (void)itr_json_escape(text, len, out);
        return;
    }
    if ((clean = strdup(text)) == NULL)
        return;
    for (at = 0; at < len; at += n) {
        const unsigned char *p = (const unsigned char *)clean + at;
        n = *p < 0x80 ? 1 : itr_utf8_sequence(p, (const unsigned char *)clean + len);
        if (n == 0 || *p == 0x7f) {
            clean[at] = '?';
            n = 1;
        }
    }
    (void)itr_json_escape(clean, len, out);
    free(clean);
}

static void begin(struct reply *r, int http_status, int64_t code)
{
    itr_buf_reset(&r->body);
    r->http_status = http_status;
    r->code = code;
    r->content_type = json_type;
    r->retry_after_s = 0;
}

void reply_say(struct reply *r, int http_status, int64_t code, const char *message)
{
    begin(r, http_status, code);
    (void)itr_buf_append_fmt(&r->body, "{\"code\":%" PRId64 ",\"message\":", code);
    append_json(&r->body, message);
    (void)itr_buf_append_char(&r->body, '}');
}

/* Whole seconds, which every language's clients can read, rounded down; but what is not over yet
 * has 1 left at least. */
static int64_t seconds_left(int64_t ms)
{
    if (ms <= 0)
        return 0;
    return ms < 1000 ? 1 : ms / 1000;
}

void reply_token(struct reply *r, const struct itr_token *t, int64_t now_mono_ms, bool vendor)
{
    begin(r, 200, 200);
    (void)itr_buf_append_fmt(
        &r->body,
        "{\"code\":200,\"message\":\"%s\",\"data\":{\"accessToken\":", vendor ? "操作成功" : "ok");
    append_json(&r->body, t->text);
    if (!vendor)
        (void)itr_buf_append_fmt(
            &r->body, ",\"fence\":%" PRIu64 ",\"expiresIn\":%" PRId64 ",\"refreshIn\":%" PRId64,
            t->fence, seconds_left(t->end_mono_ms - now_mono_ms),
            seconds_left(t->refresh_mono_ms - now_mono_ms));
    (void)itr_buf_append_str(&r->body, "}}");
}

static bool is_vendors_code(const struct itr_error *e)
{
    return e->has_code && e->code >= 40001 && e->code <= 40004;
}

void reply_failure(struct reply *r, const struct itr_error *e, bool vendor)
{
    bool quota = e->kind == ITR_QUOTA;
    int64_t code = quota ? 40004 : is_vendors_code(e) ? e->code : vendor ? 500 : 503;

    reply_say(r, vendor ? 200 : quota ? 429 : 503, code, e->text);
    if (!vendor)
        r->retry_after_s = quota ? QUOTA_RETRY_S : FAILURE_RETRY_S;
}
