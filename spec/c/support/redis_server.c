#include "support/redis_server.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

bool redis_server_is_here(void)
{
    return access("/usr/bin/redis-server", X_OK) == 0 ||
           access("/usr/local/bin/redis-server", X_OK) == 0;
}

static int free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &n) != 0)
        abort();
    close(fd);
    return ntohs(a.sin_port);
}

static void run(const struct redis_server *r, int out, const char *option, const char *value)
{
    char port[16];

    /* It ends with the test program, however that ends. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    snprintf(port, sizeof port, "%d", r->port);
    (void)dup2(out, 1);
    (void)dup2(out, 2);
    execlp("redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "",
           "--appendonly", "no", "--dir", "/tmp", option, value, (char *)NULL);
    _exit(127);
}

/* Reads its log up to the line that says so. Otherwise it ended; *taken: for its port was. */
static bool await_ready(const struct redis_server *r, bool *taken)
{
    static char text[16384];
    size_t len = 0;
    ssize_t n;

    while (len + 1 < sizeof text && (n = read(r->log, text + len, sizeof text - 1 - len)) > 0) {
        len += (size_t)n;
        text[len] = '\0';
        if (strstr(text, "Ready to accept connections") != NULL)
            return true;
    }
    *taken = strstr(text, "Address already in use") != NULL;
    fprintf(stderr, "%s\n", text);
    return false;
}

static bool start_on(struct redis_server *r, int port, const char *option, const char *value,
                     bool *taken)
{
    int out[2];

    r->port = port;
    if (pipe(out) != 0 || (r->pid = fork()) < 0)
        abort();
    if (r->pid == 0)
        run(r, out[1], option, value);
    close(out[1]);
    r->log = out[0];
    return await_ready(r, taken);
}

/* Between the look for a free port and its use another program may take it. */
void redis_server_start(struct redis_server *r, int port, const char *option, const char *value)
{
    bool taken = false;

    while (!start_on(r, port != 0 ? port : free_port(), option, value, &taken)) {
        if (port != 0 || !taken)
            abort();
        redis_server_stop(r);
    }
}

void redis_server_stop(struct redis_server *r)
{
    if (r->pid == 0)
        return;
    (void)kill(r->pid, SIGKILL);
    (void)waitpid(r->pid, NULL, 0);
    close(r->log);
    r->pid = 0;
}

static void run_cli(const struct redis_server *r, int out, const char *const *words)
{
    char port[16];
    const char *argv[16] = {"redis-cli", "-p", port};
    int n = 3;

    snprintf(port, sizeof port, "%d", r->port);
    while (*words != NULL && n < 15)
        argv[n++] = *words++;
    argv[n] = NULL;
    (void)dup2(out, 1);
    execvp("redis-cli", (char *const *)(void *)argv);
    _exit(127);
}

bool redis_server_says(const struct redis_server *r, const char *answer, const char *const *words)
{
    char text[256];
    size_t len = 0;
    ssize_t n;
    int out[2];
    pid_t child;

    if (pipe(out) != 0 || (child = fork()) < 0)
        abort();
    if (child == 0)
        run_cli(r, out[1], words);
    close(out[1]);
    while (len + 1 < sizeof text && (n = read(out[0], text + len, sizeof text - 1 - len)) > 0)
        len += (size_t)n;
    text[len] = '\0';
    close(out[0]);
    (void)waitpid(child, NULL, 0);
    text[strcspn(text, "\n")] = '\0';
    return answer == NULL || strcmp(text, answer) == 0;
}
