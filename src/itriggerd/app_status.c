#include "itriggerd/app_status.h"

#include "itriggerd/app.h"

static void hide_unless(bool known, int64_t *value)
{
    if (!known)
        *value = STATUS_UNKNOWN;
}

static void hide_unknown(struct itr_stats *s)
{
    hide_unless(s->fence != 0, &s->age_ms);
    hide_unless(s->fence != 0, &s->refresh_in_ms);
    hide_unless(s->fence != 0, &s->expires_in_ms);
    hide_unless(s->fetches_today >= 0, &s->fetches_today);
    hide_unless(s->daily_limit > 0, &s->daily_limit);
    hide_unless(s->fetches.good_wall_ms != 0, &s->fetches.good_wall_ms);
    hide_unless(s->fetches.ended > 0, &s->fetches.last_ms);
}

void app_status_of(const struct app *a, int64_t now_mono_ms, struct app_status *h,
                   struct itr_event_list *events)
{
    *h = (struct app_status){.name = a->name, .app_id = a->config->app_id, .app = a};
    itr_source_stats(a->source, &h->source, events);
    hide_unknown(&h->source);
    h->ready = app_is_ready(a, now_mono_ms);
    h->pollers = atomic_load(&a->pollers);
    h->file_ok = !atomic_load(&a->file_failed);
    h->refused = h->source.fence != 0 && atomic_load(&a->refused_fence) == h->source.fence;
    h->trouble = !h->ready ? APP_FAILS : h->source.last_error.kind != ITR_OK ? APP_WARNS : APP_FINE;
    counters_read(a->counters, h->count, APP_COUNTS);
}
