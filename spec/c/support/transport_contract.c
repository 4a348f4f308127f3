#include "support/transport_contract.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/loop_fixture.h"
#include "transport/curl_settings.h"

static const struct raw_step SILENT[] = {{RAW_READ, NULL, 0}, {RAW_HOLD, NULL, 0}, {0}};

void transport_a_get_arrives_as_it_was_meant(void **state)
{
    struct loop_fixture f;
    char *got;
    size_t n;

    (void)state;
    loop_fixture_init(&f, LOOP_FIXTURE_ANSWERS);
    loop_fixture_carry(&f);
    loop_fixture_expect(&f.x, ITR_OK, true, 200);
    assert_string_equal(itr_buf_str(&f.x.response.body), "hello");
    assert_true(f.x.response.elapsed_us > 0);
    assert_int_equal(f.x.response.retry_after_ms, -1);
    assert_int_equal(f.x.response.headers.len, 0);
    got = raw_server_last(f.server, &n);
    assert_memory_equal(got, "GET /a/b?accessToken=s3cret&x=1 HTTP/1.1\r\n", 42);
    assert_non_null(strstr(got, "\r\nAccept: application/json\r\n"));
    assert_non_null(strstr(got, "\r\nAccept-Encoding: gzip\r\n"));
    assert_null(strstr(got, "Content-Type"));
    assert_null(strstr(got, "User-Agent"));
    free(got);
    loop_fixture_clear(&f);
}

void transport_a_post_arrives_byte_for_byte(void **state)
{
    static char body[300000];
    struct loop_fixture f;
    char *got, *at;
    size_t n, i;

    (void)state;
    for (i = 0; i < sizeof body; i++)
        body[i] = (char)(i * 7);
    loop_fixture_init(&f, LOOP_FIXTURE_ANSWERS);
    f.x.request.post = true;
    f.x.request.body = body;
    f.x.request.body_len = sizeof body;
    loop_fixture_carry(&f);
    loop_fixture_expect(&f.x, ITR_OK, true, 200);
    got = raw_server_last(f.server, &n);
    at = strstr(got, "\r\n\r\n") + 4;
    assert_int_equal(got + n - at, sizeof body);
    assert_memory_equal(at, body, sizeof body);
    *at = '\0';
    assert_non_null(strstr(got, "\r\nContent-Type: application/json\r\n"));
    assert_null(strstr(got, "Expect"));
    free(got);
    loop_fixture_clear(&f);
}

void transport_a_post_without_body_and_a_get_after_it(void **state)
{
    struct loop_fixture f;
    char *got;
    size_t n;

    (void)state;
    loop_fixture_init(&f, LOOP_FIXTURE_ANSWERS);
    f.x.request.post = true;
    loop_fixture_carry(&f);
    got = raw_server_last(f.server, &n);
    assert_memory_equal(got, "POST ", 5);
    assert_non_null(strstr(got, "\r\nContent-Length: 0\r\n"));
    free(got);
    f.x.request.post = false;
    loop_fixture_carry(&f);
    got = raw_server_last(f.server, &n);
    assert_memory_equal(got, "GET ", 4);
    assert_null(strstr(got, "Content-"));
    free(got);
    loop_fixture_clear(&f);
}

void transport_own_headers_come_in_place_of_ours(void **state)
{
    const char *const headers[] = {"accept: text/plain", "X-Empty: ", "X-One: 1", NULL};
    struct loop_fixture f;
    char *got;
    size_t n;

    (void)state;
    loop_fixture_init(&f, LOOP_FIXTURE_ANSWERS);
    f.x.request.headers = headers;
    loop_fixture_carry(&f);
    got = raw_server_last(f.server, &n);
    assert_non_null(strstr(got, "\r\naccept: text/plain\r\n"));
    assert_non_null(strstr(got, "\r\nX-Empty:\r\n"));
    assert_non_null(strstr(got, "\r\nX-One: 1\r\n"));
    assert_null(strstr(got, "application/json"));
    free(got);

    /* They are gone from the next request. */
    f.x.request.headers = NULL;
    loop_fixture_carry(&f);
    got = raw_server_last(f.server, &n);
    assert_null(strstr(got, "X-One"));
    assert_non_null(strstr(got, "\r\nAccept: application/json\r\n"));
    free(got);
    loop_fixture_clear(&f);
}

void transport_headers_of_the_last_answer_are_collected_on_request(void **state)
{
    static const struct raw_step script[] = {
        {RAW_READ, NULL, 0},
        {RAW_SEND,
         "HTTP/1.1 103 Early Hints\r\nLink: early\r\n\r\nHTTP/1.1 404 No\r\nX-MiXed:  Va:lue \r\n"
         "Set-Cookie: a=1\r\nContent-Length: 0\r\n\r\n",
         0},
        {RAW_AGAIN, NULL, 0}};
    struct loop_fixture f;

    (void)state;
    loop_fixture_init(&f, script);
    f.x.request.want_headers = true;
    loop_fixture_carry(&f);
    loop_fixture_expect(&f.x, ITR_OK, true, 404);
    assert_string_equal(itr_buf_str(&f.x.response.headers),
                        "x-mixed: Va:lue\nset-cookie: a=1\ncontent-length: 0\n");
    f.x.request.want_headers = false;
    loop_fixture_carry(&f);
    assert_int_equal(f.x.response.headers.len, 0);
    loop_fixture_clear(&f);
}

