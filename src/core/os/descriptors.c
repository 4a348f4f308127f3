#include "core/os/descriptors.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

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
