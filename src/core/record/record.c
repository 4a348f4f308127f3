#include "core/record/record.h"

#include <assert.h>
#include <string.h>

#include "core/base/bound.h"
#include "core/base/buf.h"
#include "core/record/hold.h"
#include "core/record/sound.h"
#include "core/record/view.h"

#define SAME_AGAIN_MIN_MS ITR_MINUTE_MS /* until the same string is asked for again */

static void copy_text(char *to, size_t size, const char *from)
{
    size_t n = strlen(from);

    assert(n < size);
    (void)size;
    memcpy(to, from, n + 1);
}

static int32_t one_more(int32_t n)
{
    return n < INT32_MAX ? n + 1 : n;
}

/* ---- decide ---- */

/* Asks for a fetch without having seen the record's token: a newer one than a refused one is all
 * that is wanted of it. */
static bool wants_fetch(const struct itr_record *v, const struct itr_reason *why)
{
    return why->asked && why->held_fence == 0 &&
           (why->refused_fence == 0 || v->fence <= why->refused_fence);
}

/* Worth more than what we have? An expired one is only while no better one may be fetched, or
 * fetching fails. Who holds none and asks for a fetch gets one, unless that is too early. */
static bool may_take(const struct itr_record *v, int64_t now_ms,
                     const struct itr_record_rules *rules, const struct itr_reason *why,
                     bool is_held_back)
{
    if (v->fence <= why->held_fence) /* without a token its fence is 0 */
        return false;
    if (why->refused != NULL && strcmp(v->text, why->refused) == 0)
        return false;
    if (wants_fetch(v, why) && !itr_record_is_asked_too_early(v, now_ms, rules, why))
        return false;
    return v->end_ms > now_ms || is_held_back || v->failures > 0;
}

