/* fetch/machine: every edge of its table (docs/design.md 4.3), driven by hand: no thread, no clock.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "core/fetch/machine.h"
#include "core/record/view.h"

#define NOON INT64_C(1700000000000)
#define TTL INT64_C(7200000)
#define LEASE INT64_C(15000)

/* One machine, and the record that it works on. */
struct t {
    struct itr_machine m;
    struct itr_record store;
    uint64_t id;   /* of the store's bytes */
    uint64_t seen; /* of those loaded last */
    int64_t mono;  /* now */
    int64_t ahead; /* of the store's clock */
    struct itr_machine_result r;
};

static int setup_as(void **state, enum itr_token_origin origin)
{
    static struct t t;
    struct itr_machine_setup s = {.origin = origin, .token_timeout_ms = 10000, .server = "s"};

    memset(&t, 0, sizeof t);
    s.rules.token_ttl_ms = TTL;
    s.rules.refresh_margin_ms = 1800000;
    s.rules.min_refresh_interval_ms = 30000;
    s.rules.lease_ms = LEASE;
    t.mono = 1000000;
    t.ahead = NOON;
    t.id = 1;
    itr_machine_init(&t.m, &s, 0x1234, 77);
    *state = &t;
    return 0;
}

static int setup(void **state)
{
    return setup_as(state, ITR_FROM_REDIS);
}

static int setup_memory(void **state)
{
    return setup_as(state, ITR_FROM_MEMORY);
}

static int setup_central(void **state)
{
    return setup_as(state, ITR_FROM_SERVER);
}

static int teardown(void **state)
{
    struct t *t = *state;

    itr_machine_clear(&t->m);
    return 0;
}

/* ---- steps ---- */

static int64_t now_wall(const struct t *t)
{
    return t->mono + t->ahead;
}

static void on(struct t *t, const struct itr_machine_done *d)
{
    itr_machine_on(&t->m, t->mono, 7, d);
}

static void is_in(const struct t *t, enum itr_machine_state state)
{
    assert_string_equal(itr_machine_state_name(t->m.state), itr_machine_state_name(state));
}

static void loaded_after(struct t *t, int64_t took_ms)
{
    struct itr_machine_done d = {.is = ITR_DONE_LOADED, .record = &t->store, .bytes_id = t->id};

    d.called_mono_ms = t->mono;
    d.store_now_ms = now_wall(t);
    t->seen = t->id;
    t->mono += took_ms;
    on(t, &d);
}

static void loaded(struct t *t)
{
    loaded_after(t, 0);
}

static void failed(struct t *t, enum itr_machine_done_is is)
{
    struct itr_error e;
    struct itr_machine_done d = {.is = is, .error = &e};

    (void)itr_error_set(&e, ITR_STORE, "the store is away");
    on(t, &d);
}

/* Puts in what is being swapped, without telling the machine. */
static void put(struct t *t)
{
    t->store = t->m.next;
    t->id++;
}

static void just(struct t *t, enum itr_machine_done_is is)
{
    on(t, &(struct itr_machine_done){.is = is});
}

static void swapped(struct t *t)
{
    assert_int_equal(t->seen, t->id);
    put(t);
    just(t, ITR_DONE_SWAPPED);
}

static void paused(struct t *t)
{
    if (t->mono < t->m.pause_until_mono_ms)
        t->mono = t->m.pause_until_mono_ms;
    just(t, ITR_DONE_PAUSED);
}

static void answered(struct t *t, enum itr_record_outcome_is is, const char *text)
{
    struct itr_record_outcome o = {.is = is, .text = text};
    struct itr_machine_done d = {.is = ITR_DONE_ANSWERED, .outcome = &o};

    if (is != ITR_OUTCOME_TOKEN)
        (void)itr_error_set(&o.error, is == ITR_OUTCOME_LIMIT ? ITR_QUOTA : ITR_NETWORK, "%s",
                            text);
    on(t, &d);
}

static void begin(struct t *t)
{
    itr_machine_begin(&t->m, t->mono, &(struct itr_reason){0});
}

static void begin_refused(struct t *t, const char *text, uint64_t fence)
{
    struct itr_reason why = {.held_fence = fence, .refused = text, .refused_fence = fence};

    itr_machine_begin(&t->m, t->mono, &why);
}

static void begin_refused_fence(struct t *t, uint64_t fence)
{
    itr_machine_begin(&t->m, t->mono, &(struct itr_reason){.refused_fence = fence, .asked = true});
}

static bool result(struct t *t)
{
    memset(&t->r, 0, sizeof t->r);
    return itr_machine_take_result(&t->m, &t->r);
}

static void gives_token(struct t *t, const char *text)
{
    assert_true(result(t));
    assert_true(t->r.has_token);
    assert_string_equal(t->r.text, text);
}

static void gives_error(struct t *t, enum itr_status kind)
{
    assert_true(result(t));
    assert_false(t->r.has_token);
    assert_int_equal(t->r.error.kind, kind);
}

/* Begins, and goes as far as `state` on the straight way. */
static void go_to(struct t *t, enum itr_machine_state state)
{
    if (t->m.state == ITR_MACHINE_IDLE)
        begin(t);
    while (t->m.state != state) {
        switch (t->m.state) {
        case ITR_MACHINE_ACQUIRE:
            swapped(t);
            break;
        case ITR_MACHINE_CONNECT:
            just(t, ITR_DONE_CONNECTED);
            break;
        case ITR_MACHINE_SEND:
            answered(t, ITR_OUTCOME_TOKEN, "fresh");
            break;
        case ITR_MACHINE_SETTLE_SWAP:
            swapped(t);
            break;
        case ITR_MACHINE_PAUSE:
        case ITR_MACHINE_SETTLE_PAUSE:
            paused(t);
            break;
        default:
            loaded(t);
            break;
        }
    }
}

/* Another process's token or lease in the store. */
static void put_token(struct t *t, const char *text, uint64_t fence)
{
    (void)snprintf(t->store.text, sizeof t->store.text, "%s", text);
    t->store.fence = t->store.lease_fence = fence;
    t->store.born_ms = t->store.fetched_ms = now_wall(t);
    t->store.refresh_ms = now_wall(t) + TTL / 2;
    t->store.end_ms = now_wall(t) + TTL;
    t->store.owner[0] = '\0';
    t->id++;
}

static void put_lease(struct t *t, const char *owner)
{
    (void)snprintf(t->store.owner, sizeof t->store.owner, "%s", owner);
    t->store.lease_fence = (uint64_t)now_wall(t) + 1;
    t->store.lease_begin_ms = now_wall(t);
    t->store.lease_end_ms = now_wall(t) + LEASE;
    t->id++;
}

static void counted(struct t *t, int fetches)
{
    assert_int_equal(t->store.fetches, fetches);
}

static void owes_nothing(struct t *t)
{
    is_in(t, ITR_MACHINE_IDLE);
    assert_false(result(t));
    assert_false(itr_machine_is_owed(&t->m, t->mono));
}

/* ... and has left nothing behind. */
static void at_rest(struct t *t)
{
    owes_nothing(t);
    assert_string_not_equal(t->store.owner, t->m.name);
}

/* ---- the straight way ---- */

static void a_fetch_goes_from_load_to_idle(void **state)
{
    struct t *t = *state;

    is_in(t, ITR_MACHINE_IDLE);
    begin(t);
    is_in(t, ITR_MACHINE_LOAD);
    loaded(t);
    is_in(t, ITR_MACHINE_ACQUIRE);
    swapped(t);
    is_in(t, ITR_MACHINE_CONNECT);
    counted(t, 1);
    just(t, ITR_DONE_CONNECTED);
    is_in(t, ITR_MACHINE_LOOK);
    loaded(t);
    is_in(t, ITR_MACHINE_SEND);
    answered(t, ITR_OUTCOME_TOKEN, "fresh");
    is_in(t, ITR_MACHINE_SETTLE_LOAD);
    assert_false(result(t));
    loaded(t);
    is_in(t, ITR_MACHINE_SETTLE_SWAP);
    swapped(t);
    gives_token(t, "fresh");
    assert_int_equal(t->r.origin, ITR_FROM_GATEWAY);
    at_rest(t);
    counted(t, 1);
    assert_string_equal(t->store.text, "fresh");
    assert_int_equal(itr_machine_fetches_today(&t->m, t->mono), 1);
    assert_int_equal(itr_machine_fetches_today(&t->m, t->mono + 86400000), 0);
}