void transport_the_connection_is_kept(void **state)
{
    struct loop_fixture f;
    int i;

    (void)state;
    loop_fixture_init(&f, LOOP_FIXTURE_ANSWERS);
    for (i = 0; i < 5; i++) {
        loop_fixture_carry(&f);
        loop_fixture_expect(&f.x, ITR_OK, true, 200);
    }
    assert_int_equal(raw_server_requests(f.server), 5);
    assert_int_equal(raw_server_connections(f.server), ITR_CURL_HAS_PREREQ ? 1 : 5);
    loop_fixture_clear(&f);
}

void transport_only_https_or_loopback_is_called(void **state)
{
    static const char *const bad[] = {"http://example.invalid/a",
                                      "ftp://127.0.0.1/a",
                                      "127.0.0.1/a",
                                      "http://127.0.0.1@127.0.0.2/a",
                                      "http://127.0.0.1\\@x.org/a",
                                      "file:///etc/passwd",
                                      "http://127.0.0.1.example.org/",
                                      "https://",
                                      ""};
    struct loop_fixture f;
    size_t i;

    (void)state;
    loop_fixture_init(&f, LOOP_FIXTURE_ANSWERS);
    for (i = 0; i + 2 < sizeof bad / sizeof bad[0]; i++) {
        struct itr_error e = {0};
        f.x.request.url = bad[i];
        assert_int_equal(f.t->ops->start(f.t, &f.x, &e), ITR_USAGE);
        assert_true(e.text[0] != '\0');
        assert_null(f.x.transfer);
    }
    f.x.request.url = f.url;
    loop_fixture_carry(&f);
    loop_fixture_expect(&f.x, ITR_OK, true, 200);
    assert_int_equal(raw_server_requests(f.server), 1);
    loop_fixture_clear(&f);
}

/* ---- waiting ---- */

void transport_waiting_with_nothing_to_carry_ends_by_its_time(void **state)
{
    struct itr_transport *t = loop_fixture_open(NULL);

    (void)state;
    assert_null(t->ops->wait(t, 0));
    assert_null(t->ops->wait(t, 10));
    t->ops->free(t);
}

static void *wake(void *ctx)
{
    struct itr_transport *t = ctx;

    t->ops->wake(t);
    return NULL;
}

void transport_a_wake_from_another_thread_ends_the_wait(void **state)
{
    struct loop_fixture f;
    struct itr_error e;
    pthread_t thread;

    (void)state;
    loop_fixture_init(&f, SILENT);
    assert_int_equal(f.t->ops->start(f.t, &f.x, &e), ITR_OK);
    assert_int_equal(pthread_create(&thread, NULL, wake, f.t), 0);
    assert_null(f.t->ops->wait(f.t, -1));
    pthread_join(thread, NULL);

    /* One before the wait counts, too, and once. */
    f.t->ops->wake(f.t);
    f.t->ops->wake(f.t);
    assert_null(f.t->ops->wait(f.t, -1));
    f.t->ops->cancel(f.t, &f.x);
    loop_fixture_clear(&f);
}

/* ---- cancelling ---- */

void transport_a_cancelled_exchange_says_what_left_and_closes_its_connection(void **state)
{
    const struct raw_step *const scripts[] = {SILENT, LOOP_FIXTURE_ANSWERS};
    struct loop_fixture f;
    struct itr_error e;

    (void)state;
    loop_fixture_init_with(&f, scripts, 2, NULL);
    assert_int_equal(f.t->ops->start(f.t, &f.x, &e), ITR_OK);
    while (raw_server_requests(f.server) == 0)
        assert_null(f.t->ops->wait(f.t, 1));
    f.t->ops->cancel(f.t, &f.x);
    assert_true(f.x.response.sent);
    assert_null(f.x.transfer);
    raw_server_await_closed(f.server, 1);
    loop_fixture_carry(&f);
    loop_fixture_expect(&f.x, ITR_OK, true, 200);
    assert_int_equal(raw_server_connections(f.server), 2);
    loop_fixture_clear(&f);
}

void transport_that_is_freed_ends_what_runs(void **state)
{
    struct loop_fixture f;
    struct itr_error e;

    (void)state;
    loop_fixture_init(&f, SILENT);
    assert_int_equal(f.t->ops->start(f.t, &f.x, &e), ITR_OK);
    while (raw_server_requests(f.server) == 0)
        assert_null(f.t->ops->wait(f.t, 1));
    loop_fixture_clear(&f);
}
