#include "sim/sim_world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/sim_chaos.h"

#define BEGAN_MS INT64_C(1767196800000) /* 2026-01-01 00:00 in Shanghai */

struct sim_options sim_options_default(void)
{
    struct sim_options o = {0};
    struct itr_machine_setup *s = &o.habits.setup;

    o.seed = 1;
    o.processes = 1;
    o.kind = SIM_OVERWRITE;
    o.life_ms = 2 * SIM_HOUR;
    o.run_ms = SIM_DAY;
    o.traced = getenv("TRACE") != NULL;
    o.habits.call_every_ms = SIM_MINUTE;
    o.habits.call_ms = 30 * SIM_SECOND;
    s->origin = ITR_FROM_REDIS;
    s->server = "https://tokens.test";
    s->token_timeout_ms = 10 * SIM_SECOND;
    s->rules.token_ttl_ms = 2 * SIM_HOUR;
    s->rules.refresh_margin_ms = 30 * SIM_MINUTE;
    s->rules.min_refresh_interval_ms = 30 * SIM_SECOND;
    s->rules.lease_ms = 15 * SIM_SECOND;
    memcpy(s->rules.secret_digest, "0123456789abcdef", ITR_DIGEST_MAX);
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
    itr_list_init(&w->stores);
    itr_list_init(&w->mail);
    itr_list_init(&w->accesses);
    for (i = 0; i < o->processes; i++) {
        w->processes[i].id = i;
        w->processes[i].world = w;
        w->processes[i].replaced = true;
        w->processes[i].habits = o->habits;
    }
    return w;
}

void sim_world_free(struct sim_world *w)
{
    struct itr_list *n;
    int i;

    if (w == NULL)
        return;
    for (i = 0; i < w->options.processes; i++) {
        w->processes[i].replaced = false;
        sim_process_kill(&w->processes[i]);
    }
    while ((n = itr_list_take_first(&w->mail)) != NULL) {
        itr_token_release(ITR_CONTAINER(n, struct sim_call, node)->token);
        free(ITR_CONTAINER(n, struct sim_call, node));
    }
    while ((n = itr_list_take_first(&w->accesses)) != NULL)
        free(n); /* its first member */
    while ((n = itr_list_take_first(&w->stores)) != NULL) {
        sim_book_clear(&ITR_CONTAINER(n, struct sim_private_store, node)->store.book);
        free(ITR_CONTAINER(n, struct sim_private_store, node));
    }
    sim_book_clear(&w->store.book);
    sim_gateway_clear(&w->gateway);
    sim_queue_clear(&w->queue);
    free(w);
}

void sim_world_at(struct sim_world *w, int64_t at_ms, sim_happen *happen, void *arg)
{
    sim_queue_put(&w->queue,
                  (struct sim_event){.at_ms = w->began_ms + at_ms, .happen = happen, .arg = arg});
}

void sim_world_soon(struct sim_world *w, struct sim_process *p, uint64_t step, int64_t in_ms,
                    sim_happen *happen, void *arg)
{
    struct sim_event e = {0};

    e.at_ms = w->now_ms + in_ms;
    e.happen = happen;
    e.process = p;
    e.life = p != NULL ? p->life : 0;
    e.step = step;
    e.arg = arg;
    sim_queue_put(&w->queue, e);
}

/* A stopped process does what it has to do when it goes on, in the same order. */
static bool is_put_off(struct sim_world *w, struct sim_event *e)
{
    if (e->process->stopped_until_ms <= w->now_ms)
        return false;
    e->at_ms = e->process->stopped_until_ms;
    sim_queue_put(&w->queue, *e);
    return true;
}

static void step(struct sim_world *w, struct sim_event *e)
{
    struct sim_process *p = e->process;

    w->now_ms = e->at_ms;
    if (p == NULL) {
        e->happen(w, e);
        return;
    }
    if (e->life != p->life || (e->step != 0 && e->step != p->step) || is_put_off(w, e))
        return;
    if (sim_chaos_strikes(p)) {
        if (e->life == p->life)
            (void)is_put_off(w, e);
        return;
    }
    e->happen(w, e);
    if (e->life != p->life)
        return;
    sim_process_go_on(p);
    if (e->life == p->life)
        sim_watch_process(p);
}

bool sim_world_run(struct sim_world *w)
{
    struct sim_event e;
    int i;

    for (i = 0; i < w->options.processes; i++)
        sim_process_start(&w->processes[i]);
    sim_chaos_start(w);
    while (w->watch.broken[0] == '\0' && sim_queue_take(&w->queue, &e) &&
           e.at_ms < w->began_ms + w->options.run_ms)
        step(w, &e);
    SIM_TRACE(w, "%s", w->watch.broken[0] == '\0' ? "all properties held" : w->watch.broken);
    return w->watch.broken[0] == '\0';
}

int64_t sim_world_delay(struct sim_world *w, int64_t lowest_ms, int64_t highest_ms)
{
    return sim_random_within(&w->random, lowest_ms, highest_ms);
}

void sim_world_trace(const struct sim_world *w, const char *fmt, ...)
{
    int64_t ms = w->now_ms - w->began_ms;
    va_list args;

    fprintf(stderr, "%3d d %02d:%02d:%02d.%03d  ", (int)(ms / SIM_DAY), (int)(ms / SIM_HOUR % 24),
            (int)(ms / SIM_MINUTE % 60), (int)(ms / SIM_SECOND % 60), (int)(ms % 1000));
    va_start(args, fmt);
    (void)vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}
