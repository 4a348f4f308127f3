/* Each cell of the table in docs/design.md 4.1 is a row here; then what the cells together promise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/source/cache.h"
#include "support/cache_states.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* ---- the events ---- */

static struct itr_cache_step want(struct itr_cache *c)
{
    return itr_cache_want(c, NOW, 0);
}

static struct itr_cache_step want_all_that_is_left(struct itr_cache *c)
{
    return itr_cache_want(c, NOW, LEFT);
}

static struct itr_cache_step want_more_than_is_left(struct itr_cache *c)
{
    return itr_cache_want(c, NOW, LEFT + 1);
}

static struct itr_cache_step asked(struct itr_cache *c)
{
    return itr_cache_asked(c, NOW);
}

/* Another object with the held one's text: a call has it from before, the cache from a store. */
static struct itr_cache_step refused_held(struct itr_cache *c)
{
    struct itr_token *t = cache_a_token("held", HELD_FENCE - 1, 0, 0);
    struct itr_cache_step step = itr_cache_refused(c, NOW, t);

    itr_token_release(t);
    return step;
}

static struct itr_cache_step refused_other(struct itr_cache *c)
{
    struct itr_token *t = cache_a_token("earlier", HELD_FENCE - 1, 0, 0);
    struct itr_cache_step step = itr_cache_refused(c, NOW, t);

    itr_token_release(t);
    return step;
}

static struct itr_cache_step fetched_as(struct itr_cache *c, uint64_t generation, uint64_t fence,
                                        int64_t refresh, int64_t end)
{
    return itr_cache_fetched(c, NOW, generation, cache_a_token("new", fence, refresh, end));
}

static struct itr_cache_step fetched(struct itr_cache *c)
{
    return fetched_as(c, c->generation, HELD_FENCE + 1, NOW + 1, NOW + LEFT);
}

static struct itr_cache_step fetched_due(struct itr_cache *c)
{
    return fetched_as(c, c->generation, HELD_FENCE + 1, NOW, NOW + LEFT);
}

static struct itr_cache_step fetched_expired(struct itr_cache *c)
{
    return fetched_as(c, c->generation, HELD_FENCE + 1, NOW - 1, NOW);
}

static struct itr_cache_step fetched_same_fence(struct itr_cache *c)
{
    return fetched_as(c, c->generation, HELD_FENCE, NOW + 1, NOW + LEFT);
}

static struct itr_cache_step fetched_late(struct itr_cache *c)
{
    return fetched_as(c, c->generation - 1, HELD_FENCE + 1, NOW + 1, NOW + LEFT);
}

static struct itr_cache_step failed(struct itr_cache *c)
{
    return cache_fail_now(c);
}

static struct itr_cache_step failed_with_nothing_wrong(struct itr_cache *c)
{
    struct itr_error e;

    itr_error_clear(&e);
    return itr_cache_failed(c, NOW, c->generation, &e, LATER, NULL);
}

static struct itr_cache_step failed_late(struct itr_cache *c)
{
    struct itr_error e;

    itr_error_set(&e, ITR_NETWORK, "no route");
    return itr_cache_failed(c, NOW, c->generation - 1, &e, LATER, NULL);
}

static struct itr_cache_step forked(struct itr_cache *c)
{
    return itr_cache_forked(c, NOW);
}

/* ---- the table ---- */

#define NONE ITR_CACHE_NONE
#define FETCHING ITR_CACHE_FETCHING
#define HELD ITR_CACHE_HELD
#define REFRESHING ITR_CACHE_REFRESHING
#define QUIET ITR_WHY_NOTHING, ITR_GIVE_NOTHING
#define USE ITR_GIVE_USE
#define WAIT ITR_GIVE_WAIT
#define FAIL ITR_GIVE_FAIL
#define FETCH true
#define NO_FETCH false
#define ANSWER true
#define NO_ANSWER false

struct cell {
    const char *name;
    void (*in)(struct itr_cache *);
    struct itr_cache_step (*event)(struct itr_cache *);
    enum itr_cache_state to;
    enum itr_cache_why why;
    enum itr_cache_give give;
    bool fetch;
    bool answer;
};

