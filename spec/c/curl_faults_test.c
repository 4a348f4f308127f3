/* curl_loop: what becomes of connections and answers that are not as they should be; of what nobody
 * asked for also on curl_engine. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "support/loop_fixture.h"
#include "transport/curl_engine.h"
#include "transport/curl_settings.h"

/* Long enough for what has to be done before, on a machine that is busy. */
#define LIMIT_MS 1000
#define WITHIN_LIMIT "within 1000 ms"

/* A label of more than 63 bytes: the resolver knows by itself that there is none, whatever name
 * server the machine has. */
#define TEN "no-such-ho"
#define NO_SUCH_HOST TEN TEN TEN TEN TEN TEN TEN ".invalid"

/* ---- the connection ---- */

static void a_refused_port_sends_nothing(void **state)
{
    struct loop_fixture f;

    (void)state;
    loop_fixture_init(&f, LOOP_FIXTURE_ANSWERS);
    raw_server_free(f.server);
    f.server = NULL;
    loop_fixture_carry(&f);
    loop_fixture_expect(&f.x, ITR_NETWORK, false, 0);
    assert_non_null(strstr(f.x.response.detail, "Connection refused"));
    loop_fixture_clear(&f);
}

static void a_name_that_does_not_exist_sends_nothing(void **state)
{
    struct loop_fixture f;

    (void)state;
    loop_fixture_init(&f, LOOP_FIXTURE_ANSWERS);
    f.x.request.url = "https://" NO_SUCH_HOST "/a?accessToken=s3cret";
    loop_fixture_carry(&f);
    loop_fixture_expect(&f.x, ITR_NETWORK, false, 0);
    assert_non_null(strstr(f.x.response.detail, "resolve"));
    assert_non_null(strstr(f.x.response.detail, NO_SUCH_HOST));
    f.x.request.url = f.url;
    loop_fixture_next_works(&f);
}

/* libcurl by itself would send the POST again, on a new connection. */
static void a_post_that_a_dying_kept_connection_took_is_not_repeated(void **state)
{
    static const struct raw_step dies[] = {READ, SEND(OK_HELLO), READ, END};
    static const struct raw_step answers_once[] = {READ, SEND(OK_HELLO), END};
    static const struct raw_step reads[] = {READ, END};
    const struct raw_step *const kept[] = {dies, LOOP_FIXTURE_ANSWERS};
    const struct raw_step *const fresh[] = {answers_once, reads, LOOP_FIXTURE_ANSWERS};
    struct loop_fixture f;

    (void)state;
    loop_fixture_init_with(&f, ITR_CURL_HAS_PREREQ ? kept : fresh, ITR_CURL_HAS_PREREQ ? 2 : 3,
                           NULL);
    f.x.request.post = true;
    f.x.request.body = "{\"add\":1}";
    f.x.request.body_len = strlen(f.x.request.body);
    loop_fixture_carry(&f);
    loop_fixture_expect(&f.x, ITR_OK, true, 200);
    loop_fixture_carry(&f);
    loop_fixture_expect(&f.x, ITR_NETWORK, true, 0);
    assert_non_null(strstr(f.x.response.detail, "closed"));
    assert_int_equal(raw_server_requests(f.server), 2);
    loop_fixture_next_works(&f);
}

static void a_kept_connection_that_died_in_between_is_not_used(void **state)
{
    static const struct raw_step answers_once[] = {READ, SEND(OK_HELLO), END};
    struct loop_fixture f;

    (void)state;
    loop_fixture_play(&f, answers_once);
    loop_fixture_next_works(&f);
}

