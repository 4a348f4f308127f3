#include "core/record/hold.h"

#include <string.h>

#include "core/base/bound.h"
#include "core/json/scan.h"
#include "core/record/sound.h"
#include "core/record/token.h"
#include "core/record/view.h"

#define BACKOFF_MIN_MS INT64_C(100)

/* One row of the table: until when it holds (0: it does not), and why. */
struct hold {
    int64_t until_ms;
    bool after_refusal;
    struct itr_error error;
};

int64_t itr_record_backoff_ms(int failures, uint64_t random)
{
    int64_t longest_ms = ITR_SECOND_MS;

    for (; failures > 1 && longest_ms < ITR_BACKOFF_MAX_MS; failures--)
        longest_ms *= 2;
    longest_ms = itr_min64(longest_ms, ITR_BACKOFF_MAX_MS);
    return itr_max64(BACKOFF_MIN_MS, (int64_t)(random % (uint64_t)(longest_ms + 1)));
}

int64_t itr_record_jitter_ms(const struct itr_record *r, uint64_t random)
{
    if (r->refresh_ms >= r->end_ms)
        return 0;
    return (int64_t)(random % ((uint64_t)(r->end_ms - r->refresh_ms) / 6 + 1));
}

/* The rest of the day, shared out among the fetches that are left of it. */
static int64_t share_of_day_ms(const struct itr_record *v, int64_t from_ms,
                               const struct itr_record_rules *rules)
{
    int64_t left = itr_max64(1, rules->daily_limit - v->fetches);

    return (itr_record_next_day_ms(from_ms) - from_ms) / left;
}

int64_t itr_record_failure_wait_ms(const struct itr_record *view, int64_t from_ms,
                                   const struct itr_record_rules *rules, int failures,
                                   uint64_t random)
{
    int64_t wait_ms = itr_record_backoff_ms(failures, random);

    if (rules->daily_limit > 0 && failures > ITR_RECORD_SPREAD)
        wait_ms = itr_max64(wait_ms, share_of_day_ms(view, from_ms, rules));
    return wait_ms;
}

/* The distance that the next refusal-caused fetch keeps from this one, which followed another. */
static int64_t next_distance_ms(const struct itr_record *v, int64_t now_ms,
                                const struct itr_record_rules *rules)
{
    int64_t longest_ms = itr_max64(ITR_REFUSED_MAX_MS, rules->min_refresh_interval_ms);
    int64_t distance_ms =
        v->refused_distance_ms == 0 ? rules->min_refresh_interval_ms : 2 * v->refused_distance_ms;

    distance_ms = itr_min64(distance_ms, longest_ms);
    if (rules->daily_limit > 0)
        distance_ms = itr_max64(distance_ms, itr_min64(2 * share_of_day_ms(v, now_ms, rules),
                                                       ITR_REFUSED_LIMIT_MAX_MS));
    return distance_ms;
}

void itr_record_note_refused(struct itr_record *view, int64_t now_ms,
                             const struct itr_record_rules *rules)
{
    int64_t window_ms = itr_max64(ITR_HOUR_MS, 2 * view->refused_distance_ms);
    bool follows = view->refused_ms != 0 && now_ms - view->refused_ms <= window_ms;

    view->refused_distance_ms = follows ? next_distance_ms(view, now_ms, rules) : 0;
    view->refused_ms = now_ms;
}

/* What another machine cannot judge (our memory, our options) is told as what it saw of us. */
static enum itr_status kept_kind(enum itr_status kind)
{
    return kind >= ITR_NETWORK && kind <= ITR_STORE ? kind : ITR_NETWORK;
}

/* Texts of other programs are in it: what no record may contain is made harmless. */
static void clean_text(char *text, size_t n)
{
    bool is_utf8 = itr_utf8_valid(text, n);
    size_t i;

    for (i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c < 0x20 || c == 0x7F)
            text[i] = ' ';
        else if (c >= 0x80 && !is_utf8)
            text[i] = '?';
    }
}

/* Copies as many whole characters as may be kept. */
static void keep_text(char *to, const char *from)
{
    size_t n = 0, escaped = 0;

    while (n < ITR_RECORD_ERROR_TEXT && from[n] != '\0') {
        escaped += itr_record_escaped_len(from + n, 1);
        if (escaped > ITR_RECORD_ERROR_ESCAPED)
            break;
        n++;
    }
    while (n > 0 && ((unsigned char)from[n] & 0xC0) == 0x80)
        n--;
    memcpy(to, from, n);
    to[n] = '\0';
    clean_text(to, n);
}

void itr_record_keep_error(struct itr_record_error *kept, const struct itr_error *e)
{
    memset(kept, 0, sizeof *kept);
    kept->kind = kept_kind(e->kind);
    kept->has_code = e->has_code;
    kept->code = e->has_code ? e->code : 0;
    kept->http_status =
        e->http_status >= 0 && e->http_status <= ITR_RECORD_HTTP_MAX ? e->http_status : 0;
    keep_text(kept->text, e->text);
}

void itr_record_give_error(const struct itr_record_error *kept, struct itr_error *e)
{
    itr_error_set(e, kept->kind, "%s", kept->text);
    e->has_code = kept->has_code;
    e->code = kept->code;
    e->http_status = kept->http_status;
}