#define CELL(in, event, ...)                                                                       \
    {                                                                                              \
#in " · " #event, cache_##in, event, __VA_ARGS__                                           \
    }

static const struct cell want_cells[] = {
    CELL(none, want, FETCHING, ITR_WHY_START, WAIT, FETCH, NO_ANSWER),
    CELL(none_before_retry, want, NONE, ITR_WHY_NOTHING, FAIL, NO_FETCH, NO_ANSWER),
    CELL(fetching, want, FETCHING, ITR_WHY_NOTHING, WAIT, NO_FETCH, NO_ANSWER),
    CELL(fetching_expired, want, FETCHING, ITR_WHY_NOTHING, WAIT, NO_FETCH, NO_ANSWER),
    CELL(fetching_doubted, want, FETCHING, ITR_WHY_NOTHING, WAIT, NO_FETCH, NO_ANSWER),
    CELL(held_young, want, HELD, ITR_WHY_NOTHING, USE, NO_FETCH, NO_ANSWER),
    CELL(held_young_before_retry, want, HELD, ITR_WHY_NOTHING, USE, NO_FETCH, NO_ANSWER),
    CELL(held_due, want, REFRESHING, ITR_WHY_AHEAD, USE, FETCH, NO_ANSWER),
    CELL(held_due_before_retry, want, HELD, ITR_WHY_NOTHING, USE, NO_FETCH, NO_ANSWER),
    CELL(held_expired, want, FETCHING, ITR_WHY_EXPIRED, WAIT, FETCH, NO_ANSWER),
    CELL(held_expired_before_retry, want, HELD, ITR_WHY_STALE, USE, NO_FETCH, NO_ANSWER),
    CELL(refreshing_young, want, REFRESHING, ITR_WHY_NOTHING, USE, NO_FETCH, NO_ANSWER),
    CELL(refreshing_due, want, REFRESHING, ITR_WHY_NOTHING, USE, NO_FETCH, NO_ANSWER),
    CELL(refreshing_expired, want, FETCHING, ITR_WHY_EXPIRED, WAIT, NO_FETCH, NO_ANSWER),
};

static const struct cell min_valid_cells[] = {
    CELL(none, want_more_than_is_left, FETCHING, ITR_WHY_START, WAIT, FETCH, NO_ANSWER),
    CELL(fetching, want_more_than_is_left, FETCHING, ITR_WHY_NOTHING, WAIT, NO_FETCH, NO_ANSWER),
    CELL(held_young, want_all_that_is_left, HELD, ITR_WHY_NOTHING, USE, NO_FETCH, NO_ANSWER),
    CELL(held_young, want_more_than_is_left, REFRESHING, ITR_WHY_ASKED, WAIT, FETCH, NO_ANSWER),
    CELL(held_due, want_more_than_is_left, REFRESHING, ITR_WHY_ASKED, WAIT, FETCH, NO_ANSWER),
    CELL(held_young_before_retry, want_more_than_is_left, HELD, ITR_WHY_NOTHING, USE, NO_FETCH,
         NO_ANSWER),
    CELL(refreshing_due, want_all_that_is_left, REFRESHING, ITR_WHY_NOTHING, USE, NO_FETCH,
         NO_ANSWER),
    CELL(refreshing_due, want_more_than_is_left, REFRESHING, ITR_WHY_NOTHING, WAIT, NO_FETCH,
         NO_ANSWER),
};

static const struct cell asked_cells[] = {
    CELL(none, asked, FETCHING, ITR_WHY_ASKED, WAIT, FETCH, NO_ANSWER),
    CELL(none_before_retry, asked, FETCHING, ITR_WHY_ASKED, WAIT, FETCH, NO_ANSWER),
    CELL(fetching, asked, FETCHING, ITR_WHY_NOTHING, WAIT, NO_FETCH, NO_ANSWER),
    CELL(fetching_doubted, asked, FETCHING, ITR_WHY_NOTHING, WAIT, NO_FETCH, NO_ANSWER),
    CELL(held_young, asked, REFRESHING, ITR_WHY_ASKED, WAIT, FETCH, NO_ANSWER),
    CELL(held_young_before_retry, asked, REFRESHING, ITR_WHY_ASKED, WAIT, FETCH, NO_ANSWER),
    CELL(held_expired, asked, REFRESHING, ITR_WHY_ASKED, WAIT, FETCH, NO_ANSWER),
    CELL(refreshing_due, asked, REFRESHING, ITR_WHY_NOTHING, WAIT, NO_FETCH, NO_ANSWER),
};

