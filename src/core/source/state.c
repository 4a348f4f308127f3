#include "core/source/state.h"

#include <string.h>

#include "core/base/buf.h"
#include "core/record/view.h"

void itr_source_state_init(struct itr_source_state *s, const struct itr_machine_setup *setup,
                           uint64_t random, int64_t pid)
{
    itr_cache_init(&s->cache);
    itr_machine_init(&s->machine, setup, random, pid);
    s->fetched = 0;
}

void itr_source_state_clear(struct itr_source_state *s)
{
    itr_cache_clear(&s->cache);
    itr_machine_clear(&s->machine);
}

/* ---- a fetch begins ---- */

/* Hands the reason to the machine: of a fetch that the cache has just started, or joins. */
static void begin(struct itr_source_state *s, int64_t now, struct itr_reason why)
{
    if (s->cache.token != NULL) {
        why.held = s->cache.token->text;
        why.held_fence = s->cache.token->fence;
    }
    itr_machine_begin(&s->machine, now, &why);
}

static void is_refused(struct itr_reason *why, const struct itr_token *token)
{
    why->refused = token->text;
    why->refused_fence = token->fence;
}

/* Gives the event to the cache; *why: the reason of a fetch that follows. */
static struct itr_cache_step event(struct itr_cache *c, int64_t now,
                                   const struct itr_token_ask *ask, struct itr_reason *why)
{
    struct itr_cache_step step;

    if (ask->refused != NULL) {
        step = itr_cache_refused(c, now, ask->refused);
        if (step.give == ITR_GIVE_WAIT && step.why != ITR_WHY_NOTHING)
            is_refused(why, ask->refused);
    } else if (ask->refused_fence != 0) {
        step = itr_cache_refused_fence(c, now, ask->refused_fence);
        if (step.why == ITR_WHY_REFUSED)
            is_refused(why, c->token);
        else if (step.why == ITR_WHY_ASKED) /* only its fence is known */
            why->refused_fence = ask->refused_fence;
    } else if (ask->refresh) {
        step = itr_cache_asked(c, now);
    } else {
        step = itr_cache_want(c, now, ask->min_valid_ms);
    }
    return step;
}

struct itr_cache_step itr_source_state_ask(struct itr_source_state *s, int64_t now_mono_ms,
                                           const struct itr_token_ask *ask)
{
    struct itr_reason why = {0};
    struct itr_cache_step step = event(&s->cache, now_mono_ms, ask, &why);

    why.asked = step.why == ITR_WHY_ASKED;
    if (step.fetch || why.refused != NULL)
        begin(s, now_mono_ms, why);
    return step;
}

/* ---- and ends ---- */

static struct itr_token *token_of(const struct itr_machine_result *r)
{
    return r->has_token ? itr_token_new(r->text, strlen(r->text), r->fence, r->times, r->origin)
                        : NULL;
}

/* Gives the result to the cache, which may want the next fetch at once. */
static struct itr_cache_step take_result(struct itr_source_state *s, int64_t now,
                                         struct itr_machine_result *r)
{
    struct itr_token *token = token_of(r);
    int64_t retry = now + r->retry_after_ms;
    struct itr_cache_step step;

    if (r->has_token && token == NULL)
        (void)itr_error_set(&r->error, ITR_NOMEM, "no memory");
    if (token != NULL && token->origin == ITR_FROM_GATEWAY)
        s->fetched++;
    if (token != NULL && r->error.kind == ITR_OK)
        step = itr_cache_fetched(&s->cache, now, s->cache.generation, token);
    else
        step = itr_cache_failed(&s->cache, now, s->cache.generation, &r->error, retry, token);
    if (step.fetch)
        begin(s, now, (struct itr_reason){0});
    return step;
}

struct itr_cache_step itr_source_state_on(struct itr_source_state *s, int64_t now_mono_ms,
                                          uint64_t random, const struct itr_machine_done *done)
{
    struct itr_cache_step step = {0};
    struct itr_machine_result r;

    itr_machine_on(&s->machine, now_mono_ms, random, done);
    if (itr_machine_take_result(&s->machine, &r)) {
        step = take_result(s, now_mono_ms, &r);
        itr_wipe(&r, sizeof r);
    }
    return step;
}

struct itr_cache_step itr_source_state_found(struct itr_source_state *s, int64_t now_mono_ms,
                                             const struct itr_record *record, int64_t store_now_ms)
{
    const struct itr_machine_setup *setup = &s->machine.setup;
    struct itr_cache_step step = {0};
    struct itr_token *token = NULL;
    struct itr_record v;

    store_now_ms = itr_record_now(store_now_ms);
    itr_record_view(record, store_now_ms, &v);
    itr_machine_note_count(&s->machine, &v, store_now_ms, now_mono_ms);
    if (v.text[0] != '\0' && v.end_ms > store_now_ms)
        token = itr_token_new(v.text, strlen(v.text), v.fence,
                              itr_record_token_times(&v, store_now_ms, now_mono_ms,
                                                     setup->rules.token_ttl_ms, s->machine.seed),
                              setup->origin);
    if (token != NULL)
        step = itr_cache_found(&s->cache, now_mono_ms, token);
    itr_wipe(&v, sizeof v);
    return step;
}

void itr_source_state_end(struct itr_source_state *s, int64_t now_mono_ms)
{
    itr_machine_end(&s->machine, now_mono_ms);
}

struct itr_cache_step itr_source_state_fork(struct itr_source_state *s, int64_t now_mono_ms,
                                            uint64_t random, int64_t pid)
{
    itr_machine_fork(&s->machine, random, pid);
    return itr_cache_forked(&s->cache, now_mono_ms);
}
