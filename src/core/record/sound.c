#include "core/record/sound.h"

#include <string.h>

#include "core/json/scan.h"

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7F;
}

bool itr_record_is_plain(char c)
{
    return c > 0x20 && c < 0x7F && c != '%';
}

size_t itr_record_escaped_len(const char *text, size_t n)
{
    size_t i, len = 0;

    for (i = 0; i < n; i++)
        len += itr_record_is_plain(text[i]) ? 1 : 3;
    return len;
}

static bool has_control(const char *text, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        if (is_control(text[i]))
            return true;
    return false;
}

bool itr_record_can_carry(const char *text, size_t n)
{
    return n > 0 && n <= ITR_TOKEN_MAX && !has_control(text, n) &&
           itr_record_escaped_len(text, n) <= ITR_RECORD_TOKEN_ESCAPED;
}

static bool times_are_sound(const struct itr_record *r)
{
    const int64_t times[] = {r->born_ms,        r->refresh_ms,   r->end_ms,    r->fetched_ms,
                             r->lease_begin_ms, r->lease_end_ms, r->failed_ms, r->refused_ms};
    size_t i;

    for (i = 0; i < sizeof times / sizeof times[0]; i++)
        if (times[i] < 0 || times[i] > ITR_RECORD_NUMBER_MAX)
            return false;
    return true;
}

static bool counts_are_sound(const struct itr_record *r)
{
    return r->day >= 0 && r->fetches >= 0 && r->wasted >= 0 && r->failures >= 0 && r->refusals >= 0;
}

static bool token_is_sound(const struct itr_record *r)
{
    if (r->text[0] == '\0')
        return r->fence == 0;
    return r->fence != 0 && itr_record_can_carry(r->text, strlen(r->text));
}

/* A lease gets the highest fence of its time, and a token that of its lease. */
static bool lease_is_sound(const struct itr_record *r)
{
    if (r->lease_fence > ITR_RECORD_FENCE_MAX || has_control(r->owner, strlen(r->owner)))
        return false;
    return r->owner[0] == '\0' ? r->lease_fence >= r->fence : r->lease_fence > r->fence;
}

static bool error_is_sound(const struct itr_record_error *e)
{
    size_t n = strlen(e->text);

    if (e->kind == ITR_OK)
        return n == 0 && !e->has_code && e->http_status == 0;
    return e->kind >= ITR_NETWORK && e->kind <= ITR_STORE && e->http_status >= 0 &&
           e->http_status <= ITR_RECORD_HTTP_MAX && !has_control(e->text, n) &&
           itr_utf8_valid(e->text, n) &&
           itr_record_escaped_len(e->text, n) <= ITR_RECORD_ERROR_ESCAPED;
}

/* Whoever is held back by a failure must be told of it. */
static bool failure_is_sound(const struct itr_record *r)
{
    return (r->failure == ITR_FAILURE_NONE) == (r->error.kind == ITR_OK);
}

bool itr_record_is_sound(const struct itr_record *r)
{
    return times_are_sound(r) && counts_are_sound(r) && token_is_sound(r) && lease_is_sound(r) &&
           error_is_sound(&r->error) && failure_is_sound(r) &&
           !has_control(r->forbidden, strlen(r->forbidden));
}
