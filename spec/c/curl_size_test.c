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

static void a_body_of_exactly_the_maximum_fits(void **state)
{
    static const struct raw_step script[] = {
        READ,
        SEND("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"),
        {RAW_REPEAT, "x", 100000},
        END};
    struct loop_fixture f;

    (void)state;
    loop_fixture_play(&f, script);
    loop_fixture_expect(&f.x, ITR_OK, true, 200);
    assert_int_equal(f.x.response.body.len, FIXTURE_MAX_BODY);
    loop_fixture_next_works(&f);
}

/* A buffer that grows has about twice the room, and was copied each time. */
static void a_body_of_announced_length_gets_its_room_at_once(void **state)
{
    static const struct raw_step script[] = {
        READ,
        SEND("HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n"),
        {RAW_REPEAT, "x", 70000},
        END};
    struct loop_fixture f;

    (void)state;
    loop_fixture_play(&f, script);
    loop_fixture_expect(&f.x, ITR_OK, true, 200);
    assert_int_equal(f.x.response.body.len, 70000);
    assert_int_equal(f.x.response.body.cap, 70001);
    loop_fixture_next_works(&f);
}

static void a_larger_body_is_refused(void **state)
{
    static const struct raw_step told[] = {
        READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n"), HOLD, END};
    static const struct raw_step untold[] = {
        READ, SEND("HTTP/1.0 200 OK\r\n\r\n"), {RAW_REPEAT, "x", 100001}, HOLD, END};

    (void)state;
    loop_fixture_expect_fault(told, ITR_HTTP, 200, "max_response_bytes (100000 bytes)");
    loop_fixture_expect_fault(untold, ITR_HTTP, 200, "max_response_bytes (100000 bytes)");
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
    loop_fixture_expect_fault(bomb, ITR_HTTP, 200, "max_response_bytes (100000 bytes)");
}

static void a_head_without_end_is_refused(void **state)
{
    static const struct raw_step one_line[] = {
        READ, SEND("HTTP/1.1 200 OK\r\nA: "), {RAW_REPEAT, "x", 400000}, HOLD, END};

    (void)state;
    loop_fixture_expect_fault(one_line, ITR_HTTP, 200, "head");
}

/* As large as the head of an answer that is not collected. */
static void a_large_head_is_collected(void **state)
{
    static const struct raw_step script[] = {READ,
                                             SEND("HTTP/1.1 200 OK\r\nA: "),
                                             {RAW_REPEAT, "x", 90000},
                                             SEND("\r\nB: "),
                                             {RAW_REPEAT, "y", 90000},
                                             SEND("\r\nContent-Length: 5\r\n\r\nhello"),
                                             HOLD,
                                             END};
    const struct raw_step *const scripts[] = {script, LOOP_FIXTURE_ANSWERS};
    struct loop_fixture f;

    (void)state;
    loop_fixture_init_with(&f, scripts, 2, NULL);
    f.x.request.want_headers = true;
    loop_fixture_carry(&f);
    loop_fixture_expect(&f.x, ITR_OK, true, 200);
    assert_in_range(f.x.response.headers.len, 180000, 180100);
    loop_fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_of_exactly_the_maximum_fits),
        cmocka_unit_test(a_body_of_announced_length_gets_its_room_at_once),
        cmocka_unit_test(a_larger_body_is_refused),
        cmocka_unit_test(a_gzip_bomb_is_refused),
        cmocka_unit_test(a_head_without_end_is_refused),
        cmocka_unit_test(a_large_head_is_collected),
    };

    return cmocka_run_group_tests_name("curl_size", tests, NULL, NULL);
}
