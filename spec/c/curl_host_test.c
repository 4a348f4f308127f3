/* curl_loop as a guest in somebody's process: many transfers, memory, descriptors, environment.
 */
#include <fcntl.h>
#include <malloc.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/deaf_port.h"
#include "support/loop_fixture.h"
#include "transport/curl_loop.h"
#include "transport/curl_settings.h"
#include "transport/curl_sockets.h"

/* ---- many at once ---- */

enum { MANY = 100 };

static struct itr_exchange many[MANY];

static void start_many(struct itr_transport *t, const char *url, int64_t timeout_ms)
{
    struct itr_error e;
    size_t i;

    for (i = 0; i < MANY; i++) {
        loop_fixture_get(&many[i], url);
        many[i].request.timeout_ms = timeout_ms;
        assert_int_equal(t->ops->start(t, &many[i], &e), ITR_OK);
    }
}

/* Each comes out once, whole. */
static void take_many(struct itr_transport *t, enum itr_status carried)
{
    size_t i;

    for (i = 0; i < MANY; i++) {
        struct itr_exchange *x = t->ops->wait(t, -1);
        assert_true(x >= many && x < many + MANY && x->owner == NULL);
        x->owner = x;
        assert_int_equal(x->response.carried, carried);
        assert_null(x->transfer);
    }
    assert_null(t->ops->wait(t, 0));
    for (i = 0; i < MANY; i++) {
        if (carried == ITR_OK)
            assert_string_equal(itr_buf_str(&many[i].response.body), "hello");
        itr_exchange_clear(&many[i]);
    }
}

static void a_hundred_at_once_all_come_out(void **state)
{
    struct loop_fixture f;

    (void)state;
    loop_fixture_init(&f, LOOP_FIXTURE_ANSWERS);
    start_many(f.t, f.url, 20000);
    take_many(f.t, ITR_OK);
    assert_int_equal(raw_server_requests(f.server), MANY);
    loop_fixture_clear(&f);
}

/* All answers are there before the loop looks: one round finds several. */
static void answers_that_come_together_come_out_one_by_one(void **state)
{
    static const struct raw_step gated[] = {
        {RAW_READ, NULL, 0}, {RAW_GATE, NULL, 0}, {RAW_SEND, OK_HELLO, 0}, {0}};
    struct loop_fixture f;

    (void)state;
    loop_fixture_init(&f, gated);
    start_many(f.t, f.url, 20000);
    while (raw_server_requests(f.server) < MANY)
        assert_null(f.t->ops->wait(f.t, 1));
    raw_server_open_gate(f.server);
    raw_server_await_closed(f.server, MANY);
    raw_server_await_arrived(f.server);
    take_many(f.t, ITR_OK);
    loop_fixture_clear(&f);
}

static void no_more_connections_than_allowed(void **state)
{
    const struct raw_step *const scripts[] = {LOOP_FIXTURE_ANSWERS};
    struct itr_transport_options o = {.max_host_connections = 2};
    struct loop_fixture f;

    (void)state;
    loop_fixture_init_with(&f, scripts, 1, &o);
    start_many(f.t, f.url, 20000);
    take_many(f.t, ITR_OK);
    if (ITR_CURL_HAS_PREREQ)
        assert_in_range(raw_server_connections(f.server), 1, 2);
    loop_fixture_clear(&f);
}

static void the_deadline_counts_for_those_that_wait_for_a_connection(void **state)
{
    static const struct raw_step silent[] = {{RAW_READ, NULL, 0}, {RAW_HOLD, NULL, 0}, {0}};
    const struct raw_step *const scripts[] = {silent};
    struct itr_transport_options o = {.max_host_connections = 1};
    struct loop_fixture f;

    (void)state;
    loop_fixture_init_with(&f, scripts, 1, &o);
    start_many(f.t, f.url, 200);
    take_many(f.t, ITR_TIMEOUT);
    loop_fixture_clear(&f);
}

