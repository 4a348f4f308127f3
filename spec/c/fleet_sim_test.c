/*
 * The fleet in fake time (sim/sim_world.h): what a day costs, what each fault costs, and the
 * properties under chaos. Every run also checks the properties after each of its events.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sim/sim_chaos.h"

#define CHAOS_SEEDS 400

static struct sim_options fleet(int processes, enum sim_gateway_kind kind)
{
    struct sim_options o = sim_options_default();

    o.processes = processes;
    o.kind = kind;
    return o;
}

static struct sim_world *world(const struct sim_options *o)
{
    struct sim_world *w = sim_world_new(o);

    assert_non_null(w);
    return w;
}

struct counted {
    struct sim_watch watch;
    struct itr_record record; /* what stands in the store at the end */
};

/* Runs and frees w. */
static struct counted run(struct sim_world *w)
{
    struct counted c;
    bool held = sim_world_run(w);

    if (!held)
        print_error("%s\n", w->watch.broken);
    c.watch = w->watch;
    c.record = *sim_store_read(&w->store, &w->store.value);
    sim_world_free(w);
    assert_true(held);
    return c;
}

/* ---- what happens in a scenario; at the time of sim_world_at ---- */

static void all_call(struct sim_world *w, const struct sim_event *e)
{
    int i;

    (void)e;
    for (i = 0; i < w->options.processes; i++)
        sim_process_call(&w->processes[i], SIM_REQUEST, 0);
}

static void process_calls(struct sim_world *w, const struct sim_event *e)
{
    (void)w;
    sim_process_call(e->arg, SIM_REQUEST, 0);
}

static void revoke(struct sim_world *w, const struct sim_event *e)
{
    (void)e;
    sim_watch_reason(&w->store);
    sim_gateway_revoke(&w->gateway, w->now_ms);
}

/* The endpoint's trouble until a time of the world. */
struct trouble {
    enum sim_endpoint how;
    int64_t for_ms;
};

static void trouble(struct sim_world *w, const struct sim_event *e)
{
    const struct trouble *t = e->arg;

    sim_watch_fault(w);
    w->gateway.endpoint = t->how;
    w->gateway.endpoint_until_ms = w->now_ms + t->for_ms;
}

static void note_failed(struct sim_world *w, const struct sim_event *e)
{
    *(long *)e->arg = w->watch.failed;
}

static void store_is_away_1_h(struct sim_world *w, const struct sim_event *e)
{
    (void)e;
    w->store.away_until_ms = w->now_ms + SIM_HOUR;
}

static bool is_sending(const struct sim_world *w)
{
    int i;

    for (i = 0; i < w->options.processes; i++)
        if (sim_process_lives(&w->processes[i]) &&
            w->processes[i].state.machine.state == ITR_MACHINE_SEND)
            return true;
    return false;
}

/* Does what arg says as soon as a request is in flight. */
static void once_sent(struct sim_world *w, const struct sim_event *e)
{
    sim_happen *const *happen = e->arg;

    if (is_sending(w))
        (*happen)(w, e);
    else
        sim_world_soon(w, NULL, 0, 1, once_sent, e->arg);
}

/* ---- a day ---- */

