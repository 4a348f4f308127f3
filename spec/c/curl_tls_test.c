/* curl_loop over TLS: certificates, HTTP/2, SIGPIPE, fork; against the sandbox's nginx. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/loop_fixture.h"
#include "support/sandbox.h"
#include "transport/curl_loop.h"
#include "transport/curl_settings.h"

#define PATH "/itrigger-tenant/v1/basic/openAPItest/test/get?accessToken=s3cret"

static const char *const ECHO[] = {"X-Sandbox-Echo: 1", NULL};

static struct itr_transport *open_with(const char *ca_file, enum itr_http_version version)
{
    struct itr_transport_options o = {0};

    o.ca_file = ca_file;
    o.http_version = version;
    o.connect_timeout_ms = 10000;
    return loop_fixture_open(&o);
}

static struct itr_transport *open_trusting(void)
{
    return open_with(sandbox_value("ITRIGGER_CA_FILE"), ITR_HTTP_AUTO);
}

static const char *url_of(const char *name, const char *path)
{
    static char url[512];

    snprintf(url, sizeof url, "%s%s", sandbox_value(name), path);
    return url;
}

static void call(struct itr_transport *t, struct itr_exchange *x, const char *name)
{
    loop_fixture_get(x, url_of(name, PATH));
    x->request.headers = ECHO;
    loop_fixture_carry_on(t, x);
}

/* The number after "name": in an echoed request, which nginx counts by connection. */
static long echoed(const struct itr_exchange *x, const char *name)
{
    char key[64];
    const char *at;

    snprintf(key, sizeof key, "\"%s\":", name);
    if ((at = strstr(itr_buf_str(&x->response.body), key)) == NULL)
        fail_msg("no %s in %s", name, itr_buf_str(&x->response.body));
    return strtol(at + strlen(key), NULL, 10);
}

static int set_up(void **state)
{
    struct itr_transport *t;
    struct itr_exchange x;

    (void)state;
    sandbox_start();
    t = loop_fixture_open(NULL);
    loop_fixture_get(&x, url_of("ITRIGGER_GATEWAY", "/_sandbox/token"));
    x.request.post = true;
    x.request.body = "{\"grant\":[\"s3cret\"]}";
    x.request.body_len = strlen(x.request.body);
    loop_fixture_carry_on(t, &x);
    loop_fixture_expect(&x, ITR_OK, true, 200);
    itr_exchange_clear(&x);
    t->ops->free(t);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sandbox_stop();
    return 0;
}

static void https_is_http2_and_kept_where_the_server_can(void **state)
{
    struct itr_transport *t = open_trusting();
    struct itr_exchange x;
    long connection;

    (void)state;
    call(t, &x, "SANDBOX_HTTPS");
    loop_fixture_expect(&x, ITR_OK, true, 200);
    assert_int_equal(echoed(&x, "http_version"), 2);
    connection = echoed(&x, "connection");
    itr_exchange_clear(&x);
    call(t, &x, "SANDBOX_HTTPS");
    if (ITR_CURL_HAS_PREREQ)
        assert_int_equal(echoed(&x, "connection"), connection);
    itr_exchange_clear(&x);
    t->ops->free(t);
}

static void http_1_1_is_spoken_on_request(void **state)
{
    struct itr_transport *t = open_with(sandbox_value("ITRIGGER_CA_FILE"), ITR_HTTP_1_1);
    struct itr_exchange x;

    (void)state;
    call(t, &x, "SANDBOX_HTTPS");
    assert_int_equal(echoed(&x, "http_version"), 1);
    itr_exchange_clear(&x);
    t->ops->free(t);
}

static void expect_refused(struct itr_transport *t, const char *name)
{
    struct itr_exchange x;

    call(t, &x, name);
    loop_fixture_expect(&x, ITR_TLS, false, 0);
    assert_non_null(strstr(x.response.detail, "certificate"));
    itr_exchange_clear(&x);
}

static void a_certificate_that_proves_nothing_is_refused(void **state)
{
    struct itr_transport *t = open_trusting();
    struct itr_exchange x;

    (void)state;
    expect_refused(t, "SANDBOX_WRONG_HOST");
    expect_refused(t, "SANDBOX_EXPIRED");
    expect_refused(t, "SANDBOX_UNKNOWN_CA");
    call(t, &x, "SANDBOX_HTTPS");
    loop_fixture_expect(&x, ITR_OK, true, 200);
    itr_exchange_clear(&x);
    t->ops->free(t);

    /* Without the test CA the good one is refused, too. */
    t = open_with(NULL, ITR_HTTP_AUTO);
    expect_refused(t, "SANDBOX_HTTPS");
    t->ops->free(t);
}