/* libcurl does not look at what waits, so its own time of it stays at nothing. */
static void who_waited_for_a_connection_is_told_the_limit_that_counted(void **state)
{
    static const struct raw_step silent[] = {{RAW_READ, NULL, 0}, {RAW_HOLD, NULL, 0}, {0}};
    const struct raw_step *const scripts[] = {silent};
    struct itr_transport_options o = {.max_host_connections = 1, .connect_timeout_ms = 10000};
    struct itr_exchange second;
    struct loop_fixture f;
    struct itr_error e;

    (void)state;
    loop_fixture_init_with(&f, scripts, 1, &o);
    assert_int_equal(f.t->ops->start(f.t, &f.x, &e), ITR_OK);
    loop_fixture_get(&second, f.url);
    second.request.timeout_ms = 100;
    assert_int_equal(f.t->ops->start(f.t, &second, &e), ITR_OK);
    assert_ptr_equal(f.t->ops->wait(f.t, -1), &second);
    loop_fixture_expect(&second, ITR_TIMEOUT, false, 0);
    assert_non_null(strstr(second.response.detail, "within 100 ms"));
    assert_true(second.response.elapsed_us >= 100000);
    itr_exchange_clear(&second);
    loop_fixture_clear(&f);
}

/* ---- memory and descriptors ---- */

/* glibc 2.33 and newer. */
static size_t memory_in_use(void)
{
#ifdef __GLIBC_PREREQ
#if __GLIBC_PREREQ(2, 33)
    return mallinfo2().uordblks;
#endif
#endif
    return 0;
}

static bool mallinfo_tells(void)
{
    size_t before = memory_in_use();
    void *volatile p = malloc(100000);
    bool tells = memory_in_use() > before;

    free(p);
    return tells;
}

/* What is in use when the server is at rest after n answers. */
static size_t memory_after(struct loop_fixture *f, size_t n)
{
    if (!ITR_CURL_HAS_PREREQ)
        raw_server_await_closed(f->server, n);
    return memory_in_use();
}

static void memory_stays_flat(void **state)
{
    size_t n = ITR_CURL_HAS_PREREQ ? 10000 : 300; /* the server takes so many connections */
    struct loop_fixture f;
    size_t before = 0, allowed, i;

    (void)state;
    if (!mallinfo_tells()) {
        print_message("the allocator in use does not tell how much is in use\n");
        skip();
    }
    loop_fixture_init(&f, LOOP_FIXTURE_ANSWERS);
    for (i = 0; i < n; i++) {
        if (i == n / 10)
            before = memory_after(&f, i);
        loop_fixture_carry(&f);
        loop_fixture_expect(&f.x, ITR_OK, true, 200);
    }
    /* A thread of the server that is not joined yet costs 400 bytes. */
    allowed = before + 65536 + 450 * raw_server_connections(f.server);
    assert_in_range(memory_after(&f, n), 0, allowed);
    loop_fixture_clear(&f);
}

static rlim_t limit_descriptors(rlim_t n)
{
    struct rlimit limit;
    rlim_t before;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    before = limit.rlim_cur;
    limit.rlim_cur = n;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    return before;
}

/* No memory would be told the caller as a memory error of Lua, which this is not. */
static void without_descriptors_there_is_a_network_error(void **state)
{
    struct itr_transport_options o = {0};
    struct itr_transport *t = NULL;
    struct loop_fixture f;
    struct itr_error e;
    enum itr_status s;
    rlim_t before;

    (void)state;
    loop_fixture_init(&f, LOOP_FIXTURE_ANSWERS);
    before = limit_descriptors(0);
    s = itr_curl_loop_factory()->open(&o, &t, &e);
    loop_fixture_carry(&f);
    limit_descriptors(before);
    assert_int_equal(s, ITR_NETWORK);
    assert_null(t);
    assert_non_null(strstr(e.text, "EMFILE"));
    assert_non_null(strstr(e.text, "ulimit -n"));
    assert_true(e.no_descriptors && e.retryable);
    loop_fixture_expect(&f.x, ITR_NETWORK, false, 0);
    assert_non_null(strstr(f.x.response.detail, "Too many open files (EMFILE)"));
    assert_non_null(strstr(f.x.response.detail, "ulimit -n"));
    assert_true(f.x.response.no_descriptors);
    loop_fixture_carry(&f); /* the next one works */
    loop_fixture_expect(&f.x, ITR_OK, true, 200);
    assert_false(f.x.response.no_descriptors);
    loop_fixture_clear(&f);
}

