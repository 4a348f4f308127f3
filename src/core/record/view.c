#include "core/record/view.h"

#include <string.h>

#include "core/base/bound.h"

#define SHANGHAI_MS (8 * ITR_HOUR_MS)

int64_t itr_record_now(int64_t now_ms)
{
    return itr_max64(0, itr_min64(now_ms, ITR_RECORD_TIME_MAX));
}

/* A day of 2^52 ms is below 2^26: it fits. */
int32_t itr_record_day(int64_t now_ms)
{
    return (int32_t)((now_ms + SHANGHAI_MS) / ITR_DAY_MS);
}

int64_t itr_record_next_day_ms(int64_t now_ms)
{
    return ((int64_t)itr_record_day(now_ms) + 1) * ITR_DAY_MS - SHANGHAI_MS;
}

static void view_token(struct itr_record *v, int64_t now_ms, const struct itr_record_rules *rules)
{
    v->born_ms = itr_min64(v->born_ms, now_ms);
    v->end_ms = itr_min64(v->end_ms, now_ms + rules->token_ttl_ms);
    v->refresh_ms = itr_min64(v->refresh_ms, v->end_ms);
    if (v->fetched_ms > now_ms)
        v->fetched_ms = 0;
}

/* A lease from the future has no end that could be waited for, nor be counted from. */
static void view_lease(struct itr_record *v, int64_t now_ms, const struct itr_record_rules *rules)
{
    if (v->lease_end_ms > now_ms + rules->lease_ms)
        v->lease_end_ms = 0;
}

/* Of another day nothing was used today, whether that day lies behind or (by a step) ahead. */
static void view_day(struct itr_record *v, int64_t now_ms)
{
    if (v->day != itr_record_day(now_ms))
        v->fetches = 0;
    v->day = itr_record_day(now_ms);
}

static void view_retry(struct itr_record *v, int64_t now_ms, const struct itr_record_rules *rules)
{
    int64_t longest_ms = itr_max64(ITR_BACKOFF_MAX_MS, ITR_LIMIT_MS);

    if (rules->daily_limit > 0)
        longest_ms = itr_max64(longest_ms, itr_record_next_day_ms(now_ms) - now_ms);
    if (v->retry_ms > now_ms + longest_ms)
        v->retry_ms = 0;
}

static void view_forbidden(struct itr_record *v, int64_t now_ms)
{
    if (v->forbidden_ms <= now_ms)
        return;
    v->forbidden[0] = '\0';
    v->forbidden_ms = 0;
}

static void view_refused(struct itr_record *v, int64_t now_ms, const struct itr_record_rules *rules)
{
    int64_t longest_ms = itr_max64(ITR_REFUSED_MAX_MS, rules->min_refresh_interval_ms);

    if (rules->daily_limit > 0)
        longest_ms = itr_max64(longest_ms, ITR_REFUSED_LIMIT_MAX_MS);
    v->refused_distance_ms = itr_min64(v->refused_distance_ms, longest_ms);
    if (v->refused_ms <= now_ms)
        return;
    v->refused_ms = 0;
    v->refused_distance_ms = 0;
}

void itr_record_view(const struct itr_record *r, int64_t now_ms,
                     const struct itr_record_rules *rules, struct itr_record *out)
{
    *out = *r;
    view_token(out, now_ms, rules);
    view_lease(out, now_ms, rules);
    view_day(out, now_ms);
    view_retry(out, now_ms, rules);
    view_forbidden(out, now_ms);
    view_refused(out, now_ms, rules);
}

void itr_record_view_for(const struct itr_record *r, int64_t now_ms,
                         const struct itr_record_wish *wish, struct itr_record *out)
{
    itr_record_view(r, now_ms, wish->rules, out);
    if (out->owner[0] == '\0' || strcmp(out->owner, wish->owner) != 0)
        return;
    out->owner[0] = '\0';
    out->lease_end_ms = 0;
    if (out->fetches > 0 && out->lease_fence != wish->sent_fence)
        out->fetches--;
}

bool itr_record_has_live_lease(const struct itr_record *view, int64_t now_ms)
{
    return view->owner[0] != '\0' && view->lease_end_ms > now_ms;
}

bool itr_record_has_lapsed_lease(const struct itr_record *view, int64_t now_ms)
{
    return view->owner[0] != '\0' && view->lease_end_ms <= now_ms;
}
