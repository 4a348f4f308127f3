#include "sim/sim_process.h"

#include <stdlib.h>
#include <string.h>

#include "sim/sim_world.h"

static void carry_out(struct sim_process *p, struct itr_cache_step step);

/* ---- calls ---- */

static void call_free(struct sim_call *c)
{
    *c->prev = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    itr_token_release(c->token);
    free(c);
}

/* e NULL: it succeeded. */
static void call_over(struct sim_process *p, struct sim_call *c, const struct itr_error *e)
{
    bool ends = c->one_shot;

    sim_watch_call_over(p, c, e);
    call_free(c);
    if (ends)
        sim_process_kill(p);
}

static void call_answered(struct sim_world *w, const struct sim_event *e);

static void refused_by_gateway(struct sim_world *w, const struct sim_event *e);

/* At the gateway. */
static void call_arrives(struct sim_world *w, const struct sim_event *e)
{
    struct sim_call *c = e->arg;
    size_t serial = sim_gateway_serial(c->token->text);
    bool good = !c->misread && sim_gateway_accepts(&w->gateway, w->now_ms, serial);

    sim_world_soon(w, e->process, sim_world_delay(w, 5, 60),
                   good ? call_answered : refused_by_gateway, c);
}

/* Goes on only with another token than the refused one (docs/design.md 5). t is borrowed. */
static void call_token(struct sim_process *p, struct sim_call *c, struct itr_token *t,
                       const struct itr_error *error)
{
    struct itr_error e = *error;

    c->waits = false;
    if (t == NULL || (c->refused && itr_token_same(c->token, t))) {
        if (e.kind == ITR_OK)
            itr_error_set(&e, ITR_TOKEN, "the token is refused, and no other is to be had");
        call_over(p, c, &e);
        return;
    }
    if (p->world->now_ms >= c->began_ms + SIM_CALL_MS) {
        itr_error_set(&e, ITR_TIMEOUT, "no token came in time");
        call_over(p, c, &e);
        return;
    }
    itr_token_release(c->token);
    c->token = itr_token_retain(t);
    sim_world_outside(p->world, p, sim_world_delay(p->world, 5, 60), call_arrives, c);
}

/* What the cache gives to the caller of this event. */
static void give(struct sim_process *p, struct sim_call *c, enum itr_cache_give what)
{
    if (what == ITR_GIVE_WAIT)
        c->waits = true;
    else
        call_token(p, c, p->cache.token, &p->cache.error);
}

static void call_answered(struct sim_world *w, const struct sim_event *e)
{
    (void)w;
    call_over(e->process, e->arg, NULL);
}

/* As source's event(): the reason of a fetch is noted before the fetch is started. */
static void refused_by_gateway(struct sim_world *w, const struct sim_event *e)
{
    struct sim_process *p = e->process;
    struct sim_call *c = e->arg;
    struct itr_cache_step step;
    struct itr_error error;
    uint64_t life = p->life;

    sim_watch_refused(w, c);
    if (c->refused) {
        itr_error_set(&error, ITR_TOKEN, "the gateway refused a fresh token too");
        call_over(p, c, &error);
        return;
    }
    c->refused = true;
    step = itr_cache_refused(&p->cache, w->now_ms, c->token);
    if (step.give == ITR_GIVE_WAIT && step.why != ITR_WHY_NOTHING) {
        itr_token_release(p->refused);
        p->refused = itr_token_retain(c->token);
    }
    give(p, c, step.give);
    if (p->life == life)
        carry_out(p, step);
}

void sim_process_call(struct sim_process *p, bool one_shot)
{
    struct sim_call *c = calloc(1, sizeof *c);
    struct itr_cache_step step;
    uint64_t life = p->life;

    if (c == NULL)
        abort();
    c->began_ms = p->world->now_ms;
    c->misread = p->misreads;
    c->one_shot = one_shot;
    c->next = p->calls;
    c->prev = &p->calls;
    if (c->next != NULL)
        c->next->prev = &c->next;
    p->calls = c;
    step = itr_cache_want(&p->cache, p->world->now_ms, 0);
    give(p, c, step.give);
    if (p->life == life)
        carry_out(p, step);
}

/* ---- the cache's owner ---- */

static void answer_all(struct sim_process *p)
{
    struct sim_call *c, *next;
    uint64_t life = p->life;

    for (c = p->calls; c != NULL && p->life == life; c = next) {
        next = c->next;
        if (c->waits)
            call_token(p, c, p->cache.token, &p->cache.error);
    }
}

static void start_fetch(struct sim_process *p)
{
    p->fetch_wanted = true;
    if (p->thread_out)
        return; /* it takes the next when it is free */
    p->thread_out = true;
    sim_fetch_begin(p);
}

static void carry_out(struct sim_process *p, struct itr_cache_step step)
{
    uint64_t life = p->life;

    if (step.why != ITR_WHY_NOTHING)
        SIM_TRACE(p->world, "%d: %s (%s)", p->id, itr_cache_state_name(p->cache.state),
                  itr_cache_why_name(step.why));
    if (step.answer)
        answer_all(p);
    if (step.fetch && p->life == life)
        start_fetch(p);
}

static void forget_wish(struct sim_process *p)
{
    itr_token_release(p->refused);
    p->refused = NULL;
    p->asked = false;
}

void sim_process_refresh(struct sim_process *p)
{
    struct itr_cache_step step = itr_cache_asked(&p->cache, p->world->now_ms);

    if (step.why == ITR_WHY_ASKED)
        p->asked = true;
    carry_out(p, step);
}

void sim_process_fetched(struct sim_process *p, uint64_t generation, struct itr_token *token)
{
    forget_wish(p);
    carry_out(p, itr_cache_fetched(&p->cache, p->world->now_ms, generation, token));
}

void sim_process_fetch_failed(struct sim_process *p, uint64_t generation, const struct itr_error *e,
                              int64_t retry_after_ms)
{
    int64_t now = p->world->now_ms;

    forget_wish(p);
    carry_out(p, itr_cache_failed(&p->cache, now, generation, e, now + retry_after_ms, NULL));
}

void sim_process_thread_free(struct sim_process *p)
{
    if (p->fetch_wanted)
        sim_fetch_begin(p);
    else
        p->thread_out = false;
}

/* ---- lifetime ---- */

static void next_call(struct sim_world *w, const struct sim_event *e)
{
    int64_t every = w->options.call_every_ms;

    sim_world_soon(w, e->process,
                   w->options.poisson ? sim_random_poisson_ms(&w->random, every) : every, next_call,
                   NULL);
    sim_process_call(e->process, false);
}

void sim_process_start(struct sim_world *w, struct sim_process *p)
{
    p->life++;
    p->world = w;
    p->seed = sim_random_next(&w->random);
    p->stopped_until_ms = 0;
    itr_cache_init(&p->cache);
    if (w->options.call_every_ms > 0)
        sim_world_soon(w, p, sim_random_within(&w->random, 0, w->options.call_every_ms - 1),
                       next_call, NULL);
}

void sim_process_kill(struct sim_process *p)
{
    p->life++;
    while (p->calls != NULL)
        call_free(p->calls);
    sim_fetch_clear(p);
    forget_wish(p);
    p->thread_out = p->fetch_wanted = false;
    p->seen_fence = 0;
    p->stopped_until_ms = 0;
    itr_cache_clear(&p->cache);
}
