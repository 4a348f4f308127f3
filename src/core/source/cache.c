#include "core/source/cache.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

void itr_cache_init(struct itr_cache *c)
{
    memset(c, 0, sizeof *c);
    c->state = ITR_CACHE_NONE;
    c->token = NULL;
    c->retry_mono_ms = INT64_MIN;
    itr_error_clear(&c->error);
}

void itr_cache_clear(struct itr_cache *c)
{
    itr_token_release(c->token);
    itr_cache_init(c);
}

/* The only place that assigns the state, so that the invariants are checked on every change. */
static void enter(struct itr_cache *c, struct itr_cache_step *step, enum itr_cache_state state,
                  enum itr_cache_why why)
{
    assert(state != ITR_CACHE_NONE || c->token == NULL);
    assert((state != ITR_CACHE_HELD && state != ITR_CACHE_REFRESHING) || c->token != NULL);
    c->state = state;
    step->why = why;
}

static struct itr_cache_step give(enum itr_cache_give what)
{
    return (struct itr_cache_step){ITR_WHY_NOTHING, false, what, false};
}

/* Starts a fetch. Only one is in flight at a time: callers come here from NONE, HELD, or as it
 * ends.
 */
static void start(struct itr_cache *c, struct itr_cache_step *step, enum itr_cache_state state,
                  enum itr_cache_why why)
{
    c->generation++;
    c->behind = false;
    step->fetch = true;
    enter(c, step, state, why);
}

static struct itr_cache_step start_and_wait(struct itr_cache *c, enum itr_cache_state state,
                                            enum itr_cache_why why)
{
    struct itr_cache_step step = give(ITR_GIVE_WAIT);

    start(c, &step, state, why);
    return step;
}

static bool is_fetching(const struct itr_cache *c)
{
    return c->state == ITR_CACHE_FETCHING || c->state == ITR_CACHE_REFRESHING;
}

static bool is_expired(const struct itr_cache *c, int64_t now_mono_ms)
{
    assert(c->token != NULL);
    return now_mono_ms >= c->token->end_mono_ms;
}

static bool is_due(const struct itr_cache *c, int64_t now_mono_ms)
{
    return now_mono_ms >= c->token->refresh_mono_ms || is_expired(c, now_mono_ms);
}

static bool lives_too_short(const struct itr_cache *c, int64_t now_mono_ms, int64_t min_valid_ms)
{
    return min_valid_ms > c->token->end_mono_ms - now_mono_ms;
}

static struct itr_cache_step want_none(struct itr_cache *c, int64_t now_mono_ms)
{
    if (now_mono_ms < c->retry_mono_ms)
        return give(ITR_GIVE_FAIL);
    return start_and_wait(c, ITR_CACHE_FETCHING, ITR_WHY_START);
}

/* Fetching is held back: our idea of a token's life may be wrong, so the gateway is the judge. */
static struct itr_cache_step want_before_retry(struct itr_cache *c, int64_t now_mono_ms)
{
    struct itr_cache_step step = give(ITR_GIVE_USE);

    if (is_expired(c, now_mono_ms) && !c->stale) {
        c->stale = true;
        step.why = ITR_WHY_STALE;
    }
    return step;
}

/* Past its end, and the fetch after that has failed: the next one goes on behind it. */
static struct itr_cache_step refresh_expired(struct itr_cache *c)
{
    struct itr_cache_step step = give(ITR_GIVE_USE);

    start(c, &step, ITR_CACHE_REFRESHING, c->stale ? ITR_WHY_EXPIRED : ITR_WHY_STALE);
    c->stale = true;
    return step;
}

static struct itr_cache_step want_held(struct itr_cache *c, int64_t now_mono_ms,
                                       int64_t min_valid_ms)
{
    struct itr_cache_step step = give(ITR_GIVE_USE);

    if (now_mono_ms < c->retry_mono_ms)
        return want_before_retry(c, now_mono_ms);
    /* First: past the end, 0 too is more than what is left. */
    if (is_expired(c, now_mono_ms) && !c->tried)
        return start_and_wait(c, ITR_CACHE_FETCHING, ITR_WHY_EXPIRED);
    if (is_expired(c, now_mono_ms))
        return refresh_expired(c);
    /* Others can use the token meanwhile; this caller alone waits for one that lives longer. */
    if (lives_too_short(c, now_mono_ms, min_valid_ms))
        return start_and_wait(c, ITR_CACHE_REFRESHING, ITR_WHY_ASKED);
    if (is_due(c, now_mono_ms))
        start(c, &step, ITR_CACHE_REFRESHING, ITR_WHY_AHEAD);
    return step;
}

