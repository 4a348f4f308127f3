#include "core/record/hold.h"

#include <string.h>

#include "core/base/bound.h"
#include "core/base/buf.h"
#include "core/base/utf8.h"
#include "core/record/sound.h"
#include "core/record/token.h"
#include "core/record/view.h"

#define BACKOFF_MIN_MS INT64_C(100)
#define BACKOFF_MAX_MS (5 * ITR_MINUTE_MS)
#define FORBIDDEN_MS (10 * ITR_MINUTE_MS)   /* after 40001-40003 */
#define LIMIT_MS (30 * ITR_MINUTE_MS)       /* after 40004 */
#define REFUSED_MAX_MS ITR_HOUR_MS          /* between refusal-caused fetches */
#define SPREAD_MAX_MS (4 * ITR_HOUR_MS)     /* of a daily limit, for refused and asked */
#define ASKED_WASTED_MS (5 * ITR_MINUTE_MS) /* between asked fetches, once many were wasted */
#define FREE_LAPSES 3                       /* so many lapsed leases in a row hold nothing back */
#define FEW 6                               /* wasted fetches a day that are spread over nothing */

int64_t itr_record_backoff_ms(int failures, uint64_t random)
{
    int64_t longest_ms = ITR_SECOND_MS;

    for (; failures > 1 && longest_ms < BACKOFF_MAX_MS; failures--)
        longest_ms *= 2;
    longest_ms = itr_min64(longest_ms, BACKOFF_MAX_MS);
    return itr_max64(BACKOFF_MIN_MS, (int64_t)(random % (uint64_t)(longest_ms + 1)));
}