static void tls_to_a_server_without_it_is_a_tls_error(void **state)
{
    static const struct raw_step script[] = {{RAW_SEND, "HTTP/1.1 400 No\r\n\r\n", 0}, {0}};
    struct loop_fixture f;
    char url[64];

    (void)state;
    loop_fixture_init(&f, script);
    snprintf(url, sizeof url, "https://127.0.0.1:%d/", raw_server_port(f.server));
    f.x.request.url = url;
    loop_fixture_carry(&f);
    loop_fixture_expect(&f.x, ITR_TLS, false, 0);
    loop_fixture_clear(&f);
}

static void a_ca_file_that_is_not_there_is_reported_at_once(void **state)
{
    struct itr_transport_options o = {.ca_file = "/nonexistent/ca.pem"};
    struct itr_transport *t = NULL;
    struct itr_error e = {0};

    (void)state;
    assert_int_equal(itr_curl_loop_factory()->open(&o, &t, &e), ITR_CONFIG);
    assert_non_null(strstr(e.text, "ca_file"));
    assert_null(t);
}

static void many_at_once_share_one_http2_connection(void **state)
{
    enum { N = 20 };
    static struct itr_exchange x[N];
    struct itr_transport *t = open_trusting();
    struct itr_error e;
    long connection = 0;
    size_t i;

    (void)state;
    for (i = 0; i < N; i++) {
        loop_fixture_get(&x[i], url_of("SANDBOX_HTTPS", PATH));
        x[i].request.headers = ECHO;
        assert_int_equal(t->ops->start(t, &x[i], &e), ITR_OK);
    }
    for (i = 0; i < N; i++) {
        struct itr_exchange *done = t->ops->wait(t, -1);
        loop_fixture_expect(done, ITR_OK, true, 200);
        if (i > 0 && ITR_CURL_HAS_PREREQ)
            assert_int_equal(echoed(done, "connection"), connection);
        connection = echoed(done, "connection");
    }
    for (i = 0; i < N; i++)
        itr_exchange_clear(&x[i]);
    t->ops->free(t);
}

/* A stream that is ended in the middle leaves the connection to the others. */
static void cancelling_one_stream_leaves_the_connection(void **state)
{
    struct itr_transport *t = open_trusting();
    struct itr_exchange x, y;
    struct itr_error e;
    long connection;

    (void)state;
    call(t, &y, "SANDBOX_HTTPS");
    connection = echoed(&y, "connection");
    itr_exchange_clear(&y);
    loop_fixture_get(&x, url_of("SANDBOX_HTTPS", PATH));
    assert_int_equal(t->ops->start(t, &x, &e), ITR_OK);
    (void)t->ops->wait(t, 0);
    t->ops->cancel(t, &x);
    if (ITR_CURL_HAS_PREREQ) /* else told when an answer begins, which it may have done */
        assert_true(x.response.sent);
    call(t, &y, "SANDBOX_HTTPS");
    loop_fixture_expect(&y, ITR_OK, true, 200);
    if (ITR_CURL_HAS_PREREQ)
        assert_int_equal(echoed(&y, "connection"), connection);
    itr_exchange_clear(&x);
    itr_exchange_clear(&y);
    t->ops->free(t);
}

/* The child gives its loop up; the parent's connection must not notice. (HTTP/1.1, because there
 * nginx hangs up when it is told goodbye.) */
static void a_forked_child_can_abandon_the_loop(void **state)
{
    struct itr_transport *t = open_with(sandbox_value("ITRIGGER_CA_FILE"), ITR_HTTP_1_1);
    struct itr_exchange x;
    long connection;
    pid_t pid;
    int status;

    (void)state;
    call(t, &x, "SANDBOX_HTTPS");
    connection = echoed(&x, "connection");
    itr_exchange_clear(&x);
    if ((pid = fork()) == 0) {
        t->ops->abandon(t);
        t = open_trusting();
        call(t, &x, "SANDBOX_HTTPS");
        _exit(x.response.carried == ITR_OK && echoed(&x, "connection") != connection ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    call(t, &x, "SANDBOX_HTTPS");
    loop_fixture_expect(&x, ITR_OK, true, 200);
    if (ITR_CURL_HAS_PREREQ)
        assert_int_equal(echoed(&x, "connection"), connection);
    itr_exchange_clear(&x);
    t->ops->free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(https_is_http2_and_kept_where_the_server_can),
        cmocka_unit_test(http_1_1_is_spoken_on_request),
        cmocka_unit_test(a_certificate_that_proves_nothing_is_refused),
        cmocka_unit_test(tls_to_a_server_without_it_is_a_tls_error),
        cmocka_unit_test(a_ca_file_that_is_not_there_is_reported_at_once),
        cmocka_unit_test(many_at_once_share_one_http2_connection),
        cmocka_unit_test(cancelling_one_stream_leaves_the_connection),
        cmocka_unit_test(a_forked_child_can_abandon_the_loop),
    };

    return cmocka_run_group_tests_name("curl_tls", tests, set_up, tear_down);
}
