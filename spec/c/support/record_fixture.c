#include "record_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/record/sound.h"

struct itr_record_rules fix_rules(void)
{
    return (struct itr_record_rules){.token_ttl_ms = TTL,
                                     .refresh_margin_ms = MARGIN,
                                     .min_refresh_interval_ms = INTERVAL,
                                     .lease_ms = LEASE,
                                     .daily_limit = 0,
                                     .secret_digest = "00112233aabbccdd"};
}

struct fix_wish fix_wish(const struct itr_record_rules *rules)
{
    return (struct fix_wish){.self = {.rules = rules, .name = "us"}};
}

struct itr_record fix_empty(void)
{
    return (struct itr_record){.fence = 0};
}

struct itr_record fix_token(int64_t born_ms)
{
    struct itr_record r = fix_empty();

    r.fence = FENCE;
    r.lease_fence = FENCE;
    snprintf(r.text, sizeof r.text, "tok");
    r.born_ms = born_ms;
    r.fetched_ms = born_ms;
    r.refresh_ms = born_ms + TTL - MARGIN;
    r.end_ms = born_ms + TTL;
    return r;
}

struct itr_record fix_leased(struct itr_record r, int64_t lease_end_ms)
{
    snprintf(r.owner, sizeof r.owner, "other");
    r.lease_fence++;
    r.lease_begin_ms = lease_end_ms - LEASE;
    r.lease_end_ms = lease_end_ms;
    r.day = (int32_t)((NOON + 8 * HOUR) / (24 * HOUR));
    r.fetches++;
    return r;
}

int64_t fix_held_until(const struct itr_record *r, int64_t now_ms, const struct fix_wish *wish,
                       struct itr_error *e)
{
    return itr_record_held_until(r, now_ms, &wish->self, &wish->why, e);
}

enum itr_record_settled fix_settle_in(const struct itr_record *r, int64_t now_ms,
                                      const struct fix_wish *wish, uint64_t lease_fence,
                                      const struct itr_record_outcome *outcome,
                                      struct itr_record *next)
{
    return itr_record_settle(r, now_ms, &wish->self, lease_fence, outcome, next);
}

struct itr_record_verdict fix_decide(const struct itr_record *r, int64_t now_ms,
                                     const struct fix_wish *wish, enum itr_record_verdict_is is)
{
    static const char *const names[] = {"TAKE", "WAIT", "HOLD", "ACQUIRE"};
    struct itr_record_verdict v;

    memset(&v, 0xAA, sizeof v);
    itr_record_decide(r, now_ms, &wish->self, &wish->why, &v);
    if (v.is != is)
        fail_msg("verdict %s (%s), not %s", names[v.is], v.error.text, names[is]);
    if (is == ITR_VERDICT_ACQUIRE)
        assert_true(itr_record_is_sound(&v.next));
    return v;
}

struct itr_record fix_settle(const struct itr_record *r, int64_t now_ms,
                             const struct fix_wish *wish, uint64_t lease_fence,
                             const struct itr_record_outcome *outcome)
{
    struct itr_record next;

    assert_int_not_equal(fix_settle_in(r, now_ms, wish, lease_fence, outcome, &next), ITR_NOT_OURS);
    assert_true(itr_record_is_sound(&next));
    return next;
}

struct itr_record fix_fetch(const struct itr_record *r, int64_t now_ms, const struct fix_wish *wish,
                            const struct itr_record_outcome *outcome)
{
    struct itr_record_verdict v = fix_decide(r, now_ms, wish, ITR_VERDICT_ACQUIRE);

    return fix_settle(&v.next, now_ms, wish, v.next.lease_fence, outcome);
}

struct itr_record_outcome fix_got(const char *text)
{
    return (struct itr_record_outcome){.is = ITR_OUTCOME_TOKEN, .text = text};
}

struct itr_record_outcome fix_failed(void)
{
    struct itr_record_outcome o = {.is = ITR_OUTCOME_FAILED};

    itr_error_set(&o.error, ITR_HTTP, "HTTP 502");
    o.error.http_status = 502;
    return o;
}

struct itr_record_outcome fix_refused_with(int code)
{
    struct itr_record_outcome o = {.is = code == 40004 ? ITR_OUTCOME_LIMIT : ITR_OUTCOME_FORBIDDEN};

    itr_error_set(&o.error, code == 40004 ? ITR_QUOTA : ITR_TOKEN, "the gateway said %d", code);
    o.error.has_code = true;
    o.error.code = code;
    return o;
}

struct itr_record_outcome fix_not_sent(void)
{
    struct itr_record_outcome o = {.is = ITR_OUTCOME_NOT_SENT};

    itr_error_set(&o.error, ITR_NETWORK, "connection refused");
    return o;
}

void fix_assert_same(const struct itr_record *a, const struct itr_record *b)
{
    struct itr_buf text_a, text_b;

    itr_buf_init(&text_a, ITR_RECORD_MAX);
    itr_buf_init(&text_b, ITR_RECORD_MAX);
    assert_int_equal(itr_record_encode(a, &text_a), ITR_OK);
    assert_int_equal(itr_record_encode(b, &text_b), ITR_OK);
    assert_string_equal(itr_buf_str(&text_a), itr_buf_str(&text_b));
    itr_buf_clear(&text_a);
    itr_buf_clear(&text_b);
}
