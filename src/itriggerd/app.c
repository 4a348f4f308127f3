#include "itriggerd/app.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/bound.h"
#include "core/record/view.h"

#define AGAIN_MS 10000  /* a drop-in client that comes back sooner for the same token */
#define REFUSALS_KEPT 3 /* fetches of a day that nobody can ask for */

static enum itr_status fill(struct app *a, const struct app_settings *s,
                            const struct itr_parts *parts, struct itr_error *e)
{
    enum itr_status st;

    if (!settings_set(&a->name, s->name) ||
        (s->token_file != NULL && !settings_set(&a->token_file, s->token_file)) ||
        (a->counters = counters_new(APP_COUNTS + APP_SPENDERS)) == NULL)
        return itr_error_set(e, ITR_NOMEM, "out of memory");
    if ((st = itr_source_open(&s->config, parts, &a->source, e)) != ITR_OK)
        return st;
    a->config = itr_source_config(a->source);
    a->failures = itr_source_failures(a->source, NULL);
    return ITR_OK;
}

enum itr_status app_new(const struct app_settings *settings, const struct itr_parts *parts,
                        struct app **out, struct itr_error *e)
{
    struct app *a = calloc(1, sizeof *a);
    enum itr_status s;

    *out = NULL;
    if (a == NULL)
        return itr_error_set(e, ITR_NOMEM, "out of memory");
    atomic_init(&a->refs, 1);
    atomic_init(&a->used, !settings->used_only);
    a->used_only = settings->used_only;
    a->check_interval_ms = settings->check_interval_ms;
    pthread_mutex_init(&a->recent_lock, NULL);
    if ((s = fill(a, settings, parts, e)) != ITR_OK) {
        app_release(a);
        return s;
    }
    *out = a;
    return ITR_OK;
}

struct app *app_retain(struct app *a)
{
    atomic_fetch_add(&a->refs, 1);
    return a;
}

static void leave_source(struct app *a)
{
    if (a->due_pending)
        itr_source_forget(a->source, &a->due);
    itr_source_release(a->source);
}

void app_release(struct app *a)
{
    if (a == NULL || atomic_fetch_sub(&a->refs, 1) != 1)
        return;
    if (a->source != NULL)
        leave_source(a);
    counters_release(a->counters);
    itr_token_release(a->token);
    pthread_mutex_destroy(&a->recent_lock);
    free(a->name);
    free(a->token_file);
    free(a);
}

bool app_same(const struct app *a, const struct app *b)
{
    /* Two configurations with which a token is fetched the same way have one source. */
    return a->source == b->source && a->used_only == b->used_only &&
           a->check_interval_ms == b->check_interval_ms && settings_same(a->name, b->name) &&
           settings_same(a->token_file, b->token_file);
}

void app_hand_on(const struct app *a, struct app *successor)
{
    counters_release(successor->counters);
    successor->counters = counters_retain(a->counters);
}

void app_note_use(struct app *a)
{
    if (!atomic_load_explicit(&a->used, memory_order_relaxed))
        atomic_store(&a->used, true);
}

bool app_is_ready(const struct app *a, int64_t now_mono_ms)
{
    uint64_t fence = atomic_load(&a->fence);

    if (a->used_only && !atomic_load(&a->used))
        return true;
    return now_mono_ms < atomic_load(&a->usable_until_mono_ms) && !atomic_load(&a->file_failed) &&
           (fence == 0 || atomic_load(&a->refused_fence) != fence);
}

bool app_note_drop_in(struct app *a, uint64_t who, uint64_t fence, int64_t now_mono_ms)
{
    struct app_recent *r = &a->recent[who % APP_RECENT];
    bool again;

    pthread_mutex_lock(&a->recent_lock);
    again = r->who == who && r->fence == fence && r->at_mono_ms != 0 &&
            now_mono_ms - r->at_mono_ms < AGAIN_MS;
    *r = (struct app_recent){who, fence, now_mono_ms};
    pthread_mutex_unlock(&a->recent_lock);
    return again;
}

/* ---- the day's limit ---- */

/* Fetches of the timer in that time, and some for refusals. */
static int64_t fetches_needed(const struct itr_config *c, int64_t ms)
{
    int64_t margin_ms = itr_min64(c->refresh_margin_ms, c->token_ttl_ms / 4);
    int64_t period_ms = itr_max64(1, c->token_ttl_ms - margin_ms);

    return (ms + period_ms - 1) / period_ms + REFUSALS_KEPT;
}

/* Count one for this client, unless it has had its share today. */
static bool take_share(struct app *a, size_t budget, uint32_t day, int64_t share)
{
    atomic_uint_fast64_t *spent = &a->counters->n[APP_SPENT + budget];
    uint64_t before = atomic_load(spent), used;

    do {
        used = before >> 32 == day ? before & UINT32_MAX : 0;
        if ((int64_t)used >= share)
            return false;
    } while (!atomic_compare_exchange_weak(spent, &before, (uint64_t)day << 32 | (used + 1)));
    return true;
}

bool app_may_spend(struct app *a, size_t budget, int64_t now_wall_ms)
{
    const struct itr_config *c = a->config;
    int64_t day_ends_ms = itr_record_next_day_ms(now_wall_ms);
    int64_t spare = c->daily_limit - fetches_needed(c, ITR_DAY_MS);
    struct itr_stats stats;

    if (c->daily_limit == 0)
        return true;
    itr_source_stats(a->source, &stats, NULL);
    if (c->daily_limit - stats.fetches_today <= fetches_needed(c, day_ends_ms - now_wall_ms))
        return false;
    return take_share(a, budget, (uint32_t)itr_record_day(now_wall_ms), itr_max64(1, spare / 2));
}