static const struct cell refused_cells[] = {
    CELL(none, refused_other, FETCHING, ITR_WHY_START, WAIT, FETCH, NO_ANSWER),
    CELL(none_before_retry, refused_other, NONE, ITR_WHY_NOTHING, FAIL, NO_FETCH, NO_ANSWER),
    CELL(fetching, refused_other, FETCHING, ITR_WHY_NOTHING, WAIT, NO_FETCH, NO_ANSWER),
    CELL(fetching_doubted, refused_held, FETCHING, ITR_WHY_NOTHING, WAIT, NO_FETCH, NO_ANSWER),
    CELL(fetching_doubted, refused_other, FETCHING, ITR_WHY_NOTHING, WAIT, NO_FETCH, NO_ANSWER),
    CELL(held_young, refused_held, FETCHING, ITR_WHY_REFUSED, WAIT, FETCH, NO_ANSWER),
    CELL(held_young_before_retry, refused_held, FETCHING, ITR_WHY_REFUSED, WAIT, FETCH, NO_ANSWER),
    CELL(held_expired_before_retry, refused_held, FETCHING, ITR_WHY_REFUSED, WAIT, FETCH,
         NO_ANSWER),
    CELL(held_young, refused_other, HELD, ITR_WHY_NOTHING, USE, NO_FETCH, NO_ANSWER),
    CELL(held_expired, refused_other, FETCHING, ITR_WHY_EXPIRED, WAIT, FETCH, NO_ANSWER),
    CELL(refreshing_due, refused_held, FETCHING, ITR_WHY_REFUSED, WAIT, NO_FETCH, NO_ANSWER),
    CELL(refreshing_due, refused_other, REFRESHING, ITR_WHY_NOTHING, USE, NO_FETCH, NO_ANSWER),
};

static const struct cell fetched_cells[] = {
    CELL(none, fetched, NONE, QUIET, NO_FETCH, NO_ANSWER),
    CELL(fetching, fetched, HELD, ITR_WHY_FETCHED, ITR_GIVE_NOTHING, NO_FETCH, ANSWER),
    CELL(fetching_expired, fetched, HELD, ITR_WHY_FETCHED, ITR_GIVE_NOTHING, NO_FETCH, ANSWER),
    CELL(fetching_doubted, fetched, HELD, ITR_WHY_FETCHED, ITR_GIVE_NOTHING, NO_FETCH, ANSWER),
    CELL(fetching, fetched_due, REFRESHING, ITR_WHY_FETCHED, ITR_GIVE_NOTHING, FETCH, ANSWER),
    CELL(fetching, fetched_expired, REFRESHING, ITR_WHY_FETCHED, ITR_GIVE_NOTHING, FETCH, ANSWER),
    CELL(fetching_doubted, fetched_same_fence, HELD, ITR_WHY_KEPT, ITR_GIVE_NOTHING, NO_FETCH,
         ANSWER),
    CELL(fetching, fetched_late, FETCHING, QUIET, NO_FETCH, NO_ANSWER),
    CELL(held_young, fetched, HELD, QUIET, NO_FETCH, NO_ANSWER),
    CELL(refreshing_due, fetched, HELD, ITR_WHY_FETCHED, ITR_GIVE_NOTHING, NO_FETCH, ANSWER),
    CELL(refreshing_due, fetched_due, REFRESHING, ITR_WHY_FETCHED, ITR_GIVE_NOTHING, FETCH, ANSWER),
    CELL(refreshing_due, fetched_expired, REFRESHING, ITR_WHY_FETCHED, ITR_GIVE_NOTHING, FETCH,
         ANSWER),
    CELL(refreshing_due, fetched_same_fence, HELD, ITR_WHY_KEPT, ITR_GIVE_NOTHING, NO_FETCH,
         ANSWER),
    CELL(refreshing_due, fetched_late, REFRESHING, QUIET, NO_FETCH, NO_ANSWER),
};

