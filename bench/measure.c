/*
 * measure: runs a program and says what it cost: wall time, CPU time (user and system) in
 * microseconds and peak memory in KB, on one line of the file OUT. The program's exit status is its
 * own.
 *
 *   measure OUT PROGRAM ARGUMENTS…
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t us_of(const struct timeval *t)
{
    return (int64_t)t->tv_sec * 1000000 + t->tv_usec;
}

int main(int argc, char **argv)
{
    struct rusage used;
    int64_t from = now_us();
    int status;
    pid_t child;
    FILE *out;

    if (argc < 3 || (child = fork()) < 0)
        return 125;
    if (child == 0) {
        execvp(argv[2], argv + 2);
        _exit(127);
    }
    if (wait4(child, &status, 0, &used) != child || !WIFEXITED(status))
        return 125;
    if (WEXITSTATUS(status) != 0)
        return WEXITSTATUS(status);
    if ((out = fopen(argv[1], "w")) == NULL)
        return 125;
    fprintf(out, "%lld %lld %ld\n", (long long)(now_us() - from),
            (long long)(us_of(&used.ru_utime) + us_of(&used.ru_stime)), used.ru_maxrss);
    return fclose(out) == 0 ? 0 : 125;
}
