/*
 * log: what the daemon tells on stderr, one line an event, as text or JSON (log=text|json).
 *
 * No secret and no token may be in an argument; tokens are shown by their short ids. Any thread;
 * a line is one write, so that lines never mix.
 */
#ifndef ITRIGGERD_LOG_H
#define ITRIGGERD_LOG_H

#include <stdbool.h>

/* Once, before other threads are there, and on a reload. */
void log_use_json(bool json);

/* event: one word, the same for all of a kind. app: its name in the configuration, or NULL. fmt is
 * printf's; the text is cut at 1 KB. */
void log_info(const char *event, const char *app, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void log_warning(const char *event, const char *app, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
