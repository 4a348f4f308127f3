#include "support/store_contract.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/record/record.h"

#define KEEP_MS 3600000

static const struct store_kind *kind;
static struct itr_error e;

void store_contract_use(const struct store_kind *k)
{
    kind = k;
}

int store_contract_setup(void **state)
{
    kind->begin();
    *state = kind->open();
    return *state != NULL ? 0 : -1;
}

int store_contract_teardown(void **state)
{
    struct itr_store *s = *state;

    s->ops->release(s);
    kind->end();
    return 0;
}

/* ---- verbs ---- */

bool store_swap(struct itr_store *s, const char *key, const char *old, const char *fresh)
{
    bool done = *old != '\0'; /* the store must write it, whatever it was */
    enum itr_status st =
        s->ops->swap(s, key, old, strlen(old), fresh, strlen(fresh), KEEP_MS, &done, &e);

    if (st != ITR_OK)
        fail_msg("swap: %s", e.text);
    return done;
}

void store_assert_value(struct itr_store *s, const char *key, const char *value)
{
    struct itr_buf out;
    int64_t now = 0;

    itr_buf_init_secret(&out, ITR_STORE_VALUE_MAX);
    if (s->ops->load(s, key, &out, &now, &e) != ITR_OK)
        fail_msg("load: %s", e.text);
    assert_string_equal(itr_buf_str(&out), value);
    assert_int_equal(out.len, strlen(value));
    itr_buf_clear(&out);
}

static void assert_says(enum itr_status st, const char *const *words)
{
    assert_int_equal(st, ITR_STORE);
    assert_int_equal(e.kind, ITR_STORE);
    for (; *words != NULL; words++)
        if (strstr(e.text, *words) == NULL)
            fail_msg("\"%s\" is not in: %s", *words, e.text);
}

void store_assert_load_fails(struct itr_store *s, const char *const *words)
{
    struct itr_buf out;
    int64_t now = 0;
    enum itr_status st;

    itr_error_clear(&e);
    itr_buf_init_secret(&out, 65536);
    st = s->ops->load(s, "k", &out, &now, &e);
    itr_buf_clear(&out);
    assert_says(st, words);
}

void store_assert_swap_fails(struct itr_store *s, const char *const *words)
{
    bool done = true;
    enum itr_status st;

    itr_error_clear(&e);
    st = s->ops->swap(s, "k", NULL, 0, "v", 1, KEEP_MS, &done, &e);
    assert_says(st, words);
    assert_false(done);
}

/* ---- one at a time ---- */

void store_gives_nothing_and_its_clock(void **state)
{
    struct itr_store *s = *state;
    struct itr_buf out;
    int64_t before = kind->now_ms(), now = 0;

    itr_buf_init_secret(&out, 100);
    assert_int_equal(s->ops->load(s, "k", &out, &now, &e), ITR_OK);
    assert_int_equal(out.len, 0);
    assert_in_range(now, before, kind->now_ms());
    itr_buf_clear(&out);
    assert_int_equal(s->ops->version, ITR_STORE_VERSION);
    assert_int_equal(s->ops->origin, kind->origin);
}

void store_swaps_only_what_stands_there(void **state)
{
    struct itr_store *s = *state;

    assert_false(store_swap(s, "k", "something", "a")); /* there is none */
    store_assert_value(s, "k", "");
    assert_true(store_swap(s, "k", "", "a"));
    store_assert_value(s, "k", "a");
    assert_false(store_swap(s, "k", "", "b"));
    assert_false(store_swap(s, "k", "aa", "b"));
    assert_false(store_swap(s, "k", "A", "b"));
    store_assert_value(s, "k", "a");
    assert_true(store_swap(s, "k", "a", "b"));
    store_assert_value(s, "k", "b");
    assert_true(store_swap(s, "k", "b", "")); /* forgotten */
    store_assert_value(s, "k", "");
    assert_true(store_swap(s, "k", "", "c"));
}

void store_keeps_keys_apart(void **state)
{
    struct itr_store *s = *state;

    assert_true(store_swap(s, "k1", "", "a"));
    assert_true(store_swap(s, "k2", "", "b"));
    assert_true(store_swap(s, "k1", "a", "c"));
    store_assert_value(s, "k1", "c");
    store_assert_value(s, "k2", "b");
    store_assert_value(s, "k", "");
}

void store_keeps_bytes_as_they_are(void **state)
{
    struct itr_store *s = *state;
    struct itr_buf out;
    int64_t now;
    bool done = false;

    assert_int_equal(s->ops->swap(s, "k", NULL, 0, "a\0\n\xff", 4, KEEP_MS, &done, &e), ITR_OK);
    assert_true(done);
    assert_int_equal(s->ops->swap(s, "k", "a\0\nx", 4, "x", 1, KEEP_MS, &done, &e), ITR_OK);
    assert_false(done);
    itr_buf_init_secret(&out, 100);
    assert_int_equal(s->ops->load(s, "k", &out, &now, &e), ITR_OK);
    assert_int_equal(out.len, 4);
    assert_memory_equal(out.data, "a\0\n\xff", 4);
    itr_buf_clear(&out);
}

void store_holds_the_longest_value(void **state)
{
    char big[ITR_STORE_VALUE_MAX + 1], other[ITR_STORE_VALUE_MAX + 1];

    memset(big, 'x', ITR_STORE_VALUE_MAX);
    big[ITR_STORE_VALUE_MAX] = '\0';
    memcpy(other, big, sizeof big);
    other[ITR_STORE_VALUE_MAX - 1] = 'y';
    assert_true(store_swap(*state, "k", "", big));
    store_assert_value(*state, "k", big);
    assert_false(store_swap(*state, "k", other, "small"));
    assert_true(store_swap(*state, "k", big, other));
    store_assert_value(*state, "k", other);
}

