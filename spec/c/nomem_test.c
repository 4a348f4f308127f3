/*
 * Every allocation of the primitives and of the file store fails in turn: each failure is reported,
 * nothing is half done or lost, and the same object works once there is memory again.
 *
 * This program brings its own malloc and so on, on top of glibc's. Sanitizers bring theirs, so
 * there, and without glibc, it has nothing to show.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/http/url.h"
#include "core/json/scan.h"
#include "core/record/stored.h"
#include "core/record/token.h"
#include "core/source/events.h"
#include "store/file_dir.h"
#include "store/stores.h"
#include "support/as_user.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define SANITIZED 1
#endif

#ifndef SANITIZED

static long until_failure = -1; /* allocations until one fails; negative: none does */

static long live; /* blocks that were given and not given back */

static bool fails_now(void)
{
    return until_failure >= 0 && until_failure-- == 0;
}

static void *given(void *p)
{
    live += p != NULL;
    return p;
}

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

void *malloc(size_t n)
{
    return fails_now() ? NULL : given(__libc_malloc(n));
}

void *calloc(size_t n, size_t size)
{
    return fails_now() ? NULL : given(__libc_calloc(n, size));
}

void *realloc(void *p, size_t n)
{
    if (fails_now())
        return NULL;
    return p == NULL ? given(__libc_malloc(n)) : __libc_realloc(p, n);
}

void free(void *p)
{
    live -= p != NULL;
    __libc_free(p);
}

/* glibc's own may be bound to glibc's malloc. */
char *strdup(const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = malloc(n);

    return copy != NULL ? memcpy(copy, text, n) : NULL;
}

/* Runs the call with the 1st, 2nd, 3rd ... allocation failing until it gets through; returns how
 * many failed. */
static int fail_each(enum itr_status (*run)(void))
{
    enum itr_status s;
    long before, left;
    int failed;

    for (failed = 0;; failed++) {
        before = live;
        until_failure = failed;
        s = run();
        left = until_failure;
        until_failure = -1;
        assert_int_equal(live, before);
        if (s == ITR_OK) {
            assert_int_equal(left, 0); /* none failed and was hushed up */
            return failed;
        }
        assert_int_equal(s, ITR_NOMEM);
        assert_true(failed < 100);
    }
}

static enum itr_status grow_a_buf(void)
{
    enum itr_status s = ITR_OK;
    struct itr_buf b;
    size_t before;
    int i;

    itr_buf_init(&b, 5000);
    for (i = 0; i < 500 && s == ITR_OK; i++) {
        before = b.len;
        s = itr_buf_append_fmt(&b, "%d,", i);
        if (s != ITR_OK)
            assert_int_equal(b.len, before);
    }
    assert_int_equal(strlen(itr_buf_str(&b)), b.len);
    itr_buf_clear(&b);
    return s;
}

static enum itr_status grow_a_secret(void)
{
    enum itr_status s = ITR_OK;
    struct itr_buf b;
    int i;

    itr_buf_init_secret(&b, 500);
    for (i = 0; i < 500 && s == ITR_OK; i++)
        s = itr_buf_append_char(&b, 'x');
    assert_int_equal(strlen(itr_buf_str(&b)), b.len);
    itr_buf_clear(&b);
    return s;
}

/* Adds until a failure, then shows that the query holds exactly what was added before it. */
static enum itr_status fill_a_query(void)
{
    enum itr_status s = ITR_OK;
    struct itr_query q;
    struct itr_error e;
    char name = 'a';
    size_t added = 0;

    itr_query_init(&q);
    for (; name <= 'z' && s == ITR_OK; name++, added += s == ITR_OK ? 1 : 0)
        s = itr_query_add(&q, &name, 1, "a value that is long enough", 27, &e);
    assert_int_equal(q.n, added);
    assert_int_equal(q.bytes.len, added * 28);
    if (s != ITR_OK)
        assert_int_equal(e.kind, ITR_NOMEM);
    itr_query_clear(&q);
    return s;
}

