/* curl_loop: answers that are too large, in each way to be so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/loop_fixture.h"
#include "transport/curl_settings.h"

#define READ                                                                                       \
    {                                                                                              \
        RAW_READ, NULL, 0                                                                          \
    }
#define SEND(t)                                                                                    \
    {                                                                                              \
        RAW_SEND, (t), 0                                                                           \
    }
#define END                                                                                        \
    {                                                                                              \
        RAW_END, NULL, 0                                                                           \
    }
#define RESET                                                                                      \
    {                                                                                              \
        RAW_RESET, NULL, 0                                                                         \
    }
#define HOLD                                                                                       \
    {                                                                                              \
        RAW_HOLD, NULL, 0                                                                          \
    }
#define AGAIN                                                                                      \
    {                                                                                              \
        RAW_AGAIN, NULL, 0                                                                         \
    }

#define OK_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static const struct raw_step ANSWER_ALWAYS[] = {READ, SEND(OK_HELLO), AGAIN};

/* The first connection plays the fault, later ones answer: after each fault the next call works. */
static void play(const struct raw_step *fault, struct loop_fixture *f)
{
    static const struct raw_step *scripts[2];

    scripts[0] = fault;
    scripts[1] = ANSWER_ALWAYS;
    loop_fixture_init_with(f, scripts, 2, NULL);
    loop_fixture_carry(f);
    raw_server_await_closed(f->server, 1);
}

static void next_call_works(struct loop_fixture *f)
{
    f->x.request.timeout_ms = 20000;
    loop_fixture_carry(f);
    loop_fixture_expect(&f->x, ITR_OK, true, 200);
    assert_string_equal(itr_buf_str(&f->x.response.body), "hello");
    loop_fixture_clear(f);
}

static void expect_fault(const struct raw_step *fault, enum itr_status carried, int http_status,
                         const char *detail)
{
    struct loop_fixture f;

    play(fault, &f);
    loop_fixture_expect(&f.x, carried, true, http_status);
    if (strstr(f.x.response.detail, detail) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", f.x.response.detail, detail);
    next_call_works(&f);
}

static void a_body_of_exactly_the_maximum_fits(void **state)
{
    static const struct raw_step script[] = {
        READ,
        SEND("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"),
        {RAW_REPEAT, "x", 100000},
        END};
    struct loop_fixture f;

    (void)state;
    play(script, &f);
    loop_fixture_expect(&f.x, ITR_OK, true, 200);
    assert_int_equal(f.x.response.body.len, FIXTURE_MAX_BODY);
    next_call_works(&f);
}

static void a_larger_body_is_refused(void **state)
{
    static const struct raw_step told[] = {
        READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n"), HOLD, END};
    static const struct raw_step untold[] = {
        READ, SEND("HTTP/1.0 200 OK\r\n\r\n"), {RAW_REPEAT, "x", 100001}, HOLD, END};

    (void)state;
    expect_fault(told, ITR_HTTP, 200, "max_response_bytes (100000 bytes)");
    expect_fault(untold, ITR_HTTP, 200, "max_response_bytes (100000 bytes)");
}

/* 100 KB and 1 byte of zeros in 132 bytes. */
static void a_gzip_bomb_is_refused(void **state)
{
    static const char zeros[] =
        "\037\213\010\000\000\000\000\000\002\003\355\301\061\001\000\000\000\302\240\365"
        "\117\155\015\017\240\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
        "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
        "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
        "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
        "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
        "\000\200\133\003\231\363\142\374\241\206\001\000";
    static const struct raw_step bomb[] = {
        READ,
        SEND("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 132\r\n\r\n"),
        {RAW_SEND, zeros, sizeof zeros - 1},
        HOLD,
        END};

    (void)state;
    expect_fault(bomb, ITR_HTTP, 200, "max_response_bytes (100000 bytes)");
}

static void a_head_without_end_is_refused(void **state)
{
    static const struct raw_step one_line[] = {
        READ, SEND("HTTP/1.1 200 OK\r\nA: "), {RAW_REPEAT, "x", 400000}, HOLD, END};

    (void)state;
    expect_fault(one_line, ITR_HTTP, 200, "head");
}

static void collected_headers_have_a_maximum(void **state)
{
    static const struct raw_step script[] = {
        READ, SEND("HTTP/1.1 200 OK\r\nA: "), {RAW_REPEAT, "x", 70000}, SEND("\r\n\r\n"), HOLD,
        END};
    const struct raw_step *const scripts[] = {script, ANSWER_ALWAYS};
    struct loop_fixture f;

    (void)state;
    loop_fixture_init_with(&f, scripts, 2, NULL);
    f.x.request.want_headers = true;
    loop_fixture_carry(&f);
    loop_fixture_expect(&f.x, ITR_HTTP, true, 200);
    next_call_works(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_of_exactly_the_maximum_fits),
        cmocka_unit_test(a_larger_body_is_refused),
        cmocka_unit_test(a_gzip_bomb_is_refused),
        cmocka_unit_test(a_head_without_end_is_refused),
        cmocka_unit_test(collected_headers_have_a_maximum),
    };

    return cmocka_run_group_tests_name("curl_size", tests, NULL, NULL);
}
