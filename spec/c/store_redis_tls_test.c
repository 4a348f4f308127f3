/* store_redis over TLS: the contract of stores on a real redis-server, and whom it does not trust.
 * Where the build has no TLS, only that it says so. */
#include "support/redis_server.h"
#include "support/store_contract.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/redis_tls.h"
#include "store/stores.h"

static struct redis_server server; /* its plain port is redis-cli's */
static char dir[] = "/tmp/itr-rediss-XXXXXX";
static int tls_port;
static char address[200];
static struct itr_error e;

#define SAYS(answer, ...)                                                                          \
    redis_server_says(&server, answer, (const char *const[]){__VA_ARGS__, NULL})

/* A socket that listens on a free port of loopback. */
static int listen_anywhere(int *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) != 0 || listen(fd, 8) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &n) != 0)
        abort();
    *port = ntohs(a.sin_port);
    return fd;
}

/* The server with one of the certificates that sandbox/certs makes. */
static void start_with(const char *certificate, int port)
{
    char path[80];
    FILE *f;

    tls_port = port;
    if (port == 0)
        close(listen_anywhere(&tls_port));
    (void)snprintf(path, sizeof path, "%s/tls.conf", dir);
    if ((f = fopen(path, "w")) == NULL)
        abort();
    (void)fprintf(f,
                  "tls-port %d\ntls-cert-file %s/%s.pem\ntls-key-file %s/leaf.key\n"
                  "tls-ca-cert-file %s/ca.pem\ntls-auth-clients no\n",
                  tls_port, dir, certificate, dir, dir);
    if (fclose(f) != 0)
        abort();
    redis_server_start(&server, 0, "--include", path);
}

static void begin(void)
{
    start_with("good", 0);
    (void)snprintf(address, sizeof address,
                   "rediss://localhost:%d/3?prefix=test:&timeout_ms=2000&ca_file=%s/ca.pem",
                   tls_port, dir);
}

static void end(void)
{
    redis_server_stop(&server);
}

static struct itr_store *open_at(const char *where)
{
    struct itr_store *s = NULL;

    if (itr_store_redis_new(where, &s, &e) != ITR_OK)
        fail_msg("%s", e.text);
    return s;
}

static struct itr_store *open_store(void)
{
    return open_at(address);
}

static void forget(void)
{
    assert_true(SAYS("OK", "FLUSHALL"));
}

static int64_t now_ms(void)
{
    return itr_clock_wall_ms(itr_clock_system());
}

static const struct store_kind kind = {ITR_FROM_REDIS, true, open_store, begin,
                                       forget,         end,  now_ms};

/* ---- whom it trusts ---- */

/* words: NULL: it works. */
static void assert_trust(const char *host, const char *ca_file, const char *const *words)
{
    char where[200];
    struct itr_store *s;

    (void)snprintf(where, sizeof where, "rediss://:s3cret@%s:%d?timeout_ms=2000%s%s", host,
                   tls_port, ca_file != NULL ? "&ca_file=" : "", ca_file != NULL ? ca_file : "");
    s = open_at(where);
    if (words == NULL)
        store_assert_value(s, "k", "");
    else
        store_assert_load_fails(s, words);
    s->ops->release(s);
}

static const char *ca(void)
{
    static char path[80];

    (void)snprintf(path, sizeof path, "%s/ca.pem", dir);
    return path;
}

static void restart_with(const char *certificate)
{
    redis_server_stop(&server);
    start_with(certificate, 0);
    assert_true(SAYS("OK", "CONFIG", "SET", "requirepass", "s3cret"));
}

static void a_name_and_an_address_are_verified(void **state)
{
    static const char *const wrong_host[] = {"rediss://", "certificate", "mismatch", NULL};

    (void)state;
    restart_with("good");
    assert_trust("localhost", ca(), NULL);
    assert_trust("127.0.0.1", ca(), NULL);
    restart_with("wrong_host");
    assert_trust("localhost", ca(), wrong_host);
    assert_trust("127.0.0.1", ca(), wrong_host);
}