static int port_of_peer(int fd)
{
    struct sockaddr_in a = {0};
    socklen_t len = sizeof a;

    if (getpeername(fd, (struct sockaddr *)&a, &len) != 0 || a.sin_family != AF_INET)
        return 0;
    return ntohs(a.sin_port);
}

/* In a process of its own: here the server's end could be the one that takes the place. */
static void no_connection_takes_the_place_of_a_closed_standard_stream(void **state)
{
    struct loop_fixture f;
    int status;
    pid_t child;

    (void)state;
    if (!ITR_CURL_HAS_PREREQ)
        skip(); /* no connection is kept to look at */
    loop_fixture_init(&f, LOOP_FIXTURE_ANSWERS);
    if ((child = fork()) == 0) {
        close(STDERR_FILENO);
        loop_fixture_carry(&f);
        if (f.x.response.carried != ITR_OK)
            _exit(2);
        _exit(port_of_peer(STDERR_FILENO) == raw_server_port(f.server));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    loop_fixture_clear(&f);
}

static void a_program_that_the_host_starts_inherits_no_connection(void **state)
{
    struct loop_fixture f;
    int fd, seen = 0;

    (void)state;
    if (!ITR_CURL_HAS_PREREQ)
        skip(); /* no connection is kept to look at */
    loop_fixture_init(&f, LOOP_FIXTURE_ANSWERS);
    loop_fixture_carry(&f);
    for (fd = 3; fd < 1024; fd++) {
        if (port_of_peer(fd) != raw_server_port(f.server))
            continue;
        seen++;
        assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    }
    assert_int_equal(seen, 1);
    loop_fixture_clear(&f);
}

static void after_abandon_the_child_holds_no_connection(void **state)
{
    struct loop_fixture f;
    pid_t pid;
    int status, fd;

    (void)state;
    loop_fixture_init(&f, LOOP_FIXTURE_ANSWERS);
    loop_fixture_carry(&f);
    if ((pid = fork()) == 0) {
        f.t->ops->abandon(f.t);
        for (fd = 3; fd < 1024; fd++)
            if (port_of_peer(fd) == raw_server_port(f.server))
                _exit(1);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    loop_fixture_carry(&f);
    loop_fixture_expect(&f.x, ITR_OK, true, 200);
    assert_int_equal(raw_server_connections(f.server), ITR_CURL_HAS_PREREQ ? 1 : 2);
    loop_fixture_clear(&f);
}

/* ---- proxy and Unix socket ---- */

/* Else the child of a fork would close whatever has that number by then. */
static void a_closed_socket_is_forgotten(void **state)
{
    struct curl_sockaddr a = {.family = AF_INET, .socktype = SOCK_STREAM};
    struct itr_curl_socket *first, *second;
    struct itr_curl_sockets s;
    int first_fd, second_fd, other;

    (void)state;
    itr_curl_sockets_init(&s);
    first = itr_curl_sockets_open(&s, &a);
    second = itr_curl_sockets_open(&s, &a);
    first_fd = first->fd;
    second_fd = second->fd;
    assert_int_equal(itr_curl_sockets_on_close(&s, first_fd), 0);
    assert_int_equal(first->fd, -1);
    other = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(other, first_fd);
    itr_curl_sockets_close(&s);
    assert_int_equal(fcntl(second_fd, F_GETFD), -1);
    assert_true(fcntl(other, F_GETFD) >= 0);
    close(other);
    itr_curl_socket_release(first);
    itr_curl_socket_release(second);
    itr_curl_sockets_clear(&s);
}

static void the_environments_proxy_is_not_for_loopback(void **state)
{
    struct loop_fixture f;
    char proxy[32];
    int fd;

    (void)state;
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", deaf_port(&fd));
    setenv("http_proxy", proxy, 1);
    setenv("ALL_PROXY", proxy, 1);
    loop_fixture_init(&f, LOOP_FIXTURE_ANSWERS);
    loop_fixture_carry(&f);
    loop_fixture_expect(&f.x, ITR_OK, true, 200);

    /* Elsewhere it is. */
    f.x.request.url = "https://gateway.invalid/";
    loop_fixture_carry(&f);
    loop_fixture_expect(&f.x, ITR_NETWORK, false, 0);
    assert_non_null(strstr(f.x.response.detail, "Connection refused"));
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    loop_fixture_clear(&f);
    close(fd);
}

static void a_proxy_that_was_asked_for_is_used(void **state)
{
    static const struct raw_step says_no[] = {
        {RAW_READ, NULL, 0}, {RAW_SEND, "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", 0}, {0}};
    struct raw_server *proxy;
    const struct raw_step *const scripts[] = {says_no};
    struct itr_transport_options o = {0};
    struct itr_transport *t;
    struct itr_exchange x;
    char url[64];

    (void)state;
    proxy = raw_server_new(scripts, 1);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", raw_server_port(proxy));
    o.proxy = url;
    t = loop_fixture_open(&o);
    loop_fixture_get(&x, "https://gateway.invalid/?accessToken=s3cret");
    loop_fixture_carry_on(t, &x);
    /* Old libcurl cannot tell what went to the proxy from what went through it. */
    loop_fixture_expect(&x, ITR_NETWORK, !ITR_CURL_HAS_PREREQ, x.response.http_status);
    assert_int_equal(raw_server_requests(proxy), 1);
    t->ops->free(t);
    itr_exchange_clear(&x);
    raw_server_free(proxy);
}

static void a_unix_socket_is_called_in_place_of_the_host(void **state)
{
    const struct raw_step *const scripts[] = {LOOP_FIXTURE_ANSWERS};
    struct itr_transport_options o = {0};
    struct raw_server *server;
    struct itr_transport *t;
    struct itr_exchange x;
    char path[64];

    (void)state;
    snprintf(path, sizeof path, "/tmp/itrigger-test.%d.sock", (int)getpid());
    server = raw_server_new_unix(path, scripts, 1);
    o.unix_socket = path;
    t = loop_fixture_open(&o);
    loop_fixture_get(&x, "http://itriggerd/v1/apps/a/token");
    loop_fixture_carry_on(t, &x);
    loop_fixture_expect(&x, ITR_OK, true, 200);
    t->ops->free(t);
    itr_exchange_clear(&x);
    raw_server_free(server);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hundred_at_once_all_come_out),
        cmocka_unit_test(answers_that_come_together_come_out_one_by_one),
        cmocka_unit_test(no_more_connections_than_allowed),
        cmocka_unit_test(the_deadline_counts_for_those_that_wait_for_a_connection),
        cmocka_unit_test(who_waited_for_a_connection_is_told_the_limit_that_counted),
        cmocka_unit_test(memory_stays_flat),
        cmocka_unit_test(without_descriptors_there_is_a_network_error),
        cmocka_unit_test(no_connection_takes_the_place_of_a_closed_standard_stream),
        cmocka_unit_test(a_program_that_the_host_starts_inherits_no_connection),
        cmocka_unit_test(after_abandon_the_child_holds_no_connection),
        cmocka_unit_test(a_closed_socket_is_forgotten),
        cmocka_unit_test(the_environments_proxy_is_not_for_loopback),
        cmocka_unit_test(a_proxy_that_was_asked_for_is_used),
        cmocka_unit_test(a_unix_socket_is_called_in_place_of_the_host),
    };

    return cmocka_run_group_tests_name("curl_host", tests, NULL, NULL);
}
