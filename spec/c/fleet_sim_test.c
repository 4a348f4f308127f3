/*
 * The fleet in fake time (sim/sim_world.h): what a day costs, what trouble costs, and the promises
 * under chaos. Every run also checks the promises after each of its events.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sim/sim_draw.h"

#define CHAOS_SEEDS 150
#define MISTAKE_SEEDS 200

/* Runs and frees w; gives what was counted. */
static struct sim_watch run(struct sim_world *w)
{
    struct sim_watch counted;
    bool kept = sim_world_run(w, false);

    counted = w->watch;
    counted.requests = NULL;
    sim_world_free(w);
    assert_true(kept);
    return counted;
}

static struct sim_world *world(const struct sim_options *o)
{
    struct sim_world *w = sim_world_new(o);

    assert_non_null(w);
    return w;
}

static struct sim_options fleet(int processes, enum sim_gateway_kind kind)
{
    struct sim_options o = sim_options_default();

    o.processes = processes;
    o.kind = kind;
    return o;
}

/* ---- a day ---- */

static void a_day_costs(int processes, bool poisson)
{
    static const long most[] = {17, 17, 24};
    int kind;

    for (kind = SIM_OVERWRITE; kind <= SIM_SAME; kind++) {
        struct sim_options o = fleet(processes, (enum sim_gateway_kind)kind);
        struct sim_watch counted;

        o.poisson = poisson;
        counted = run(world(&o));
        print_message("# %3d processes, %-9s: %ld fetches, %ld calls, %ld refusals\n", processes,
                      sim_gateway_kind_name(o.kind), counted.sent, counted.calls, counted.refused);
        assert_true(counted.calls >= processes * 1430L);
        assert_int_equal(counted.failed, 0);
        assert_in_range(counted.sent, 12, most[kind]);
        assert_true(counted.refused <= (kind == SIM_OVERWRITE ? counted.sent * processes : 10));
    }
}

static void a_day_of_1_process_costs_17_fetches_and_no_call(void **s)
{
    (void)s;
    a_day_costs(1, false);
    a_day_costs(1, true);
}

static void a_day_of_20_processes_costs_17_fetches_and_no_call(void **s)
{
    (void)s;
    a_day_costs(20, false);
    a_day_costs(20, true);
}

static void a_day_of_200_processes_costs_17_fetches_and_no_call(void **s)
{
    (void)s;
    a_day_costs(200, true);
}

static void a_year_costs_no_more_than_its_days(void **s)
{
    struct sim_options o = fleet(3, SIM_OVERWRITE);
    struct sim_watch counted;

    (void)s;
    o.call_every_ms = 10 * SIM_MINUTE;
    o.run_ms = 365 * SIM_DAY;
    counted = run(world(&o));
    print_message("# a year: %ld fetches\n", counted.sent);
    assert_int_equal(counted.failed, 0);
    assert_true(counted.sent <= 365 * 17);
}

/* ---- storms ---- */

static void all_call(struct sim_world *w, const struct sim_event *e)
{
    int i;

    (void)e;
    for (i = 0; i < w->options.processes; i++)
        sim_process_call(&w->processes[i], false);
}

static void revoke(struct sim_world *w, const struct sim_event *e)
{
    (void)e;
    sim_gateway_revoke(&w->gateway, w->now_ms);
}

static void start_of_200_at_once_is_1_fetch(void **s)
{
    struct sim_options o = fleet(200, SIM_OVERWRITE);
    struct sim_world *w;
    struct sim_watch counted;

    (void)s;
    o.call_every_ms = 0;
    o.run_ms = SIM_MINUTE;
    w = world(&o);
    sim_world_at(w, SIM_SECOND, all_call, NULL);
    counted = run(w);
    assert_int_equal(counted.sent, 1);
    assert_int_equal(counted.calls, 200);
    assert_int_equal(counted.failed, 0);
}