/* As the record said last, whoever counted there. The clocks of a process and of a store have
 * nothing in common. */
static void the_days_count_is_the_records(void **state)
{
    struct t *t = *state;
    struct itr_record view = {0};
    const int64_t day_ms = 86400000;

    t->mono = 40 * day_ms;
    assert_int_equal(itr_machine_fetches_today(&t->m, t->mono), 0);
    put_token(t, "theirs", 5);
    t->store.day = itr_record_day(now_wall(t));
    t->store.fetches = 7;
    begin(t);
    loaded(t);
    gives_token(t, "theirs");
    assert_int_equal(itr_machine_fetches_today(&t->m, t->mono), 7);
    assert_int_equal(itr_machine_fetches_today(&t->m, t->mono + day_ms), 0);

    view.day = itr_record_day(now_wall(t) + day_ms);
    view.fetches = 3;
    t->mono += day_ms;
    itr_machine_note_count(&t->m, &view, now_wall(t), t->mono);
    assert_int_equal(itr_machine_fetches_today(&t->m, t->mono), 3);
    itr_machine_fork(&t->m, 0x99, 78);
    assert_int_equal(itr_machine_fetches_today(&t->m, t->mono), 0);
    itr_machine_note_count(&t->m, &view, now_wall(t), t->mono);
    assert_int_equal(itr_machine_fetches_today(&t->m, t->mono), 3);
}

static int count_in_machine(const struct t *t, const char *text)
{
    const char *at = (const char *)&t->m;
    int n = 0;
    size_t i;

    for (i = 0; i + strlen(text) <= sizeof t->m; i++)
        n += memcmp(at + i, text, strlen(text)) == 0;
    return n;
}

static void nothing_of_a_token_stays_behind(void **state)
{
    struct t *t = *state;

    go_to(t, ITR_MACHINE_SEND);
    answered(t, ITR_OUTCOME_TOKEN, "QZXfresh");
    go_to(t, ITR_MACHINE_IDLE);
    gives_token(t, "QZXfresh");
    assert_int_equal(count_in_machine(t, "QZX"), 0);
}

/* Wherever it is: the held and the refused token (twice: of the lease, too), the record's, the new
 * one; then that and the result. */
static void nothing_of_a_token_is_left_by_clear(void **state)
{
    struct itr_reason why = {.held_fence = 5, .held = "QZXheld", .refused = "QZXno"};
    struct t *t = *state;

    put_token(t, "QZXold", 4);
    why.refused_fence = 5;
    itr_machine_begin(&t->m, t->mono, &why);
    go_to(t, ITR_MACHINE_SEND);
    answered(t, ITR_OUTCOME_TOKEN, "QZXfresh");
    go_to(t, ITR_MACHINE_SETTLE_SWAP);
    assert_int_equal(count_in_machine(t, "QZX"), 6);
    itr_machine_clear(&t->m);
    assert_int_equal(count_in_machine(t, "QZX"), 0);

    itr_machine_fork(&t->m, 0x99, 78);
    t->mono += TTL;
    put_token(t, "QZXnew", 99);
    begin(t);
    loaded(t);
    assert_int_equal(count_in_machine(t, "QZX"), 1);
    itr_machine_clear(&t->m);
    assert_int_equal(count_in_machine(t, "QZX"), 0);
}

/* ---- load ---- */

static void a_token_in_the_record_is_taken(void **state)
{
    struct t *t = *state;

    put_token(t, "theirs", 5);
    begin(t);
    loaded(t);
    gives_token(t, "theirs");
    assert_int_equal(t->r.origin, ITR_FROM_REDIS);
    at_rest(t);
}

static void anothers_lease_is_waited_for_and_looked_at_again(void **state)
{
    struct t *t = *state;

    put_lease(t, "another-9");
    begin(t);
    loaded(t);
    is_in(t, ITR_MACHINE_PAUSE);
    assert_int_equal(t->m.pause_until_mono_ms, t->mono + 10);
    paused(t);
    loaded(t);
    assert_int_equal(t->m.pause_until_mono_ms, t->mono + 20);
    put_token(t, "theirs", (uint64_t)NOON * 2);
    paused(t);
    is_in(t, ITR_MACHINE_LOAD);
    loaded(t);
    gives_token(t, "theirs");
    at_rest(t);
}

static void a_store_that_cannot_be_read_is_the_result(void **state)
{
    struct t *t = *state;

    begin(t);
    failed(t, ITR_DONE_LOAD_FAILED);
    gives_error(t, ITR_STORE);
    assert_in_range(t->r.retry_after_ms, 1, 5000);
    at_rest(t);
}

static void a_refused_token_waits_a_few_seconds_for_the_store(void **state)
{
    struct t *t = *state;
    int i;

    begin_refused(t, "old", 5);
    for (i = 0; i < 4; i++) {
        failed(t, ITR_DONE_LOAD_FAILED);
        is_in(t, ITR_MACHINE_PAUSE);
        assert_int_equal(t->m.pause_until_mono_ms, t->mono + 1000);
        paused(t);
    }
    failed(t, ITR_DONE_LOAD_FAILED);
    gives_error(t, ITR_STORE);
    at_rest(t);
}

static void a_wish_that_comes_while_it_looks_is_seen_by_the_next_look(void **state)
{
    struct t *t = *state;

    put_token(t, "bad", 5);
    put_lease(t, "another-9");
    itr_machine_begin(&t->m, t->mono, &(struct itr_reason){.held_fence = 5});
    loaded(t);
    begin_refused(t, "bad", 5);
    t->store.owner[0] = '\0';
    t->store.fence = t->store.lease_fence; /* the same string again */
    paused(t);
    loaded(t);
    is_in(t, ITR_MACHINE_ACQUIRE);
}

static void a_fence_that_was_refused_too_hides_no_refused_string(void **state)
{
    struct t *t = *state;

    put_token(t, "bad", 9);
    put_lease(t, "another-9");
    begin_refused(t, "bad", 5);
    loaded(t);
    begin_refused_fence(t, 7);
    assert_string_equal(t->m.refused, "bad");
    assert_int_equal(t->m.refused_fence, 5);
    t->store.owner[0] = '\0';
    paused(t);
    loaded(t);
    is_in(t, ITR_MACHINE_ACQUIRE);
}

/* ---- acquire ---- */

static void a_lost_swap_pauses_and_looks_again(void **state)
{
    struct t *t = *state;

    go_to(t, ITR_MACHINE_ACQUIRE);
    just(t, ITR_DONE_CONFLICT);
    is_in(t, ITR_MACHINE_PAUSE);
    assert_false(t->m.has_lease);
    paused(t);
    is_in(t, ITR_MACHINE_LOAD);
}

static void swaps_that_are_always_lost_come_to_an_end(void **state)
{
    struct t *t = *state;
    int n = 0;

    go_to(t, ITR_MACHINE_ACQUIRE);
    while (t->m.state != ITR_MACHINE_IDLE && n < 100) {
        just(t, ITR_DONE_CONFLICT);
        n++;
        if (t->m.state == ITR_MACHINE_PAUSE)
            go_to(t, ITR_MACHINE_ACQUIRE);
    }
    assert_int_equal(n, 20);
    gives_error(t, ITR_STORE);
    at_rest(t);
}