static void a_certificate_that_proves_nothing_is_refused(void **state)
{
    static const char *const expired[] = {"rediss://localhost", "certificate", "expired", NULL};
    static const char *const unknown[] = {"rediss://localhost", "certificate", "token_store", NULL};

    (void)state;
    restart_with("expired");
    assert_trust("localhost", ca(), expired);
    restart_with("unknown_ca");
    assert_trust("localhost", ca(), unknown);
    restart_with("good");
    assert_trust("localhost", NULL, unknown); /* the system does not know the test CA */
    assert_null(strstr(e.text, "s3cret"));
}

static void a_ca_file_that_cannot_be_read_is_named(void **state)
{
    static const char *const words[] = {"/nonexistent/ca.pem", "token_store", NULL};

    (void)state;
    assert_trust("localhost", "/nonexistent/ca.pem", words);
}

/* Nothing that is secret goes to who is not trusted. */
static void no_password_goes_to_a_server_that_is_refused(void **state)
{
    (void)state;
    redis_server_stop(&server);
    start_with("wrong_host", 0);
    assert_trust("localhost", ca(), (const char *const[]){"certificate", NULL});
    assert_true(SAYS("0", "EVAL",
                     "return redis.call('INFO', 'commandstats'):find('cmdstat_auth') and 1 or 0",
                     "0"));
}

/* ---- trouble ---- */

static void a_server_without_tls_is_an_error(void **state)
{
    static const char *const words[] = {"TLS", "token_store", NULL};
    int fd = -1;

    (void)state;
    tls_port = server.port;
    assert_trust("localhost", ca(), words);
    redis_server_stop(&server);

    /* One that says nothing at all. */
    fd = listen_anywhere(&tls_port);
    assert_trust("localhost", ca(), (const char *const[]){"no TLS within 2000 ms", NULL});
    close(fd);
}

static void a_connection_that_is_closed_under_it_is_made_again(void **state)
{
    assert_true(store_swap(*state, "k", "", "a"));
    assert_true(SAYS(NULL, "CLIENT", "KILL", "TYPE", "normal"));
    assert_true(store_swap(*state, "k", "a", "b"));
    assert_true(SAYS(NULL, "CLIENT", "KILL", "TYPE", "normal"));
    store_assert_value(*state, "k", "b");
}

static void a_stopped_server_is_given_up_in_time(void **state)
{
    static const char *const words[] = {"within 2000 ms", "rediss://localhost", NULL};

    assert_true(store_swap(*state, "k", "", "a"));
    assert_int_equal(kill(server.pid, SIGSTOP), 0);
    store_assert_load_fails(*state, words);
    assert_int_equal(kill(server.pid, SIGCONT), 0);
    store_assert_value(*state, "k", "a");
}