static void revoked_under_1000_calls_is_1_more_fetch(void **s)
{
    struct sim_options o = fleet(200, SIM_OVERLAP);
    struct sim_world *w;
    struct sim_watch counted;
    int i;

    (void)s;
    o.call_every_ms = 0;
    o.run_ms = SIM_MINUTE;
    w = world(&o);
    sim_world_at(w, SIM_SECOND, all_call, NULL);
    sim_world_at(w, 10 * SIM_SECOND, revoke, NULL);
    for (i = 1; i <= 5; i++)
        sim_world_at(w, 10 * SIM_SECOND + i, all_call, NULL);
    counted = run(w);
    assert_int_equal(counted.sent, 2);
    assert_int_equal(counted.refused, 1000);
    assert_int_equal(counted.failed, 0);
}

static void revoked_twice_within_20_s_fails_no_call(void **s)
{
    int kind;

    (void)s;
    for (kind = SIM_OVERWRITE; kind <= SIM_SAME; kind++) {
        struct sim_options o = fleet(20, (enum sim_gateway_kind)kind);
        struct sim_world *w;
        struct sim_watch counted;

        o.call_every_ms = SIM_SECOND;
        o.run_ms = 10 * SIM_MINUTE;
        w = world(&o);
        sim_world_at(w, SIM_MINUTE, revoke, NULL);
        sim_world_at(w, SIM_MINUTE + 19 * SIM_SECOND, revoke, NULL);
        counted = run(w);
        assert_int_equal(counted.sent, 3);
        assert_int_equal(counted.failed, 0);
    }
}

/* ---- who must not cost a fetch ---- */

/* A new process a minute, which calls once, and ends. */
static void cron(struct sim_world *w, const struct sim_event *e)
{
    struct sim_process *p = &w->processes[0];

    (void)e;
    sim_world_soon(w, NULL, SIM_MINUTE, cron, NULL);
    if (p->life % 2 == 1)
        sim_process_kill(p); /* still waiting, or the one that began with the world */
    sim_process_start(w, p);
    p->misreads = true;
    sim_process_call(p, true);
}

static void endpoint_misread_as_a_refusal_costs(enum sim_gateway_kind kind, int64_t daily_limit,
                                                long most)
{
    struct sim_options o = fleet(1, kind);
    struct sim_world *w;
    struct sim_watch counted;

    o.call_every_ms = 0;
    o.rules.daily_limit = daily_limit;
    w = world(&o);
    sim_world_at(w, SIM_SECOND, cron, NULL);
    counted = run(w);
    print_message("# misread, %-9s: %ld fetches, %ld of %ld calls told\n",
                  sim_gateway_kind_name(kind), counted.sent, counted.told, counted.failed);
    assert_true(counted.calls >= 1439);
    assert_int_equal(counted.failed, counted.calls);
    assert_in_range(counted.sent, 12, most);
    assert_true(counted.told > 1300);
}

static void endpoint_misread_as_a_refusal_costs_40_fetches_a_day(void **s)
{
    (void)s;
    endpoint_misread_as_a_refusal_costs(SIM_OVERWRITE, 0, 40);
    endpoint_misread_as_a_refusal_costs(SIM_OVERLAP, 0, 40);
    endpoint_misread_as_a_refusal_costs(SIM_SAME, 0, 60);
}

static void endpoint_misread_as_a_refusal_burns_no_daily_limit(void **s)
{
    (void)s;
    endpoint_misread_as_a_refusal_costs(SIM_OVERWRITE, 60, 40);
    endpoint_misread_as_a_refusal_costs(SIM_OVERLAP, 60, 40);
    endpoint_misread_as_a_refusal_costs(SIM_SAME, 60, 50);
}

/* It does not know the store, and fetches whenever its token is refused. */
static void rival_calls(struct sim_world *w, const struct sim_event *e)
{
    size_t *token = e->arg;

    sim_world_soon(w, NULL, SIM_MINUTE, rival_calls, token);
    if (!sim_gateway_accepts(&w->gateway, w->now_ms, *token))
        *token = sim_gateway_issue(&w->gateway, w->now_ms);
}