static enum itr_status write_a_query(void)
{
    static struct itr_query q;
    enum itr_status s;
    struct itr_buf out;
    long later = until_failure;

    /* Filling it is not what is tried here. */
    until_failure = -1;
    itr_query_init(&q);
    assert_int_equal(itr_query_add(&q, "name", 4, "\xe6\x93\x8d", 3, NULL), ITR_OK);
    until_failure = later;
    itr_buf_init(&out, 1000);
    s = itr_query_write(&q, &out);
    itr_buf_clear(&out);
    itr_query_clear(&q);
    return s;
}

static enum itr_status encode_a_path(void)
{
    enum itr_status s;
    struct itr_buf out;

    itr_buf_init(&out, 1000);
    s = itr_url_path("/a b", 4, true, &out, NULL);
    assert_int_equal(out.len, s == ITR_OK ? 6 : 0);
    itr_buf_clear(&out);
    return s;
}

static enum itr_status check_a_gateway(void)
{
    enum itr_status s;
    struct itr_error e;
    struct itr_buf out;

    itr_error_clear(&e);
    itr_buf_init(&out, 1000);
    s = itr_base_url("https://host:8443", &out, &e);
    assert_int_equal(e.kind, s);
    itr_buf_clear(&out);
    return s;
}

static enum itr_status make_a_token(void)
{
    struct itr_token *t = itr_token_new("abc", 3, 1, (struct itr_token_times){0}, ITR_FROM_GATEWAY);

    if (t == NULL)
        return ITR_NOMEM;
    itr_token_release(t);
    return ITR_OK;
}

static enum itr_status load_and_swap(struct itr_store *store)
{
    struct itr_record next = {.day = 1};
    struct itr_stored stored;
    struct itr_error e;
    enum itr_status s;
    bool done;

    itr_error_clear(&e);
    itr_stored_init(&stored, store, "k");
    if ((s = itr_stored_load(&stored, &e)) == ITR_OK) {
        next.fetches = stored.record.fetches + 1;
        s = itr_stored_swap(&stored, &next, 1, &done, &e);
    }
    assert_int_equal(e.kind, s);
    itr_stored_clear(&stored);
    return s;
}

static enum itr_status use_a_memory_store(void)
{
    struct itr_store *store = itr_store_memory_new(itr_clock_system());
    enum itr_status s;

    if (store == NULL)
        return ITR_NOMEM;
    if ((s = load_and_swap(store)) == ITR_OK)
        s = load_and_swap(store);
    store->ops->release(store);
    return s;
}

static char dir[80];

static enum itr_status use_a_file_store(void)
{
    struct itr_store *store = NULL;
    struct itr_error e;
    enum itr_status s;
    char address[96];

    (void)snprintf(address, sizeof address, "file:%s", dir);
    s = itr_store_file_new(address, itr_clock_system(), &store, &e);
    assert_int_equal(store != NULL, s == ITR_OK);
    if (store == NULL) {
        assert_int_equal(e.kind, s);
        return s;
    }
    if ((s = load_and_swap(store)) == ITR_OK)
        s = load_and_swap(store);
    store->ops->retain(store);
    store->ops->release(store);
    store->ops->release(store);
    return s;
}

static struct itr_store *of_root; /* "file:", whose directory is another user's now */

static enum itr_status use_a_file_store_as_another_user(void)
{
    enum itr_status s;

    assert_int_equal(seteuid(NOBODY), 0);
    if ((s = load_and_swap(of_root)) == ITR_OK)
        s = load_and_swap(of_root);
    assert_int_equal(seteuid(0), 0);
    return s;
}