static const struct cell failed_cells[] = {
    CELL(none, failed, NONE, QUIET, NO_FETCH, NO_ANSWER),
    CELL(fetching, failed, NONE, ITR_WHY_FAILED, ITR_GIVE_NOTHING, NO_FETCH, ANSWER),
    CELL(fetching_expired, failed, HELD, ITR_WHY_FAILED, ITR_GIVE_NOTHING, NO_FETCH, ANSWER),
    CELL(fetching_doubted, failed, HELD, ITR_WHY_FAILED, ITR_GIVE_NOTHING, NO_FETCH, ANSWER),
    CELL(fetching, failed_late, FETCHING, QUIET, NO_FETCH, NO_ANSWER),
    CELL(fetching, failed_with_nothing_wrong, NONE, ITR_WHY_KEPT, ITR_GIVE_NOTHING, NO_FETCH,
         ANSWER),
    CELL(held_young, failed, HELD, QUIET, NO_FETCH, NO_ANSWER),
    CELL(refreshing_due, failed, HELD, ITR_WHY_FAILED, ITR_GIVE_NOTHING, NO_FETCH, ANSWER),
    CELL(refreshing_due, failed_late, REFRESHING, QUIET, NO_FETCH, NO_ANSWER),
    CELL(refreshing_young, failed_with_nothing_wrong, HELD, ITR_WHY_KEPT, ITR_GIVE_NOTHING,
         NO_FETCH, ANSWER),
};

static const struct cell forked_cells[] = {
    CELL(none, forked, NONE, QUIET, NO_FETCH, NO_ANSWER),
    CELL(fetching, forked, NONE, ITR_WHY_FORKED, ITR_GIVE_NOTHING, NO_FETCH, NO_ANSWER),
    CELL(fetching_doubted, forked, HELD, ITR_WHY_FORKED, ITR_GIVE_NOTHING, NO_FETCH, NO_ANSWER),
    CELL(held_young, forked, HELD, QUIET, NO_FETCH, NO_ANSWER),
    CELL(refreshing_due, forked, HELD, ITR_WHY_FORKED, ITR_GIVE_NOTHING, NO_FETCH, NO_ANSWER),
};

static void check_cell(const struct cell *cell)
{
    struct itr_cache c;
    struct itr_cache_step step;
    uint64_t before;

    cell->in(&c);
    before = c.generation;
    step = cell->event(&c);
    if (c.state != cell->to || step.why != cell->why || step.give != cell->give ||
        step.fetch != cell->fetch || step.answer != cell->answer)
        fail_msg("%s: to %s why %s give %d fetch %d answer %d", cell->name,
                 itr_cache_state_name(c.state), itr_cache_why_name(step.why), (int)step.give,
                 step.fetch, step.answer);
    if (step.fetch)
        assert_int_equal(c.generation, before + 1);
    itr_cache_clear(&c);
}

static void check_cells(const struct cell *cells, size_t n)
{
    for (; n > 0; n--)
        check_cell(cells++);
}

static void want_goes_by_the_table(void **s)
{
    (void)s;
    check_cells(want_cells, COUNT(want_cells));
}

static void min_valid_waits_for_a_longer_life(void **s)
{
    (void)s;
    check_cells(min_valid_cells, COUNT(min_valid_cells));
}

static void asked_goes_by_the_table(void **s)
{
    (void)s;
    check_cells(asked_cells, COUNT(asked_cells));
}

static void refused_goes_by_the_table(void **s)
{
    (void)s;
    check_cells(refused_cells, COUNT(refused_cells));
}

static void fetched_goes_by_the_table(void **s)
{
    (void)s;
    check_cells(fetched_cells, COUNT(fetched_cells));
}

