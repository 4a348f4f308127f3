/*
 * record on any bytes. The first 8 bytes of the input are knobs (the wish, the time, the
 * outcome), the rest is the record as a store may hold it.
 *
 * What is read is sound and is a fixed point of encode and decode; and whatever decide and settle
 * make of it, at any time, keeps the invariants: the fence grows, counts stay within their limits,
 * no time lies further ahead than its rule can put it.
 */
#include "core/record/sound.h"
#include "core/record/view.h"
#include "fuzz.h"

#define KNOBS 8
#define OWNER "us"

struct play {
    struct itr_record r;
    struct itr_record_rules rules;
    struct itr_record_self self;
    struct itr_reason why;
    struct itr_record_outcome outcome;
    int64_t now;
    int64_t later; /* when it is settled */
};

/* ---- text form ---- */

static void encode(const struct itr_record *r, struct itr_buf *text)
{
    CHECK(itr_record_is_sound(r));
    itr_buf_init(text, ITR_RECORD_MAX);
    CHECK(itr_record_encode(r, text) == ITR_OK);
    CHECK(text->len < ITR_RECORD_MAX);
}

/* Reads back as the same record, which is written as the same text. */
static void check_fixed_point(const struct itr_record *r)
{
    struct itr_record back;
    struct itr_buf first, second;
    struct itr_error e;

    encode(r, &first);
    CHECK(itr_record_decode(first.data, first.len, &back, &e) == ITR_OK);
    encode(&back, &second);
    CHECK(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
    itr_buf_clear(&first);
    itr_buf_clear(&second);
}

static void check_same(const struct itr_record *a, const struct itr_record *b)
{
    struct itr_buf first, second;

    encode(a, &first);
    encode(b, &second);
    CHECK(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
    itr_buf_clear(&first);
    itr_buf_clear(&second);
}

/* ---- knobs ---- */

static int64_t some_time(const struct itr_record *r, const uint8_t *knobs)
{
    const int64_t from[] = {1795492800000, 0,
                            r->born_ms,    r->lease_end_ms,
                            r->failed_ms,  r->refused_ms,
                            r->fetched_ms, INT64_MAX - INT32_MAX};
    int32_t delta;

    memcpy(&delta, knobs + 1, sizeof delta);
    return from[knobs[0] % 8] + (delta >> (knobs[0] / 8 % 32));
}

static void set_rules(struct itr_record_rules *rules, uint8_t knob)
{
    rules->token_ttl_ms = knob & 1 ? 100 : 2 * ITR_HOUR_MS;
    rules->refresh_margin_ms = 30 * ITR_MINUTE_MS;
    rules->min_refresh_interval_ms = knob & 2 ? 0 : 30 * ITR_SECOND_MS;
    rules->lease_ms = 15 * ITR_SECOND_MS;
    rules->daily_limit = knob & 4 ? 1 + knob / 16 : 0;
    memcpy(rules->secret_digest, "00ff", 5);
}

static void set_wish(struct play *p, uint8_t knob)
{
    p->self.rules = &p->rules;
    p->self.name = OWNER;
    p->self.last_fence = knob & 16 ? (uint64_t)itr_record_now(p->now) / 2 : 0;
    p->self.sent_fence = knob & 32 ? p->r.lease_fence : 0;
    p->why.held_fence = knob & 1 ? p->r.fence : 0;
    p->why.refused = knob & 2 ? (knob & 4 ? p->r.text : "earlier") : NULL;
    p->why.asked = knob & 8;
}

static void set_outcome(struct play *p, uint8_t knob)
{
    p->outcome.is = (enum itr_record_outcome_is)(knob % 5);
    p->outcome.text = knob & 32 && p->r.text[0] != '\0' ? p->r.text : "new";
    p->outcome.after_refusal = p->why.refused != NULL;
    p->outcome.asked = p->why.asked;
    p->outcome.age_ms = knob & 128 ? 17 * ITR_SECOND_MS : 0;
    itr_error_set(&p->outcome.error, (enum itr_status)(knob % 13), "\xE8\xAF\xAF\n%s", p->r.owner);
}

static void set_play(struct play *p, const uint8_t *knobs)
{
    p->now = some_time(&p->r, knobs);
    set_rules(&p->rules, knobs[5]);
    set_wish(p, knobs[6]);
    set_outcome(p, knobs[7]);
    p->later = knobs[7] & 64 ? p->now : some_time(&p->r, (const uint8_t[]){3, knobs[4], 0, 0, 0});
}

/* ---- oracles ---- */

static uint64_t highest_fence(const struct play *p)
{
    uint64_t highest = p->r.fence > p->r.lease_fence ? p->r.fence : p->r.lease_fence;

    if (p->self.last_fence > highest)
        highest = p->self.last_fence;
    return highest > p->why.held_fence ? highest : p->why.held_fence;
}

static bool has_room(const struct play *p)
{
    return highest_fence(p) < ITR_RECORD_FENCE_MAX;
}

/* No time further ahead than its rule: a view finds nothing to mend. */
static void check_in_its_time(const struct itr_record *r, int64_t now)
{
    struct itr_record v;

    CHECK(itr_record_is_sound(r));
    itr_record_view(r, itr_record_now(now), &v);
    check_same(r, &v);
    check_fixed_point(r);
}

static void check_settled(const struct play *p, const struct itr_record *before, uint64_t fence)
{
    struct itr_record next, again;

    CHECK(itr_record_settle(before, p->later, &p->self, fence, &p->outcome, &next) == ITR_SETTLED);
    check_in_its_time(&next, p->later);
    CHECK(next.owner[0] == '\0' && next.lease_fence == fence);
    CHECK(next.fetches >= 0 && next.failures >= 0);
    if (p->outcome.is == ITR_OUTCOME_TOKEN)
        CHECK(next.fence == fence && strcmp(next.text, p->outcome.text) == 0);
    else
        CHECK(next.fence == before->fence && strcmp(next.text, before->text) == 0);

    CHECK(itr_record_settle(&next, p->later, &p->self, fence, &p->outcome, &again) ==
          ITR_SETTLED_BEFORE);
    check_same(&next, &again);
}

static void check_acquired(const struct play *p, const struct itr_record *next)
{
    int64_t now = itr_record_now(p->now);

    check_in_its_time(next, now);
    if (has_room(p)) {
        CHECK(next->lease_fence > highest_fence(p) && next->fence == p->r.fence);
        CHECK(next->failures == p->r.failures || next->failures == p->r.failures + 1);
    }
    CHECK(next->fetches >= 1 && next->day == itr_record_day(now));
    CHECK(p->rules.daily_limit == 0 || next->fetches <= p->rules.daily_limit);
    CHECK(itr_record_lease_stands(next, now, OWNER, next->lease_fence));
    check_settled(p, next, next->lease_fence);
}

static void check_taken(const struct play *p)
{
    CHECK(p->r.fence > p->why.held_fence && p->r.text[0] != '\0');
    CHECK(p->why.refused == NULL || strcmp(p->why.refused, p->r.text) != 0);
}

static void check_held(const struct play *p, const struct itr_record_verdict *v)
{
    int64_t now = itr_record_now(p->now);

    CHECK(v->until_ms > now && v->until_ms <= now + ITR_DAY_MS + ITR_RECORD_SLEW_MS);
    CHECK(v->error.kind != ITR_OK || (p->why.asked && p->why.refused == NULL));
}

static void check_verdict(const struct play *p)
{
    struct itr_record_verdict v;

    itr_record_decide(&p->r, p->now, &p->self, &p->why, &v);
    switch (v.is) {
    case ITR_VERDICT_TAKE:
        check_taken(p);
        break;
    case ITR_VERDICT_WAIT:
        CHECK(v.until_ms > itr_record_now(p->now));
        CHECK(v.until_ms <= itr_record_now(p->now) + ITR_RECORD_SLEW_MS + ITR_RECORD_LEASE_MAX_MS);
        break;
    case ITR_VERDICT_HOLD:
        check_held(p, &v);
        break;
    case ITR_VERDICT_ACQUIRE:
        check_acquired(p, &v.next);
        break;
    }
}

/* Settling under some fence in a record that we know nothing of. */
static void check_foreign_settle(const struct play *p, uint8_t knob)
{
    uint64_t fence = p->r.lease_fence + 1 - knob % 3;
    struct itr_record next;
    enum itr_record_settled s;

    if (fence == 0 || fence > ITR_RECORD_FENCE_MAX || !has_room(p))
        return;
    s = itr_record_settle(&p->r, p->later, &p->self, fence, &p->outcome, &next);
    if (s == ITR_NOT_OURS)
        return;
    CHECK(p->r.fence <= fence && p->r.lease_fence <= fence);
    CHECK(itr_record_is_sound(&next));
    CHECK(s == ITR_SETTLED_BEFORE || next.owner[0] == '\0');
    check_fixed_point(&next);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct play p = {.now = 0};
    struct itr_error e;

    if (size < KNOBS)
        return 0;
    if (itr_record_decode((const char *)data + KNOBS, size - KNOBS, &p.r, &e) != ITR_OK) {
        CHECK(e.kind == ITR_STORE);
        return 0;
    }
    check_fixed_point(&p.r);
    set_play(&p, data);
    check_verdict(&p);
    check_foreign_settle(&p, data[0]);
    return 0;
}