/* Every reader draws the same jitter, from a fence: its bits are mixed, for it is a time. */
static uint64_t mixed(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* ---- the daily limit, spread over the day ---- */

/* The rest of the day from then on, shared out among the fetches that are left of it; 0: no limit.
 */
static int64_t share_ms(const struct itr_record *v, int64_t from_ms,
                        const struct itr_record_rules *rules)
{
    int64_t left = itr_max64(1, rules->daily_limit - v->fetches);

    return rules->daily_limit > 0 ? (itr_record_next_day_ms(from_ms) - from_ms) / left : 0;
}

static bool wasted_few(const struct itr_record *v, const struct itr_record_rules *rules)
{
    int64_t few = rules->daily_limit > 0 ? itr_min64(FEW, rules->daily_limit / 4) : FEW;

    return v->wasted <= itr_max64(few, 1);
}

/* The wait, but at least `share` once more than a few fetches were wasted today. */
static int64_t spread(const struct itr_record *v, const struct itr_record_rules *rules,
                      int64_t wait_ms, int64_t share)
{
    return wasted_few(v, rules) ? wait_ms : itr_max64(wait_ms, share);
}

/* ---- the table: how long after which kind of fetch ---- */

static int64_t wait_no_answer(const struct itr_record *v, int failures)
{
    return itr_record_backoff_ms(failures, mixed(v->lease_fence));
}

static int64_t wait_forbidden(const struct itr_record *v, const struct itr_record_rules *rules,
                              bool asked)
{
    if (asked && wasted_few(v, rules))
        return itr_min64(FORBIDDEN_MS, rules->min_refresh_interval_ms);
    return FORBIDDEN_MS;
}

static int64_t wait_refused(const struct itr_record *v, const struct itr_record_rules *rules)
{
    int64_t share = itr_min64(2 * share_ms(v, v->refused_ms, rules), SPREAD_MAX_MS);
    int64_t wait_ms = itr_max64(rules->min_refresh_interval_ms, share);
    int n;

    if (v->refusals < 2)
        return 0;
    for (n = v->refusals; n > 2 && wait_ms < REFUSED_MAX_MS; n--)
        wait_ms *= 2;
    return itr_max64(itr_min64(wait_ms, itr_max64(REFUSED_MAX_MS, rules->min_refresh_interval_ms)),
                     share);
}

static int64_t wait_asked(const struct itr_record *v, const struct itr_record_rules *rules)
{
    int64_t share = itr_min64(2 * share_ms(v, v->fetched_ms, rules), SPREAD_MAX_MS);
    int64_t wait_ms = rules->min_refresh_interval_ms;

    if (v->wasted > FEW)
        wait_ms = itr_max64(wait_ms, ASKED_WASTED_MS);
    return spread(v, rules, wait_ms, share);
}

bool itr_record_refusal_follows(const struct itr_record *view, int64_t now_ms,
                                const struct itr_record_rules *rules)
{
    int64_t window_ms = itr_max64(ITR_HOUR_MS, 2 * wait_refused(view, rules));

    return now_ms - view->refused_ms <= window_ms;
}

/* ---- errors as the fleet remembers them ---- */

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

/* ---- no fetch before ---- */

/* One row: until when it holds (0: it does not), and why. */
struct hold {
    int64_t until_ms;
    struct itr_error error;
};

/* What became of the last fetch without a token: as it was noted; or, of a lease that lapsed, as
 * the next one will note it. */
struct failure {
    enum itr_record_failure is;
    int in_row;
    int64_t at_ms;
};

static struct failure last_failure(const struct itr_record *v, int64_t now_ms)
{
    struct failure f = {v->failure, v->failures, v->failed_ms};

    if (itr_record_has_lapsed_lease(v, now_ms)) {
        f.is = ITR_FAILURE_LAPSED;
        f.in_row = v->failures < INT32_MAX ? v->failures + 1 : v->failures;
        f.at_ms = v->lease_end_ms;
    }
    return f;
}

static void tell_failure(const struct itr_record *v, const struct failure *f, struct itr_error *e)
{
    if (f->is != ITR_FAILURE_LAPSED)
        itr_record_give_error(&v->error, e);
    else
        (void)itr_error_set(e, ITR_TIMEOUT,
                            "%d token fetches in a row brought no token, the last one because the "
                            "process that was fetching stopped or died",
                            f->in_row);
}

static void hold_failure(const struct itr_record *v, int64_t now_ms,
                         const struct itr_record_rules *rules, const struct itr_reason *why,
                         struct hold *h)
{
    struct failure f = last_failure(v, now_ms);
    int64_t share = share_ms(v, f.at_ms, rules), wait_ms = 0;

    switch (f.is) {
    case ITR_FAILURE_NONE:
        return;
    case ITR_FAILURE_LAPSED:
        if (f.in_row <= FREE_LAPSES)
            return;
        wait_ms = spread(v, rules, wait_no_answer(v, f.in_row), share);
        break;
    case ITR_FAILURE_NO_ANSWER:
        wait_ms = spread(v, rules, wait_no_answer(v, f.in_row), share);
        break;
    case ITR_FAILURE_FORBIDDEN: /* another secret may be right */
        if (strcmp(v->forbidden, rules->secret_digest) != 0)
            return;
        wait_ms = spread(v, rules, wait_forbidden(v, rules, why->asked), share);
        break;
    case ITR_FAILURE_LIMIT:
        wait_ms =
            itr_min64(spread(v, rules, LIMIT_MS, share), itr_record_next_day_ms(f.at_ms) - f.at_ms);
        break;
    }
    h->until_ms = f.at_ms + wait_ms;
    tell_failure(v, &f, &h->error);
}

static void hold_daily_limit(const struct itr_record *v, int64_t now_ms,
                             const struct itr_record_rules *rules, const struct itr_reason *why,
                             struct hold *h)
{
    (void)why;
    if (rules->daily_limit <= 0 || v->fetches < rules->daily_limit)
        return;
    h->until_ms = itr_record_next_day_ms(now_ms);
    (void)itr_error_set(&h->error, ITR_QUOTA,
                        "all token fetches of today are used up (option daily_limit = %lld); the "
                        "next day begins at 00:00 Asia/Shanghai",
                        (long long)rules->daily_limit);
}

static void hold_refused(const struct itr_record *v, int64_t now_ms,
                         const struct itr_record_rules *rules, const struct itr_reason *why,
                         struct hold *h)
{
    int64_t wait_ms = wait_refused(v, rules);

    (void)now_ms;
    if (why->refused == NULL || wait_ms == 0)
        return;
    h->until_ms = v->refused_ms + wait_ms;
    (void)itr_error_set(&h->error, ITR_TOKEN,
                        "the gateway keeps rejecting new tokens: " ITR_TOKEN_FRESH_REFUSED);
}

/* client:refresh() soon after a token came: the present one is the answer, and nothing is wrong. */
static void hold_asked(const struct itr_record *v, int64_t now_ms,
                       const struct itr_record_rules *rules, const struct itr_reason *why,
                       struct hold *h)
{
    bool is_good = v->end_ms > now_ms || v->fence == why->held_fence;

    if (why->asked && why->refused == NULL && is_good)
        h->until_ms = v->fetched_ms + wait_asked(v, rules);
}

bool itr_record_is_asked_too_early(const struct itr_record *view, int64_t now_ms,
                                   const struct itr_record_rules *rules,
                                   const struct itr_reason *why)
{
    struct hold h = {0};

    hold_asked(view, now_ms, rules, why, &h);
    return h.until_ms > now_ms;
}

static void (*const table[])(const struct itr_record *, int64_t, const struct itr_record_rules *,
                             const struct itr_reason *, struct hold *) = {
    hold_failure,
    hold_daily_limit,
    hold_refused,
    hold_asked,
};

int64_t itr_record_held_until(const struct itr_record *r, int64_t now_ms,
                              const struct itr_record_self *self, const struct itr_reason *why,
                              struct itr_error *error)
{
    struct itr_record v;
    struct hold told = {0}; /* the last of those with an error */
    int64_t until_ms = 0;
    size_t i;

    now_ms = itr_record_now(now_ms);
    itr_record_view_for(r, now_ms, self, &v);
    for (i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct hold h = {0};

        table[i](&v, now_ms, self->rules, why, &h);
        if (h.until_ms <= now_ms)
            continue;
        until_ms = itr_max64(until_ms, h.until_ms);
        if (h.error.kind != ITR_OK && h.until_ms > told.until_ms)
            told = h;
    }
    *error = told.error;
    itr_wipe(&v, sizeof v);
    return until_ms;
}
