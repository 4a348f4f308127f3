#include "core/record/record.h"

#include <assert.h>
#include <string.h>

#include "core/base/bound.h"
#include "core/record/hold.h"
#include "core/record/view.h"

#define SAME_AGAIN_MIN_MS ITR_MINUTE_MS /* until the same string is asked for again */

static void copy_text(char *to, size_t size, const char *from)
{
    size_t n = strlen(from);

    assert(n < size);
    memcpy(to, from, n < size ? n : size - 1);
    to[n < size ? n : size - 1] = '\0';
}

/* ---- decide ---- */

/* Worth more than what we have? An expired one is only while no better one may be fetched. */
static bool may_take(const struct itr_record *v, int64_t now_ms, const struct itr_record_wish *wish,
                     bool is_held_back)
{
    if (v->text[0] == '\0' || v->fence <= wish->held_fence)
        return false;
    if (wish->refused != NULL && strcmp(v->text, wish->refused) == 0)
        return false;
    return v->end_ms > now_ms || is_held_back;
}

/* Higher than any that was, and ahead of those that a store forgot: they were times too. */
static uint64_t next_fence(const struct itr_record *v, int64_t now_ms, uint64_t held_fence,
                           uint64_t last_fence)
{
    uint64_t highest = v->fence;

    if (v->lease_fence > highest)
        highest = v->lease_fence;
    if (held_fence > highest)
        highest = held_fence;
    if (last_fence > highest)
        highest = last_fence;
    return highest + 1 > (uint64_t)now_ms ? highest + 1 : (uint64_t)now_ms;
}

static int32_t one_more(int32_t n)
{
    return n < INT32_MAX ? n + 1 : n;
}

static void acquire(const struct itr_record *v, int64_t now_ms, const struct itr_record_wish *wish,
                    struct itr_record *next)
{
    *next = *v;
    if (itr_record_has_lapsed_lease(v, now_ms))
        next->failures = one_more(v->failures);
    copy_text(next->owner, sizeof next->owner, wish->owner);
    next->lease_fence = next_fence(v, now_ms, wish->held_fence, wish->last_fence);
    next->lease_end_ms = now_ms + wish->rules->lease_ms;
    next->fetches = one_more(v->fetches);
}

void itr_record_decide(const struct itr_record *r, int64_t now_ms,
                       const struct itr_record_wish *wish, struct itr_record_verdict *out)
{
    struct itr_record v;

    assert(wish->owner[0] != '\0');
    memset(out, 0, sizeof *out);
    now_ms = itr_record_now(now_ms);
    itr_record_view_for(r, now_ms, wish, &v);
    out->until_ms = itr_record_held_until(&v, now_ms, wish, &out->error, &out->after_refusal);

    if (may_take(&v, now_ms, wish, out->until_ms != 0)) {
        out->is = ITR_VERDICT_TAKE;
    } else if (itr_record_has_live_lease(&v, now_ms)) {
        out->is = ITR_VERDICT_WAIT;
        out->until_ms = v.lease_end_ms;
    } else if (out->until_ms != 0) {
        out->is = ITR_VERDICT_HOLD;
    } else {
        out->is = ITR_VERDICT_ACQUIRE;
        acquire(&v, now_ms, wish, &out->next);
    }
}

/* ---- settle ---- */

static bool has_our_lease(const struct itr_record *r, const char *owner, uint64_t lease_fence)
{
    return r->owner[0] != '\0' && strcmp(r->owner, owner) == 0 && r->lease_fence == lease_fence;
}

bool itr_record_is_ours(const struct itr_record *r, int64_t now_ms, const char *owner,
                        uint64_t lease_fence)
{
    return has_our_lease(r, owner, lease_fence) && now_ms < r->lease_end_ms;
}

/* What the record says of our fetch. */
enum standing {
    OURS,      /* our lease is in it */
    SETTLED,   /* our lease was given back: an earlier swap went through, its answer was lost */
    FORGOTTEN, /* neither our lease nor a live one nor a higher fence: the store lost its memory */
    ANOTHERS
};

static enum standing standing_of(const struct itr_record *r, const struct itr_record *v,
                                 int64_t now_ms, const char *owner, uint64_t lease_fence)
{
    if (has_our_lease(r, owner, lease_fence))
        return OURS;
    if (r->fence > lease_fence || r->lease_fence > lease_fence ||
        itr_record_has_live_lease(v, now_ms))
        return ANOTHERS;
    if (r->owner[0] == '\0' && r->lease_fence == lease_fence)
        return SETTLED;
    return FORGOTTEN;
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
    v->retry_ms = 0;
    v->forbidden[0] = '\0';
    v->forbidden_ms = 0;
    memset(&v->error, 0, sizeof v->error);
}