static struct itr_cache_step want_refreshing(struct itr_cache *c, int64_t now_mono_ms,
                                             int64_t min_valid_ms)
{
    struct itr_cache_step step = give(ITR_GIVE_WAIT);

    if (is_expired(c, now_mono_ms) && !c->tried)
        enter(c, &step, ITR_CACHE_FETCHING, ITR_WHY_EXPIRED);
    else if (is_expired(c, now_mono_ms) || !lives_too_short(c, now_mono_ms, min_valid_ms))
        step.give = ITR_GIVE_USE;
    return step;
}

struct itr_cache_step itr_cache_want(struct itr_cache *c, int64_t now_mono_ms, int64_t min_valid_ms)
{
    switch (c->state) {
    case ITR_CACHE_NONE:
        return want_none(c, now_mono_ms);
    case ITR_CACHE_HELD:
        return want_held(c, now_mono_ms, min_valid_ms);
    case ITR_CACHE_REFRESHING:
        return want_refreshing(c, now_mono_ms, min_valid_ms);
    case ITR_CACHE_FETCHING:
        break;
    }
    return give(ITR_GIVE_WAIT);
}

bool itr_cache_is_hit(const struct itr_cache *c, int64_t now_mono_ms)
{
    return c->token != NULL && c->state != ITR_CACHE_FETCHING && !is_due(c, now_mono_ms);
}

struct itr_cache_step itr_cache_asked(struct itr_cache *c, int64_t now_mono_ms)
{
    (void)now_mono_ms; /* whoever asks is not held back here, but by the record */
    if (is_fetching(c))
        return give(ITR_GIVE_WAIT);
    return start_and_wait(c, c->token == NULL ? ITR_CACHE_FETCHING : ITR_CACHE_REFRESHING,
                          ITR_WHY_ASKED);
}

struct itr_cache_step itr_cache_refused(struct itr_cache *c, int64_t now_mono_ms,
                                        const struct itr_token *token)
{
    struct itr_cache_step step = give(ITR_GIVE_WAIT);

    /* Compare before doubting: a late refusal of an earlier token must not touch its successor. */
    if (c->token == NULL || !itr_token_same(c->token, token))
        return itr_cache_want(c, now_mono_ms, 0);

    /* Doubted: withheld while a fetch is in flight, and given out again if that fails. */
    if (c->state == ITR_CACHE_HELD)
        start(c, &step, ITR_CACHE_FETCHING, ITR_WHY_REFUSED);
    else if (c->state == ITR_CACHE_REFRESHING || !c->doubted)
        enter(c, &step, ITR_CACHE_FETCHING, ITR_WHY_REFUSED);
    c->doubted = true;
    return step;
}

struct itr_cache_step itr_cache_refused_fence(struct itr_cache *c, int64_t now_mono_ms,
                                              uint64_t fence)
{
    uint64_t held = c->token != NULL ? c->token->fence : 0;

    if (fence > held)
        return itr_cache_asked(c, now_mono_ms);
    if (fence < held)
        return itr_cache_want(c, now_mono_ms, 0);
    return itr_cache_refused(c, now_mono_ms, c->token);
}

/* The fetch that was out has ended: back to HELD or NONE, and all who wait get what there is. */
static struct itr_cache_step end(struct itr_cache *c, enum itr_cache_why why, int64_t retry_mono_ms)
{
    struct itr_cache_step step = give(ITR_GIVE_NOTHING);

    step.answer = true;
    c->doubted = false;
    c->retry_mono_ms = retry_mono_ms;
    enter(c, &step, c->token == NULL ? ITR_CACHE_NONE : ITR_CACHE_HELD, why);
    return step;
}

static void replace(struct itr_cache *c, struct itr_token *token)
{
    itr_token_release(c->token);
    c->token = token;
    c->tried = false;
    c->stale = false;
}

static struct itr_cache_step fetched_newer(struct itr_cache *c, int64_t now_mono_ms,
                                           struct itr_token *token)
{
    bool was_behind = c->behind;
    struct itr_cache_step step;

    replace(c, token);
    c->tried = is_expired(c, now_mono_ms);
    itr_error_clear(&c->error);
    step = end(c, ITR_WHY_FETCHED, now_mono_ms);