static void a_day_costs(int processes, bool poisson)
{
    static const long most[] = {17, 17, 24};
    int kind;

    for (kind = SIM_OVERWRITE; kind <= SIM_SAME; kind++) {
        struct sim_options o = fleet(processes, (enum sim_gateway_kind)kind);
        struct sim_watch c;

        o.habits.poisson = poisson;
        c = run(world(&o)).watch;
        print_message("# %3d processes, %-9s: %ld fetches, %ld calls, %ld refusals\n", processes,
                      sim_gateway_kind_name(o.kind), c.sent, c.calls, c.refused);
        assert_true(c.calls >= processes * 1430L);
        assert_int_equal(c.failed, 0);
        assert_in_range(c.sent, 12, most[kind]);
        assert_true(c.refused <= (kind == SIM_OVERWRITE ? c.sent * processes : 10));
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
    struct sim_watch c;

    (void)s;
    o.habits.call_every_ms = 10 * SIM_MINUTE;
    o.run_ms = 365 * SIM_DAY;
    c = run(world(&o)).watch;
    print_message("# a year: %ld fetches\n", c.sent);
    assert_int_equal(c.failed, 0);
    assert_true(c.sent <= 365 * 17);
}

/* Clients of a central server, process 0, which calls nothing itself. */
static void a_day_of_a_central_server_costs_17_fetches_and_no_call(void **s)
{
    struct sim_options o = fleet(50, SIM_OVERWRITE);
    struct sim_world *w;
    struct sim_watch c;
    int i;

    (void)s;
    w = world(&o);
    w->processes[0].habits.call_every_ms = 0;
    for (i = 1; i < o.processes; i++)
        w->processes[i].habits.setup.origin = ITR_FROM_SERVER;
    c = run(w).watch;
    print_message("# central server: %ld fetches, %ld calls, %ld refusals\n", c.sent, c.calls,
                  c.refused);
    assert_int_equal(c.failed, 0);
    assert_in_range(c.sent, 12, 17);
}

/* ---- storms ---- */

static struct sim_options quiet_fleet(int processes, enum sim_gateway_kind kind)
{
    struct sim_options o = fleet(processes, kind);

    o.habits.call_every_ms = 0;
    o.run_ms = SIM_MINUTE;
    return o;
}

static void start_of_200_at_once_is_1_fetch(void **s)
{
    struct sim_options o = quiet_fleet(200, SIM_OVERWRITE);
    struct sim_world *w = world(&o);
    struct sim_watch c;

    (void)s;
    sim_world_at(w, SIM_SECOND, all_call, NULL);
    c = run(w).watch;
    assert_int_equal(c.sent, 1);
    assert_int_equal(c.calls, 200);
    assert_int_equal(c.failed, 0);
}

static void revoked_under_1000_calls_is_1_more_fetch(void **s)
{
    struct sim_options o = quiet_fleet(200, SIM_OVERLAP);
    struct sim_world *w = world(&o);
    struct sim_watch c;
    int i;

    (void)s;
    sim_world_at(w, SIM_SECOND, all_call, NULL);
    sim_world_at(w, 10 * SIM_SECOND, revoke, NULL);
    for (i = 1; i <= 5; i++)
        sim_world_at(w, 10 * SIM_SECOND + i, all_call, NULL);
    c = run(w).watch;
    assert_int_equal(c.sent, 2);
    assert_int_equal(c.refused, 1000);
    assert_int_equal(c.failed, 0);
}

static void revoked_twice_within_20_s_fails_no_call(void **s)
{
    int kind;

    (void)s;
    for (kind = SIM_OVERWRITE; kind <= SIM_SAME; kind++) {
        struct sim_options o = fleet(20, (enum sim_gateway_kind)kind);
        struct sim_world *w;
        struct sim_watch c;

        o.habits.call_every_ms = SIM_SECOND;
        o.run_ms = 10 * SIM_MINUTE;
        w = world(&o);
        sim_world_at(w, SIM_MINUTE, revoke, NULL);
        sim_world_at(w, SIM_MINUTE + 19 * SIM_SECOND, revoke, NULL);
        c = run(w).watch;
        assert_int_equal(c.sent, 3);
        assert_int_equal(c.failed, 0);
    }
}

/* ---- scripts ---- */

/* Each minute a script calls once and ends at once; the day's last minute is not looked at. */
static void scripts_of_a_day_leave_nothing_behind(void **s)
{
    int kind;

    (void)s;
    for (kind = SIM_OVERWRITE; kind <= SIM_SAME; kind++) {
        struct sim_options o = fleet(3, (enum sim_gateway_kind)kind);
        struct counted c;

        o.habits.script = true;
        o.habits.setup.rules.daily_limit = 26;
        o.run_ms = SIM_DAY - SIM_MINUTE;
        c = run(world(&o));
        print_message("# scripts, %-9s: %ld fetches, %d counted, %ld calls\n",
                      sim_gateway_kind_name(o.kind), c.watch.sent, c.record.fetches, c.watch.calls);
        assert_int_equal(c.watch.failed, 0);
        assert_int_equal(c.watch.wasted, 0);
        assert_int_equal(c.record.fetches, c.watch.sent);
        assert_in_range(c.watch.sent, 12, 26);
    }
}

static void endpoint_misread_as_a_refusal_costs(enum sim_gateway_kind kind, int64_t daily_limit,
                                                long most)
{
    struct sim_options o = fleet(1, kind);
    struct sim_watch c;

    o.habits.script = o.habits.misreads = true;
    o.habits.setup.rules.daily_limit = daily_limit;
    c = run(world(&o)).watch;
    print_message("# misread, %-9s, limit %2d: %ld fetches, %ld of %ld calls told\n",
                  sim_gateway_kind_name(kind), (int)daily_limit, c.sent, c.told, c.failed);
    assert_true(c.calls >= 1400);
    assert_int_equal(c.failed, c.calls);
    assert_in_range(c.sent, 26, most);
    assert_true(c.told > 1300);
}

static void endpoint_misread_as_a_refusal_costs_43_fetches_a_day(void **s)
{
    (void)s;
    endpoint_misread_as_a_refusal_costs(SIM_OVERWRITE, 0, 43);
    endpoint_misread_as_a_refusal_costs(SIM_OVERLAP, 0, 43);
    endpoint_misread_as_a_refusal_costs(SIM_SAME, 0, 60);
}

static void endpoint_misread_as_a_refusal_burns_no_daily_limit(void **s)
{
    (void)s;
    endpoint_misread_as_a_refusal_costs(SIM_OVERWRITE, 60, 43);
    endpoint_misread_as_a_refusal_costs(SIM_OVERLAP, 60, 43);
    endpoint_misread_as_a_refusal_costs(SIM_SAME, 60, 50);
}

/* ---- a rival ---- */

/* It does not know the store, and fetches whenever its token is refused. */
static void rival_calls(struct sim_world *w, const struct sim_event *e)
{
    size_t *token = e->arg;

    sim_world_soon(w, NULL, 0, SIM_MINUTE, rival_calls, token);
    if (!sim_gateway_accepts(&w->gateway, w->now_ms, *token))
        *token = sim_gateway_issue(&w->gateway, w->now_ms, false);
}

static void rival_without_the_store_is_reported_and_no_endless_loop(void **s)
{
    struct sim_options o = fleet(8, SIM_OVERWRITE);
    struct sim_world *w = world(&o);
    struct sim_watch c;
    size_t token = 0; /* the rival's */

    (void)s;
    sim_world_at(w, 90 * SIM_SECOND, rival_calls, &token);
    c = run(w).watch;
    print_message("# rival: %ld fetches, %ld of %ld calls failed, %ld told\n", c.sent, c.failed,
                  c.calls, c.told);
    assert_in_range(c.sent, 12, 40);
    assert_true(c.told > 1000);
}

/* ---- the daily limit ---- */

static void daily_limit_is_used_up_and_no_more_each_day(void **s)
{
    struct sim_options o = fleet(20, SIM_OVERWRITE);
    struct sim_watch c;

    (void)s;
    o.habits.setup.rules.daily_limit = 10;
    o.run_ms = 3 * SIM_DAY;
    c = run(world(&o)).watch;
    assert_int_equal(c.sent, 30);
    assert_true(c.failed > 0 && strstr(c.last_error, "daily_limit = 10") != NULL);
}

/* The endpoint's trouble begins at midnight and ends at 09:00: soon a token is there, and one is
 * for the rest of the day, whoever asks for what meanwhile. */
static void trouble_until_9_burns_no_daily_limit(enum sim_endpoint how, int refresh_per_mille,
                                                 int64_t daily_limit)
{
    struct sim_options o = fleet(20, SIM_OVERWRITE);
    struct trouble t = {how, 9 * SIM_HOUR};
    int64_t mended_ms = (daily_limit < 50 ? 80 : 40) * SIM_MINUTE; /* it is noticed by then */
    struct sim_world *w;
    struct counted c;
    long failed = -1;

    o.habits.setup.rules.daily_limit = daily_limit;
    o.habits.refresh_per_mille = refresh_per_mille;
    o.run_ms = SIM_DAY - SIM_MINUTE;
    w = world(&o);
    sim_world_at(w, 0, trouble, &t);
    sim_world_at(w, 9 * SIM_HOUR + mended_ms, note_failed, &failed);
    c = run(w);
    print_message("# trouble %d until 9, %3d refresh, limit %d: %ld fetches, %ld of %ld failed\n",
                  how, refresh_per_mille, (int)daily_limit, c.watch.sent, c.watch.failed,
                  c.watch.calls);
    assert_int_equal(c.watch.failed, failed);
    assert_in_range(c.watch.sent, 12, daily_limit);
    assert_int_equal(c.record.fetches, c.watch.sent);
}

static void code_40003_until_9_burns_no_daily_limit(void **s)
{
    (void)s;
    trouble_until_9_burns_no_daily_limit(SIM_FORBIDS, 0, 26);
    trouble_until_9_burns_no_daily_limit(SIM_FORBIDS, 0, 50);
    trouble_until_9_burns_no_daily_limit(SIM_FORBIDS, 500, 50);
}

static void code_40004_until_9_burns_no_daily_limit(void **s)
{
    (void)s;
    trouble_until_9_burns_no_daily_limit(SIM_LIMITS, 0, 26);
    trouble_until_9_burns_no_daily_limit(SIM_LIMITS, 0, 50);
    trouble_until_9_burns_no_daily_limit(SIM_LIMITS, 500, 50);
}

static void failures_until_9_burn_no_daily_limit(void **s)
{
    (void)s;
    trouble_until_9_burns_no_daily_limit(SIM_FAILS, 0, 26);
    trouble_until_9_burns_no_daily_limit(SIM_FAILS, 0, 50);
    trouble_until_9_burns_no_daily_limit(SIM_SILENT, 0, 50);
    trouble_until_9_burns_no_daily_limit(SIM_FAILS, 500, 50);
}

static void code_40004_all_day_is_no_fetch_storm(void **s)
{
    struct sim_options o = fleet(200, SIM_OVERWRITE);
    struct trouble t = {SIM_LIMITS, SIM_DAY};
    struct sim_world *w;
    struct sim_watch c;

    (void)s;
    o.run_ms = 6 * SIM_HOUR;
    w = world(&o);
    sim_world_at(w, 0, trouble, &t);
    c = run(w).watch;
    assert_int_equal(c.sent, 12); /* one each half hour */
    assert_int_equal(c.failed, c.calls);
}

static void code_40003_all_day_costs(int refresh_per_mille)
{
    struct sim_options o = fleet(20, SIM_OVERWRITE);
    struct trouble t = {SIM_FORBIDS, SIM_DAY};
    struct sim_world *w;
    struct sim_watch c;

    o.habits.refresh_per_mille = refresh_per_mille;
    w = world(&o);
    sim_world_at(w, 0, trouble, &t);
    c = run(w).watch;
    print_message("# 40003 all day, %d refresh: %ld fetches\n", refresh_per_mille, c.sent);
    assert_in_range(c.sent, 138, 152);
}

static void code_40003_all_day_is_a_fetch_each_10_minutes(void **s)
{
    (void)s;
    code_40003_all_day_costs(0);
    code_40003_all_day_costs(500);
}

static void endpoint_down_3_h_burns_no_daily_limit(void **s)
{
    struct sim_options o = fleet(20, SIM_OVERWRITE);
    struct trouble t = {SIM_FAILS, 3 * SIM_HOUR};
    struct sim_world *w;
    struct sim_watch c;
    long failed = -1;

    (void)s;
    o.habits.setup.rules.daily_limit = 60;
    w = world(&o);
    sim_world_at(w, 9 * SIM_HOUR, trouble, &t);
    sim_world_at(w, 13 * SIM_HOUR, note_failed, &failed);
    c = run(w).watch;
    print_message("# down 3 h, limit 60: %ld fetches, %ld of %ld calls failed\n", c.sent, c.failed,
                  c.calls);
    assert_in_range(c.sent, 17, 40);
    assert_int_equal(c.failed, failed);
}

/* ---- who asks all the time ---- */

static void loop_costs(int refresh_per_mille, int64_t min_valid_ms, int64_t daily_limit, long most)
{
    struct sim_options o = fleet(3, SIM_OVERWRITE);
    struct counted c;

    o.habits.refresh_per_mille = refresh_per_mille;
    o.habits.min_valid_ms = min_valid_ms;
    o.habits.setup.rules.daily_limit = daily_limit;
    o.run_ms = SIM_DAY - SIM_MINUTE;
    c = run(world(&o));
    print_message("# refresh %4d, min_valid %3d min, limit %2d: %ld fetches, %ld of %ld failed\n",
                  refresh_per_mille, (int)(min_valid_ms / SIM_MINUTE), (int)daily_limit,
                  c.watch.sent, c.watch.failed, c.watch.calls);
    assert_int_equal(c.watch.failed, 0);
    assert_in_range(c.watch.sent, 12, most);
    assert_int_equal(c.record.fetches, c.watch.sent);
}

static void refresh_in_a_loop_is_bounded_and_fails_no_call(void **s)
{
    (void)s;
    loop_costs(1000, 0, 0, 300);
    loop_costs(500, 0, 50, 50);
    loop_costs(1000, 0, 24, 24);
}

/* A token that is there would be no answer: each asks for a fetch, and gets it while that is not
 * too early. */
static void scripts_that_refresh_really_fetch(void **s)
{
    struct sim_options o = fleet(1, SIM_OVERWRITE);
    struct sim_watch c;

    (void)s;
    o.habits.script = true;
    o.habits.refresh_per_mille = 1000;
    c = run(world(&o)).watch;
    print_message("# scripts that refresh each minute: %ld fetches\n", c.sent);
    assert_int_equal(c.failed, 0);
    assert_in_range(c.sent, 200, 300);
}

static void min_valid_in_a_loop_is_bounded_and_fails_no_call(void **s)
{
    (void)s;
    loop_costs(0, 110 * SIM_MINUTE, 0, 300);
    loop_costs(0, 110 * SIM_MINUTE, 50, 50);
}

/* ---- the end of a token's life ---- */

/* It is due at 85 to 90 min, and ends at 120. */
static void endpoint_down_for_longer_than_the_margin_fails_no_call(void **s)
{
    struct sim_options o = fleet(20, SIM_OVERWRITE);
    struct trouble t = {SIM_FAILS, 38 * SIM_MINUTE};
    struct sim_world *w;
    struct sim_watch c;

    (void)s;
    o.run_ms = 3 * SIM_HOUR;
    w = world(&o);
    sim_world_at(w, 80 * SIM_MINUTE, trouble, &t);
    c = run(w).watch;
    assert_int_equal(c.failed, 0);
    assert_true(c.sent > 4);
}

/* The gateway still takes the token: nobody waits for a fetch that fails, whatever way. */
static void past_its_end_a_token_is_given_at_once(bool script)
{
    static const enum sim_endpoint ways[] = {SIM_FAILS, SIM_SILENT, SIM_FORBIDS, SIM_LIMITS};
    size_t i;

    for (i = 0; i < 4; i++) {
        struct sim_options o = fleet(5, SIM_OVERLAP);
        struct trouble t = {ways[i], 6 * SIM_HOUR};
        struct sim_world *w;
        struct sim_watch c;

        o.life_ms = SIM_DAY;
        o.run_ms = 6 * SIM_HOUR;
        o.habits.call_ms = 5 * SIM_SECOND;
        o.habits.script = script;
        w = world(&o);
        sim_world_at(w, SIM_HOUR, trouble, &t);
        c = run(w).watch;
        print_message("# past its end, way %d: %ld fetches, the longest call took %ld ms\n",
                      ways[i], c.sent, c.longest_ms);
        assert_int_equal(c.failed, 0);
        assert_true(c.longest_ms < SIM_SECOND);
    }
}

static void past_its_end_a_token_is_given_at_once_while_fetching_fails(void **s)
{
    (void)s;
    past_its_end_a_token_is_given_at_once(false);
    past_its_end_a_token_is_given_at_once(true);
}

/* ---- leases ---- */

/* The holder may wait 60 s, and its answer takes 40: a reader that would wait only 10 s must not
 * take its lease for over. */
static void lease_of_a_holder_with_a_longer_timeout_is_not_replaced(void **s)
{
    struct sim_options o = quiet_fleet(2, SIM_OVERWRITE);
    struct sim_world *w = world(&o);
    struct sim_watch c;

    (void)s;
    w->processes[0].habits.setup.token_timeout_ms = 60 * SIM_SECOND;
    w->processes[0].habits.setup.rules.lease_ms = 65 * SIM_SECOND;
    w->processes[0].habits.call_ms = w->processes[1].habits.call_ms = SIM_MINUTE;
    w->gateway.takes_ms = 40 * SIM_SECOND;
    sim_world_at(w, SIM_SECOND, process_calls, &w->processes[0]);
    sim_world_at(w, 2 * SIM_SECOND, process_calls, &w->processes[1]);
    c = run(w).watch;
    assert_int_equal(c.sent, 1);
    assert_int_equal(c.calls, 2);
    assert_int_equal(c.failed, 0);
}

static void kill_sender(struct sim_world *w, const struct sim_event *e)
{
    int i;

    (void)e;
    for (i = 0; i < w->options.processes; i++)
        if (w->processes[i].state.machine.state == ITR_MACHINE_SEND) {
            w->processes[i].replaced = false;
            sim_process_kill(&w->processes[i]);
            return;
        }
}

static void holder_killed_is_followed_when_its_lease_ends(void **s)
{
    struct sim_options o = quiet_fleet(5, SIM_OVERWRITE);
    struct sim_world *w = world(&o);
    static sim_happen *const kill = kill_sender;
    struct sim_watch c;

    (void)s;
    sim_world_at(w, SIM_SECOND, all_call, NULL);
    sim_world_at(w, SIM_SECOND, once_sent, (void *)&kill);
    c = run(w).watch;
    assert_int_equal(c.calls, 4);
    assert_int_equal(c.failed, 0);
    assert_int_equal(c.sent, 2);
}

static void kill_each_sender(struct sim_world *w, const struct sim_event *e)
{
    int i;

    for (i = 0; i < w->options.processes; i++)
        if (sim_process_lives(&w->processes[i]) &&
            w->processes[i].state.machine.state == ITR_MACHINE_SEND)
            sim_process_kill(&w->processes[i]);
    sim_world_soon(w, NULL, 0, 5, kill_each_sender, e->arg);
}

/* Three leases may lapse in a row, each 15 s long; then it is as with any other failure. */
static void fetch_that_kills_its_process_is_held_back(void **s)
{
    struct sim_options o = fleet(20, SIM_OVERWRITE);
    struct sim_world *w;
    struct sim_watch c;

    (void)s;
    o.habits.call_every_ms = 10 * SIM_SECOND;
    o.run_ms = 2 * SIM_HOUR;
    w = world(&o);
    sim_world_at(w, 0, kill_each_sender, NULL);
    c = run(w).watch;
    print_message("# each fetch kills its process: %ld fetches in 2 h\n", c.sent);
    assert_in_range(c.sent, 30, 70);
}

/* ---- the store ---- */

static void swaps_lose_their_answers(struct sim_world *w, const struct sim_event *e)
{
    (void)e;
    w->store.lost_per_mille = 1000;
}

static void swaps_are_well(struct sim_world *w, const struct sim_event *e)
{
    (void)e;
    w->store.lost_per_mille = 0;
}

/* For 3 s every swap is done and its answer lost, twice: the lease is known again by its name. */
static void swap_whose_answer_is_lost_costs_no_count_and_no_lease(void **s)
{
    struct sim_options o = fleet(5, SIM_OVERWRITE);
    struct sim_world *w;
    struct counted c;

    (void)s;
    o.habits.setup.rules.daily_limit = 3;
    o.habits.call_every_ms = 5 * SIM_SECOND;
    o.run_ms = 2 * SIM_HOUR;
    w = world(&o);
    sim_world_at(w, 0, swaps_lose_their_answers, NULL);
    sim_world_at(w, 3 * SIM_SECOND, swaps_are_well, NULL);
    sim_world_at(w, SIM_HOUR, revoke, NULL);
    sim_world_at(w, SIM_HOUR, swaps_lose_their_answers, NULL);
    sim_world_at(w, SIM_HOUR + 3 * SIM_SECOND, swaps_are_well, NULL);
    c = run(w);
    print_message("# swap answers lost for 3 s, twice: %ld fetches, %d counted, %ld failed\n",
                  c.watch.sent, c.record.fetches, c.watch.failed);
    assert_int_equal(c.record.fetches, c.watch.sent);
    assert_in_range(c.watch.sent, 2, 3);
    assert_true(c.watch.longest_ms < 6 * SIM_SECOND);
}

/* It came, the store has been away for an hour since; a refusal asks for another meanwhile. */
static void token_that_could_not_be_stored_is_stored_later_and_born_when_it_came(void **s)
{
    struct sim_options o = fleet(3, SIM_OVERWRITE);
    static sim_happen *const away = store_is_away_1_h;
    struct sim_world *w;
    struct sim_watch c;

    (void)s;
    o.habits.call_every_ms = 10 * SIM_SECOND;
    o.run_ms = 4 * SIM_HOUR;
    w = world(&o);
    sim_world_at(w, 0, once_sent, (void *)&away);
    sim_world_at(w, 30 * SIM_MINUTE, revoke, NULL);
    c = run(w).watch;
    print_message("# store away for 1 h after a request: %ld fetches, %ld of %ld calls failed\n",
                  c.sent, c.failed, c.calls);
    assert_in_range(c.sent, 3, 5);
}

/* Accesses of up to 3 s and an answer after 6: the request ends before its lease does. */
static void slow_store_and_slow_gateway_are_1_fetch(void **s)
{
    struct sim_options o = quiet_fleet(5, SIM_OVERWRITE);
    struct sim_world *w;
    struct sim_watch c;

    (void)s;
    o.run_ms = 2 * SIM_MINUTE;
    o.habits.call_ms = SIM_MINUTE;
    w = world(&o);
    w->store.slow_ms = 3 * SIM_SECOND; /* at most; half of it each way */
    w->store.slow_until_ms = INT64_MAX;
    w->gateway.takes_ms = 6 * SIM_SECOND;
    sim_world_at(w, SIM_SECOND, all_call, NULL);
    c = run(w).watch;
    print_message("# slow store: %ld fetches, %ld of %ld calls failed, the longest took %ld ms\n",
                  c.sent, c.failed, c.calls, c.longest_ms);
    assert_int_equal(c.sent, 1);
    assert_int_equal(c.calls, 5);
    assert_int_equal(c.failed, 0);
}

static void store_is_away_2_s(struct sim_world *w, const struct sim_event *e)
{
    (void)e;
    w->store.away_until_ms = w->now_ms + 2 * SIM_SECOND;
}

/* Each fetch ends the others' token; the store goes away just then. */
static void refused_token_waits_for_a_store_that_is_away_2_s(void **s)
{
    struct sim_options o = fleet(5, SIM_OVERWRITE);
    static sim_happen *const away = store_is_away_2_s;
    struct sim_world *w;
    struct sim_watch c;

    (void)s;
    o.habits.call_every_ms = 100;
    o.run_ms = 3 * SIM_HOUR;
    w = world(&o);
    sim_world_at(w, SIM_HOUR, once_sent, (void *)&away);
    c = run(w).watch;
    assert_int_equal(c.failed, 0);
    assert_int_equal(c.sent, 3);
}

static void record_with_fence_is_replaced(const char *digits)
{
    struct sim_options o = quiet_fleet(2, SIM_OVERWRITE);
    struct sim_world *w = world(&o);
    struct itr_record r = {0};
    struct sim_watch c;
    char *fence;

    r.lease_fence = UINT64_C(1111111111111111);
    sim_store_write(&r, &w->store.value);
    fence = memmem(w->store.value.data, w->store.value.len, "1111111111111111", 16);
    assert_non_null(fence);
    memcpy(fence, digits, 16);
    w->store.record_id = 0;
    sim_world_at(w, SIM_SECOND, all_call, NULL);
    c = run(w).watch;
    assert_int_equal(c.sent, 1);
    assert_int_equal(c.failed, 0);
}

/* A corrupt or hostile record, the first without a higher fence, the second not to be read:
 * replaced, without a loop. */
static void record_with_fence_2_to_the_53_is_replaced(void **s)
{
    (void)s;
    record_with_fence_is_replaced("9007199254740992");
    record_with_fence_is_replaced("9007199254740993");
}

/* ---- memory: ---- */

static void fork_twice_and_call(struct sim_world *w, const struct sim_event *e)
{
    struct sim_process *child = sim_process_fork(&w->processes[0]), *grandchild;

    (void)e;
    assert_non_null(child);
    grandchild = sim_process_fork(child);
    assert_non_null(grandchild);
    child->replaced = false;
    sim_process_end(child);
    sim_process_call(grandchild, SIM_REQUEST, 0);
}

/* The lease came into the grandchild's memory with the forks: it is nobody's there. */
static void memory_forked_twice_while_a_request_is_in_flight_waits_for_no_lease(void **s)
{
    struct sim_options o = quiet_fleet(1, SIM_OVERLAP);
    static sim_happen *const fork_twice = fork_twice_and_call;
    struct sim_world *w;
    struct sim_watch c;

    (void)s;
    o.habits.setup.origin = ITR_FROM_MEMORY;
    w = world(&o);
    sim_world_at(w, SIM_SECOND, all_call, NULL);
    sim_world_at(w, SIM_SECOND, once_sent, (void *)&fork_twice);
    c = run(w).watch;
    assert_int_equal(c.calls, 2);
    assert_int_equal(c.failed, 0);
    assert_int_equal(c.sent, 2);
    assert_true(c.longest_ms < SIM_SECOND);
}

/* ---- chaos ---- */

static void properties_hold_under_chaos(void **s)
{
    uint64_t seed;
    int broken = 0;

    (void)s;
    for (seed = 1; seed <= CHAOS_SEEDS; seed++) {
        struct sim_world *w = sim_chaos_draw(seed);

        assert_non_null(w);
        if (!sim_world_run(w)) {
            print_error("seed %d: %s\n", (int)seed, w->watch.broken);
            broken++;
        }
        sim_world_free(w);
    }
    assert_int_equal(broken, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_day_of_1_process_costs_17_fetches_and_no_call),
        cmocka_unit_test(a_day_of_20_processes_costs_17_fetches_and_no_call),
        cmocka_unit_test(a_day_of_200_processes_costs_17_fetches_and_no_call),
        cmocka_unit_test(a_year_costs_no_more_than_its_days),
        cmocka_unit_test(a_day_of_a_central_server_costs_17_fetches_and_no_call),
        cmocka_unit_test(start_of_200_at_once_is_1_fetch),
        cmocka_unit_test(revoked_under_1000_calls_is_1_more_fetch),
        cmocka_unit_test(revoked_twice_within_20_s_fails_no_call),
        cmocka_unit_test(scripts_of_a_day_leave_nothing_behind),
        cmocka_unit_test(endpoint_misread_as_a_refusal_costs_43_fetches_a_day),
        cmocka_unit_test(endpoint_misread_as_a_refusal_burns_no_daily_limit),
        cmocka_unit_test(rival_without_the_store_is_reported_and_no_endless_loop),
        cmocka_unit_test(daily_limit_is_used_up_and_no_more_each_day),
        cmocka_unit_test(code_40003_until_9_burns_no_daily_limit),
        cmocka_unit_test(code_40004_until_9_burns_no_daily_limit),
        cmocka_unit_test(failures_until_9_burn_no_daily_limit),
        cmocka_unit_test(code_40004_all_day_is_no_fetch_storm),
        cmocka_unit_test(code_40003_all_day_is_a_fetch_each_10_minutes),
        cmocka_unit_test(endpoint_down_3_h_burns_no_daily_limit),
        cmocka_unit_test(refresh_in_a_loop_is_bounded_and_fails_no_call),
        cmocka_unit_test(scripts_that_refresh_really_fetch),
        cmocka_unit_test(min_valid_in_a_loop_is_bounded_and_fails_no_call),
        cmocka_unit_test(endpoint_down_for_longer_than_the_margin_fails_no_call),
        cmocka_unit_test(past_its_end_a_token_is_given_at_once_while_fetching_fails),
        cmocka_unit_test(lease_of_a_holder_with_a_longer_timeout_is_not_replaced),
        cmocka_unit_test(holder_killed_is_followed_when_its_lease_ends),
        cmocka_unit_test(fetch_that_kills_its_process_is_held_back),
        cmocka_unit_test(swap_whose_answer_is_lost_costs_no_count_and_no_lease),
        cmocka_unit_test(token_that_could_not_be_stored_is_stored_later_and_born_when_it_came),
        cmocka_unit_test(slow_store_and_slow_gateway_are_1_fetch),
        cmocka_unit_test(refused_token_waits_for_a_store_that_is_away_2_s),
        cmocka_unit_test(record_with_fence_2_to_the_53_is_replaced),
        cmocka_unit_test(memory_forked_twice_while_a_request_is_in_flight_waits_for_no_lease),
        cmocka_unit_test(properties_hold_under_chaos),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