static void rival_without_the_store_is_told_and_no_endless_loop(void **s)
{
    struct sim_options o = fleet(8, SIM_OVERWRITE);
    struct sim_world *w;
    struct sim_watch counted;
    size_t token = 0; /* the rival's */

    (void)s;
    w = world(&o);
    sim_world_at(w, 90 * SIM_SECOND, rival_calls, &token);
    counted = run(w);
    print_message("# rival: %ld fetches, %ld of %ld calls failed, %ld told\n", counted.sent,
                  counted.failed, counted.calls, counted.told);
    assert_in_range(counted.sent, 12, 40);
    assert_true(counted.told > 1000);
}

static void limit_of_the_gateway_is_no_fetch_storm(void **s)
{
    struct sim_options o = fleet(200, SIM_OVERWRITE);
    struct sim_world *w;
    struct sim_watch counted;

    (void)s;
    o.run_ms = 6 * SIM_HOUR;
    w = world(&o);
    w->gateway.limit_until_ms = w->began_ms + SIM_DAY;
    counted = run(w);
    assert_int_equal(counted.sent, 12); /* one each half hour */
    assert_int_equal(counted.failed, counted.calls);
}

static void daily_limit_is_used_up_and_no_more_each_day(void **s)
{
    struct sim_options o = fleet(20, SIM_OVERWRITE);
    struct sim_watch counted;

    (void)s;
    o.rules.daily_limit = 10;
    o.run_ms = 3 * SIM_DAY;
    counted = run(world(&o));
    assert_int_equal(counted.sent, 30);
    assert_true(counted.failed > 0 && strstr(counted.last_error, "daily_limit = 10") != NULL);
}

/* ---- the endpoint is down ---- */

static void fail_3_h(struct sim_world *w, const struct sim_event *e)
{
    (void)e;
    w->gateway.fails_until_ms = w->now_ms + 3 * SIM_HOUR;
}

/* From here on no call fails. */
static void note_failed(struct sim_world *w, const struct sim_event *e)
{
    *(long *)e->arg = w->watch.failed;
}

static void endpoint_down_3_h_burns_no_daily_limit(void **s)
{
    struct sim_options o = fleet(20, SIM_OVERWRITE);
    struct sim_world *w;
    struct sim_watch counted;
    long failed = -1;

    (void)s;
    o.rules.daily_limit = 60;
    w = world(&o);
    sim_world_at(w, 9 * SIM_HOUR, fail_3_h, NULL);
    sim_world_at(w, 13 * SIM_HOUR, note_failed, &failed);
    counted = run(w);
    print_message("# down 3 h: %ld fetches, %ld of %ld calls failed\n", counted.sent,
                  counted.failed, counted.calls);
    assert_in_range(counted.sent, 17, 40);
    assert_int_equal(counted.failed, failed);
}

static void fail_38_min(struct sim_world *w, const struct sim_event *e)
{
    (void)e;
    w->gateway.fails_until_ms = w->now_ms + 38 * SIM_MINUTE;
}

static void endpoint_down_for_longer_than_the_margin_fails_no_call(void **s)
{
    struct sim_options o = fleet(20, SIM_OVERWRITE);
    struct sim_world *w;
    struct sim_watch counted;

    (void)s;
    o.run_ms = 3 * SIM_HOUR;
    w = world(&o);
    sim_world_at(w, 80 * SIM_MINUTE, fail_38_min,
                 NULL); /* the token is due at 85 to 90 min, ends at 120 */
    counted = run(w);
    assert_int_equal(counted.failed, 0);
    assert_true(counted.sent > 4);
}

/* ---- a holder that is no more ---- */

static void kill_holder(struct sim_world *w, const struct sim_event *e)
{
    int i;

    for (i = 0; i < w->options.processes; i++)
        if (w->processes[i].fetch.request != NULL) {
            sim_process_kill(&w->processes[i]);
            return;
        }
    sim_world_soon(w, NULL, 1, kill_holder, e->arg);
}

static void holder_killed_is_followed_when_its_lease_ends(void **s)
{
    struct sim_options o = fleet(5, SIM_OVERWRITE);
    struct sim_world *w;
    struct sim_watch counted;

    (void)s;
    o.call_every_ms = 0;
    o.run_ms = SIM_MINUTE;
    w = world(&o);
    sim_world_at(w, SIM_SECOND, all_call, NULL);
    sim_world_at(w, SIM_SECOND, kill_holder, NULL);
    counted = run(w);
    assert_int_equal(counted.calls, 4);
    assert_int_equal(counted.failed, 0);
    assert_in_range(counted.sent, 1, 2);
}

