/*
 * log: writes one line per event to stderr, as text or JSON (log=text|json).
 *
 * Logging never blocks its caller: lines go into a queue of fixed size, and a separate thread
 * writes them. A line that does not fit or cannot be written is dropped and counted.
 *
 * No secret and no token may be in an argument; a token is shown by its short id. Any thread.
 */
#ifndef ITRIGGERD_LOG_H
#define ITRIGGERD_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR, LOG_LEVELS };

/* Which requests are logged. */
enum log_access {
    LOG_ACCESS_OFF,
    LOG_ACCESS_ERRORS, /* failures, and whatever can cost a fetch: reports and refreshes */
    LOG_ACCESS_ALL,
    LOG_ACCESS_COUNT
};

/* Their words in the configuration, ended by NULL. */
extern const char *const log_level_names[LOG_LEVELS + 1];
extern const char *const log_access_names[LOG_ACCESS_COUNT + 1];

/* Set the format and what is logged, at the start and on a reload. */
void log_configure(bool json, enum log_level least, enum log_access access);

/* Start the writing thread; until then each line is written by its caller. Return 0, or an error
 * number of pthread_create(3). */
int log_start(void);
/* Wait until all lines are written, at most within_ms. Lines that come meanwhile are queued,
 * too. */
void log_flush(int64_t within_ms);
/* Return how many lines were dropped since the start. */
uint64_t log_dropped(void);

/* Log an event. event: one word, the same for all of a kind. app: its name in the configuration, or
 * NULL. fmt is printf's; the text is cut at 1 KB. */
void log_write(enum log_level level, const char *event, const char *app, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)

/* One answered request. */
struct log_request {
    const char *request; /* "token", "poll", "report", "refresh", "page", ... */
    const char *client;  /* its name; NULL: no client's key */
    int key;             /* which of the client's keys, from 1; 0: none */
    const char *app;     /* NULL: not about one */
    bool drop_in;        /* by the vendor's path */
    bool costs;          /* a report or a refresh */
    int http_status;
    int64_t code, ms;
};

/* Log a request if access_log says so. For requests without a valid key: at most one line a second,
 * with the number of those skipped. */
void log_access(const struct log_request *q);

#endif