static void a_swap_whose_answer_was_lost_is_given_back_behind_the_result(void **state)
{
    struct t *t = *state;

    go_to(t, ITR_MACHINE_ACQUIRE);
    put(t);
    failed(t, ITR_DONE_SWAP_FAILED);
    gives_error(t, ITR_STORE);
    is_in(t, ITR_MACHINE_SETTLE_LOAD);
    assert_true(itr_machine_is_owed(&t->m, t->mono));
    loaded(t);
    is_in(t, ITR_MACHINE_SETTLE_SWAP);
    swapped(t);
    at_rest(t);
    counted(t, 0);
}

static void a_swap_that_comes_late_is_waited_for_and_given_back(void **state)
{
    struct t *t = *state;
    struct itr_record late;

    go_to(t, ITR_MACHINE_ACQUIRE);
    late = t->m.next;
    failed(t, ITR_DONE_SWAP_FAILED);
    gives_error(t, ITR_STORE);
    loaded(t); /* it has not come yet */
    is_in(t, ITR_MACHINE_SETTLE_PAUSE);
    t->store = late;
    t->id++;
    paused(t);
    loaded(t);
    swapped(t);
    at_rest(t);
    counted(t, 0);
}

static void the_first_of_two_failed_swaps_that_comes_late_is_given_back(void **state)
{
    struct t *t = *state;
    struct itr_record late;

    begin_refused(t, "old", 5);
    go_to(t, ITR_MACHINE_ACQUIRE);
    late = t->m.next;
    failed(t, ITR_DONE_SWAP_FAILED);
    t->mono += 5000;
    go_to(t, ITR_MACHINE_ACQUIRE); /* another fence */
    failed(t, ITR_DONE_SWAP_FAILED);
    gives_error(t, ITR_STORE);
    t->store = late;
    t->id++;
    loaded(t);
    swapped(t);
    at_rest(t);
    counted(t, 0);
}

static void a_swap_that_never_comes_is_forgotten_when_the_record_changes(void **state)
{
    struct t *t = *state;

    go_to(t, ITR_MACHINE_ACQUIRE);
    failed(t, ITR_DONE_SWAP_FAILED);
    gives_error(t, ITR_STORE);
    loaded(t);
    t->id++;
    paused(t);
    loaded(t);
    at_rest(t);
}

static void a_swap_that_never_comes_is_forgotten_at_the_leases_end(void **state)
{
    struct t *t = *state;
    int n = 0;

    go_to(t, ITR_MACHINE_ACQUIRE);
    failed(t, ITR_DONE_SWAP_FAILED);
    gives_error(t, ITR_STORE);
    while (t->m.state != ITR_MACHINE_IDLE && n++ < 100)
        t->m.state == ITR_MACHINE_SETTLE_LOAD ? loaded(t) : paused(t);
    assert_in_range(n, 2, 40);
    at_rest(t);
}

static void the_next_fetch_recognises_its_own_lost_swap(void **state)
{
    struct t *t = *state;

    begin_refused(t, "old", 5);
    loaded(t);
    put(t);
    failed(t, ITR_DONE_SWAP_FAILED); /* a refused token: tried again */
    is_in(t, ITR_MACHINE_PAUSE);
    assert_true(itr_machine_is_owed(&t->m, t->mono));
    paused(t);
    loaded(t);
    is_in(t, ITR_MACHINE_ACQUIRE); /* no waiting for ourselves */
    swapped(t);
    counted(t, 1);
    is_in(t, ITR_MACHINE_CONNECT);
}

/* It came after the fetch had been given up: whoever takes a token gives it back behind that. */
static void a_lease_of_ours_that_came_later_still_is_given_back(void **state)
{
    struct t *t = *state;

    put_token(t, "theirs", 5);
    put_lease(t, t->m.name);
    t->store.day = itr_record_day(now_wall(t));
    t->store.fetches = 3;
    begin(t);
    loaded(t);
    gives_token(t, "theirs");
    is_in(t, ITR_MACHINE_SETTLE_LOAD);
    assert_true(itr_machine_is_owed(&t->m, t->mono));
    assert_true(itr_machine_is_owed(&t->m, t->mono + LEASE - 1));
    assert_false(itr_machine_is_owed(&t->m, t->mono + LEASE));
    go_to(t, ITR_MACHINE_IDLE);
    at_rest(t);
    counted(t, 2);
}

/* ... to the record, which is still the one that it was made for, or is another one by now. */
static void the_end_waits_for_a_lost_swap_that_may_still_come(void **state)
{
    struct t *t = *state;
    int changed;

    for (changed = 0; changed <= 1; changed++) {
        begin_refused(t, "bad", 5);
        loaded(t);
        is_in(t, ITR_MACHINE_ACQUIRE);
        failed(t, ITR_DONE_SWAP_FAILED);
        is_in(t, ITR_MACHINE_PAUSE);
        paused(t);
        t->id += (uint64_t)changed;
        itr_machine_end(&t->m, t->mono);
        loaded(t);
        gives_error(t, ITR_TIMEOUT);
        assert_int_equal(itr_machine_is_owed(&t->m, t->mono), !changed);
        is_in(t, changed ? ITR_MACHINE_IDLE : ITR_MACHINE_SETTLE_LOAD);
        itr_machine_fork(&t->m, 0x1234, 77);
    }
}

/* Past its end, and the fetch fails: better than nothing, for the gateway is the judge. */
static void an_error_brings_the_token_that_the_record_had(void **state)
{
    struct t *t = *state;

    put_token(t, "old", 5);
    t->store.end_ms = t->store.refresh_ms = now_wall(t);
    begin(t);
    loaded(t);
    is_in(t, ITR_MACHINE_ACQUIRE);
    failed(t, ITR_DONE_SWAP_FAILED);
    assert_true(result(t));
    assert_int_equal(t->r.error.kind, ITR_STORE);
    assert_true(t->r.has_token);
    assert_string_equal(t->r.text, "old");
}

static void a_slow_swap_is_made_once_more_for_a_longer_lease(void **state)
{
    struct t *t = *state;

    go_to(t, ITR_MACHINE_ACQUIRE);
    t->mono += 4000;
    swapped(t);
    is_in(t, ITR_MACHINE_LOAD);
    loaded(t);
    is_in(t, ITR_MACHINE_ACQUIRE);
    assert_int_equal(t->m.next.lease_end_ms, now_wall(t) + LEASE + 4000);
    t->mono += 4000;
    swapped(t);
    is_in(t, ITR_MACHINE_CONNECT);
    counted(t, 1);
}

static void a_swap_is_slow_from_3_s_on_and_makes_a_lease_longer_by_30_s_at_most(void **state)
{
    struct t *t = *state;

    go_to(t, ITR_MACHINE_ACQUIRE);
    t->mono += 3000;
    swapped(t);
    is_in(t, ITR_MACHINE_CONNECT);
    go_to(t, ITR_MACHINE_IDLE);
    gives_token(t, "fresh");

    t->mono += TTL;
    go_to(t, ITR_MACHINE_ACQUIRE);
    t->mono += 3001;
    swapped(t);
    is_in(t, ITR_MACHINE_LOAD);
    go_to(t, ITR_MACHINE_IDLE);
    assert_true(result(t));
    assert_int_equal(t->m.setup.rules.lease_ms, LEASE + 3001);

    t->mono += TTL;
    go_to(t, ITR_MACHINE_ACQUIRE);
    t->mono += 30001;
    swapped(t);
    assert_int_equal(t->m.setup.rules.lease_ms, LEASE + 30000);
}

static void a_refused_token_waits_4_s_for_a_store_that_fails(void **state)
{
    struct t *t = *state;

    begin_refused(t, "theirs", 9);
    t->mono += 3999;
    failed(t, ITR_DONE_LOAD_FAILED);
    is_in(t, ITR_MACHINE_PAUSE);
    assert_int_equal(t->m.pause_until_mono_ms, t->mono + 1000);
    t->mono++;
    just(t, ITR_DONE_PAUSED);
    failed(t, ITR_DONE_LOAD_FAILED);
    gives_error(t, ITR_STORE);
}

