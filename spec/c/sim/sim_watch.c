#include "sim/sim_watch.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/sim_world.h"

/* After the last fault: the longest hold after refusals is an hour, and one more may follow; a
 * daily limit that is used up holds until the next day. */
#define RECOVERY_MS (150 * SIM_MINUTE)
#define RECOVERY_LIMIT_MS (30 * SIM_HOUR)

void sim_watch_clear(struct sim_watch *watch)
{
    struct sim_request *r;

    while ((r = watch->requests) != NULL) {
        watch->requests = r->next;
        free(r);
    }
}

void sim_watch_break(struct sim_world *w, const char *fmt, ...)
{
    va_list args;

    if (w->watch.broken[0] != '\0')
        return; /* the first counts */
    va_start(args, fmt);
    (void)vsnprintf(w->watch.broken, sizeof w->watch.broken, fmt, args);
    va_end(args);
}

/* ---- reasons to fetch ---- */

void sim_watch_reason(struct sim_world *w)
{
    w->watch.quiet_until_ms = 0;
}

void sim_watch_fault(struct sim_world *w)
{
    w->watch.trouble_ms = w->now_ms;
    sim_watch_reason(w);
}

/* Of an earlier token than the record's it is no reason: the record has the successor. */
void sim_watch_refused(struct sim_world *w, const struct sim_call *c)
{
    struct itr_record r;

    w->watch.refused++;
    sim_store_read(&w->store.value, &r);
    if (strcmp(r.text, c->token->text) == 0 || r.fence < c->token->fence)
        sim_watch_reason(w);
}

/* Somebody whose token is not older by its fence will not take this one. (Fences are times, so that
 * they grow even when a store forgets; not if its clock went back, too.) */
static bool is_anybody_ahead(const struct sim_world *w, uint64_t fence)
{
    int i;

    for (i = 0; w->store.steps > 0 && i < w->options.processes; i++) {
        const struct itr_token *t = w->processes[i].cache.token;
        if (t != NULL && t->fence >= fence)
            return true;
    }
    return false;
}

/* A token came into the record: before the first process finds it due, nothing is a reason. */
static void be_quiet(struct sim_world *w, const struct itr_record *r)
{
    int64_t jitter_ms = r->refresh_ms < r->end_ms ? (r->end_ms - r->refresh_ms) / 6 + 1 : 0;
    int64_t store_now_ms = sim_store_now(&w->store, w->now_ms);
    bool is_good = sim_gateway_accepts(&w->gateway, w->now_ms, sim_gateway_serial(r->text));

    w->watch.quiet_until_ms = is_good && !is_anybody_ahead(w, r->fence)
                                  ? w->now_ms + r->refresh_ms - jitter_ms - store_now_ms
                                  : 0;
}

/* ---- requests ---- */

struct sim_request *sim_watch_acquired(struct sim_process *p)
{
    struct sim_world *w = p->world;
    struct sim_request *r = calloc(1, sizeof *r);

    if (r == NULL)
        abort();
    r->process = p;
    r->life = p->life;
    r->lease_fence = p->fetch.next.lease_fence;
    r->lease_end_ms = p->fetch.next.lease_end_ms;
    r->day = p->fetch.next.day;
    r->forgets = w->store.forgets;
    r->steps = w->store.steps;
    r->next = w->watch.requests;
    w->watch.requests = r;
    return r;
}

/* A lease that ended, or that nobody can know of any more, excuses one more request. */
static bool is_excused(const struct sim_world *w, const struct sim_request *r)
{
    return sim_store_now(&w->store, w->now_ms) >= r->lease_end_ms ||
           r->forgets != w->store.forgets || r->steps != w->store.steps;
}

static void check_alone(struct sim_world *w, struct sim_request *mine)
{
    struct sim_request *r;

    for (r = w->watch.requests; r != NULL; r = r->next) {
        if (r == mine || !r->sent || r->over)
            continue;
        if (!is_excused(w, r))
            sim_watch_break(w, "1: %d asks the gateway while the request of %d is out",
                            mine->process->id, r->process->id);
        r->over = true;
        w->watch.lapsed++;
    }
}

/* By the day on which the record counts it. What a store forgot, or a step put on another day, it
 * cannot count. */
static void check_limit(struct sim_world *w, const struct sim_request *r)
{
    struct sim_watch *watch = &w->watch;
    int upsets = w->store.forgets + w->store.steps;

    if (r->day > watch->day) {
        watch->day = r->day;
        watch->sent_today = 0;
        watch->upsets = upsets;
    }
    if (r->day < watch->day)
        return;
    watch->sent_today++;
    if (w->options.rules.daily_limit > 0 && upsets == watch->upsets &&
        watch->sent_today > w->options.rules.daily_limit)
        sim_watch_break(w, "4: %d requests on one day", watch->sent_today);
}

void sim_watch_sent(struct sim_world *w, struct sim_request *r)
{
    check_alone(w, r);
    check_limit(w, r);
    if (w->now_ms < w->watch.quiet_until_ms)
        sim_watch_break(w, "1, 2: %d asks the gateway without a reason", r->process->id);
    r->sent = true;
    w->watch.sent++;
}

/* ---- the record ---- */

