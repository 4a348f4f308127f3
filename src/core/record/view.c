#include "core/record/view.h"

#include <string.h>

#include "core/base/bound.h"

#define SHANGHAI_MS (8 * ITR_HOUR_MS)
#define LIFE_MAX_MS (30 * ITR_DAY_MS) /* the longest token_ttl */

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

static bool is_ahead(int64_t ms, int64_t now_ms)
{
    return ms > now_ms + ITR_RECORD_SLEW_MS;
}

/* A token's times move back together: it keeps its life. */
static void view_token(struct itr_record *v, int64_t now_ms)
{
    int64_t ahead_ms = is_ahead(v->born_ms, now_ms) ? v->born_ms - now_ms : 0;

    v->born_ms -= ahead_ms;
    v->end_ms = itr_min64(v->end_ms - ahead_ms, now_ms + LIFE_MAX_MS);
    v->refresh_ms = itr_min64(v->refresh_ms - ahead_ms, v->end_ms);
    v->fetched_ms -= ahead_ms;
    if (is_ahead(v->fetched_ms, now_ms))
        v->fetched_ms = 0;
    v->end_ms = itr_max64(v->end_ms, 0);
    v->refresh_ms = itr_max64(v->refresh_ms, 0);
    v->fetched_ms = itr_max64(v->fetched_ms, 0);
}

/* A lease from the future has no end that could be waited for, nor be counted from. */
static void view_lease(struct itr_record *v, int64_t now_ms)
{
    v->lease_end_ms = itr_min64(v->lease_end_ms, v->lease_begin_ms + ITR_RECORD_LEASE_MAX_MS);
    if (is_ahead(v->lease_begin_ms, now_ms))
        v->lease_begin_ms = v->lease_end_ms = 0;
}

/* Of another day nothing was used today, whether that day lies behind or (by a step) ahead. */
static void view_day(struct itr_record *v, int64_t now_ms)
{
    if (v->day != itr_record_day(now_ms))
        v->fetches = v->wasted = 0;
    v->day = itr_record_day(now_ms);
}

static void view_past(struct itr_record *v, int64_t now_ms)
{
    if (is_ahead(v->failed_ms, now_ms))
        v->failed_ms = 0;
    if (is_ahead(v->refused_ms, now_ms))
        v->refused_ms = 0;
}

void itr_record_view(const struct itr_record *r, int64_t now_ms, struct itr_record *out)
{
    *out = *r;
    view_token(out, now_ms);
    view_lease(out, now_ms);
    view_day(out, now_ms);
    view_past(out, now_ms);
}

void itr_record_view_for(const struct itr_record *r, int64_t now_ms,
                         const struct itr_record_self *self, struct itr_record *out)
{
    itr_record_view(r, now_ms, out);
    if (strcmp(out->owner, self->name) != 0)
        return;
    out->owner[0] = '\0';
    if (out->fetches > 0 && out->lease_fence != self->sent_fence)
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