/* Nothing was sent: this machine's own trouble, known only to itself. */
static void hold_local(const struct itr_record *v, int64_t now_ms,
                       const struct itr_record_wish *wish, struct hold *h)
{
    (void)v;
    if (wish->local_error == NULL || wish->local_retry_ms > now_ms + ITR_BACKOFF_MAX_MS)
        return;
    h->until_ms = wish->local_retry_ms;
    h->error = *wish->local_error;
}

/* Sent, and no usable answer; or 40004. Settle wrote down until when. */
static void hold_retry(const struct itr_record *v, int64_t now_ms,
                       const struct itr_record_wish *wish, struct hold *h)
{
    (void)now_ms;
    (void)wish;
    h->until_ms = v->retry_ms;
    itr_record_give_error(&v->error, &h->error);
}

/* Leases that lapse one after the other: each who fetches dies of it. Nobody was left to write a
 * time down, so every reader draws the same one from the lease's fence. */
static void hold_lapsed(const struct itr_record *v, int64_t now_ms,
                        const struct itr_record_wish *wish, struct hold *h)
{
    int failures = v->failures + 1;

    if (!itr_record_has_lapsed_lease(v, now_ms) || failures < ITR_RECORD_LAPSES)
        return;
    h->until_ms = v->lease_end_ms + itr_record_failure_wait_ms(v, v->lease_end_ms, wish->rules,
                                                               failures, v->lease_fence);
    itr_error_set(&h->error, ITR_TIMEOUT,
                  "%d token fetches in a row ended without a result, the last one because the "
                  "process that was fetching stopped or died",
                  failures);
}

/* 40001-40003, for the secret that was refused only: another one may be right. */
static void hold_forbidden(const struct itr_record *v, int64_t now_ms,
                           const struct itr_record_wish *wish, struct hold *h)
{
    int64_t wait_ms = ITR_FORBIDDEN_MS;

    (void)now_ms;
    if (v->forbidden[0] == '\0' || strcmp(v->forbidden, wish->rules->secret_digest) != 0)
        return;
    if (wish->asked)
        wait_ms = itr_min64(wait_ms, wish->rules->min_refresh_interval_ms);
    h->until_ms = v->forbidden_ms + wait_ms;
    /* A failure with another secret may have been noted since. */
    if (v->error.has_code && v->error.code >= 40001 && v->error.code <= 40003)
        itr_record_give_error(&v->error, &h->error);
    else
        itr_error_set(
            &h->error, ITR_TOKEN,
            "the gateway refused these credentials: check app_id, app_secret and gateway");
}

static void hold_daily_limit(const struct itr_record *v, int64_t now_ms,
                             const struct itr_record_wish *wish, struct hold *h)
{
    if (wish->rules->daily_limit <= 0 || v->fetches < wish->rules->daily_limit)
        return;
    h->until_ms = itr_record_next_day_ms(now_ms);
    itr_error_set(
        &h->error, ITR_QUOTA,
        "all token fetches of today are used up (option daily_limit = %lld); the next day "
        "begins at 00:00 Asia/Shanghai",
        (long long)wish->rules->daily_limit);
}

static void hold_refused(const struct itr_record *v, int64_t now_ms,
                         const struct itr_record_wish *wish, struct hold *h)
{
    (void)now_ms;
    if (wish->refused == NULL || v->refused_ms == 0)
        return;
    h->until_ms = v->refused_ms + v->refused_distance_ms;
    h->after_refusal = true;
    itr_error_set(&h->error, ITR_TOKEN,
                  "the gateway goes on refusing fresh tokens: " ITR_TOKEN_FRESH_REFUSED);
}

/* client:refresh() soon after a token came: the present one is the answer, and nothing is wrong. */
static void hold_asked(const struct itr_record *v, int64_t now_ms,
                       const struct itr_record_wish *wish, struct hold *h)
{
    bool is_good = v->text[0] != '\0' && (v->end_ms > now_ms || v->fence == wish->held_fence);

    if (!wish->asked || wish->refused != NULL || !is_good)
        return;
    h->until_ms = v->fetched_ms + wish->rules->min_refresh_interval_ms;
}

static void (*const table[])(const struct itr_record *, int64_t, const struct itr_record_wish *,
                             struct hold *) = {
    hold_local, hold_retry, hold_lapsed, hold_forbidden, hold_daily_limit, hold_refused, hold_asked,
};

int64_t itr_record_held_until(const struct itr_record *r, int64_t now_ms,
                              const struct itr_record_wish *wish, struct itr_error *error,
                              bool *after_refusal)
{
    struct itr_record v;
    struct hold last = {0};
    size_t i;

    now_ms = itr_record_now(now_ms);
    itr_record_view_for(r, now_ms, wish, &v);
    for (i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct hold h = {0};

        table[i](&v, now_ms, wish, &h);
        if (h.until_ms > now_ms && h.until_ms > last.until_ms)
            last = h;
    }
    *error = last.error;
    *after_refusal = last.after_refusal;
    return last.until_ms;
}