static void a_refused_string_is_not_given_for_want_of_a_better_one(void **state)
{
    struct t *t = *state;

    put_token(t, "theirs", 9); /* under a higher fence than the one that was refused */
    begin_refused(t, "theirs", 5);
    loaded(t);
    is_in(t, ITR_MACHINE_ACQUIRE);
    t->mono += 4000;
    failed(t, ITR_DONE_SWAP_FAILED);
    gives_error(t, ITR_STORE);
}

static void a_token_of_one_byte_is_refused_like_any(void **state)
{
    struct t *t = *state;

    put_token(t, "x", 9);
    begin_refused(t, "x", 5);
    go_to(t, ITR_MACHINE_IDLE);
    gives_token(t, "fresh");
    assert_int_equal(t->store.refusals, 1);
}

static void what_holds_here_alone_holds_to_the_millisecond(void **state)
{
    struct t *t = *state;
    int64_t until;

    go_to(t, ITR_MACHINE_CONNECT);
    answered(t, ITR_OUTCOME_NOT_SENT, "no connection");
    go_to(t, ITR_MACHINE_IDLE);
    gives_error(t, ITR_NETWORK);
    until = t->m.local_until_mono_ms;
    t->mono = until - 1;
    begin(t);
    loaded(t);
    is_in(t, ITR_MACHINE_PAUSE);
    assert_int_equal(t->m.pause_until_mono_ms, until);
    paused(t);
    loaded(t);
    is_in(t, ITR_MACHINE_ACQUIRE);
}

/* 20 swaps lost in a row, however many were lost before one was won. */
static void lost_swaps_are_counted_from_the_last_lease_on(void **state)
{
    struct t *t = *state;
    int i;

    go_to(t, ITR_MACHINE_ACQUIRE);
    just(t, ITR_DONE_CONFLICT);
    assert_int_equal(t->m.pause_until_mono_ms, t->mono + 10);
    go_to(t, ITR_MACHINE_ACQUIRE);
    just(t, ITR_DONE_CONFLICT);
    assert_int_equal(t->m.pause_until_mono_ms, t->mono + 10 + 7); /* the test's randomness */
    go_to(t, ITR_MACHINE_LOOK);
    t->store = (struct itr_record){0}; /* the store forgot */
    t->id++;
    loaded(t);
    for (i = 0; i < 20; i++) {
        assert_false(result(t));
        go_to(t, ITR_MACHINE_ACQUIRE);
        just(t, ITR_DONE_CONFLICT);
    }
    gives_error(t, ITR_STORE);
    go_to(t, ITR_MACHINE_ACQUIRE); /* and the next fetch begins anew */
    just(t, ITR_DONE_CONFLICT);
    is_in(t, ITR_MACHINE_PAUSE);
}

static void an_outcome_has_tries_of_its_own(void **state)
{
    struct t *t = *state;
    int i;

    for (i = 0; i < 19; i++) {
        go_to(t, ITR_MACHINE_ACQUIRE);
        just(t, ITR_DONE_CONFLICT);
    }
    go_to(t, ITR_MACHINE_ACQUIRE);
    put(t);
    failed(t, ITR_DONE_SWAP_FAILED);
    gives_error(t, ITR_STORE);
    go_to(t, ITR_MACHINE_SETTLE_SWAP);
    just(t, ITR_DONE_CONFLICT);
    is_in(t, ITR_MACHINE_SETTLE_PAUSE);
    assert_int_equal(t->m.pause_until_mono_ms, t->mono + 1);
}

/* A swap whose answer was lost, and that was made once more: the lease is ours for sure. */
static void a_lease_that_was_swapped_in_once_more_is_sure(void **state)
{
    struct t *t = *state;
    uint64_t before = t->id;

    begin_refused(t, "theirs", 5);
    go_to(t, ITR_MACHINE_ACQUIRE);
    failed(t, ITR_DONE_SWAP_FAILED);
    go_to(t, ITR_MACHINE_CONNECT);
    answered(t, ITR_OUTCOME_NOT_SENT, "no connection");
    t->store = (struct itr_record){0}; /* a store of the past */
    t->id = before;
    loaded(t);
    gives_error(t, ITR_NETWORK);
    at_rest(t);
}

/* Its outcome was given up, for the store failed until the lease had ended. */
static void what_was_sent_stays_counted_though_its_outcome_was_never_stored(void **state)
{
    struct t *t = *state;

    go_to(t, ITR_MACHINE_SEND);
    answered(t, ITR_OUTCOME_FAILED, "no answer");
    t->mono += LEASE;
    failed(t, ITR_DONE_LOAD_FAILED);
    gives_error(t, ITR_NETWORK);
    is_in(t, ITR_MACHINE_IDLE);
    t->mono += 600000;
    go_to(t, ITR_MACHINE_CONNECT);
    counted(t, 2);
}

/* What it says is within its bounds: nothing is waited for in the past. */
static void a_stores_clock_out_of_its_mind_is_cut(void **state)
{
    struct t *t = *state;

    t->ahead = INT64_C(1) << 52;
    t->store.failure = ITR_FAILURE_LIMIT;
    t->store.failures = 1;
    t->store.error.kind = ITR_QUOTA;
    t->store.failed_ms = ITR_RECORD_TIME_MAX;
    begin(t);
    loaded(t);
    gives_error(t, ITR_QUOTA);
    assert_in_range(t->r.retry_after_ms, 1, 1800000);
}

/* ---- connect, look, send ---- */

static void what_was_not_sent_is_not_counted_and_held_back_here_alone(void **state)
{
    struct t *t = *state;
    int64_t began;

    go_to(t, ITR_MACHINE_CONNECT);
    answered(t, ITR_OUTCOME_NOT_SENT, "no connection");
    go_to(t, ITR_MACHINE_IDLE);
    gives_error(t, ITR_NETWORK);
    at_rest(t);
    counted(t, 0);
    assert_int_equal(itr_machine_fetches_today(&t->m, t->mono), 0);
    assert_int_equal(t->store.failures, 0);
    assert_int_equal(t->m.local_failures, 1);
    began = t->mono;
    begin(t);
    loaded(t);
    is_in(t, ITR_MACHINE_PAUSE);
    go_to(t, ITR_MACHINE_ACQUIRE);
    assert_true(t->mono > began);
}

static void a_lease_that_was_lost_sends_nothing(void **state)
{
    struct t *t = *state;

    go_to(t, ITR_MACHINE_LOOK);
    put_token(t, "theirs", (uint64_t)NOON * 2);
    loaded(t);
    is_in(t, ITR_MACHINE_PAUSE);
    assert_false(result(t));
    paused(t);
    loaded(t);
    gives_token(t, "theirs");
    assert_int_equal(t->m.local_failures, 0);
    at_rest(t);
}

static void a_request_that_was_refused_unread_goes_out_again_after_another_look(void **state)
{
    struct t *t = *state;

    go_to(t, ITR_MACHINE_SEND);
    just(t, ITR_DONE_CONNECTED);
    is_in(t, ITR_MACHINE_LOOK);
    loaded(t);
    is_in(t, ITR_MACHINE_SEND);
    go_to(t, ITR_MACHINE_IDLE);
    gives_token(t, "fresh");
    at_rest(t);
    counted(t, 1);
}

static void a_request_that_was_refused_unread_does_not_outlive_its_lease(void **state)
{
    struct t *t = *state;

    go_to(t, ITR_MACHINE_SEND);
    just(t, ITR_DONE_CONNECTED);
    t->mono += LEASE;
    loaded(t);
    is_in(t, ITR_MACHINE_PAUSE);
    go_to(t, ITR_MACHINE_CONNECT);
    counted(t, 1); /* of the first nothing was executed */
}