/* ---- many writers: a counter that loses nothing ---- */

#define WRITERS 4
#define TIMES 50

static void add_one(struct itr_store *s)
{
    bool done = false;

    while (!done) {
        struct itr_buf old;
        struct itr_error mine;
        char fresh[24];
        int64_t now;
        itr_buf_init_secret(&old, 100);
        if (s->ops->load(s, "n", &old, &now, &mine) != ITR_OK)
            abort();
        snprintf(fresh, sizeof fresh, "%ld", strtol(itr_buf_str(&old), NULL, 10) + 1);
        if (s->ops->swap(s, "n", old.data, old.len, fresh, strlen(fresh), KEEP_MS, &done, &mine) !=
            ITR_OK)
            abort();
        itr_buf_clear(&old);
    }
}

static void *add_many(void *s)
{
    int i;

    for (i = 0; i < TIMES; i++)
        add_one(s);
    return NULL;
}

static void assert_nothing_lost(struct itr_store *s)
{
    char all[24];

    snprintf(all, sizeof all, "%d", WRITERS * TIMES);
    store_assert_value(s, "n", all);
}

void store_loses_no_swap_of_threads(void **state)
{
    pthread_t threads[WRITERS];
    int i;

    for (i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, *state), 0);
    for (i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    assert_nothing_lost(*state);
}

static int exit_status_of(pid_t child)
{
    int status = -1;

    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void store_loses_no_swap_of_processes(void **state)
{
    pid_t children[WRITERS];
    int i;

    if (!kind->is_shared)
        skip(); /* processes do not share it */
    for (i = 0; i < WRITERS; i++) {
        if ((children[i] = fork()) != 0)
            continue;
        add_many(*state);
        _exit(0);
    }
    for (i = 0; i < WRITERS; i++)
        assert_int_equal(exit_status_of(children[i]), 0);
    assert_nothing_lost(*state);
}

static void *take_it(void *s)
{
    struct itr_store *store = s;
    struct itr_error mine;
    bool done = false;

    if (store->ops->swap(store, "k", NULL, 0, "mine", 4, KEEP_MS, &done, &mine) != ITR_OK)
        abort();
    return done ? s : NULL;
}

void store_has_one_winner_from_nothing(void **state)
{
    pthread_t threads[WRITERS];
    void *won;
    int i, winners = 0;

    for (i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_it, *state), 0);
    for (i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], &won);
        winners += won != NULL;
    }
    assert_int_equal(winners, 1);
}

/* ---- objects ---- */

void store_is_counted(void **state)
{
    struct itr_store *s = *state;

    s->ops->retain(s);
    assert_true(store_swap(s, "k", "", "a"));
    s->ops->release(s);
    store_assert_value(s, "k", "a");
}

void store_is_the_same_for_two_who_open_it(void **state)
{
    struct itr_store *s = *state, *other = kind->open();

    assert_string_equal(s->id, other->id);
    assert_true(store_swap(s, "k", "", "a"));
    store_assert_value(other, "k", "a");
    assert_false(store_swap(other, "k", "", "b"));
    other->ops->release(other);
    store_assert_value(s, "k", "a");
}

void store_works_on_both_sides_of_a_fork(void **state)
{
    struct itr_store *s = *state;
    pid_t child;

    assert_true(store_swap(s, "k", "", "parent"));
    if ((child = fork()) == 0)
        _exit(store_swap(s, "k", "parent", "child") ? 0 : 1);
    assert_int_equal(exit_status_of(child), 0);
    store_assert_value(s, "k", kind->is_shared ? "child" : "parent");
    assert_true(store_swap(s, "k", kind->is_shared ? "child" : "parent", "again"));
}

/* ---- records ---- */

void store_takes_keys_of_any_app_id(void **state)
{
    static const char *const ids[] = {"app",     "门店-1159", "../x", "/etc/passwd",
                                      "a*b?[c]", "a b\n",     "."};
    char key[ITR_RECORD_KEY];
    size_t i;

    for (i = 0; i < count_of(ids); i++) {
        itr_record_key(FIXTURE_GATEWAY, ids[i], key);
        assert_true(store_swap(*state, key, "", ids[i]));
    }
    for (i = 0; i < count_of(ids); i++) {
        itr_record_key(FIXTURE_GATEWAY, ids[i], key);
        store_assert_value(*state, key, ids[i]);
    }
}

void store_takes_up_again_after_it_forgot(void **state)
{
    struct itr_store *s = *state;

    if (kind->forget == NULL)
        skip(); /* nobody can take its memory away */
    assert_true(store_swap(s, "k", "", "a"));
    kind->forget();
    assert_false(store_swap(s, "k", "a", "b")); /* who has the old value sees that it is gone */
    store_assert_value(s, "k", "");
    assert_true(store_swap(s, "k", "", "c"));
    store_assert_value(s, "k", "c");
}

void store_keeps_a_newer_record_as_it_is(void **state)
{
    static const char newer[] = "itrigger-token 3\nfence 7\nnew thing\n";
    struct itr_store *s = *state;
    struct itr_record r;
    struct itr_buf out;
    int64_t now;

    assert_true(store_swap(s, "k", "", newer));
    itr_buf_init_secret(&out, ITR_RECORD_MAX);
    assert_int_equal(s->ops->load(s, "k", &out, &now, &e), ITR_OK);
    assert_int_equal(itr_record_decode(out.data, out.len, &r, &e), ITR_STORE);
    itr_buf_clear(&out);
    assert_false(store_swap(s, "k", "", "mine"));
    store_assert_value(s, "k", newer);
}
