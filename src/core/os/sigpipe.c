#include "core/os/sigpipe.h"

#include <time.h>

static sigset_t only_sigpipe(void)
{
    sigset_t s;

    sigemptyset(&s);
    sigaddset(&s, SIGPIPE);
    return s;
}

static bool is_pending(void)
{
    sigset_t s;

    return sigpending(&s) == 0 && sigismember(&s, SIGPIPE) == 1;
}

void itr_sigpipe_hold(struct itr_sigpipe *p)
{
    sigset_t set = only_sigpipe();

    pthread_sigmask(SIG_BLOCK, &set, &p->before);

    /* Only a host that blocks it itself can have one waiting. */
    p->was_pending = sigismember(&p->before, SIGPIPE) == 1 && is_pending();
}

static void discard_pending(void)
{
    sigset_t set = only_sigpipe();
    struct timespec at_once = {0};

    sigtimedwait(&set, NULL, &at_once);
}

void itr_sigpipe_release(const struct itr_sigpipe *p)
{
    if (!p->was_pending)
        discard_pending();
    pthread_sigmask(SIG_SETMASK, &p->before, NULL);
}