static void a_lease_that_lapsed_sends_nothing_and_is_taken_anew(void **state)
{
    struct t *t = *state;

    go_to(t, ITR_MACHINE_LOOK);
    t->mono += LEASE;
    loaded(t);
    is_in(t, ITR_MACHINE_PAUSE);
    paused(t);
    loaded(t);
    is_in(t, ITR_MACHINE_ACQUIRE);
    swapped(t);
    counted(t, 1);
    assert_int_equal(t->store.failures, 0);
}

static void a_store_that_keeps_nothing_is_reported_after_three_tries(void **state)
{
    struct t *t = *state;
    int acquired = 0;

    begin(t);
    while (t->m.state != ITR_MACHINE_IDLE && acquired < 10) {
        if (t->m.state == ITR_MACHINE_ACQUIRE)
            acquired++;
        if (t->m.state == ITR_MACHINE_LOOK)
            memset(&t->store, 0, sizeof t->store);
        switch (t->m.state) {
        case ITR_MACHINE_ACQUIRE:
            swapped(t);
            break;
        case ITR_MACHINE_CONNECT:
            just(t, ITR_DONE_CONNECTED);
            break;
        case ITR_MACHINE_PAUSE:
            paused(t);
            break;
        default:
            loaded(t);
            break;
        }
    }
    assert_int_equal(acquired, 3);
    gives_error(t, ITR_STORE);
    at_rest(t);
}

static void a_lease_that_cannot_be_looked_at_sends_nothing(void **state)
{
    struct t *t = *state;

    go_to(t, ITR_MACHINE_LOOK);
    failed(t, ITR_DONE_LOAD_FAILED);
    is_in(t, ITR_MACHINE_SETTLE_LOAD);
    go_to(t, ITR_MACHINE_IDLE);
    gives_error(t, ITR_STORE);
    counted(t, 0);
    assert_int_equal(t->m.local_failures, 0);
}

static void the_deadline_of_the_request_lies_before_the_leases_end(void **state)
{
    struct t *t = *state;
    int64_t called;

    go_to(t, ITR_MACHINE_CONNECT);
    t->mono += 2000;
    t->ahead += 6000; /* the store's clock is stepped */
    just(t, ITR_DONE_CONNECTED);
    called = t->mono;
    loaded_after(t, 500);
    is_in(t, ITR_MACHINE_SEND);
    assert_int_equal(t->m.deadline_mono_ms, called + LEASE - 8000 - 1000);
    assert_false(itr_machine_cancels(&t->m, t->m.deadline_mono_ms + 99));
    assert_true(itr_machine_cancels(&t->m, t->m.deadline_mono_ms + 100));
}

static void a_request_is_sent_if_it_has_a_millisecond(void **state)
{
    struct t *t = *state;

    go_to(t, ITR_MACHINE_LOOK);
    loaded_after(t, LEASE - 1000 - 1);
    is_in(t, ITR_MACHINE_SETTLE_LOAD); /* the request's own time is over */
    go_to(t, ITR_MACHINE_LOOK);
    t->m.deadline_mono_ms = t->mono + LEASE;
    loaded_after(t, LEASE - 1000 - 1);
    is_in(t, ITR_MACHINE_SEND);
    answered(t, ITR_OUTCOME_NOT_SENT, "no time");
    go_to(t, ITR_MACHINE_IDLE);
    assert_true(result(t));
    t->mono += 600000;
    go_to(t, ITR_MACHINE_LOOK);
    t->m.deadline_mono_ms = t->mono + LEASE;
    loaded_after(t, LEASE - 1000);
    is_in(t, ITR_MACHINE_SETTLE_LOAD);
}

static void too_little_of_the_lease_left_sends_nothing_and_decides_again(void **state)
{
    struct t *t = *state;

    go_to(t, ITR_MACHINE_LOOK);
    loaded_after(t, LEASE - 900);
    is_in(t, ITR_MACHINE_SETTLE_LOAD);
    loaded(t);
    swapped(t);
    is_in(t, ITR_MACHINE_PAUSE);
    counted(t, 0);
    paused(t);
    loaded(t);
    is_in(t, ITR_MACHINE_ACQUIRE);
}

static void a_failure_is_noted_and_given(void **state)
{
    struct t *t = *state;

    go_to(t, ITR_MACHINE_SEND);
    answered(t, ITR_OUTCOME_FAILED, "HTTP 502");
    go_to(t, ITR_MACHINE_IDLE);
    gives_error(t, ITR_NETWORK);
    at_rest(t);
    counted(t, 1);
    assert_int_equal(t->store.failures, 1);
}

/* ---- settle ---- */

static void a_token_that_cannot_be_stored_is_given_at_once_and_stored_later(void **state)
{
    struct t *t = *state;
    int64_t answered_at;

    go_to(t, ITR_MACHINE_SEND);
    answered_at = t->mono;
    answered(t, ITR_OUTCOME_TOKEN, "fresh");
    failed(t, ITR_DONE_LOAD_FAILED);
    gives_token(t, "fresh");
    assert_int_equal(t->r.times.born_mono_ms, answered_at);
    is_in(t, ITR_MACHINE_SETTLE_PAUSE);
    for (int i = 0; i < 17; i++) {
        paused(t);
        failed(t, ITR_DONE_LOAD_FAILED);
    }
    go_to(t, ITR_MACHINE_IDLE);
    at_rest(t);
    assert_string_equal(t->store.text, "fresh");
    assert_int_equal(t->store.born_ms, answered_at + t->ahead); /* not when it was stored */
    counted(t, 1);
}

static void a_fetch_that_is_wanted_meanwhile_stores_the_earlier_token_first(void **state)
{
    struct t *t = *state;
    uint64_t fence;

    go_to(t, ITR_MACHINE_SEND);
    answered(t, ITR_OUTCOME_TOKEN, "fresh");
    failed(t, ITR_DONE_LOAD_FAILED);
    gives_token(t, "fresh");
    fence = t->r.fence;
    begin_refused(t, "fresh", fence);
    is_in(t, ITR_MACHINE_SETTLE_PAUSE);
    assert_int_equal(t->m.pause_until_mono_ms, t->mono); /* at once */
    paused(t);
    is_in(t, ITR_MACHINE_SETTLE_LOAD);
    loaded(t);
    swapped(t);
    assert_string_equal(t->store.text, "fresh");
    is_in(t, ITR_MACHINE_PAUSE);
    go_to(t, ITR_MACHINE_ACQUIRE);
    assert_true(t->m.lease_fence > fence);
}

static void a_settling_whose_answer_was_lost_is_done(void **state)
{
    struct t *t = *state;

    go_to(t, ITR_MACHINE_SETTLE_SWAP);
    put(t);
    failed(t, ITR_DONE_SWAP_FAILED);
    gives_token(t, "fresh");
    paused(t);
    loaded(t);
    at_rest(t);
    counted(t, 1);
}

static void a_disturbed_settling_is_repeated(void **state)
{
    struct t *t = *state;

    go_to(t, ITR_MACHINE_SETTLE_SWAP);
    t->store.fetches += 7;
    t->id++;
    just(t, ITR_DONE_CONFLICT);
    is_in(t, ITR_MACHINE_SETTLE_PAUSE);
    go_to(t, ITR_MACHINE_IDLE);
    gives_token(t, "fresh");
    counted(t, 8);
}

