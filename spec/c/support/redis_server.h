/*
 * redis_server: a real redis-server of the test's own, on a free port of loopback, that keeps
 * nothing on the disk. One at a time.
 */
#ifndef SPEC_REDIS_SERVER_H
#define SPEC_REDIS_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

struct redis_server {
    pid_t pid; /* 0: not running */
    int port;
    int log; /* its standard output */
};

/* False: there is no redis-server on this machine. */
bool redis_server_is_here(void);

/* Starts it and waits until it says that it is ready; aborts when it does not. port 0: any.
 * `option` and `value` are one more of its options, or NULL. */
void redis_server_start(struct redis_server *r, int port, const char *option, const char *value);
void redis_server_stop(struct redis_server *r); /* with SIGKILL */

/* Has redis-cli say one command (NULL-ended words); false unless it answers `answer` (NULL:
 * anything). */
bool redis_server_says(const struct redis_server *r, const char *answer, const char *const *words);

#endif