static void failed_goes_by_the_table(void **s)
{
    (void)s;
    check_cells(failed_cells, COUNT(failed_cells));
}

static void forked_goes_by_the_table(void **s)
{
    (void)s;
    check_cells(forked_cells, COUNT(forked_cells));
}

/* Its store lost its memory: the fences that a central server counts begin earlier again. */
static void a_server_whose_fences_went_back_replaces_a_refused_token_only(void **s)
{
    static const struct itr_token_times times = {NOW, NOW + 1, NOW + LEFT};
    struct itr_cache c;

    (void)s;
    cache_fetching_doubted(&c);
    (void)itr_cache_fetched(&c, NOW, c.generation,
                            itr_token_new("next", 4, HELD_FENCE - 1, times, ITR_FROM_SERVER));
    assert_string_equal(c.token->text, "next");
    itr_cache_clear(&c);

    cache_fetching_doubted(&c);
    (void)itr_cache_fetched(&c, NOW, c.generation,
                            itr_token_new("next", 4, HELD_FENCE - 1, times, ITR_FROM_FILE));
    assert_string_equal(c.token->text, "held");
    itr_cache_clear(&c);

    cache_refreshing_young(&c);
    (void)itr_cache_fetched(&c, NOW, c.generation,
                            itr_token_new("next", 4, HELD_FENCE - 1, times, ITR_FROM_SERVER));
    assert_string_equal(c.token->text, "held");
    itr_cache_clear(&c);
}

/* In whatever state: a hit is what want(0) gives without doing anything. */
static void a_hit_is_what_is_given_without_a_change(void **s)
{
    static const struct {
        void (*reach)(struct itr_cache *);
        bool hit;
    } rows[] = {
        {cache_none, false},
        {cache_none_before_retry, false},
        {cache_fetching, false},
        {cache_fetching_expired, false},
        {cache_fetching_doubted, false},
        {cache_held_young, true},
        {cache_held_due, false},
        {cache_held_expired, false},
        {cache_held_young_before_retry, true},
        {cache_refreshing_young, true},
        {cache_refreshing_expired, false},
    };
    size_t i;

    (void)s;
    for (i = 0; i < COUNT(rows); i++) {
        struct itr_cache_step step;
        struct itr_cache c;

        rows[i].reach(&c);
        assert_int_equal(itr_cache_is_hit(&c, NOW), rows[i].hit);
        step = itr_cache_want(&c, NOW, 0);
        if (rows[i].hit)
            assert_true(step.give == ITR_GIVE_USE && step.why == ITR_WHY_NOTHING && !step.fetch &&
                        !step.answer);
        itr_cache_clear(&c);
    }
}

/* ---- between the cells ---- */

static void a_newer_token_has_been_tried_by_nobody(void **s)
{
    struct itr_cache c;

    (void)s;
    cache_held_young_before_retry(&c);
    assert_true(c.tried);
    assert_int_equal(itr_cache_asked(&c, LATER).give, ITR_GIVE_WAIT);
    (void)itr_cache_fetched(&c, LATER, c.generation,
                            cache_a_token("new", HELD_FENCE + 1, LATER + 1, LATER + 2));
    assert_int_equal(itr_cache_want(&c, LATER + 2, 0).give, ITR_GIVE_WAIT);
    itr_cache_clear(&c);
}

static void a_fetch_that_brings_nothing_newer_is_a_try(void **s)
{
    struct itr_cache c;

    (void)s;
    cache_fetching_expired(&c);
    assert_int_equal(fetched_same_fence(&c).why, ITR_WHY_KEPT);
    assert_int_equal(itr_cache_want(&c, NOW + ITR_CACHE_MAX_RETRY_MS, 0).give, ITR_GIVE_USE);
    itr_cache_clear(&c);
}

static void a_failure_ends_the_doubt(void **s)
{
    struct itr_cache c;

    (void)s;
    cache_fetching_doubted(&c);
    assert_true(c.doubted);
    (void)cache_fail_now(&c);
    assert_false(c.doubted);
    itr_cache_clear(&c);
}

