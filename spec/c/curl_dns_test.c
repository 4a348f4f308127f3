/* curl_loop and a name server that never answers. A program of its own, because the children that
 * it forks into namespaces of their own must be copies of a process with one thread. */
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <curl/curlver.h>

#include "support/loop_fixture.h"

static bool loopback_up(void)
{
    struct ifreq r = {.ifr_flags = IFF_UP};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    bool ok;

    memcpy(r.ifr_name, "lo", 3);
    ok = ioctl(fd, SIOCSIFFLAGS, &r) == 0;
    close(fd);
    return ok;
}

/* resolv.conf of this process alone: five tries of 30 s at a server on loopback. */
static bool use_own_name_server(void)
{
    static const char conf[] = "nameserver 127.0.0.1\noptions timeout:30 attempts:5\n";
    char path[] = "/tmp/itrigger-resolv.XXXXXX";
    int fd = mkstemp(path);
    bool ok = fd >= 0 && write(fd, conf, sizeof conf - 1) == (ssize_t)sizeof conf - 1 &&
              mount("", "/", "", MS_REC | MS_PRIVATE, "") == 0 &&
              mount(path, "/etc/resolv.conf", "", MS_BIND, "") == 0;

    close(fd);
    unlink(path);
    return ok;
}

static int silent_name_server(void)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(53), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    return bind(fd, (struct sockaddr *)&a, sizeof a) == 0 ? fd : -1;
}

enum { WORKS, FAILS, CANNOT_PLAY };

/* In a child, in namespaces of its own. */
static int play_silent_name_server(bool cancelled)
{
    struct itr_transport *t;
    struct itr_exchange x;
    struct itr_error e;
    char query[512];
    int server;

    if (unshare(CLONE_NEWNS | CLONE_NEWNET) != 0 || !loopback_up() || !use_own_name_server() ||
        (server = silent_name_server()) < 0)
        return CANNOT_PLAY;
    alarm(20); /* the resolver itself gives up after 150 s */
    t = loop_fixture_open(NULL);
    loop_fixture_get(&x, "https://gateway.example.org/?accessToken=s3cret");
    x.request.timeout_ms = cancelled ? 20000 : 200;
    t->ops->start(t, &x, &e);
    if (cancelled) {
        (void)t->ops->wait(t, 0);
        (void)recv(server, query, sizeof query, 0); /* now the resolver is at it */
        t->ops->cancel(t, &x);
    } else if (t->ops->wait(t, -1) != &x || x.response.carried != ITR_TIMEOUT || x.response.sent ||
               strstr(x.response.detail, "resolving") == NULL) {
        print_message("%s\n", x.response.detail);
        return FAILS;
    }
    t->ops->free(t);
    return WORKS;
}

static void expect_silent_name_server_outlived(bool cancelled)
{
    pid_t pid;
    int status;

#if LIBCURL_VERSION_NUM < 0x075700
    print_message("libcurl before 7.87 waits for the resolver\n");
    skip();
#endif
    if ((pid = fork()) == 0)
        _exit(play_silent_name_server(cancelled));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT_PLAY) {
        print_message("namespaces of one's own are not allowed here\n");
        skip();
    }
    assert_int_equal(status, WORKS);
}

static void a_silent_name_server_does_not_outlive_the_deadline(void **state)
{
    (void)state;
    expect_silent_name_server_outlived(false);
}

static void a_silent_name_server_does_not_hold_up_cancel(void **state)
{
    (void)state;
    expect_silent_name_server_outlived(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_silent_name_server_does_not_outlive_the_deadline),
        cmocka_unit_test(a_silent_name_server_does_not_hold_up_cancel),
    };

    return cmocka_run_group_tests_name("curl_dns", tests, NULL, NULL);
}
