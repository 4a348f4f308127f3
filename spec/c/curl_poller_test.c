/* curl_poller: what a look at all sockets tells of a kept connection. The rest of it is tested
 * through curl_loop and curl_engine. */
#include "support/fixture.h"

#include <dlfcn.h>
#include <stdio.h>
#include <sys/socket.h>

#include "core/base/clock.h"
#include "support/loop_fixture.h"
#include "support/raw_server.h"
#include "transport/curl_poller.h"

/* What libcurl was told of since the count was set to 0. */
static curl_socket_t told[8];
static size_t n_told;

/* In place of libcurl's, which it calls. */
CURLMcode curl_multi_socket_action(CURLM *multi, curl_socket_t fd, int events, int *running)
{
    union { /* ISO C knows no cast from a data pointer to a function's */
        void *found;
        CURLMcode (*function)(CURLM *, curl_socket_t, int, int *);
    } real;

    if (n_told < sizeof told / sizeof told[0])
        told[n_told++] = fd;
    real.found = dlsym(RTLD_NEXT, "curl_multi_socket_action");
    return real.function(multi, fd, events, running);
}

/* One request over libcurl alone, whose connection is kept. */
struct kept {
    struct raw_server *server;
    CURLM *multi;
    CURL *easy;
    struct itr_curl_poller poller;
    int fd;
    bool gated; /* the answer waits until libcurl waits for it */
};

static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct kept *k = ctx;

    (void)purpose;
    k->fd = socket(a->family, a->socktype, a->protocol);
    itr_curl_poller_opened(&k->poller, k->fd);
    return k->fd;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *ctx)
{
    (void)bytes, (void)ctx;
    return size * n;
}

/* Have the look just made be of this moment, however slow the test is. */
static void look_now(struct kept *k)
{
    int n;

    assert_int_equal(itr_curl_poller_wait(&k->poller, 0, &n), CURLM_OK);
    k->poller.looked_mono_us = INT64_MAX;
}

static void answer_what_was_sent(struct kept *k)
{
    long n = 0;

    if (curl_easy_getinfo(k->easy, CURLINFO_REQUEST_SIZE, &n) == CURLE_OK && n > 0 && k->gated)
        raw_server_open_gate(k->server);
}

static void carry(struct kept *k)
{
    CURLMsg *message;
    int n;

    assert_int_equal(curl_multi_add_handle(k->multi, k->easy), CURLM_OK);
    assert_int_equal(itr_curl_poller_run_due(&k->poller), CURLM_OK);
    while ((message = curl_multi_info_read(k->multi, &n)) == NULL) {
        int ms = itr_curl_poller_timer_ms(&k->poller);

        answer_what_was_sent(k);
        assert_int_equal(itr_curl_poller_wait(&k->poller, ms, &n), CURLM_OK);
        assert_int_equal(itr_curl_poller_run_due(&k->poller), CURLM_OK);
    }
    assert_int_equal(message->data.result, CURLE_OK);
    assert_int_equal(curl_multi_remove_handle(k->multi, k->easy), CURLM_OK);
    k->poller.looked_mono_us = INT64_MAX;
}

