#include "core/fetch/from_gateway.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/bound.h"
#include "core/base/buf.h"
#include "core/fetch/gateway_request.h"
#include "core/record/stored.h"

/*
 * Design notes
 * - One struct fetch lives on the fetch thread's stack for one run.
 * - Whoever waited loads again before doing anything else.
 * - The lease is looked at once more when the connection stands, just before the first byte of the
 *   request (may_send): a holder that overslept is fenced off on our side, the gateway cannot do
 * it.
 * - The request's deadline (token_timeout) lies before the lease's end (5 s longer), both counted
 *   from after the swap.
 */

#define FIRST_LOOK_MS 10 /* how soon another's lease is looked at again; doubles */
#define LONGEST_LOOK_MS 200
#define STORE_AGAIN_MS 1000 /* a store that failed is left alone so long */

struct fetch {
    struct itr_fetch *f;
    struct itr_fetch_result *out;
    struct itr_record_wish wish;
    struct itr_stored stored;
    int64_t look_ms;
    bool attempted; /* our own fetch is over, and noted */
    bool fenced;    /* the request was held back: the lease was not ours any more */
    bool blind;     /* the request was held back: the store could not be asked; why: out->error */
};

static const struct itr_clock *clock_of(const struct itr_fetch *f)
{
    return f->parts.clock;
}

/* ---- record ---- */

static enum itr_status load(struct fetch *t)
{
    enum itr_status s = itr_stored_load(&t->stored, &t->out->error);

    if (s == ITR_OK)
        t->out->fetches_today = t->stored.record.fetches;
    return s;
}

static enum itr_status swap(struct fetch *t, const struct itr_record *next, bool *done)
{
    return itr_stored_swap(&t->stored, next, t->f->rules.token_ttl_ms, done, &t->out->error);
}

static void give(struct fetch *t, const struct itr_record *r, enum itr_token_origin origin)
{
    t->out->token = itr_stored_token(&t->stored, r, t->f->rules.token_ttl_ms, t->f->seed, origin);
    if (t->out->token == NULL)
        (void)itr_error_set(&t->out->error, ITR_NOMEM, "no memory");
    else
        itr_error_clear(&t->out->error);
}

/* ---- the request ---- */

/* A lease that dies with the process need not be settled before its end. */
static bool give_up(void *ctx)
{
    const struct fetch *t = ctx;

    return atomic_load(&t->f->stop) && t->f->parts.store->ops->origin == ITR_FROM_MEMORY;
}

/* True while our lease stands; a store that cannot be asked is no reason to spend a fetch. */
static bool may_send(void *ctx)
{
    struct fetch *t = ctx;

    if (atomic_load(&t->f->stop))
        return false;
    t->blind = load(t) != ITR_OK;
    t->fenced = !t->blind && !itr_record_is_ours(&t->stored.record, t->stored.now_wall_ms,
                                                 t->wish.owner, t->out->lease_fence);
    return !t->blind && !t->fenced;
}

static void ask_gateway(struct fetch *t, struct itr_buf *token, struct itr_record_outcome *outcome)
{
    struct itr_gateway_request r = {0};

    r.config = t->f->config;
    r.transport = t->f->parts.transport;
    r.may_send = may_send;
    r.give_up = give_up;
    r.ctx = t;
    itr_gateway_request_run(&r, token, outcome);
}

/* This machine's own trouble is kept here, not in the record. */
static void note_local(struct fetch *t, const struct itr_record_outcome *outcome)
{
    struct itr_fetch *f = t->f;

    if (outcome->is != ITR_OUTCOME_NOT_SENT) {
        f->local_failures = 0;
        f->local_retry_mono_ms = 0;
        return;
    }
    f->local_failures++;
    f->local_retry_mono_ms =
        itr_clock_mono_ms(clock_of(f)) + itr_record_backoff_ms(f->local_failures, outcome->random);
    f->local_error = outcome->error;
}

/* ---- settle ---- */

enum settled { SETTLED, NOT_OURS, NOT_STORED };

static enum settled settle(struct fetch *t, const struct itr_record_outcome *outcome,
                           struct itr_record *next)
{
    bool done = false;

