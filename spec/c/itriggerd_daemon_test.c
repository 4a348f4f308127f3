/* itriggerd: a daemon that hangs while it stops ends all the same, with the code of its start. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "itriggerd/daemon.h"

#define CODE 7
#define HANGS_S 30 /* an alarm ends the child then: no exit code */

static void resume_nothing(void *ctx)
{
    (void)ctx;
}

/* A request that nobody resumes keeps the daemon from stopping. */
static void stop_with_a_request_that_hangs(void)
{
    static struct daemon d;
    static struct waiter w = {.resume = resume_nothing, .fd = -1};

    alarm(HANGS_S);
    server_init(&d.server, 1);
    (void)waiting_enter(&d.server.waiting, &w, INT64_MAX);
    daemon_stop(&d, CODE);
    _exit(CODE + 1);
}

static void a_stop_that_hangs_ends_with_the_code_it_was_given(void **state)
{
    pid_t child = fork();
    int status;

    (void)state;
    assert_true(child >= 0);
    if (child == 0)
        stop_with_a_request_that_hangs();
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), CODE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stop_that_hangs_ends_with_the_code_it_was_given),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
