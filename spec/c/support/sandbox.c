#include "support/sandbox.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_LINES 16

static char lines[MAX_LINES][512]; /* "NAME=value" */
static int guard = -1;             /* its end ends the gateway; -1: not ours */
static pid_t guard_pid;

static void give_up(const char *why)
{
    fprintf(stderr, "sandbox: %s\n", why);
    exit(1);
}

/* Runs sandbox/run with one end of a pipe as its descriptor `theirs`; returns the other end. */
static int run(int theirs, const char *option, const char *value, pid_t *pid)
{
    int p[2];

    if (pipe(p) != 0 || (*pid = fork()) < 0)
        give_up("no pipe or process");
    if (*pid == 0) {
        dup2(p[theirs], theirs);
        close(p[0]);
        close(p[1]);
        execl("sandbox/run", "sandbox/run", option, value, (char *)NULL);
        _exit(127);
    }
    close(p[theirs]);
    return p[1 - theirs];
}

static void read_lines(FILE *f)
{
    size_t i = 0;

    while (i < MAX_LINES && fgets(lines[i], sizeof lines[i], f) != NULL) {
        lines[i][strcspn(lines[i], "\n")] = '\0';
        i++;
    }
}

static void start_own(void)
{
    pid_t pid;
    int status;
    FILE *f = fdopen(run(STDOUT_FILENO, NULL, NULL, &pid), "r");

    read_lines(f);
    fclose(f);
    if (waitpid(pid, &status, 0) != pid || status != 0)
        give_up("sandbox/run did not start it");
    guard = run(STDIN_FILENO, "--guard", sandbox_value("SANDBOX_DIR"), &guard_pid);
}

static void attach(const char *dir)
{
    char path[512];
    FILE *f;

    snprintf(path, sizeof path, "%s/env", dir);
    if ((f = fopen(path, "r")) == NULL)
        give_up(path);
    read_lines(f);
    fclose(f);
}

void sandbox_start(void)
{
    const char *dir = getenv("SANDBOX_DIR");

    if (lines[0][0] != '\0')
        return;
    if (dir != NULL && *dir != '\0')
        attach(dir);
    else
        start_own();
}

const char *sandbox_value(const char *name)
{
    size_t n = strlen(name), i;

    for (i = 0; i < MAX_LINES; i++)
        if (strncmp(lines[i], name, n) == 0 && lines[i][n] == '=')
            return lines[i] + n + 1;
    give_up(name);
    return NULL;
}

void sandbox_stop(void)
{
    if (guard < 0)
        return;
    close(guard);
    waitpid(guard_pid, NULL, 0);
    guard = -1;
    lines[0][0] = '\0';
}
