/* What functions that handle a token leave on the stack: nothing of it. A core file, or a later bug
 * that shows uninitialised memory, would tell it. */
#include "support/fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/fetch/fetch.h"
#include "core/source/state.h"
#include "support/own_stack.h"
#include "support/record_fixture.h"

#define SECRET_TOKEN "t0ken-that-nobody-may-find"

static int needs_own_stack(void **state)
{
    (void)state;
    if (!own_stack_works())
        print_message("a stack cannot be looked at here\n");
    return 0;
}

#define SKIP_WITHOUT_OWN_STACK()                                                                   \
    if (!own_stack_works())                                                                        \
    skip()

/* ---- that it is looked at rightly ---- */

static void leave_a_copy(void *arg)
{
    volatile char copy[64];
    const char *text = arg;
    size_t i;

    for (i = 0; i <= strlen(text); i++)
        copy[i] = text[i];
    (void)copy[0];
}

static void leave_nothing(void *arg)
{
    char copy[64];

    (void)snprintf(copy, sizeof copy, "%s", (const char *)arg);
    itr_wipe(copy, sizeof copy);
}

static void a_copy_that_was_left_is_found(void **state)
{
    static char text[] = SECRET_TOKEN;

    (void)state;
    SKIP_WITHOUT_OWN_STACK();
    assert_true(own_stack_has(leave_a_copy, text, SECRET_TOKEN));
    assert_false(own_stack_has(leave_nothing, text, SECRET_TOKEN));
}

/* ---- the record ---- */

static struct {
    struct itr_record_rules rules;
    struct fix_wish wish;
    struct itr_record r, next;
    struct itr_record_verdict verdict;
    struct itr_record_outcome outcome;
    uint64_t lease_fence;
} rec;

static void begin_record(void)
{
    rec.rules = fix_rules();
    rec.wish = fix_wish(&rec.rules);
    rec.r = fix_token(NOON - TTL);
    (void)snprintf(rec.r.text, sizeof rec.r.text, SECRET_TOKEN);
    rec.outcome = fix_failed();
}

static void decide(void *arg)
{
    (void)arg;
    itr_record_decide(&rec.r, NOON, &rec.wish.self, &rec.wish.why, &rec.verdict);
}

static void hold(void *arg)
{
    struct itr_error e;

    (void)arg;
    (void)itr_record_held_until(&rec.r, NOON, &rec.wish.self, &rec.wish.why, &e);
}

static void look(void *arg)
{
    (void)arg;
    (void)itr_record_lease_stands(&rec.verdict.next, NOON, "us", rec.lease_fence);
}

static void settle(void *arg)
{
    (void)arg;
    (void)itr_record_settle(&rec.verdict.next, NOON, &rec.wish.self, rec.lease_fence, &rec.outcome,
                            &rec.next);
}

static void what_is_asked_of_a_record_leaves_no_token(void **state)
{
    (void)state;
    SKIP_WITHOUT_OWN_STACK();
    begin_record();
    assert_false(own_stack_has(decide, NULL, SECRET_TOKEN));
    assert_int_equal(rec.verdict.is, ITR_VERDICT_ACQUIRE);
    assert_string_equal(rec.verdict.next.text, SECRET_TOKEN);
    rec.lease_fence = rec.verdict.next.lease_fence;
    assert_false(own_stack_has(hold, NULL, SECRET_TOKEN));
    assert_false(own_stack_has(look, NULL, SECRET_TOKEN));
    assert_false(own_stack_has(settle, NULL, SECRET_TOKEN));
    assert_string_equal(rec.next.text, SECRET_TOKEN);
}

/* ---- a whole fetch ---- */

struct t {
    struct fixture *f;
    pthread_mutex_t lock;
    struct itr_source_state s;
    struct itr_fetch fetch;
};

/* As a source does it. */
static void post(void *ctx, const struct itr_machine_done *done)
{
    struct t *t = ctx;

    pthread_mutex_lock(&t->lock);
    (void)itr_source_state_on(&t->s, fake_clock_now(&t->f->clock), 7, done);
    pthread_mutex_unlock(&t->lock);
}

static int setup(void **state)
{
    static struct t t;
    struct itr_machine_setup setup;

    memset(&t, 0, sizeof t);
    if (fixture_setup((void **)&t.f) != 0)
        return -1;
    pthread_mutex_init(&t.lock, NULL);
    itr_fetch_setup(&t.f->config, &t.f->parts, &setup);
    itr_source_state_init(&t.s, &setup, 0x1234, (int64_t)getpid());
    itr_fetch_init(&t.fetch, &t.f->config, &t.f->parts);
    t.fetch.lock = &t.lock;
    t.fetch.machine = &t.s.machine;
    t.fetch.post = post;
    t.fetch.ctx = &t;
    *state = &t;
    return 0;
}

