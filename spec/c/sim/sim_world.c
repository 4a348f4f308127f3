#include "sim/sim_world.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/sim_chaos.h"

#define BEGAN_MS INT64_C(1767196800000) /* 2026-01-01 00:00 in Shanghai */

struct sim_options sim_options_default(void)
{
    struct sim_options o = {0};

    o.seed = 1;
    o.processes = 1;
    o.kind = SIM_OVERWRITE;
    o.life_ms = 2 * SIM_HOUR;
    o.call_every_ms = SIM_MINUTE;
    o.run_ms = SIM_DAY;
    o.rules.token_ttl_ms = 2 * SIM_HOUR;
    o.rules.refresh_margin_ms = 30 * SIM_MINUTE;
    o.rules.min_refresh_interval_ms = 30 * SIM_SECOND;
    o.rules.lease_ms = 15 * SIM_SECOND;
    memcpy(o.rules.secret_digest, "0123456789abcdef", ITR_DIGEST_MAX);
    return o;
}

struct sim_world *sim_world_new(const struct sim_options *o)
{
    struct sim_world *w = calloc(1, sizeof *w);
    int i;

    if (w == NULL)
        return NULL;
    w->options = *o;
    w->began_ms = w->now_ms = BEGAN_MS;
    w->random.state = o->seed;
    w->gateway.kind = o->kind;
    w->gateway.life_ms = o->life_ms;
    for (i = 0; i < o->processes; i++) {
        w->processes[i].id = i;
        sim_process_start(w, &w->processes[i]);
    }
    sim_chaos_start(w);
    return w;
}

void sim_world_free(struct sim_world *w)
{
    int i;

    if (w == NULL)
        return;
    for (i = 0; i < w->options.processes; i++)
        sim_process_kill(&w->processes[i]);
    sim_watch_clear(&w->watch);
    sim_gateway_clear(&w->gateway);
    sim_queue_clear(&w->queue);
    free(w);
}

void sim_world_at(struct sim_world *w, int64_t at_ms,
                  void (*happen)(struct sim_world *, const struct sim_event *), void *arg)
{
    sim_queue_put(&w->queue,
                  (struct sim_event){.at_ms = w->began_ms + at_ms, .happen = happen, .arg = arg});
}

void sim_world_soon(struct sim_world *w, struct sim_process *p, int64_t in_ms,
                    void (*happen)(struct sim_world *, const struct sim_event *), void *arg)
{
    struct sim_event e = {0};

    e.at_ms = w->now_ms + in_ms;
    e.happen = happen;
    e.process = p;
    e.life = p != NULL ? p->life : 0;
    e.arg = arg;
    sim_queue_put(&w->queue, e);
}

void sim_world_outside(struct sim_world *w, struct sim_process *p, int64_t in_ms,
                       void (*happen)(struct sim_world *, const struct sim_event *), void *arg)
{
    struct sim_event e = {0};

    e.at_ms = w->now_ms + in_ms;
    e.happen = happen;
    e.process = p;
    e.life = p != NULL ? p->life : 0;
    e.outside = true;
    e.arg = arg;
    sim_queue_put(&w->queue, e);
}

/* A stopped process does what it has to do when it goes on, in the same order. */
static bool is_put_off(struct sim_world *w, struct sim_event *e)
{
    if (e->process == NULL || e->outside || e->process->stopped_until_ms <= w->now_ms)
        return false;
    e->at_ms = e->process->stopped_until_ms;
    sim_queue_put(&w->queue, *e);
    return true;
}

static void step(struct sim_world *w, struct sim_event *e)
{
    w->now_ms = e->at_ms;
    if (e->process != NULL && e->life != e->process->life)
        return;
    if (is_put_off(w, e))
        return;
    if (e->process != NULL && !e->outside && sim_chaos_strikes(w, e->process, e))
        return;
    e->happen(w, e);
    if (e->process != NULL)
        sim_watch_process(e->process);
}

static void tell(const struct sim_world *w)
{
    const struct sim_options *o = &w->options;

    sim_trace_print(&w->trace, stderr);
    fprintf(stderr,
            "broken: %s\n  seed %" PRIu64 ", %d processes, gateway %s, life %d s, daily_limit %d, "
            "chaos %u\n",
            w->watch.broken, o->seed, o->processes, sim_gateway_kind_name(o->kind),
            (int)(o->life_ms / 1000), (int)o->rules.daily_limit, o->chaos);
}

bool sim_world_run(struct sim_world *w, bool quiet)
{
    struct sim_event e;

    while (w->watch.broken[0] == '\0' && sim_queue_take(&w->queue, &e) &&
           e.at_ms < w->began_ms + w->options.run_ms)
        step(w, &e);
    if (w->watch.broken[0] != '\0' && !quiet)
        tell(w);
    return w->watch.broken[0] == '\0';
}

bool sim_world_is_chaotic(const struct sim_world *w, unsigned what)
{
    return (w->options.chaos & what) != 0 && w->now_ms < w->began_ms + w->options.chaos_ms;
}

int64_t sim_world_delay(struct sim_world *w, int64_t lowest_ms, int64_t highest_ms)
{
    return sim_random_within(&w->random, lowest_ms, highest_ms);
}
