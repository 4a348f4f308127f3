/*
 * Every allocation of the primitives fails in turn: each failure is reported, nothing is half done,
 * and the same object works once there is memory again.
 *
 * This program brings its own malloc and realloc, on top of glibc's. Sanitizers bring theirs, so
 * there, and without glibc, it has nothing to show.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/http/url.h"
#include "core/json/scan.h"
#include "core/record/token.h"

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

static bool fails_now(void)
{
    return until_failure >= 0 && until_failure-- == 0;
}

void *__libc_malloc(size_t n);
void *__libc_realloc(void *p, size_t n);

void *malloc(size_t n)
{
    return fails_now() ? NULL : __libc_malloc(n);
}

void *realloc(void *p, size_t n)
{
    return fails_now() ? NULL : __libc_realloc(p, n);
}

/* Runs the call with the 1st, 2nd, 3rd ... allocation failing until it gets through; returns how
 * many failed. */
static int fail_each(enum itr_status (*run)(void))
{
    enum itr_status s;
    int failed;

    for (failed = 0;; failed++) {
        until_failure = failed;
        s = run();
        until_failure = -1;
        if (s == ITR_OK)
            return failed;
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

#else

static void each_failure_is_reported(void **state)
{
    (void)state;
    skip();
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_failure_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