    while (!done) {
        if (load(t) != ITR_OK)
            return NOT_STORED;
        if (itr_record_settle(&t->stored.record, t->stored.now_wall_ms, &t->wish,
                              t->out->lease_fence, outcome, next) == ITR_NOT_OURS)
            return NOT_OURS;
        if (swap(t, next, &done) != ITR_OK)
            return NOT_STORED;
    }
    t->out->fetches_today = next->fetches;
    return SETTLED;
}

/* The token of an answer whose record could not be stored: as a record of nothing would have it. */
static void give_unsettled(struct fetch *t, const struct itr_record_outcome *outcome)
{
    struct itr_record nothing = {0}, next;

    t->stored.now_mono_ms = itr_clock_mono_ms(clock_of(t->f));
    t->stored.now_wall_ms = itr_clock_wall_ms(clock_of(t->f));
    if (itr_record_settle(&nothing, t->stored.now_wall_ms, &t->wish, t->out->lease_fence, outcome,
                          &next) != ITR_SETTLED)
        return;
    give(t, &next, ITR_FROM_GATEWAY);
    t->out->unsettled = t->out->token != NULL;
}

static void fail(struct fetch *t, const struct itr_error *e, int64_t retry_after_ms)
{
    t->out->error = *e;
    t->out->retry_after_ms = retry_after_ms > 0 ? retry_after_ms : 0;
}

/* This machine's hold, turned into the store's clock for the wish. */
static void set_local_hold(struct fetch *t)
{
    int64_t left = t->f->local_retry_mono_ms - t->stored.now_mono_ms;

    t->wish.local_error = left > 0 ? &t->f->local_error : NULL;
    t->wish.local_retry_ms = left > 0 ? t->stored.now_wall_ms + left : 0;
}

/* How long the next fetch is held back by what `r` says now. */
static int64_t held_ms(struct fetch *t, const struct itr_record *r)
{
    struct itr_error why;
    bool after_refusal;

    set_local_hold(t);
    return itr_record_held_until(r, t->stored.now_wall_ms, &t->wish, &why, &after_refusal) -
           t->stored.now_wall_ms;
}

/* The gateway answered, or not: stores that and fills the result. False: decide again. */
static bool finish(struct fetch *t, const struct itr_record_outcome *outcome)
{
    struct itr_record next;
    enum settled s = settle(t, outcome, &next);

    if (s == NOT_OURS || t->fenced)
        return false;
    t->attempted = true;
    if (t->blind) {
        t->out->retry_after_ms = STORE_AGAIN_MS;
        return true;
    }
    note_local(t, outcome);
    if (outcome->is != ITR_OUTCOME_TOKEN)
        fail(t, &outcome->error, s == SETTLED ? held_ms(t, &next) : 0);
    else if (s == SETTLED)
        give(t, &next, ITR_FROM_GATEWAY);
    else
        give_unsettled(t, outcome);
    return true;
}

/* ---- decide ---- */

/* We hold the lease. False: it is not ours any more, decide again. */
static bool attempt(struct fetch *t)
{
    struct itr_record_outcome outcome = {0};
    struct itr_buf token;
    bool finished;

    itr_buf_init_secret(&token, ITR_TOKEN_MAX);
    t->fenced = t->blind = false;
    ask_gateway(t, &token, &outcome);
    outcome.text = itr_buf_str(&token);
    outcome.refused = t->wish.refused;
    outcome.random = itr_clock_random(clock_of(t->f));
    finished = finish(t, &outcome);
    if (!t->out->unsettled)
        atomic_store(&t->f->leased, false);
    itr_buf_clear(&token);
    return finished;
}

/* Sleeps until another look is worth it. */
static void look_later(struct fetch *t, int64_t until_wall_ms)
{
    int64_t ms = itr_min64(t->look_ms, until_wall_ms - t->stored.now_wall_ms);

    itr_clock_sleep_ms(clock_of(t->f), ms > 0 ? ms : 1);
    t->look_ms = itr_min64(t->look_ms * 2, LONGEST_LOOK_MS);
}