static int teardown(void **state)
{
    struct t *t = *state;
    void *f = t->f;

    itr_source_state_clear(&t->s);
    itr_fetch_clear(&t->fetch);
    pthread_mutex_destroy(&t->lock);
    return fixture_teardown(&f);
}

static void act(void *arg)
{
    struct t *t = arg;

    itr_fetch_act(&t->fetch);
}

static bool is_anywhere_in(const void *memory, size_t size, const char *text)
{
    return memmem(memory, size, text, strlen(text)) != NULL;
}

static void asks(struct t *t, struct itr_token *refused)
{
    struct itr_token_ask ask = {.refused = refused};

    assert_true(itr_source_state_ask(&t->s, fake_clock_now(&t->f->clock), &ask).fetch);
}

/* Looked at after each step: the next one would write over it. */
static void assert_leaves_nothing(struct t *t, const char *token)
{
    while (t->s.machine.state != ITR_MACHINE_IDLE)
        assert_false(own_stack_has(act, t, token));
    itr_fetch_rest(&t->fetch);
    assert_false(is_anywhere_in(&t->s, sizeof t->s, token));
    assert_false(is_anywhere_in(&t->fetch, sizeof t->fetch, token));
}

static void a_fetch_leaves_its_token_in_the_cache_and_nowhere_else(void **state)
{
    struct t *t = *state;
    struct itr_token *first;

    SKIP_WITHOUT_OWN_STACK();
    asks(t, NULL);
    assert_leaves_nothing(t, "token-00000001");
    assert_string_equal(t->s.cache.token->text, "token-00000001");

    /* It was refused: neither it nor the next. */
    first = itr_token_retain(t->s.cache.token);
    asks(t, first);
    assert_leaves_nothing(t, "token-0000000");
    assert_string_equal(t->s.cache.token->text, "token-00000002");
    itr_token_release(first);
}

static void a_token_that_is_found_in_the_store_is_left_in_the_cache_and_nowhere_else(void **state)
{
    struct t *t = *state;
    struct itr_record r = {0};
    int64_t now = fake_store_now(t->f->store);

    SKIP_WITHOUT_OWN_STACK();
    (void)snprintf(r.text, sizeof r.text, SECRET_TOKEN);
    r.fence = r.lease_fence = 5;
    r.born_ms = r.fetched_ms = now;
    r.refresh_ms = r.end_ms = now + 3600000;
    fake_store_write(t->f->store, &r);
    asks(t, NULL);
    assert_leaves_nothing(t, SECRET_TOKEN);
    assert_string_equal(t->s.cache.token->text, SECRET_TOKEN);
}

static void what_was_loaded_is_gone_once_it_is_cleared(void **state)
{
    struct t *t = *state;
    struct itr_record r = {0};
    struct itr_stored stored;
    struct itr_error e;

    (void)snprintf(r.text, sizeof r.text, SECRET_TOKEN);
    r.fence = r.lease_fence = 5;
    fake_store_write(t->f->store, &r);
    memset(&stored, 0xAA, sizeof stored);
    itr_stored_init(&stored, t->f->parts.store, t->fetch.key);
    assert_string_equal(stored.record.text, "");
    assert_int_equal(itr_stored_load(&stored, &e), ITR_OK);
    assert_true(is_anywhere_in(&stored, sizeof stored, SECRET_TOKEN));
    itr_stored_clear(&stored);
    assert_false(is_anywhere_in(&stored, sizeof stored, SECRET_TOKEN));
    assert_null(stored.bytes.data);

    assert_int_equal(itr_stored_load(&t->fetch.stored, &e), ITR_OK);
    assert_true(is_anywhere_in(&t->fetch, sizeof t->fetch, SECRET_TOKEN));
    itr_fetch_clear(&t->fetch);
    assert_false(is_anywhere_in(&t->fetch, sizeof t->fetch, SECRET_TOKEN));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_that_was_left_is_found),
        cmocka_unit_test(what_is_asked_of_a_record_leaves_no_token),
        cmocka_unit_test_setup_teardown(a_fetch_leaves_its_token_in_the_cache_and_nowhere_else,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_token_that_is_found_in_the_store_is_left_in_the_cache_and_nowhere_else, setup,
            teardown),
        cmocka_unit_test_setup_teardown(what_was_loaded_is_gone_once_it_is_cleared, setup,
                                        teardown),
    };

    fixture_main();
    return cmocka_run_group_tests(tests, needs_own_stack, NULL);
}