/* Pauses of 1 ms, doubling; the 20th time it is as if the store failed. */
static void a_settling_that_is_always_disturbed_is_given_up_for_a_while(void **state)
{
    static const int64_t pauses[] = {1, 2, 4, 8, 16, 32, 64, 128, 200, 200};
    struct t *t = *state;
    int i;

    for (i = 1; i <= 20; i++) {
        go_to(t, ITR_MACHINE_SETTLE_SWAP);
        assert_false(result(t));
        t->id++;
        just(t, ITR_DONE_CONFLICT);
        is_in(t, ITR_MACHINE_SETTLE_PAUSE);
        if (i < 20)
            assert_int_equal(t->m.pause_until_mono_ms - t->mono, pauses[i < 10 ? i - 1 : 9]);
    }
    assert_int_equal(t->m.pause_until_mono_ms - t->mono, 1000);
    gives_token(t, "fresh");
    go_to(t, ITR_MACHINE_IDLE);
    at_rest(t);
    assert_string_equal(t->store.text, "fresh");
}

/* A refused token is patient before the request, not with what came of it. */
static void a_new_token_that_cannot_be_stored_is_given_to_who_was_refused(void **state)
{
    struct t *t = *state;

    begin_refused(t, "bad", 5);
    go_to(t, ITR_MACHINE_SETTLE_LOAD);
    failed(t, ITR_DONE_LOAD_FAILED);
    gives_token(t, "fresh");
}

/* Its reason was answered; that of the next one is its own. */
static void what_is_settled_behind_a_result_has_no_reason_left(void **state)
{
    struct t *t = *state;

    itr_machine_begin(&t->m, t->mono, &(struct itr_reason){.asked = true});
    loaded(t);
    failed(t, ITR_DONE_SWAP_FAILED);
    gives_error(t, ITR_STORE);
    is_in(t, ITR_MACHINE_SETTLE_LOAD);
    begin(t);
    assert_false(t->m.asked);
}

/* The store lost its value and its time: no fence of ours is used twice. */
static void a_fence_is_never_used_twice(void **state)
{
    struct t *t = *state;
    uint64_t first;

    go_to(t, ITR_MACHINE_ACQUIRE);
    first = t->m.next.lease_fence;
    just(t, ITR_DONE_CONFLICT);
    memset(&t->store, 0, sizeof t->store);
    t->id++;
    t->ahead -= 86400000;
    paused(t);
    loaded(t);
    is_in(t, ITR_MACHINE_ACQUIRE);
    assert_true(t->m.next.lease_fence > first);
}

static void an_outcome_over_which_another_fetched_is_dropped(void **state)
{
    struct t *t = *state;

    go_to(t, ITR_MACHINE_SETTLE_LOAD);
    put_token(t, "theirs", (uint64_t)NOON * 2);
    loaded(t);
    is_in(t, ITR_MACHINE_PAUSE);
    assert_false(result(t));
    assert_false(itr_machine_is_owed(&t->m, t->mono));
    paused(t);
    loaded(t);
    gives_token(t, "theirs");
    at_rest(t);
}

static void a_store_that_forgot_takes_the_outcome(void **state)
{
    struct t *t = *state;

    go_to(t, ITR_MACHINE_SETTLE_LOAD);
    memset(&t->store, 0, sizeof t->store);
    t->id++;
    loaded(t);
    is_in(t, ITR_MACHINE_SETTLE_SWAP);
    swapped(t);
    gives_token(t, "fresh");
    counted(t, 1);
}

static void a_pending_token_is_given_up_at_its_end(void **state)
{
    struct t *t = *state;

    go_to(t, ITR_MACHINE_SETTLE_LOAD);
    failed(t, ITR_DONE_LOAD_FAILED);
    gives_token(t, "fresh");
    t->mono += TTL;
    paused(t);
    failed(t, ITR_DONE_LOAD_FAILED);
    owes_nothing(t);
}

/* Old libcurl says only afterwards that nothing was sent. */
static void what_was_not_sent_after_all_is_not_counted_even_if_that_cannot_be_stored(void **state)
{
    struct t *t = *state;

    go_to(t, ITR_MACHINE_SEND);
    answered(t, ITR_OUTCOME_NOT_SENT, "connection refused");
    failed(t, ITR_DONE_LOAD_FAILED);
    gives_error(t, ITR_NETWORK);
    t->mono += LEASE;
    paused(t);
    failed(t, ITR_DONE_LOAD_FAILED);
    is_in(t, ITR_MACHINE_IDLE);
    t->mono += 600000;
    go_to(t, ITR_MACHINE_ACQUIRE);
    swapped(t);
    counted(t, 1);
    assert_int_equal(t->store.failures, 0);
}

static void what_is_stored_behind_a_result_gives_no_reason_to_the_next_fetch(void **state)
{
    struct t *t = *state;

    itr_machine_begin(&t->m, t->mono, &(struct itr_reason){.asked = true});
    go_to(t, ITR_MACHINE_SEND);
    answered(t, ITR_OUTCOME_TOKEN, "fresh");
    failed(t, ITR_DONE_LOAD_FAILED);
    gives_token(t, "fresh");
    is_in(t, ITR_MACHINE_SETTLE_PAUSE);
    begin(t);
    assert_false(t->m.asked);
}

static void a_refusal_waits_for_the_store_with_what_is_still_to_be_stored(void **state)
{
    struct t *t = *state;

    go_to(t, ITR_MACHINE_SEND);
    answered(t, ITR_OUTCOME_TOKEN, "fresh");
    failed(t, ITR_DONE_LOAD_FAILED);
    gives_token(t, "fresh");
    begin_refused(t, "fresh", t->m.lease_fence);
    paused(t);
    failed(t, ITR_DONE_LOAD_FAILED);
    is_in(t, ITR_MACHINE_SETTLE_PAUSE);
    assert_false(result(t));
    t->mono += 4000;
    paused(t);
    failed(t, ITR_DONE_LOAD_FAILED);
    gives_error(t, ITR_STORE);
}

/* Twenty swaps lost in a row; the next time the pauses begin anew. */
static void an_outcome_that_loses_each_swap_is_given_and_stored_later(void **state)
{
    struct t *t = *state;
    int i;

    go_to(t, ITR_MACHINE_SEND);
    answered(t, ITR_OUTCOME_TOKEN, "fresh");
    for (i = 0; i < 20; i++) {
        assert_false(result(t));
        go_to(t, ITR_MACHINE_SETTLE_SWAP);
        just(t, ITR_DONE_CONFLICT);
    }
    gives_token(t, "fresh");
    assert_int_equal(t->m.pause_until_mono_ms, t->mono + 1000);
    begin_refused(t, "fresh", t->m.lease_fence);
    for (i = 0; i < 20; i++) {
        go_to(t, ITR_MACHINE_SETTLE_SWAP);
        just(t, ITR_DONE_CONFLICT);
        if (i == 0)
            assert_int_equal(t->m.pause_until_mono_ms, t->mono + 1);
    }
    t->mono += 4000;
    for (i = 0; i < 20; i++) {
        go_to(t, ITR_MACHINE_SETTLE_SWAP);
        just(t, ITR_DONE_CONFLICT);
    }
    gives_error(t, ITR_STORE);
    assert_non_null(strstr(t->r.error.text, "too busy"));
}

/* ---- the end of the process ---- */

static void the_end_before_the_lease_leaves_at_once(void **state)
{
    struct t *t = *state;

    begin(t);
    itr_machine_end(&t->m, t->mono);
    assert_false(itr_machine_is_owed(&t->m, t->mono));
    loaded(t);
    gives_error(t, ITR_TIMEOUT);
    at_rest(t);
    counted(t, 0);
}

