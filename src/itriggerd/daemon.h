/*
 * daemon: the running daemon and its life: start (settings, parts, snapshot, listeners, threads),
 * reload, and stop with a drain. Main thread only.
 */
#ifndef ITRIGGERD_DAEMON_H
#define ITRIGGERD_DAEMON_H

#include "itriggerd/listener.h"
#include "itriggerd/server.h"
#include "itriggerd/settings.h"
#include "itriggerd/store_watch.h"
#include "itriggerd/timer.h"
#include "itriggerd/token_check.h"

struct MHD_Daemon;

struct daemon {
    struct settings settings; /* [server] as of the start; ours */
    struct itr_parts parts;
    struct server server;
    struct listener listeners[SETTINGS_LISTEN_MAX];
    size_t n_listeners;
    struct MHD_Daemon *http, *https; /* for listeners without and with TLS; NULL: there are none */
    struct timer timer;
    struct store_watch store_watch;
    struct token_check token_check;
    bool ticks, watches, checks; /* these three run */
};

/* Start the daemon; it takes ownership of the settings, which must be finished. ITR_CONFIG,
 * ITR_STORE, ITR_NETWORK, ITR_NOMEM: why it cannot start; call daemon_stop then, too. */
enum itr_status daemon_start(struct daemon *d, struct settings *settings, struct itr_error *e);

/* Apply new settings, which must be finished, as far as possible without a restart, and log the
 * changes that need one. An error is logged and changes nothing. */
void daemon_reload(struct daemon *d, const struct settings *fresh);

/* Stop the daemon: finish the requests in flight, and release everything. If that is not done
 * within 5 s, end the process with this code. */
void daemon_stop(struct daemon *d, int exit_code);

/* Log why the new configuration could not be read, and note the failed reload; the old
 * configuration stays in force. */
void daemon_reload_failed(struct daemon *d, const char *why);

/* Check the settings for what would make a start fail, without touching a socket or a store
 * (--check). */
enum itr_status daemon_check(const struct settings *settings, struct itr_error *e);

#endif