    /* Taken from the record when due: the next is fetched behind it, once. A life that is shorter
     * than a fetch would otherwise keep fetching with nobody asking. */
    if (is_due(c, now_mono_ms) && !was_behind) {
        start(c, &step, ITR_CACHE_REFRESHING, ITR_WHY_FETCHED);
        c->behind = true;
    }
    return step;
}

/* A higher fence is newer. While nothing is given out, so is a lower one with another text: a
 * central server, whose store lost its memory, counts from an earlier time again. */
static bool is_newer(const struct itr_cache *c, const struct itr_token *fetched)
{
    return c->token == NULL || fetched->fence > c->token->fence ||
           (c->state == ITR_CACHE_FETCHING && fetched->origin == ITR_FROM_SERVER &&
            fetched->fence < c->token->fence && !itr_token_same(c->token, fetched));
}

struct itr_cache_step itr_cache_fetched(struct itr_cache *c, int64_t now_mono_ms,
                                        uint64_t generation, struct itr_token *token)
{
    if (generation != c->generation || !is_fetching(c)) {
        itr_token_release(token);
        return give(ITR_GIVE_NOTHING);
    }
    if (!is_newer(c, token)) {
        itr_token_release(token);
        itr_error_clear(&c->error);
        c->tried = true;
        return end(c, ITR_WHY_KEPT, now_mono_ms + ITR_CACHE_MAX_RETRY_MS);
    }
    return fetched_newer(c, now_mono_ms, token);
}

static bool is_news(const struct itr_token *held, const struct itr_token *found)
{
    if (held == NULL || found->fence > held->fence)
        return true;
    return found->fence < held->fence && !itr_token_same(held, found) &&
           found->born_mono_ms > held->born_mono_ms;
}

struct itr_cache_step itr_cache_found(struct itr_cache *c, int64_t now_mono_ms,
                                      struct itr_token *token)
{
    struct itr_cache_step step = give(ITR_GIVE_NOTHING);

    if (is_fetching(c) || !is_news(c->token, token)) {
        itr_token_release(token);
        return step;
    }
    replace(c, token);
    c->tried = is_expired(c, now_mono_ms);
    itr_error_clear(&c->error);
    return end(c, ITR_WHY_FETCHED, now_mono_ms);
}

static int64_t cut_retry(int64_t now_mono_ms, int64_t retry_mono_ms)
{
    if (retry_mono_ms > now_mono_ms + ITR_CACHE_MAX_RETRY_MS)
        return now_mono_ms + ITR_CACHE_MAX_RETRY_MS;
    return retry_mono_ms;
}

struct itr_cache_step itr_cache_failed(struct itr_cache *c, int64_t now_mono_ms,
                                       uint64_t generation, const struct itr_error *e,
                                       int64_t retry_mono_ms, struct itr_token *token)
{
    if (generation != c->generation || !is_fetching(c)) {
        itr_token_release(token);
        return give(ITR_GIVE_NOTHING);
    }
    if (token != NULL && (c->token == NULL || token->fence > c->token->fence))
        replace(c, token);
    else
        itr_token_release(token);

    c->tried = true;
    c->error = *e;
    if (e->kind != ITR_OK)
        return end(c, ITR_WHY_FAILED, cut_retry(now_mono_ms, retry_mono_ms));

    /* Nothing is wrong. Without a token there would be no error to fail with before retry. */
    itr_error_clear(&c->error);
    return end(c, ITR_WHY_KEPT,
               c->token == NULL ? now_mono_ms : cut_retry(now_mono_ms, retry_mono_ms));
}

struct itr_cache_step itr_cache_forked(struct itr_cache *c, int64_t now_mono_ms)
{
    struct itr_cache_step step = give(ITR_GIVE_NOTHING);

    if (!is_fetching(c))
        return step;
    c->generation++; /* whatever still comes from the parent's fetch is an old generation's */
    step = end(c, ITR_WHY_FORKED, now_mono_ms);
    step.answer = false; /* those who wait are the parent's threads */
    return step;
}

const char *itr_cache_state_name(enum itr_cache_state s)
{
    static const char *const names[] = {"none", "fetching", "held", "refreshing"};

    return (size_t)s < sizeof names / sizeof names[0] ? names[s] : "?";
}

const char *itr_cache_why_name(enum itr_cache_why w)
{
    static const char *const names[] = {"nothing", "start",  "ahead", "expired", "refused", "asked",
                                        "fetched", "failed", "stale", "forked",  "kept"};

    return (size_t)w < sizeof names / sizeof names[0] ? names[w] : "?";
}