static uint64_t higher(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Higher than any that was, and ahead of those that a store forgot: they were times too. What this
 * process used itself does not count where nothing higher is left. */
static uint64_t next_fence(const struct itr_record *v, int64_t now_ms, uint64_t held_fence,
                           uint64_t last_fence)
{
    uint64_t ours = higher(held_fence, last_fence);

    if (ours >= ITR_RECORD_FENCE_MAX)
        ours = 0;
    return higher(higher(v->lease_fence, ours) + 1, (uint64_t)now_ms);
}

/* A lease that lapsed is noted by the one who takes over: nobody else is left to do it. */
static void note_lapsed(struct itr_record *next)
{
    next->failures = one_more(next->failures);
    next->wasted = one_more(next->wasted);
    next->failed_ms = next->lease_end_ms;
    next->failure = ITR_FAILURE_LAPSED;
    next->forbidden[0] = '\0';
    memset(&next->error, 0, sizeof next->error);
    next->error.kind = ITR_TIMEOUT;
    copy_text(next->error.text, sizeof next->error.text,
              "the process that was fetching stopped or died");
}

static void acquire(const struct itr_record *v, int64_t now_ms, const struct itr_record_self *self,
                    uint64_t held_fence, struct itr_record *next)
{
    static const struct itr_record none;

    if (v->lease_fence < ITR_RECORD_FENCE_MAX) /* the token's is never higher */
        *next = *v;
    else /* no higher one is left */
        itr_record_view(&none, now_ms, next);
    if (itr_record_has_lapsed_lease(next, now_ms))
        note_lapsed(next);
    copy_text(next->owner, sizeof next->owner, self->name);
    next->lease_fence = next_fence(next, now_ms, held_fence, self->last_fence);
    next->lease_begin_ms = now_ms;
    next->lease_end_ms = now_ms + itr_min64(self->rules->lease_ms, ITR_RECORD_LEASE_MAX_MS);
    next->fetches = one_more(next->fetches);
}

void itr_record_decide(const struct itr_record *r, int64_t now_ms,
                       const struct itr_record_self *self, const struct itr_reason *why,
                       struct itr_record_verdict *out)
{
    struct itr_record v;

    assert(self->name[0] != '\0');
    now_ms = itr_record_now(now_ms);
    itr_record_view_for(r, now_ms, self, &v);
    out->until_ms = itr_record_held_until(&v, now_ms, self, why, &out->error);

    if (may_take(&v, now_ms, self->rules, why, out->until_ms != 0)) {
        out->is = ITR_VERDICT_TAKE;
    } else if (itr_record_has_live_lease(&v, now_ms)) {
        out->is = ITR_VERDICT_WAIT;
        out->until_ms = v.lease_end_ms;
    } else if (out->until_ms != 0) {
        out->is = ITR_VERDICT_HOLD;
    } else {
        out->is = ITR_VERDICT_ACQUIRE;
        acquire(&v, now_ms, self, why->held_fence, &out->next);
    }
    itr_wipe(&v, sizeof v);
}

/* ---- settle ---- */

static bool is_named(const struct itr_record *r, const char *name)
{
    return strcmp(r->owner, name) == 0;
}

bool itr_record_lease_stands(const struct itr_record *r, int64_t now_ms, const char *name,
                             uint64_t lease_fence)
{
    struct itr_record v;
    bool stands;

    now_ms = itr_record_now(now_ms);
    itr_record_view(r, now_ms, &v);
    stands =
        is_named(&v, name) && v.lease_fence == lease_fence && itr_record_has_live_lease(&v, now_ms);
    itr_wipe(&v, sizeof v);
    return stands;
}

/* What the record says of our fetch. */
enum standing {
    OURS,      /* our lease is in it */
    SETTLED,   /* our lease was given back: an earlier swap went through, its answer was lost */
    FORGOTTEN, /* neither our lease nor a higher fence: the store lost its memory, or this is of the
                  past */
    EARLIER,   /* the same, and an earlier lease of ours, which is nobody's, stands there */
    ANOTHERS
};

static enum standing standing_of(const struct itr_record *r, const struct itr_record *v,
                                 int64_t now_ms, const char *name, uint64_t lease_fence)
{
    if (is_named(r, name) && r->lease_fence == lease_fence)
        return OURS;
    if (r->fence > lease_fence || r->lease_fence > lease_fence)
        return ANOTHERS;
    if (is_named(r, name))
        return EARLIER;
    if (r->owner[0] == '\0' && r->lease_fence == lease_fence)
        return SETTLED;
    /* A lower fence was there before ours: a record from the past. Unless ours is of a later time
     * than now: then the clock was set back, and the store forgot. */
    if (r->lease_fence < lease_fence && lease_fence <= (uint64_t)now_ms)
        return FORGOTTEN;
    return itr_record_has_live_lease(v, now_ms) ? ANOTHERS : FORGOTTEN;
}

static int64_t margin_ms(const struct itr_record_rules *rules)
{
    return itr_min64(rules->refresh_margin_ms, rules->token_ttl_ms / 4);
}

static void set_new_token(struct itr_record *v, int64_t now_ms,
                          const struct itr_record_rules *rules, const char *text)
{
    copy_text(v->text, sizeof v->text, text);
    v->born_ms = now_ms;
    v->refresh_ms = now_ms + rules->token_ttl_ms - margin_ms(rules);
    v->end_ms = now_ms + rules->token_ttl_ms;
}

/* The same string is no new token: it keeps its birth, and the gateway has just vouched for it. It
 * is asked for again at its end; one that outlives our idea of its life, ever more seldom. */
static void set_same_token(struct itr_record *v, int64_t now_ms,
                           const struct itr_record_rules *rules)
{
    int64_t over_ms = now_ms - v->born_ms - rules->token_ttl_ms;
    int64_t wait_ms =
        itr_min64(itr_max64(SAME_AGAIN_MIN_MS, over_ms), rules->token_ttl_ms - margin_ms(rules));

    v->refresh_ms = itr_max64(v->end_ms, now_ms + wait_ms);
    v->end_ms = v->refresh_ms;
}

static void clear_failures(struct itr_record *v)
{
    v->failures = 0;
    v->failed_ms = 0;
    v->failure = ITR_FAILURE_NONE;
    v->forbidden[0] = '\0';
    memset(&v->error, 0, sizeof v->error);
}

static void note_refusal(struct itr_record *v, int64_t now_ms, const struct itr_record_rules *rules)
{
    v->refusals = itr_record_refusal_follows(v, now_ms, rules) ? one_more(v->refusals) : 1;
    v->refused_ms = now_ms;
    v->wasted = one_more(v->wasted);
}

static void settle_token(struct itr_record *v, int64_t now_ms, const struct itr_record_rules *rules,
                         uint64_t lease_fence, const struct itr_record_outcome *outcome)
{
    bool was_due = now_ms >= v->refresh_ms; /* 0 without a token */

    assert(outcome->text[0] != '\0');
    if (outcome->after_refusal)
        note_refusal(v, now_ms, rules);
    else if (outcome->asked && !was_due)
        v->wasted = one_more(v->wasted);
    if (strcmp(v->text, outcome->text) == 0)
        set_same_token(v, now_ms, rules);
    else
        set_new_token(v, now_ms, rules, outcome->text);
    v->fence = lease_fence;
    v->fetched_ms = now_ms;
    clear_failures(v);
}

static void settle_failure(struct itr_record *v, int64_t now_ms,
                           const struct itr_record_rules *rules, enum itr_record_failure is,
                           const struct itr_error *error)
{
    v->failures = one_more(v->failures);
    v->wasted = one_more(v->wasted);
    v->failed_ms = now_ms;
    v->failure = is;
    copy_text(v->forbidden, sizeof v->forbidden,
              is == ITR_FAILURE_FORBIDDEN ? rules->secret_digest : "");
    itr_record_keep_error(&v->error, error);
}

static void settle_outcome(struct itr_record *v, int64_t now_ms,
                           const struct itr_record_rules *rules, uint64_t lease_fence,
                           const struct itr_record_outcome *outcome)
{
    switch (outcome->is) {
    case ITR_OUTCOME_TOKEN:
        settle_token(v, now_ms, rules, lease_fence, outcome);
        break;
    case ITR_OUTCOME_FAILED:
        settle_failure(v, now_ms, rules, ITR_FAILURE_NO_ANSWER, &outcome->error);
        break;
    case ITR_OUTCOME_FORBIDDEN:
        settle_failure(v, now_ms, rules, ITR_FAILURE_FORBIDDEN, &outcome->error);
        break;
    case ITR_OUTCOME_LIMIT:
        settle_failure(v, now_ms, rules, ITR_FAILURE_LIMIT, &outcome->error);
        break;
    case ITR_OUTCOME_NOT_SENT: /* noted by this machine, not by the fleet */
        break;
    }
}

/* Our fetch as the day's count has it. Nothing was sent: it was none, unless that is said of a
 * lease whose request was sent and whose outcome was given up. The store forgot: it is
 * missing. A new day began: the gateway may count it there, so it is counted there too. */
static void settle_count(struct itr_record *v, bool is_counted, bool was_sent)
{
    if (is_counted && !was_sent && v->fetches > 0)
        v->fetches--;
    if (!is_counted && was_sent)
        v->fetches = one_more(v->fetches);
}

enum itr_record_settled itr_record_settle(const struct itr_record *r, int64_t now_ms,
                                          const struct itr_record_self *self, uint64_t lease_fence,
                                          const struct itr_record_outcome *outcome,
                                          struct itr_record *next)
{
    bool was_sent = outcome->is != ITR_OUTCOME_NOT_SENT;
    enum standing standing;

    now_ms = itr_record_now(now_ms);
    itr_record_view(r, now_ms, next);
    if (is_named(r, self->name) && r->lease_fence != lease_fence)
        itr_record_view_for(r, now_ms, self, next);
    standing = standing_of(r, next, now_ms, self->name, lease_fence);
    if (standing == ANOTHERS)
        return ITR_NOT_OURS;
    if (standing == SETTLED || (standing == FORGOTTEN && !was_sent))
        return ITR_SETTLED_BEFORE;

    settle_count(next, standing == OURS && r->day == next->day,
                 was_sent || lease_fence == self->sent_fence);
    settle_outcome(next, itr_max64(0, now_ms - outcome->age_ms), self->rules, lease_fence, outcome);

    /* The lease goes; its fence stays, so that the next one is higher. */
    next->owner[0] = '\0';
    next->lease_fence = standing == EARLIER && !was_sent ? r->lease_fence : lease_fence;
    next->lease_begin_ms = next->lease_end_ms = 0;
    return ITR_SETTLED;
}

/* Up to a sixth of the margin; none for a token that was given again. */
static int64_t jitter_ms(const struct itr_record *r, uint64_t random)
{
    int64_t margin = itr_max64(0, r->end_ms - r->refresh_ms);

    return (int64_t)(random % ((uint64_t)margin / 6 + 1));
}

struct itr_token_times itr_record_token_times(const struct itr_record *r, int64_t store_now_ms,
                                              int64_t mono_ms, int64_t token_ttl_ms, uint64_t seed)
{
    int64_t age_ms = store_now_ms - r->born_ms;
    int64_t end_ms = itr_min64(r->end_ms - store_now_ms, token_ttl_ms);
    int64_t refresh_ms = r->refresh_ms - jitter_ms(r, seed) - store_now_ms;

    return (struct itr_token_times){mono_ms - itr_max64(0, age_ms),
                                    mono_ms + itr_min64(refresh_ms, end_ms), mono_ms + end_ms};
}