static void init(struct kept *k, const struct raw_step *const *script, bool gated)
{
    char url[64];

    *k = (struct kept){.server = raw_server_new(script, 1), .fd = -1, .gated = gated};
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/", raw_server_port(k->server));
    k->multi = curl_multi_init();
    k->easy = curl_easy_init();
    assert_int_equal(itr_curl_poller_open(&k->poller, k->multi), 0);
    curl_easy_setopt(k->easy, CURLOPT_URL, url);
    curl_easy_setopt(k->easy, CURLOPT_PROXY, "");
    curl_easy_setopt(k->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(k->easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
    curl_easy_setopt(k->easy, CURLOPT_OPENSOCKETDATA, (void *)k);
    curl_easy_setopt(k->easy, CURLOPT_WRITEFUNCTION, on_body);
    carry(k);
    assert_true(k->fd >= 0);
}

/* With a connection that libcurl had watched for an answer. */
static void init_watched(struct kept *k)
{
    static const struct raw_step answers[] = {READ, GATE, SEND(OK_HELLO), AGAIN};
    static const struct raw_step *const scripts[] = {answers};

    init(k, scripts, true);
}

static void clear(struct kept *k)
{
    curl_easy_cleanup(k->easy);
    curl_multi_cleanup(k->multi);
    itr_curl_poller_close(&k->poller);
    raw_server_free(k->server);
}

static void a_look_vouches_for_one_use_after_the_last(void **state)
{
    struct kept k;

    (void)state;
    init_watched(&k);
    assert_false(
        itr_curl_poller_is_quiet(&k.poller, k.fd, 0)); /* the last look was before its end */
    look_now(&k);
    assert_true(itr_curl_poller_is_quiet(&k.poller, k.fd, 0));
    assert_false(itr_curl_poller_is_quiet(&k.poller, k.fd, 0));
    look_now(&k);
    assert_true(itr_curl_poller_is_quiet(&k.poller, k.fd, 0));
    carry(&k);
    assert_false(itr_curl_poller_is_quiet(&k.poller, k.fd, 0));
    clear(&k);
}

static void a_look_before_the_start_vouches_for_nothing(void **state)
{
    struct kept k;

    (void)state;
    init_watched(&k);
    look_now(&k);
    assert_false(itr_curl_poller_is_quiet(&k.poller, k.fd, k.poller.n_looks));
    look_now(&k);
    assert_true(itr_curl_poller_is_quiet(&k.poller, k.fd, k.poller.n_looks - 1));
    clear(&k);
}

static void an_old_look_vouches_for_nothing(void **state)
{
    struct kept k;

    (void)state;
    init_watched(&k);
    look_now(&k);
    k.poller.looked_mono_us =
        itr_clock_mono_us(itr_clock_system()) - ITR_CURL_POLLER_VOUCHES_US - 1;
    assert_false(itr_curl_poller_is_quiet(&k.poller, k.fd, 0));
    assert_false(itr_curl_poller_is_quiet(&k.poller, -1, 0));
    assert_false(itr_curl_poller_is_quiet(&k.poller, 9999, 0));
    clear(&k);
}

/* Bytes that nobody asked for, or the end. */
static void a_look_that_finds_something_does_not_vouch(void **state)
{
    static const struct raw_step bytes[] = {READ, SEND(OK_HELLO), GATE, SEND("x"), HOLD, END};
    static const struct raw_step end[] = {READ, SEND(OK_HELLO), GATE, END};
    static const struct raw_step *const scripts[] = {bytes, end};
    struct kept k;
    size_t i;

    (void)state;
    for (i = 0; i < 2; i++) {
        init(&k, &scripts[i], false);
        look_now(&k);
        raw_server_open_gate(k.server);
        if (i == 0)
            raw_server_await_sends(k.server, 2);
        else
            raw_server_await_closed(k.server, 1);
        raw_server_await_arrived(k.server);
        look_now(&k);
        assert_false(itr_curl_poller_is_quiet(&k.poller, k.fd, 0));
        look_now(&k);
        assert_false(itr_curl_poller_is_quiet(&k.poller, k.fd, 0));
        clear(&k);
    }
}

static void what_begins_takes_its_first_step_before_libcurl_hears_of_a_ready_socket(void **state)
{
    static const struct raw_step twice[] = {READ,           SEND(OK_HELLO), READ, GATE,
                                            SEND(OK_HELLO), HOLD,           END};
    static const struct raw_step *const scripts[] = {twice};
    struct kept k;
    CURL *next;
    int fd, n;

    (void)state;
    init(&k, scripts, false);
    fd = k.fd;
    assert_int_equal(curl_multi_add_handle(k.multi, k.easy), CURLM_OK);
    assert_int_equal(itr_curl_poller_run_due(&k.poller), CURLM_OK);
    raw_server_open_gate(k.server);
    raw_server_await_sends(k.server, 2);
    raw_server_await_arrived(k.server);
    next = curl_easy_duphandle(k.easy);
    assert_int_equal(curl_multi_add_handle(k.multi, next), CURLM_OK);
    n_told = 0;
    assert_int_equal(itr_curl_poller_wait(&k.poller, 0, &n), CURLM_OK);
    assert_true(n_told >= 2);
    assert_int_equal(told[0], CURL_SOCKET_TIMEOUT);
    assert_int_equal(told[n_told - 1], fd);
    curl_multi_remove_handle(k.multi, next);
    curl_multi_remove_handle(k.multi, k.easy);
    curl_easy_cleanup(next);
    clear(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_look_vouches_for_one_use_after_the_last),
        cmocka_unit_test(a_look_before_the_start_vouches_for_nothing),
        cmocka_unit_test(an_old_look_vouches_for_nothing),
        cmocka_unit_test(a_look_that_finds_something_does_not_vouch),
        cmocka_unit_test(what_begins_takes_its_first_step_before_libcurl_hears_of_a_ready_socket),
    };

    fixture_main();
    curl_global_init(CURL_GLOBAL_DEFAULT);
    return cmocka_run_group_tests_name("curl_poller", tests, NULL, NULL);
}
