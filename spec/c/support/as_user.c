#include "support/as_user.h"

#include <sys/wait.h>
#include <unistd.h>

int as_user(uid_t user, int (*f)(void))
{
    int status = -1;
    pid_t child = fork();

    if (child == 0)
        _exit(setgid(user) == 0 && setuid(user) == 0 ? f() : 99);
    (void)waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
