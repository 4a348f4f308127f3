#include "itriggerd/app_status.h"

#include "itriggerd/app.h"

static uint64_t read_counter(const atomic_uint_fast64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void read_counters(const struct app_counters *c, struct app_status *h)
{
    size_t i;

    h->tokens = read_counter(&c->tokens);
    h->refusals = read_counter(&c->refusals);
    h->asked = read_counter(&c->asked);
    h->saved = read_counter(&c->saved);
    h->checks_ok = read_counter(&c->checks_ok);
    h->checks_refused = read_counter(&c->checks_refused);
    h->checks_failed = read_counter(&c->checks_failed);
    h->failures = read_counter(&c->failures);
    for (i = 0; i < REQUEST_CODES; i++)
        h->errors[i] = read_counter(&c->errors[i]);
}

void app_status_of(const struct app *a, int64_t now_mono_ms, struct itr_stats *stats,
                   struct app_status *h)
{
    itr_source_stats(a->source, stats);
    *h = (struct app_status){.name = a->name, .app_id = a->app_id};
    h->ready = app_is_ready(a, now_mono_ms);
    h->state = stats->state;
    h->fence = stats->fence;
    h->age_ms = stats->age_ms;
    h->refresh_in_ms = stats->refresh_in_ms;
    h->expires_in_ms = stats->expires_in_ms;
    h->fetches_today = stats->fetches_today;
    h->daily_limit = stats->daily_limit;
    h->waiters = stats->waiters;
    h->pollers = atomic_load(&a->pollers);
    h->file_ok = !atomic_load(&a->file_failed);
    h->refused = stats->fence != 0 && atomic_load(&a->refused_fence) == stats->fence;
    h->failing = stats->last_error.kind != ITR_OK;
    h->fetches = stats->fetches;
    h->fetched = stats->fetched;
    read_counters(a->counters, h);
}