static void a_childs_end_leaves_the_parents_connection_alone(void **state)
{
    int status = -1;
    pid_t child;

    assert_true(store_swap(*state, "k", "", "a"));
    if ((child = fork()) == 0) {
        bool done = store_swap(*state, "k", "a", "b");
        ((struct itr_store *)*state)->ops->release(*state);
        _exit(done ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    store_assert_value(*state, "k", "b");
    /* The parent's connection, the child's, and the one of redis-cli that counts: no fourth. */
    assert_true(SAYS("3", "EVAL",
                     "return redis.call('INFO', 'stats'):match('total_connections_received:(%d+)')",
                     "0"));
}

/* ---- the greeting ---- */

/* What a server is told first, when it is named by host. n: bytes. */
static size_t take_greeting(const char *host, char *bytes, size_t size)
{
    int status = -1, listener = listen_anywhere(&tls_port), fd;
    ssize_t n;
    pid_t child = fork();

    if (child == 0) {
        char where[200];
        struct itr_store *s;

        close(listener);
        (void)snprintf(where, sizeof where, "rediss://%s:%d?ca_file=%s", host, tls_port, ca());
        s = open_at(where);
        _exit(s->ops->load(s, "k", NULL, &(int64_t){0}, &e) == ITR_STORE ? 0 : 1);
    }
    assert_true((fd = accept(listener, NULL, NULL)) >= 0);
    n = recv(fd, bytes, size, 0);
    close(fd);
    close(listener); /* before its second attempt, which would wait for us */
    assert_true(n > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    return (size_t)n;
}

static void the_hosts_name_is_in_the_greeting(void **state)
{
    char bytes[4096];
    size_t n;

    (void)state;
    n = take_greeting("localhost", bytes, sizeof bytes);
    assert_non_null(memmem(bytes, n, "localhost", strlen("localhost")));
    n = take_greeting("127.0.0.1", bytes, sizeof bytes);
    assert_null(memmem(bytes, n, "127.0.0.1", strlen("127.0.0.1")));
}

/* ---- addresses ---- */

static void a_wrong_address_is_reported_without_its_password(void **state)
{
    static const char *const wrong[] = {
        "rediss://",
        "rediss://:pw@other.host?insecure=1",
        "rediss://:pw@h?ca_file=%zz",
        "redis://:pw@127.0.0.1?ca_file=/ca.pem",
    };
    struct itr_store *s = NULL;
    size_t i;

    (void)state;
    for (i = 0; i < count_of(wrong); i++) {
        if (itr_store_redis_new(wrong[i], &s, &e) != ITR_CONFIG)
            fail_msg("%s was taken", wrong[i]);
        assert_non_null(strstr(e.text, "option token_store"));
        assert_null(strstr(e.text, "pw@"));
        assert_null(s);
    }
    /* Another machine needs no insecure=1. */
    s = open_at("rediss://:pw@other.host/0");
    assert_ptr_equal(strstr(s->id, "rediss://other.host:6379/0#"), s->id);
    s->ops->release(s);
}

/* ---- where there is no TLS ---- */

static void a_build_without_tls_says_so(void **state)
{
    struct itr_store *s = NULL;

    (void)state;
    assert_int_equal(itr_store_redis_new("rediss://:pw@other.host/0", &s, &e), ITR_CONFIG);
    assert_null(s);
    assert_non_null(strstr(e.text, "rediss://"));
    assert_non_null(strstr(e.text, "OpenSSL"));
    assert_null(strstr(e.text, "pw"));
}

static int run_without(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(a_build_without_tls_says_so)};

    printf("# rediss:// is not tested: this build has no TLS\n");
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* 0, or -1. Its output is dropped. */
static int run_program(const char *const *argv)
{
    int status = -1;
    pid_t child;

    if ((child = fork()) == 0) {
        if (freopen("/dev/null", "w", stdout) != NULL && freopen("/dev/null", "w", stderr) != NULL)
            execvp(argv[0], (char *const *)(void *)argv);
        _exit(127);
    }
    return waitpid(child, &status, 0) == child && status == 0 ? 0 : -1;
}

static int make_certificates(void **state)
{
    (void)state;
    if (mkdtemp(dir) == NULL)
        return -1;
    return run_program((const char *const[]){"sandbox/certs", dir, NULL});
}

static int remove_certificates(void **state)
{
    (void)state;
    return run_program((const char *const[]){"rm", "-rf", dir, NULL});
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_CONTRACT_TESTS,
        STORE_TEST(a_name_and_an_address_are_verified),
        STORE_TEST(a_certificate_that_proves_nothing_is_refused),
        STORE_TEST(a_ca_file_that_cannot_be_read_is_named),
        STORE_TEST(no_password_goes_to_a_server_that_is_refused),
        STORE_TEST(a_server_without_tls_is_an_error),
        STORE_TEST(a_connection_that_is_closed_under_it_is_made_again),
        STORE_TEST(a_stopped_server_is_given_up_in_time),
        STORE_TEST(a_childs_end_leaves_the_parents_connection_alone),
        STORE_TEST(the_hosts_name_is_in_the_greeting),
        cmocka_unit_test(a_wrong_address_is_reported_without_its_password),
    };

    fixture_main();
    if (!itr_redis_tls_is_here())
        return run_without();
    if (!redis_server_is_here()) {
        printf("1..1\nok 1 - store_redis_tls # SKIP there is no redis-server here\n");
        return 0;
    }
    store_contract_use(&kind);
    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