/* The exit race: the end came between the decision and the swap. */
static void the_end_in_every_state_before_the_request_takes_the_lease_back(void **state)
{
    static const enum itr_machine_state before[] = {ITR_MACHINE_ACQUIRE, ITR_MACHINE_CONNECT,
                                                    ITR_MACHINE_LOOK};
    size_t i;

    for (i = 0; i < 3; i++) {
        struct t *t = *state;

        setup(state);
        go_to(t, before[i]);
        itr_machine_end(&t->m, t->mono);
        assert_true(itr_machine_is_owed(&t->m, t->mono));
        if (before[i] == ITR_MACHINE_CONNECT)
            assert_true(itr_machine_cancels(&t->m, t->mono));
        if (before[i] == ITR_MACHINE_ACQUIRE) {
            swapped(t);
            is_in(t, ITR_MACHINE_SETTLE_LOAD); /* no connection is opened for it */
        }
        while (!t->m.has_pending)
            go_to(t, ITR_MACHINE_SETTLE_LOAD);
        assert_true(itr_machine_is_owed(&t->m, t->mono));
        go_to(t, ITR_MACHINE_IDLE);
        gives_error(t, ITR_TIMEOUT);
        at_rest(t);
        counted(t, 0);
        assert_int_equal(t->m.local_failures, 0);
    }
}

static void a_connection_that_the_end_cancels_is_no_trouble_with_the_network(void **state)
{
    struct t *t = *state;

    go_to(t, ITR_MACHINE_CONNECT);
    itr_machine_end(&t->m, t->mono);
    answered(t, ITR_OUTCOME_NOT_SENT, "cancelled");
    is_in(t, ITR_MACHINE_SETTLE_LOAD);
    go_to(t, ITR_MACHINE_IDLE);
    gives_error(t, ITR_TIMEOUT);
    assert_int_equal(t->m.local_failures, 0);
    counted(t, 0);
}

static void a_request_in_flight_is_waited_for_and_settled(void **state)
{
    struct t *t = *state;

    go_to(t, ITR_MACHINE_SEND);
    itr_machine_end(&t->m, t->mono);
    assert_false(itr_machine_cancels(&t->m, t->mono));
    assert_true(itr_machine_is_owed(&t->m, t->mono));
    go_to(t, ITR_MACHINE_IDLE);
    gives_token(t, "fresh");
    at_rest(t);
    counted(t, 1);
}

static void the_end_tries_a_failing_store_once_more(void **state)
{
    struct t *t = *state;

    go_to(t, ITR_MACHINE_SETTLE_LOAD);
    failed(t, ITR_DONE_LOAD_FAILED);
    gives_token(t, "fresh");
    itr_machine_end(&t->m, t->mono);
    assert_true(itr_machine_is_owed(&t->m, t->mono));
    assert_int_equal(t->m.pause_until_mono_ms, t->mono);
    paused(t);
    failed(t, ITR_DONE_LOAD_FAILED);
    owes_nothing(t);
}

static void the_end_waits_no_longer_than_the_lease(void **state)
{
    struct t *t = *state;

    go_to(t, ITR_MACHINE_SEND);
    itr_machine_end(&t->m, t->mono);
    assert_true(itr_machine_is_owed(&t->m, t->mono + LEASE - 1));
    assert_false(itr_machine_is_owed(&t->m, t->mono + LEASE));
}

static void the_end_does_not_wait_for_a_store_that_fails(void **state)
{
    struct t *t = *state;

    begin_refused(t, "theirs", 5);
    itr_machine_end(&t->m, t->mono);
    failed(t, ITR_DONE_LOAD_FAILED);
    gives_error(t, ITR_TIMEOUT);
    at_rest(t);
}

static void nothing_is_begun_after_the_end(void **state)
{
    struct t *t = *state;

    itr_machine_end(&t->m, t->mono);
    begin(t);
    is_in(t, ITR_MACHINE_PAUSE);
    paused(t);
    gives_error(t, ITR_TIMEOUT);
    at_rest(t);
}

/* ---- fork ---- */

static void the_child_of_a_fork_starts_over_under_another_name(void **state)
{
    struct t *t = *state;
    char parent[sizeof t->m.name];
    struct itr_machine_done none = {0};

    (void)none;
    memcpy(parent, t->m.name, sizeof parent);
    go_to(t, ITR_MACHINE_SEND);
    itr_machine_fork(&t->m, 0x99, 78);
    is_in(t, ITR_MACHINE_IDLE);
    assert_string_not_equal(t->m.name, parent);
    assert_false(itr_machine_is_owed(&t->m, t->mono));
    begin(t);
    loaded(t);
    is_in(t, ITR_MACHINE_PAUSE); /* the parent's lease is another's */
}

static void a_lease_that_came_with_the_fork_is_nobodys_in_a_childs_own_memory(void **state)
{
    struct t *t = *state;

    go_to(t, ITR_MACHINE_SEND);
    itr_machine_fork(&t->m, 0x99, 78);
    itr_machine_fork(&t->m, 0x98, 79); /* and in its child's */
    begin(t);
    loaded(t);
    is_in(t, ITR_MACHINE_ACQUIRE);
    swapped(t);
    counted(t, 2); /* the parent's request was sent */
}

static void in_memory_the_end_gives_the_request_up(void **state)
{
    struct t *t = *state;

    go_to(t, ITR_MACHINE_SEND);
    itr_machine_end(&t->m, t->mono);
    assert_true(itr_machine_cancels(&t->m, t->mono));
    assert_false(itr_machine_is_owed(&t->m, t->mono));
}

/* ---- the central server ---- */

static void served(struct t *t, const char *text, uint64_t fence)
{
    struct itr_server_grant g = {fence, 3600000, 1800000};
    struct itr_machine_done d = {.is = ITR_DONE_SERVED, .grant = &g, .text = text};

    d.server_wait_ms = -1;
    on(t, &d);
}

static void not_served(struct t *t, int64_t wait_ms)
{
    struct itr_error e;
    struct itr_machine_done d = {.is = ITR_DONE_SERVED, .error = &e, .server_wait_ms = wait_ms};

    (void)itr_error_set(&e, ITR_STORE, "HTTP 503");
    on(t, &d);
}

static void a_central_server_is_asked(void **state)
{
    struct t *t = *state;

    begin(t);
    paused(t);
    is_in(t, ITR_MACHINE_ASK);
    assert_int_equal(t->m.deadline_mono_ms, t->mono + 10000);
    served(t, "theirs", 9);
    gives_token(t, "theirs");
    assert_int_equal(t->r.origin, ITR_FROM_SERVER);
    assert_int_equal(t->r.times.end_mono_ms, t->mono + 3600000);
    is_in(t, ITR_MACHINE_IDLE);
    assert_int_equal(itr_machine_fetches_today(&t->m, t->mono), -1);
}

/* The clients of one server do not move together. */
static void a_refresh_comes_up_to_5_s_later_than_the_servers_own(void **state)
{
    static const struct {
        uint64_t random;
        int64_t later_ms;
    } rows[] = {{0, 0}, {1, 1}, {5000, 5000}, {5001, 0}};
    struct itr_server_grant g = {9, 3600000, 1800000};
    struct itr_machine_done d = {.is = ITR_DONE_SERVED, .grant = &g, .text = "theirs"};
    struct t *t = *state;
    size_t i;

    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        begin(t);
        paused(t);
        itr_machine_on(&t->m, t->mono, rows[i].random, &d);
        gives_token(t, "theirs");
        assert_int_equal(t->r.times.refresh_mono_ms, t->mono + 1800000 + rows[i].later_ms);
    }

    /* But at most half the way to the end. */
    g = (struct itr_server_grant){9, 10000, 4000};
    begin(t);
    paused(t);
    itr_machine_on(&t->m, t->mono, 3000, &d);
    gives_token(t, "theirs");
    assert_int_equal(t->r.times.refresh_mono_ms, t->mono + 7000);
}

/* Nobody can drive the machine: the next call may try again at once. */
static void without_a_driver_the_error_is_given_at_once(void **state)
{
    struct t *t = *state;

    begin(t);
    failed(t, ITR_DONE_NO_DRIVER);
    gives_error(t, ITR_STORE);
    assert_int_equal(t->r.retry_after_ms, 0);
    is_in(t, ITR_MACHINE_IDLE);
}

