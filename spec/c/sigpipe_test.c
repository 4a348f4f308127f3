/* sigpipe: a write to a closed pipe kills nobody, and what is the host's stays the host's. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/os/sigpipe.h"

static volatile sig_atomic_t delivered;

static void on_sigpipe(int number)
{
    (void)number;
    delivered++;
}

static int set_up(void **state)
{
    (void)state;
    delivered = 0;
    return signal(SIGPIPE, on_sigpipe) == SIG_ERR;
}

static int tear_down(void **state)
{
    (void)state;
    return signal(SIGPIPE, SIG_DFL) == SIG_ERR;
}

static void write_to_nobody(void)
{
    int p[2];

    assert_int_equal(pipe(p), 0);
    close(p[0]);
    assert_int_equal(write(p[1], "x", 1), -1);
    assert_int_equal(errno, EPIPE);
    close(p[1]);
}

static bool is_blocked(void)
{
    sigset_t now;

    pthread_sigmask(SIG_BLOCK, NULL, &now);
    return sigismember(&now, SIGPIPE) == 1;
}

static void one_that_comes_while_it_is_held_is_eaten(void **state)
{
    struct itr_sigpipe outer, inner;

    (void)state;
    itr_sigpipe_hold(&outer);
    itr_sigpipe_hold(&inner);
    write_to_nobody();
    itr_sigpipe_release(&inner);
    assert_true(is_blocked());
    write_to_nobody();
    itr_sigpipe_release(&outer);
    assert_false(is_blocked());
    assert_int_equal(delivered, 0);

    /* Afterwards the host has its signal back. */
    write_to_nobody();
    assert_int_equal(delivered, 1);
}

static void one_that_the_host_holds_back_stays_pending(void **state)
{
    struct itr_sigpipe host, ours;
    sigset_t pending;

    (void)state;
    itr_sigpipe_hold(&host); /* as a host that blocks it would */
    write_to_nobody();
    itr_sigpipe_hold(&ours);
    write_to_nobody();
    itr_sigpipe_release(&ours);
    sigpending(&pending);
    assert_int_equal(sigismember(&pending, SIGPIPE), 1);
    itr_sigpipe_release(&host);
    assert_int_equal(delivered, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_that_comes_while_it_is_held_is_eaten, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(one_that_the_host_holds_back_stays_pending, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests_name("sigpipe", tests, NULL, NULL);
}