static void connections_that_end_too_early(void **state)
{
    static const struct raw_step unanswered[] = {READ, END};
    static const struct raw_step reset_unanswered[] = {READ, RESET};
    static const struct raw_step reset_in_head[] = {READ, SEND("HTTP/1.1 200 OK\r\nA: b"), RESET};
    static const struct raw_step end_in_head[] = {READ, SEND("HTTP/1.1 200 OK\r\nContent-Len"),
                                                  END};
    static const struct raw_step end_in_body[] = {
        READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"), END};
    static const struct raw_step reset_in_body[] = {
        READ, SEND("HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\nhello"), RESET};
    static const struct raw_step end_in_chunk[] = {
        READ, SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello"), END};
    static const struct raw_step end_between_chunks[] = {
        READ, SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"), END};

    (void)state;
    loop_fixture_expect_fault(unanswered, ITR_NETWORK, 0,
                              "closed the connection before the answer");
    loop_fixture_expect_fault(reset_unanswered, ITR_NETWORK, 0, "reset by peer");
    loop_fixture_expect_fault(reset_in_head, ITR_NETWORK, 200, "reset by peer");
    loop_fixture_expect_fault(end_in_head, ITR_NETWORK, 200,
                              "closed the connection before the answer was complete");
    loop_fixture_expect_fault(end_in_body, ITR_NETWORK, 200,
                              "closed the connection before the answer was complete");
    loop_fixture_expect_fault(reset_in_body, ITR_NETWORK, 500, "reset by peer");
    loop_fixture_expect_fault(end_in_chunk, ITR_NETWORK, 200,
                              "closed the connection before the answer was complete");
    loop_fixture_expect_fault(end_between_chunks, ITR_NETWORK, 200,
                              "before the answer was complete");
}

/* Makes poll report POLLERR alone for fd, as it may for a moment when a reset arrives: the socket's
 * error queue holds the timestamp of a byte that was sent. False: not supported (qemu-user). */
static bool show_an_error_alone(int fd)
{
    /* As in linux/net_tstamp.h, which is not there with musl. */
    enum { TX_SOFTWARE = 1 << 1, SOFTWARE = 1 << 4, OPT_TSONLY = 1 << 11 };
    int stamp = TX_SOFTWARE | SOFTWARE | OPT_TSONLY;
    struct pollfd p = {.fd = fd, .events = POLLIN};

    if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &stamp, sizeof stamp) != 0) {
        assert_int_equal(errno, ENOPROTOOPT);
        return false;
    }
    assert_int_equal(send(fd, "x", 1, 0), 1);
    assert_int_equal(poll(&p, 1, -1), 1);
    assert_int_equal(p.revents, POLLERR);
    return true;
}

static void an_error_reported_before_the_answer_does_not_lose_it(void **state)
{
    static const struct raw_step script[] = {READ, GATE, SEND(OK_HELLO), HOLD, END};
    const struct raw_step *const scripts[] = {script};
    struct loop_fixture f;
    struct itr_error e;
    bool shown;
    int i;

    (void)state;
    loop_fixture_init_with(&f, scripts, 1, NULL);
    assert_int_equal(f.t->ops->start(f.t, &f.x, &e), ITR_OK);
    while (raw_server_requests(f.server) == 0)
        assert_null(f.t->ops->wait(f.t, 1));
    shown = show_an_error_alone(raw_server_peer(f.server));
    for (i = 0; i < 3; i++)
        assert_null(f.t->ops->wait(f.t, 1));
    raw_server_open_gate(f.server);
    assert_ptr_equal(f.t->ops->wait(f.t, -1), &f.x);
    loop_fixture_expect(&f.x, ITR_OK, true, 200);
    loop_fixture_clear(&f);
    if (!shown) {
        print_message("timestamps of sent bytes are not supported here (qemu-user)\n");
        skip();
    }
}

static void bytes_that_are_not_http(void **state)
{
    static const struct raw_step other_protocol[] = {READ, SEND("220 ftp here, hello\r\n"), END};
    static const struct raw_step bad_chunk[] = {
        READ, SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n"), END};
    static const struct raw_step bad_length[] = {
        READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nhello"), END};
    static const struct raw_step bad_gzip[] = {
        READ, SEND("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello"),
        END};
    static const struct raw_step more_than_gzip[] = {
        READ,
        SEND("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 32\r\n\r\n\037\213\010"),
        {RAW_REPEAT, "\0", 5},
        SEND("\002\003\313\110\315\311\311\007"),
        {RAW_REPEAT, "\0", 1},
        SEND("\206\246\020\066\005"),
        {RAW_REPEAT, "\0", 3},
        SEND("garbage"),
        HOLD,
        END};

    (void)state;
    loop_fixture_expect_fault(more_than_gzip, ITR_NETWORK, 200, "cannot be decoded");
    loop_fixture_expect_fault(other_protocol, ITR_NETWORK, 0, "HTTP");
    loop_fixture_expect_fault(bad_chunk, ITR_NETWORK, 200, "");
    loop_fixture_expect_fault(bad_length, ITR_NETWORK, 200, "");
    loop_fixture_expect_fault(bad_gzip, ITR_NETWORK, 200, "cannot be decoded");
}

/* What follows a whole answer belongs to no request; the connection is not used again. */
static void more_than_the_content_length_is_cut_off(void **state)
{
    static const struct raw_step longer[] = {
        READ, SEND(OK_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nX"), HOLD, END};
    struct loop_fixture f;

    (void)state;
    loop_fixture_play(&f, longer);
    loop_fixture_expect(&f.x, ITR_OK, true, 200);
    assert_string_equal(itr_buf_str(&f.x.response.body), "hello");
    loop_fixture_next_works(&f);
}

/* ---- what nobody asked for, on a kept connection ---- */

/* After the first answer the server goes on by itself; the next call must not see that. */
static void expect_unused_after(const struct raw_step *script, bool ends)
{
    const struct raw_step *const scripts[] = {script, LOOP_FIXTURE_ANSWERS};
    struct loop_fixture f;

    loop_fixture_init_with(&f, scripts, 2, NULL);
    f.x.request.post = true;
    loop_fixture_carry(&f);
    loop_fixture_expect(&f.x, ITR_OK, true, 200);
    raw_server_open_gate(f.server);
    if (ends)
        raw_server_await_closed(f.server, 1);
    else
        raw_server_await_sends(f.server, 2);
    raw_server_await_arrived(f.server);
    loop_fixture_next_works(&f);
}

static void an_unasked_answer_is_not_the_next_calls(void **state)
{
    static const struct raw_step stale_408[] = {
        READ, SEND(OK_HELLO), GATE,
        SEND("HTTP/1.1 408 Request Time-out\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
        END};
    static const struct raw_step stale_200[] = {
        READ, SEND(OK_HELLO), GATE, SEND("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"), HOLD,
        END};
    static const struct raw_step half_of_one[] = {
        READ, SEND(OK_HELLO), GATE, SEND("HTTP/1.1 200 OK\r\nContent-Le"), HOLD, END};
    static const struct raw_step end[] = {READ, SEND(OK_HELLO), GATE, END};
    static const struct raw_step reset[] = {READ, SEND(OK_HELLO), GATE, RESET};

    (void)state;
    expect_unused_after(stale_408, true);
    expect_unused_after(stale_200, false);
    expect_unused_after(half_of_one, false);
    expect_unused_after(end, true);
    expect_unused_after(reset, true);
}

/* Each way to know where an answer ends, and a second answer in the same bytes. */
static void bytes_behind_a_whole_answer_are_not_the_next_calls(void **state)
{
    static const struct raw_step length[] = {
        READ, SEND(OK_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"), READ,
        SEND(OK_HELLO), END};
    static const struct raw_step none[] = {
        READ,
        SEND("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
             "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"),
        READ, SEND(OK_HELLO), END};
    static const struct raw_step chunks[] = {
        READ,
        SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
             "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"),
        READ, SEND(OK_HELLO), END};
    const struct raw_step *const all[] = {length, none, chunks};
    struct loop_fixture f;
    size_t i;

    (void)state;
    for (i = 0; i < 3; i++) {
        const struct raw_step *const scripts[] = {all[i], LOOP_FIXTURE_ANSWERS};

        loop_fixture_init_with(&f, scripts, 2, NULL);
        loop_fixture_carry(&f);
        loop_fixture_expect(&f.x, ITR_OK, true, 200);
        loop_fixture_next_works(&f);
    }
}

/* More than a call is tried again for: the second try must take a fresh one. Not on the engine,
 * whose thread may have an answer before the last is started, and then needs fewer connections. */
static void many_stale_connections_fail_no_call(void **state)
{
    enum { MANY = 60 };
    static const struct raw_step stray[] = {READ, SEND(OK_HELLO), GATE, SEND("HTTP"), HOLD, END};
    static struct itr_exchange x[MANY];
    const struct raw_step *scripts[MANY + 1];
    struct loop_fixture f;
    struct itr_error e;
    size_t i;

    (void)state;
    for (i = 0; i < MANY; i++)
        scripts[i] = stray;
    scripts[MANY] = LOOP_FIXTURE_ANSWERS;
    loop_fixture_init_with(&f, scripts, MANY + 1, NULL);
    for (i = 0; i < MANY; i++) {
        loop_fixture_get(&x[i], f.url);
        assert_int_equal(f.t->ops->start(f.t, &x[i], &e), ITR_OK);
    }
    for (i = 0; i < MANY; i++)
        assert_non_null(f.t->ops->wait(f.t, -1));
    raw_server_open_gate(f.server);
    raw_server_await_sends(f.server, (size_t)2 * MANY);
    raw_server_await_arrived(f.server);
    for (i = 0; i < MANY; i++) {
        loop_fixture_expect(&x[i], ITR_OK, true, 200);
        loop_fixture_carry_on(f.t, &x[i]);
        loop_fixture_expect(&x[i], ITR_OK, true, 200);
        itr_exchange_clear(&x[i]);
    }
    loop_fixture_clear(&f);
}

static void a_trailer_is_no_news(void **state)
{
    static const struct raw_step script[] = {
        READ,
        SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, X-Two\r\n\r\n"
             "5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-Two: 2\r\n\r\n"),
        END};
    static const struct raw_step cut[] = {
        READ, SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Su"),
        END};
    static const struct raw_step after_hints[] = {
        READ,
        SEND("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: "
             "chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"),
        END};
    struct loop_fixture f;

    (void)state;
    loop_fixture_init_with(&f, (const struct raw_step *const[]){script}, 1, NULL);
    f.x.request.want_headers = true;
    loop_fixture_carry(&f);
    loop_fixture_expect(&f.x, ITR_OK, true, 200);
    assert_string_equal(itr_buf_str(&f.x.response.body), "hello");
    assert_null(strstr(itr_buf_str(&f.x.response.headers), "x-sum: 1"));
    assert_non_null(strstr(itr_buf_str(&f.x.response.headers), "transfer-encoding: chunked"));
    loop_fixture_clear(&f);
    loop_fixture_init(&f, after_hints);
    loop_fixture_carry(&f);
    loop_fixture_expect(&f.x, ITR_OK, true, 200);
    loop_fixture_clear(&f);
    loop_fixture_expect_fault(cut, ITR_NETWORK, 200, "before the answer was complete");
}

/* ---- time ---- */

static void the_deadline_ends_every_phase(void **state)
{
    static const struct raw_step silent[] = {READ, HOLD, END};
    static const struct raw_step drips_head[] = {
        READ, SEND("HTTP/1.1 200 OK\r\nA: "), {RAW_DRIP, "x", 0}, END};
    static const struct raw_step drips_body[] = {
        READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"), {RAW_DRIP, "x", 0}, END};
    static const struct {
        const struct raw_step *script;
        int http_status;
        const char *phase;
    } cases[] = {{silent, 0, "waiting for the first byte"},
                 {drips_head, 200, "receiving"},
                 {drips_body, 200, "receiving"}};
    struct loop_fixture f;
    size_t i;

    (void)state;
    for (i = 0; i < 3; i++) {
        const struct raw_step *scripts[] = {cases[i].script, LOOP_FIXTURE_ANSWERS};
        loop_fixture_init_with(&f, scripts, 2, NULL);
        f.x.request.timeout_ms = LIMIT_MS;
        loop_fixture_carry(&f);
        loop_fixture_expect(&f.x, ITR_TIMEOUT, true, cases[i].http_status);
        assert_non_null(strstr(f.x.response.detail, WITHIN_LIMIT));
        assert_non_null(strstr(f.x.response.detail, cases[i].phase));
        loop_fixture_next_works(&f);
    }
}

/* The connection stands, and nobody answers the handshake. */
static void the_deadline_ends_a_handshake_and_names_it(void **state)
{
    static const struct raw_step silent[] = {HOLD, END};
    struct loop_fixture f;
    char url[300];

    (void)state;
    loop_fixture_init(&f, silent);
    snprintf(url, sizeof url, "https%s", f.url + strlen("http"));
    f.x.request.url = url;
    f.x.request.timeout_ms = LIMIT_MS;
    loop_fixture_carry(&f);
    loop_fixture_expect(&f.x, ITR_TIMEOUT, false, 0);
    assert_non_null(strstr(f.x.response.detail, WITHIN_LIMIT));
    assert_non_null(strstr(f.x.response.detail, "in the TLS handshake"));
    loop_fixture_clear(&f);
}

static void pass_deadline(const struct itr_exchange *x, int64_t started_mono_ms)
{
    const struct itr_clock *clock = itr_clock_system();

    itr_clock_sleep_ms(clock,
                       started_mono_ms + x->request.timeout_ms + 2 - itr_clock_mono_ms(clock));
}

/* Its caller wrote to a database, was stopped, or the machine slept. */
static void an_answer_that_came_while_nobody_looked_is_no_timeout(void **state)
{
    static const struct raw_step script[] = {
        READ,
        GATE,
        SEND("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"),
        {RAW_REPEAT, "x", 99999},
        SEND("y"),
        HOLD,
        END};
    const struct raw_step *const scripts[] = {script};
    struct itr_transport_options o = {.max_host_connections = 1};
    struct itr_exchange second;
    struct loop_fixture f;
    struct itr_error e;
    int64_t start;

    (void)state;
    loop_fixture_init_with(&f, scripts, 1, &o);
    loop_fixture_get(&second, f.url);
    second.request.timeout_ms = f.x.request.timeout_ms = LIMIT_MS;
    start = itr_clock_mono_ms(itr_clock_system());
    assert_int_equal(f.t->ops->start(f.t, &f.x, &e), ITR_OK);
    assert_int_equal(f.t->ops->start(f.t, &second, &e), ITR_OK);
    while (raw_server_requests(f.server) == 0)
        assert_null(f.t->ops->wait(f.t, 1));
    raw_server_open_gate(f.server);
    raw_server_await_sends(f.server, 2);
    pass_deadline(&f.x, start);
    assert_ptr_equal(f.t->ops->wait(f.t, -1), &f.x);
    loop_fixture_expect(&f.x, ITR_OK, true, 200);
    assert_int_equal(f.x.response.body.len, 100000);

    /* What was not sent by its deadline never is. */
    assert_ptr_equal(f.t->ops->wait(f.t, -1), &second);
    loop_fixture_expect(&second, ITR_TIMEOUT, false, 0);
    assert_int_equal(raw_server_requests(f.server), 1);
    itr_exchange_clear(&second);
    loop_fixture_clear(&f);
}

/* A TLS handshake with a server that says nothing. */
static void the_connect_limit_ends_a_handshake(void **state)
{
    static const struct raw_step mute[] = {HOLD, END};
    const struct raw_step *const scripts[] = {mute};
    struct itr_transport_options o = {.connect_timeout_ms = LIMIT_MS};
    struct loop_fixture f;
    char url[64];

    (void)state;
    loop_fixture_init_with(&f, scripts, 1, &o);
    snprintf(url, sizeof url, "https://127.0.0.1:%d/", raw_server_port(f.server));
    f.x.request.url = url;
    loop_fixture_carry(&f);
    loop_fixture_expect(&f.x, ITR_TIMEOUT, false, 0);
    assert_non_null(strstr(f.x.response.detail, WITHIN_LIMIT " (in the TLS handshake)"));
    loop_fixture_clear(&f);
}

/* ---- answers that are right but need care ---- */

static void a_redirect_is_an_answer_like_any_other(void **state)
{
    static const struct raw_step script[] = {
        READ,
        SEND("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 2\r\n\r\nno"),
        END};
    struct loop_fixture f;

    (void)state;
    loop_fixture_play(&f, script);
    loop_fixture_expect(&f.x, ITR_OK, true, 302);
    assert_string_equal(itr_buf_str(&f.x.response.body), "no");
    loop_fixture_next_works(&f);
}

static int64_t retry_after(const char *answer)
{
    struct raw_step script[] = {READ, {RAW_SEND, NULL, 0}, END};
    struct loop_fixture f;
    int64_t ms;

    script[1].text = answer;
    loop_fixture_play(&f, script);
    ms = f.x.response.retry_after_ms;
    assert_int_equal(f.x.response.carried, ITR_OK);
    loop_fixture_carry(&f); /* the next one has none */
    assert_int_equal(f.x.response.retry_after_ms, -1);
    loop_fixture_clear(&f);
    return ms;
}

static void retry_after_is_read_in_both_forms(void **state)
{
    int64_t ms;

    (void)state;
    assert_int_equal(
        retry_after("HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"), 7000);
    assert_int_equal(retry_after("HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n"), -1);
    assert_int_equal(
        retry_after("HTTP/1.1 503 No\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n"), -1);
    assert_int_equal(retry_after("HTTP/1.1 429 Slow\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT"
                                 "\r\nContent-Length: 0\r\n\r\n"),
                     0);
    ms = retry_after("HTTP/1.1 429 Slow\r\nRetry-After: Fri, 31 Dec 2199 23:59:59 GMT"
                     "\r\nContent-Length: 0\r\n\r\n");
    assert_true(ms >= 6 * 3600 * 1000); /* newer libcurl makes it 6 hours at most */
}

/* ---- what nobody asked for, on the engine: its thread looks at kept connections by itself ---- */

static enum itr_status open_engine(const struct itr_transport_options *options,
                                   struct itr_transport **out, struct itr_error *e)
{
    return itr_curl_engine_open(options, NULL, out, e);
}

static enum itr_status (*usual_opener)(const struct itr_transport_options *options,
                                       struct itr_transport **out, struct itr_error *e);

static int use_engine(void **state)
{
    (void)state;
    usual_opener = loop_fixture_opener;
    loop_fixture_opener = open_engine;
    return 0;
}

static int use_loop(void **state)
{
    (void)state;
    loop_fixture_opener = usual_opener;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refused_port_sends_nothing),
        cmocka_unit_test(a_name_that_does_not_exist_sends_nothing),
        cmocka_unit_test(a_post_that_a_dying_kept_connection_took_is_not_repeated),
        cmocka_unit_test(a_kept_connection_that_died_in_between_is_not_used),
        cmocka_unit_test(connections_that_end_too_early),
        cmocka_unit_test(an_error_reported_before_the_answer_does_not_lose_it),
        cmocka_unit_test(bytes_that_are_not_http),
        cmocka_unit_test(more_than_the_content_length_is_cut_off),
        cmocka_unit_test(an_unasked_answer_is_not_the_next_calls),
        cmocka_unit_test(bytes_behind_a_whole_answer_are_not_the_next_calls),
        cmocka_unit_test(many_stale_connections_fail_no_call),
        cmocka_unit_test_setup_teardown(an_unasked_answer_is_not_the_next_calls, use_engine,
                                        use_loop),
        cmocka_unit_test_setup_teardown(bytes_behind_a_whole_answer_are_not_the_next_calls,
                                        use_engine, use_loop),
        cmocka_unit_test(a_trailer_is_no_news),
        cmocka_unit_test(the_deadline_ends_every_phase),
        cmocka_unit_test(the_deadline_ends_a_handshake_and_names_it),
        cmocka_unit_test(an_answer_that_came_while_nobody_looked_is_no_timeout),
        cmocka_unit_test(the_connect_limit_ends_a_handshake),
        cmocka_unit_test(a_redirect_is_an_answer_like_any_other),
        cmocka_unit_test(retry_after_is_read_in_both_forms),
    };

    return cmocka_run_group_tests_name("curl_faults", tests, NULL, NULL);
}