/* Nothing was given out already, for the token is past its end: but now it is refused, too. */
static void a_refusal_of_an_expired_token_is_a_reason_more(void **s)
{
    struct itr_cache_step step;
    struct itr_cache c;

    (void)s;
    cache_fetching_expired(&c);
    step = refused_held(&c);
    assert_int_equal(step.why, ITR_WHY_REFUSED);
    assert_true(c.doubted);
    assert_int_equal(refused_held(&c).why, ITR_WHY_NOTHING);
    itr_cache_clear(&c);
}

static void that_an_expired_token_is_given_is_reported_once(void **s)
{
    struct itr_cache c;

    (void)s;
    cache_held_expired_before_retry(&c);
    assert_int_equal(want(&c).why, ITR_WHY_STALE);
    assert_int_equal(want(&c).why, ITR_WHY_NOTHING);
    itr_cache_clear(&c);
}

static void a_failure_brings_a_newer_token_only(void **s)
{
    static const uint64_t fences[] = {HELD_FENCE - 1, HELD_FENCE, HELD_FENCE + 1};
    size_t i;

    (void)s;
    for (i = 0; i < COUNT(fences); i++) {
        struct itr_error e;
        struct itr_cache c;

        cache_refreshing_young(&c);
        (void)itr_error_set(&e, ITR_NETWORK, "no route");
        (void)itr_cache_failed(&c, NOW, c.generation, &e, LATER,
                               cache_a_token("best", fences[i], NOW + 1, NOW + LEFT));
        assert_string_equal(c.token->text, fences[i] > HELD_FENCE ? "best" : "held");
        itr_cache_clear(&c);
    }
}

static bool is_found(struct itr_cache *c, const char *text, uint64_t fence, int64_t born)
{
    struct itr_token *t = cache_a_token(text, fence, NOW + 1, NOW + LEFT);

    t->born_mono_ms = born;
    return itr_cache_found(c, NOW, t).why == ITR_WHY_FETCHED;
}

/* Of a store that was lost the fences are lower: then the younger one is the newer one. */
static void what_is_found_is_held_if_it_is_newer(void **s)
{
    struct itr_cache c;

    (void)s;
    cache_none_before_retry(&c);
    assert_int_equal(c.error.kind, ITR_NETWORK);
    assert_true(is_found(&c, "a", 10, 100));
    assert_int_equal(c.error.kind, ITR_OK);
    assert_false(is_found(&c, "b", 10, 200));
    assert_true(is_found(&c, "b", 11, 50));
    assert_false(is_found(&c, "c", 9, 50));
    assert_false(is_found(&c, "b", 9, 60));
    assert_true(is_found(&c, "c", 9, 51));
    assert_int_equal(c.state, ITR_CACHE_HELD);
    (void)itr_cache_asked(&c, NOW);
    assert_false(is_found(&c, "d", 99, 999)); /* the fetch in flight finds it by itself */
    itr_cache_clear(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_whose_fences_went_back_replaces_a_refused_token_only),
        cmocka_unit_test(want_goes_by_the_table),
        cmocka_unit_test(a_hit_is_what_is_given_without_a_change),
        cmocka_unit_test(min_valid_waits_for_a_longer_life),
        cmocka_unit_test(a_newer_token_has_been_tried_by_nobody),
        cmocka_unit_test(a_fetch_that_brings_nothing_newer_is_a_try),
        cmocka_unit_test(a_failure_ends_the_doubt),
        cmocka_unit_test(a_refusal_of_an_expired_token_is_a_reason_more),
        cmocka_unit_test(that_an_expired_token_is_given_is_reported_once),
        cmocka_unit_test(a_failure_brings_a_newer_token_only),
        cmocka_unit_test(what_is_found_is_held_if_it_is_newer),
        cmocka_unit_test(asked_goes_by_the_table),
        cmocka_unit_test(refused_goes_by_the_table),
        cmocka_unit_test(fetched_goes_by_the_table),
        cmocka_unit_test(failed_goes_by_the_table),
        cmocka_unit_test(forked_goes_by_the_table),
    };

    return cmocka_run_group_tests_name("token_cache", tests, NULL, NULL);
}