static void settle_token(struct itr_record *v, int64_t now_ms, const struct itr_record_rules *rules,
                         uint64_t lease_fence, const struct itr_record_outcome *outcome)
{
    assert(outcome->text[0] != '\0');
    if (strcmp(v->text, outcome->text) == 0)
        set_same_token(v, now_ms, rules);
    else
        set_new_token(v, now_ms, rules, outcome->text);
    v->fence = lease_fence;
    v->fetched_ms = now_ms;
    clear_failures(v);
    if (outcome->refused != NULL)
        itr_record_note_refused(v, now_ms, rules);
}

static void settle_failed(struct itr_record *v, int64_t now_ms,
                          const struct itr_record_rules *rules,
                          const struct itr_record_outcome *outcome)
{
    v->failures = one_more(v->failures);
    v->retry_ms =
        now_ms + itr_record_failure_wait_ms(v, now_ms, rules, v->failures, outcome->random);
    itr_record_keep_error(&v->error, &outcome->error);
}

static void settle_forbidden(struct itr_record *v, int64_t now_ms,
                             const struct itr_record_rules *rules,
                             const struct itr_record_outcome *outcome)
{
    copy_text(v->forbidden, sizeof v->forbidden, rules->secret_digest);
    v->forbidden_ms = now_ms;
    v->retry_ms = 0; /* it was over, or we had not asked; its error goes with it */
    itr_record_keep_error(&v->error, &outcome->error);
}

static void settle_limit(struct itr_record *v, int64_t now_ms,
                         const struct itr_record_outcome *outcome)
{
    v->retry_ms = itr_min64(now_ms + ITR_LIMIT_MS, itr_record_next_day_ms(now_ms));
    itr_record_keep_error(&v->error, &outcome->error);
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
        settle_failed(v, now_ms, rules, outcome);
        break;
    case ITR_OUTCOME_FORBIDDEN:
        settle_forbidden(v, now_ms, rules, outcome);
        break;
    case ITR_OUTCOME_LIMIT:
        settle_limit(v, now_ms, outcome);
        break;
    case ITR_OUTCOME_NOT_SENT: /* noted by this machine, not by the fleet */
        break;
    }
}

/* Our fetch as the day's count has it. Nothing was sent: it was none. The store forgot: it is
 * missing. A new day began: the gateway may count it there, so it is counted there too. */
static void settle_count(struct itr_record *v, bool is_counted, enum itr_record_outcome_is outcome)
{
    bool was_sent = outcome != ITR_OUTCOME_NOT_SENT;

    if (is_counted && !was_sent && v->fetches > 0)
        v->fetches--;
    if (!is_counted && was_sent)
        v->fetches = one_more(v->fetches);
}

enum itr_record_settled itr_record_settle(const struct itr_record *r, int64_t now_ms,
                                          const struct itr_record_wish *wish, uint64_t lease_fence,
                                          const struct itr_record_outcome *outcome,
                                          struct itr_record *next)
{
    struct itr_record v;
    enum standing standing;

    now_ms = itr_record_now(now_ms);
    itr_record_view(r, now_ms, wish->rules, &v);
    standing = standing_of(r, &v, now_ms, wish->owner, lease_fence);
    if (standing == ANOTHERS)
        return ITR_NOT_OURS;
    *next = v;
    if (standing == SETTLED || (standing == FORGOTTEN && outcome->is == ITR_OUTCOME_NOT_SENT)) {
        *next = *r;
        return ITR_SETTLED_BEFORE;
    }

    settle_count(next, standing == OURS && r->day == v.day, outcome->is);
    settle_outcome(next, now_ms - outcome->age_ms, wish->rules, lease_fence, outcome);

    /* The lease goes; its fence stays, so that the next one is higher. */
    next->owner[0] = '\0';
    next->lease_fence = lease_fence;
    next->lease_end_ms = 0;
    return ITR_SETTLED;
}

struct itr_token_times itr_record_token_times(const struct itr_record *r, int64_t store_now_ms,
                                              int64_t mono_ms, int64_t token_ttl_ms, uint64_t seed)
{
    int64_t age_ms = store_now_ms - r->born_ms;
    int64_t end_ms = itr_min64(r->end_ms - store_now_ms, token_ttl_ms);
    int64_t refresh_ms = r->refresh_ms - itr_record_jitter_ms(r, seed) - store_now_ms;

    return (struct itr_token_times){mono_ms - itr_max64(0, age_ms),
                                    mono_ms + itr_min64(refresh_ms, end_ms), mono_ms + end_ms};
}