/* One's own, of a swap whose answer was lost, may be taken again: nothing was sent under it. */
static bool is_taken_over(const struct itr_record *old, const struct itr_record *new)
{
    return old->owner[0] != '\0' && new->owner[0] != '\0' && strcmp(old->owner, new->owner) != 0;
}

static void check_lease(struct sim_world *w, const struct itr_record *old,
                        const struct itr_record *new)
{
    int64_t now = sim_store_now(&w->store, w->now_ms), lease_ms = w->options.rules.lease_ms;
    struct sim_request *r;

    if (is_taken_over(old, new) && now < old->lease_end_ms && old->lease_end_ms <= now + lease_ms)
        sim_watch_break(w, "1: %s took the lease of %s before its end", new->owner, old->owner);
    if (new->owner[0] != '\0' && w->store.steps == 0 && new->lease_end_ms > now + lease_ms)
        sim_watch_break(w, "6: the lease of %s is too long", new->owner);
    for (r = w->watch.requests; new->owner[0] == '\0' && r != NULL; r = r->next)
        if (r->lease_fence == new->lease_fence)
            r->over = true;
}

/* What a store forgot is ordered by fences alone: they are times, and so grow, if its clock did not
 * go back; and two requests that were out at once need not have come in their order. */
static bool is_order_known(const struct sim_world *w)
{
    return w->store.forgets == 0 || (w->store.steps == 0 && w->watch.lapsed == 0);
}

static void check_token(struct sim_world *w, const struct itr_record *old,
                        const struct itr_record *new)
{
    size_t before = sim_gateway_serial(old->text), after = sim_gateway_serial(new->text);

    bool is_ordered = is_order_known(w);

    if (before != 0 && after == 0)
        sim_watch_break(w, "3: the record lost its token");
    if (is_ordered && after < before)
        sim_watch_break(w, "3: the older token %zu overwrote %zu", after, before);
    if (new->fence < old->fence || new->lease_fence < old->lease_fence)
        sim_watch_break(w, "3: fence %" PRIu64 " overwrote %" PRIu64, new->fence, old->fence);
    if (is_ordered && sim_gateway_accepts(&w->gateway, w->now_ms, before) &&
        !sim_gateway_accepts(&w->gateway, w->now_ms, after))
        sim_watch_break(w, "3: token %zu was good, and %zu is not", before, after);
}

void sim_watch_swapped(struct sim_world *w, const struct sim_bytes *old_bytes)
{
    struct itr_record old, new;

    sim_store_read(old_bytes, &old);
    sim_store_read(&w->store.value, &new);
    check_lease(w, &old, &new);
    check_token(w, &old, &new);
    if (new.fence != old.fence)
        be_quiet(w, &new);
}

void sim_watch_waits(struct sim_process *p, int64_t ms)
{
    if (ms > p->world->options.rules.lease_ms)
        sim_watch_break(p->world, "6: %d waits %d s for a lease", p->id, (int)(ms / 1000));
}

/* The longest row of the table: an hour after a refusal; with daily_limit, until the next day. */
void sim_watch_held(struct sim_process *p, int64_t ms)
{
    bool is_limited = p->world->options.rules.daily_limit > 0;

    if (ms > (is_limited ? SIM_DAY : SIM_HOUR))
        sim_watch_break(p->world, "6: %d is held back for %d s", p->id, (int)(ms / 1000));
}

/* ---- processes and calls ---- */

void sim_watch_process(struct sim_process *p)
{
    const struct itr_token *t = p->cache.token;

    if (p->seen_fence != 0 && (t == NULL || t->fence < p->seen_fence))
        sim_watch_break(p->world, "3: %d threw its token away", p->id);
    p->seen_fence = t != NULL ? t->fence : 0;
}

/* Not where tokens live shorter than token_ttl says: then each costs a refusal, and the table holds
 * back the fetches that they cause. */
static bool must_be_right(const struct sim_world *w)
{
    const struct sim_options *o = &w->options;
    int64_t recovery_ms = o->rules.daily_limit > 0 ? RECOVERY_LIMIT_MS : RECOVERY_MS;

    return o->chaos != 0 && o->life_ms >= o->rules.token_ttl_ms &&
           w->now_ms > w->began_ms + o->chaos_ms + recovery_ms;
}

void sim_watch_call_over(struct sim_process *p, const struct sim_call *c, const struct itr_error *e)
{
    struct sim_world *w = p->world;
    const struct itr_token *t = p->cache.token;

    w->watch.calls++;
    if (e == NULL)
        return;
    SIM_TRACE(w, "%d: a call failed: %s", p->id, e->text);
    w->watch.failed++;
    w->watch.told += strstr(e->text, "another program") != NULL;
    (void)snprintf(w->watch.last_error, sizeof w->watch.last_error, "%s", e->text);
    if (must_be_right(w))
        sim_watch_break(w, "6: long after the last fault a call of %d failed: %s", p->id, e->text);
    if (e->kind != ITR_TIMEOUT && !c->misread && !c->refused && t != NULL &&
        sim_gateway_accepts(&w->gateway, w->now_ms, sim_gateway_serial(t->text)))
        sim_watch_break(w, "3: a call of %d failed beside a good token: %s", p->id, e->text);
}
