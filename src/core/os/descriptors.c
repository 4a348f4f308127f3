#include "core/os/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/reason.h"

#define FEW 64

bool itr_descriptors_are_few(void)
{
    struct rlimit limit;
    rlim_t margin;
    int lowest; /* the kernel gives the lowest that is free: all below it are in use */

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return false;
    if ((lowest = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0)
        return true;
    (void)close(lowest);
    margin = limit.rlim_cur / 8 < FEW ? limit.rlim_cur / 8 : FEW;
    return (rlim_t)lowest + margin >= limit.rlim_cur;
}

bool itr_descriptors_is_lack(int error)
{
    return error == EMFILE || error == ENFILE;
}

int itr_descriptors_exhausted(void)
{
    int before = errno, error = 0;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    if (fd >= 0)
        close(fd);
    else if (itr_descriptors_is_lack(errno))
        error = errno;
    errno = before;
    return error;
}

const char *itr_descriptors_explain(int error, char text[ITR_DESCRIPTORS_TEXT])
{
    char reason[ITR_REASON];
    struct rlimit limit;

    if (error == EMFILE && getrlimit(RLIMIT_NOFILE, &limit) == 0)
        (void)snprintf(
            text, ITR_DESCRIPTORS_TEXT,
            "%s (EMFILE): this process may have %llu file descriptors (ulimit -n); close "
            "clients that are not used, or raise the limit",
            itr_reason(error, reason), (unsigned long long)limit.rlim_cur);
    else
        (void)snprintf(text, ITR_DESCRIPTORS_TEXT, "%s%s", itr_reason(error, reason),
                       error == ENFILE ? " (ENFILE): the whole system has no file descriptor left"
                                       : "");
    return text;
}

enum itr_status itr_descriptors_error(struct itr_error *e, const char *what, int error)
{
    char text[ITR_DESCRIPTORS_TEXT];

    itr_error_set(e, ITR_NETWORK, "%s: %s", what, itr_descriptors_explain(error, text));
    if (e != NULL) {
        e->no_descriptors = itr_descriptors_is_lack(error);
        e->retryable = e->no_descriptors;
    }
    return ITR_NETWORK;
}
