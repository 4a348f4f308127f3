#include "itriggerd/app_status.h"

#include "itriggerd/app.h"

static int64_t known(bool is, int64_t value)
{
    return is ? value : STATUS_UNKNOWN;
}

static void take_stats(struct app_status *h, const struct itr_stats *s)
{
    bool held = s->fence != 0;
    size_t i;

    h->fence = s->fence;
    h->age_ms = known(held, s->age_ms);
    h->refresh_in_ms = known(held, s->refresh_in_ms);
    h->expires_in_ms = known(held, s->expires_in_ms);
    h->fetches_today = known(s->fetches_today >= 0, s->fetches_today);
    h->daily_limit = known(s->daily_limit > 0, s->daily_limit);
    h->waiters = s->waiters;
    h->failing = s->last_error.kind != ITR_OK;
    h->fetched = (int64_t)s->fetched;
    h->good_wall_ms = known(s->fetches.good_wall_ms != 0, s->fetches.good_wall_ms);
    h->last_ms = known(s->fetches.ended > 0, s->fetches.last_ms);
    h->fetches = (int64_t)s->fetches.ended;
    h->fetches_ms = s->fetches.sum_ms;
    for (i = 0; i < sizeof h->failed / sizeof *h->failed; i++)
        h->failed[i] = (int64_t)s->fetches.failed[i];
}

void app_status_of(const struct app *a, int64_t now_mono_ms, struct itr_stats *stats,
                   struct itr_event_list *events, struct app_status *h)
{
    itr_source_stats(a->source, stats, events);
    *h = (struct app_status){.name = a->name, .app_id = a->config->app_id, .app = a};
    take_stats(h, stats);
    h->ready = app_is_ready(a, now_mono_ms);
    h->pollers = atomic_load(&a->pollers);
    h->file_ok = !atomic_load(&a->file_failed);
    h->refused = stats->fence != 0 && atomic_load(&a->refused_fence) == stats->fence;
    counters_read(a->counters, h->count, APP_COUNTS);
}