/* A hold: waited out if it is short and no refusal's, else the result. True: that is the result. */
static bool hold(struct fetch *t, const struct itr_record_verdict *v)
{
    int64_t ms = v->until_ms - t->stored.now_wall_ms;

    if (v->error.kind != ITR_OK && !v->after_refusal && ms < ITR_FETCH_SHORT_HOLD_MS &&
        !t->attempted && !atomic_load(&t->f->stop)) {
        look_later(t, v->until_ms);
        return false;
    }
    fail(t, &v->error, ms);
    return true;
}

/* True: we hold the lease now. */
static bool acquire(struct fetch *t, const struct itr_record_verdict *v, bool *failed)
{
    bool done = false;

    atomic_store(&t->f->leased, true); /* before: the process's end must not slip in between */
    *failed = swap(t, &v->next, &done) != ITR_OK;
    t->out->lease_fence = v->next.lease_fence;
    if (done)
        t->out->fetches_today = v->next.fetches;
    else
        atomic_store(&t->f->leased, false);
    return done;
}

/* One round: load, decide, do. True: the result is there. */
static bool round_once(struct fetch *t)
{
    struct itr_record_verdict v;
    bool failed = false;

    if (load(t) != ITR_OK) {
        t->out->retry_after_ms = STORE_AGAIN_MS;
        return true;
    }
    set_local_hold(t);
    itr_record_decide(&t->stored.record, t->stored.now_wall_ms, &t->wish, &v);
    switch (v.is) {
    case ITR_VERDICT_TAKE:
        give(t, &t->stored.record, t->f->parts.store->ops->origin);
        return true;
    case ITR_VERDICT_WAIT:
        look_later(t, v.until_ms);
        return false;
    case ITR_VERDICT_HOLD:
        return hold(t, &v);
    default:
        if (acquire(t, &v, &failed))
            return attempt(t);
        if (failed)
            t->out->retry_after_ms = STORE_AGAIN_MS;
        return failed;
    }
}

/* ---- public ---- */

/* A fetch whose owner, fences and refused string are in `out`. */
static void init_fetch(struct fetch *t, struct itr_fetch *f, struct itr_fetch_result *out)
{
    *t = (struct fetch){0};
    t->f = f;
    t->out = out;
    t->look_ms = FIRST_LOOK_MS;
    t->wish.rules = &f->rules;
    t->wish.owner = out->owner;
    t->wish.held_fence = out->held_fence;
    t->wish.refused = out->refused;
    itr_stored_init(&t->stored, f->parts.store, f->parts.clock, f->key, f->orphan);
}

static void init_result(struct itr_fetch *f, const struct itr_fetch_wish *wish,
                        struct itr_fetch_result *out)
{
    out->held_fence = wish->held != NULL ? wish->held->fence : 0;
    out->refused = wish->refused != NULL ? strdup(wish->refused->text) : NULL;
    snprintf(f->owner, sizeof f->owner, "%08" PRIx64 "-%d-%" PRIu64, f->seed & 0xffffffff,
             (int)getpid(), ++f->count);
    memcpy(out->owner, f->owner, sizeof out->owner);
}

void itr_fetch_from_gateway(struct itr_fetch *f, const struct itr_fetch_wish *wish,
                            struct itr_fetch_result *out)
{
    struct fetch t;

    init_result(f, wish, out);
    init_fetch(&t, f, out);
    t.wish.asked = wish->asked;
    while (!round_once(&t)) {
        if (!atomic_load(&f->stop))
            continue;
        (void)itr_error_set(&out->error, ITR_TIMEOUT, "the process ends");
        break;
    }
    itr_stored_clear(&t.stored);
}

bool itr_fetch_from_gateway_settle(struct itr_fetch *f, struct itr_fetch_result *r)
{
    struct itr_record_outcome outcome = {0};
    struct itr_record next;
    struct itr_error kept = r->error;
    struct fetch t;
    enum settled s;

    init_fetch(&t, f, r);
    outcome.text = r->token->text;
    outcome.refused = r->refused;
    s = settle(&t, &outcome, &next);
    itr_stored_clear(&t.stored);
    r->error = kept;
    if (s != NOT_STORED)
        atomic_store(&f->leased, false);
    return s != NOT_STORED;
}