static void fail_each_as_another_user(void)
{
    struct itr_error e;
    char cache[112];

    if (geteuid() != 0)
        return; /* only root can become another user */
    (void)snprintf(cache, sizeof cache, "%s/itrigger", dir);
    setenv("XDG_CACHE_HOME", dir, 1);
    assert_int_equal(itr_store_file_new("file:", itr_clock_system(), &of_root, &e), ITR_OK);
    assert_int_equal(chown(cache, NOBODY, NOBODY), 0);
    assert_int_equal(chmod(dir, 0711), 0);
    assert_true(fail_each(use_a_file_store_as_another_user) > 5);
    of_root->ops->release(of_root);
    (void)snprintf(cache, sizeof cache, "%s/itrigger/k.record", dir);
    assert_int_equal(unlink(cache), 0);
    (void)snprintf(cache, sizeof cache, "%s/itrigger/k.lock", dir);
    assert_int_equal(unlink(cache), 0);
    (void)snprintf(cache, sizeof cache, "%s/itrigger", dir);
    assert_int_equal(rmdir(cache), 0);
}

static enum itr_status find_the_standard_directory(void)
{
    struct itr_error e;
    struct itr_buf out;
    enum itr_status s;

    itr_error_clear(&e);
    itr_buf_init(&out, ITR_FILE_DIR_MAX);
    s = itr_file_dir_find("file:", &out, &e);
    assert_int_equal(e.kind, s);
    itr_buf_clear(&out);
    return s;
}

static void each_failure_of_a_store_is_reported(void **state)
{
    char path[96];

    (void)state;
    (void)snprintf(dir, sizeof dir,
                   "/tmp/itr-nomem-whose-name-is-longer-than-the-first-block-of-a-buffer-XXXXXX");
    assert_non_null(mkdtemp(dir));
    setenv("XDG_CACHE_HOME", "/a/directory/with/a/name/of/more/bytes/than/a/buffer/begins/with", 1);
    assert_true(fail_each(find_the_standard_directory) > 1);
    assert_true(fail_each(use_a_memory_store) > 5);
    assert_true(fail_each(use_a_file_store) > 5);
    (void)snprintf(path, sizeof path, "%s/k.record", dir);
    assert_int_equal(unlink(path), 0);
    (void)snprintf(path, sizeof path, "%s/k.lock", dir);
    assert_int_equal(unlink(path), 0);
    fail_each_as_another_user();
    assert_int_equal(rmdir(dir), 0);
}

static void each_failure_is_reported(void **state)
{
    (void)state;
    assert_true(fail_each(grow_a_buf) > 3);
    assert_true(fail_each(grow_a_secret) > 3);
    assert_true(fail_each(fill_a_query) > 3);
    assert_int_equal(fail_each(write_a_query), 1);
    assert_int_equal(fail_each(encode_a_path), 1);
    assert_int_equal(fail_each(check_a_gateway), 1);
    assert_int_equal(fail_each(make_a_token), 1);
}

/* A fetch that failed for want of memory can still be told of. */
static void an_event_needs_no_memory(void **state)
{
    struct itr_events ev = {0};
    struct itr_event_list list;
    struct itr_error e;

    (void)state;
    (void)itr_error_set(&e, ITR_NETWORK, "no route");
    until_failure = 0;
    itr_events_note(&ev, 7, ITR_CACHE_NONE, ITR_WHY_FAILED, &e);
    until_failure = -1;
    itr_events_note(&ev, 8, ITR_CACHE_NONE, ITR_WHY_FAILED, &e);
    itr_events_copy(&ev, &list);
    assert_int_equal(list.n, 2);
    assert_int_equal(list.event[0].at_wall_ms, 7);
    assert_int_equal(list.event[0].why, ITR_WHY_FAILED);
    assert_int_equal(list.event[0].error.kind, ITR_NETWORK);
    assert_string_not_equal(list.event[0].error.text, "");
    assert_string_equal(list.event[1].error.text, "no route");
    itr_events_clear(&ev);
}

#else

static void an_event_needs_no_memory(void **state)
{
    (void)state;
    skip();
}

static void each_failure_is_reported(void **state)
{
    (void)state;
    skip();
}

static void each_failure_of_a_store_is_reported(void **state)
{
    (void)state;
    skip();
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_failure_is_reported),
        cmocka_unit_test(each_failure_of_a_store_is_reported),
        cmocka_unit_test(an_event_needs_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