/* ---- chaos ---- */

static void promises_are_kept_under_chaos(void **s)
{
    uint64_t seed;

    (void)s;
    for (seed = 1; seed <= CHAOS_SEEDS; seed++) {
        struct sim_options o = sim_draw(seed);

        (void)run(world(&o));
    }
}

/* How many seeds catch a mistake; the first that does says what it saw. */
static int caught(struct sim_options o, char *first, size_t size)
{
    uint64_t seed;
    int n = 0;

    for (seed = 1; seed <= MISTAKE_SEEDS; seed++) {
        struct sim_world *w;

        o.seed = seed;
        w = world(&o);
        if (!sim_world_run(w, true) && ++n == 1)
            (void)snprintf(first, size, "%s", w->watch.broken);
        sim_world_free(w);
    }
    return n;
}

/* Holders that oversleep, on a gateway whose tokens are revoked often. */
static struct sim_options oversleepers(void)
{
    struct sim_options o = fleet(5, SIM_OVERLAP);

    o.chaos = SIM_STOP | SIM_REVOKE | SIM_LOSE_ANSWERS;
    o.chaos_every_ms = 10 * SIM_MINUTE;
    o.chaos_ms = 12 * SIM_HOUR;
    o.run_ms = 12 * SIM_HOUR;
    return o;
}

static void without_mistakes_nothing_is_caught(void **s)
{
    char first[256];

    (void)s;
    assert_int_equal(caught(oversleepers(), first, sizeof first), 0);
}

static void without_the_look_before_the_first_byte_promise_1_is_broken(void **s)
{
    struct sim_options o = oversleepers();
    char first[256];
    int n;

    (void)s;
    o.without_look = true;
    n = caught(o, first, sizeof first);
    print_message("# without the look: %d of %d seeds: %s\n", n, MISTAKE_SEEDS, first);
    assert_true(n > 0);
    assert_int_equal(first[0], '1');
}

static void without_the_fence_promise_3_is_broken(void **s)
{
    struct sim_options o = oversleepers();
    char first[256];
    int n;

    (void)s;
    o.without_fence = true;
    n = caught(o, first, sizeof first);
    print_message("# without the fence: %d of %d seeds: %s\n", n, MISTAKE_SEEDS, first);
    assert_true(n > 0);
    assert_int_equal(first[0], '3');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_day_of_1_process_costs_17_fetches_and_no_call),
        cmocka_unit_test(a_day_of_20_processes_costs_17_fetches_and_no_call),
        cmocka_unit_test(a_day_of_200_processes_costs_17_fetches_and_no_call),
        cmocka_unit_test(a_year_costs_no_more_than_its_days),
        cmocka_unit_test(start_of_200_at_once_is_1_fetch),
        cmocka_unit_test(revoked_under_1000_calls_is_1_more_fetch),
        cmocka_unit_test(revoked_twice_within_20_s_fails_no_call),
        cmocka_unit_test(endpoint_misread_as_a_refusal_costs_40_fetches_a_day),
        cmocka_unit_test(endpoint_misread_as_a_refusal_burns_no_daily_limit),
        cmocka_unit_test(rival_without_the_store_is_told_and_no_endless_loop),
        cmocka_unit_test(limit_of_the_gateway_is_no_fetch_storm),
        cmocka_unit_test(daily_limit_is_used_up_and_no_more_each_day),
        cmocka_unit_test(endpoint_down_3_h_burns_no_daily_limit),
        cmocka_unit_test(endpoint_down_for_longer_than_the_margin_fails_no_call),
        cmocka_unit_test(holder_killed_is_followed_when_its_lease_ends),
        cmocka_unit_test(promises_are_kept_under_chaos),
        cmocka_unit_test(without_mistakes_nothing_is_caught),
        cmocka_unit_test(without_the_look_before_the_first_byte_promise_1_is_broken),
        cmocka_unit_test(without_the_fence_promise_3_is_broken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