static void a_fence_that_was_refused_is_kept_until_the_result(void **state)
{
    struct t *t = *state;

    begin_refused_fence(t, 5);
    begin(t);
    assert_int_equal(t->m.refused_fence, 5);
}

static void a_central_server_that_fails_is_left_alone_for_a_while(void **state)
{
    struct t *t = *state;

    begin(t);
    paused(t);
    not_served(t, 2000);
    gives_error(t, ITR_STORE);
    assert_int_equal(t->r.retry_after_ms, 2000);
    t->mono += 1999;
    begin(t);
    paused(t);
    is_in(t, ITR_MACHINE_PAUSE); /* short: waited out */
    paused(t);
    is_in(t, ITR_MACHINE_ASK);
    not_served(t, 60000);
    gives_error(t, ITR_STORE);
    begin(t);
    paused(t);
    gives_error(t, ITR_STORE); /* long: the answer */
    t->mono += 60000;
    begin(t);
    paused(t);
    is_in(t, ITR_MACHINE_ASK);
    served(t, "theirs", 9);
    gives_token(t, "theirs");
    assert_int_equal(t->m.local_failures, 0);
}

static void a_central_server_is_asked_again_for_a_refusal_that_came_after_it_was_asked(void **state)
{
    struct t *t = *state;

    begin(t);
    paused(t);
    is_in(t, ITR_MACHINE_ASK);
    begin_refused(t, "theirs", 9);
    served(t, "theirs", 9);
    is_in(t, ITR_MACHINE_ASK);
    assert_false(result(t));
    served(t, "theirs", 9);
    gives_error(t, ITR_TOKEN);
}

static void a_central_server_without_a_newer_token_is_an_error(void **state)
{
    struct t *t = *state;

    begin(t);
    paused(t);
    not_served(t, 0);
    gives_error(t, ITR_STORE);
    begin_refused(t, "x", 9); /* of one byte, like any */
    paused(t);
    served(t, "x", 9);
    gives_error(t, ITR_TOKEN);
    is_in(t, ITR_MACHINE_IDLE);
    assert_int_equal(t->m.local_failures, 0); /* it answered */
}

static void the_end_cancels_what_is_asked_of_a_central_server(void **state)
{
    struct t *t = *state;

    begin(t);
    paused(t);
    itr_machine_end(&t->m, t->mono);
    assert_true(itr_machine_cancels(&t->m, t->mono));
    not_served(t, -1);
    gives_error(t, ITR_TIMEOUT);
    is_in(t, ITR_MACHINE_IDLE);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define M(f) cmocka_unit_test_setup_teardown(f, setup_memory, teardown)
#define C(f) cmocka_unit_test_setup_teardown(f, setup_central, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(a_fetch_goes_from_load_to_idle),
        T(the_days_count_is_the_records),
        T(nothing_of_a_token_stays_behind),
        T(nothing_of_a_token_is_left_by_clear),
        T(a_token_in_the_record_is_taken),
        T(anothers_lease_is_waited_for_and_looked_at_again),
        T(a_store_that_cannot_be_read_is_the_result),
        T(a_refused_token_waits_a_few_seconds_for_the_store),
        T(a_wish_that_comes_while_it_looks_is_seen_by_the_next_look),
        T(a_fence_that_was_refused_too_hides_no_refused_string),
        T(a_lost_swap_pauses_and_looks_again),
        T(swaps_that_are_always_lost_come_to_an_end),
        T(a_swap_whose_answer_was_lost_is_given_back_behind_the_result),
        T(a_swap_that_comes_late_is_waited_for_and_given_back),
        T(the_first_of_two_failed_swaps_that_comes_late_is_given_back),
        T(a_swap_that_never_comes_is_forgotten_when_the_record_changes),
        T(a_swap_that_never_comes_is_forgotten_at_the_leases_end),
        T(the_next_fetch_recognises_its_own_lost_swap),
        T(a_lease_of_ours_that_came_later_still_is_given_back),
        T(the_end_waits_for_a_lost_swap_that_may_still_come),
        T(an_error_brings_the_token_that_the_record_had),
        T(a_slow_swap_is_made_once_more_for_a_longer_lease),
        T(a_swap_is_slow_from_3_s_on_and_makes_a_lease_longer_by_30_s_at_most),
        T(a_refused_token_waits_4_s_for_a_store_that_fails),
        T(a_refused_string_is_not_given_for_want_of_a_better_one),
        T(a_token_of_one_byte_is_refused_like_any),
        T(what_holds_here_alone_holds_to_the_millisecond),
        T(lost_swaps_are_counted_from_the_last_lease_on),
        T(an_outcome_has_tries_of_its_own),
        T(a_lease_that_was_swapped_in_once_more_is_sure),
        T(what_was_sent_stays_counted_though_its_outcome_was_never_stored),
        T(a_stores_clock_out_of_its_mind_is_cut),
        T(what_was_not_sent_is_not_counted_and_held_back_here_alone),
        T(a_lease_that_was_lost_sends_nothing),
        T(a_request_that_was_refused_unread_goes_out_again_after_another_look),
        T(a_request_that_was_refused_unread_does_not_outlive_its_lease),
        T(a_lease_that_lapsed_sends_nothing_and_is_taken_anew),
        T(a_store_that_keeps_nothing_is_reported_after_three_tries),
        T(a_lease_that_cannot_be_looked_at_sends_nothing),
        T(the_deadline_of_the_request_lies_before_the_leases_end),
        T(a_request_is_sent_if_it_has_a_millisecond),
        T(too_little_of_the_lease_left_sends_nothing_and_decides_again),
        T(a_failure_is_noted_and_given),
        T(a_token_that_cannot_be_stored_is_given_at_once_and_stored_later),
        T(a_fetch_that_is_wanted_meanwhile_stores_the_earlier_token_first),
        T(a_settling_whose_answer_was_lost_is_done),
        T(a_disturbed_settling_is_repeated),
        T(a_settling_that_is_always_disturbed_is_given_up_for_a_while),
        T(a_new_token_that_cannot_be_stored_is_given_to_who_was_refused),
        T(what_is_settled_behind_a_result_has_no_reason_left),
        T(a_fence_is_never_used_twice),
        T(an_outcome_over_which_another_fetched_is_dropped),
        T(a_store_that_forgot_takes_the_outcome),
        T(a_pending_token_is_given_up_at_its_end),
        T(what_was_not_sent_after_all_is_not_counted_even_if_that_cannot_be_stored),
        T(what_is_stored_behind_a_result_gives_no_reason_to_the_next_fetch),
        T(a_refusal_waits_for_the_store_with_what_is_still_to_be_stored),
        T(an_outcome_that_loses_each_swap_is_given_and_stored_later),
        T(the_end_before_the_lease_leaves_at_once),
        T(the_end_in_every_state_before_the_request_takes_the_lease_back),
        T(a_connection_that_the_end_cancels_is_no_trouble_with_the_network),
        T(a_request_in_flight_is_waited_for_and_settled),
        T(the_end_tries_a_failing_store_once_more),
        T(the_end_waits_no_longer_than_the_lease),
        T(the_end_does_not_wait_for_a_store_that_fails),
        T(nothing_is_begun_after_the_end),
        T(the_child_of_a_fork_starts_over_under_another_name),
        M(a_lease_that_came_with_the_fork_is_nobodys_in_a_childs_own_memory),
        M(in_memory_the_end_gives_the_request_up),
        C(a_central_server_is_asked),
        C(a_refresh_comes_up_to_5_s_later_than_the_servers_own),
        C(without_a_driver_the_error_is_given_at_once),
        C(a_fence_that_was_refused_is_kept_until_the_result),
        C(a_central_server_that_fails_is_left_alone_for_a_while),
        C(a_central_server_is_asked_again_for_a_refusal_that_came_after_it_was_asked),
        C(a_central_server_without_a_newer_token_is_an_error),
        C(the_end_cancels_what_is_asked_of_a_central_server),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
