/*
 * daemon: the whole of it from start to end: settings → parts, snapshot, listeners, timer; reload;
 * drain. Belongs to the main thread.
 */
#ifndef ITRIGGERD_DAEMON_H
#define ITRIGGERD_DAEMON_H

#include "core/base/sha256.h"
#include "itriggerd/listener.h"
#include "itriggerd/server.h"
#include "itriggerd/settings.h"
#include "itriggerd/store_watch.h"
#include "itriggerd/timer.h"
#include "itriggerd/token_check.h"

struct daemon {
    struct settings settings; /* those that are in force; ours */
    struct itr_parts parts;
    struct server server;
    struct listener listeners[SETTINGS_LISTEN_MAX];
    size_t n_listeners;
    struct timer timer;
    struct store_watch store_watch;
    struct token_check token_check;
    bool ticks, watches, checks; /* these three run */
    char tls_seen[65];           /* digest of certificate and key in use */
};

/* Takes over the settings, which are finished. ITR_CONFIG, ITR_STORE, ITR_NOMEM: why it cannot
 * start; daemon_stop is right then too. */
enum itr_status daemon_start(struct daemon *d, struct settings *settings, struct itr_error *e);

/* Puts `settings` (taken over, finished) in force as far as that goes without a restart; what does
 * not is logged. On an error all stays as it was, and that is logged. */
void daemon_reload(struct daemon *d, struct settings *settings);

/* Now and then: what a reload left to finish. */
void daemon_sweep(struct daemon *d);

/* Finishes what is under way, within 5 s, and ends. */
void daemon_stop(struct daemon *d);

/* Note that the new configuration could not be read, and why; the old one stays. */
void daemon_reload_failed(struct daemon *d, const char *why);

/* For --check: check what a start would find wrong with the settings, without touching a socket or
 * a store. */
enum itr_status daemon_check(const struct settings *settings, struct itr_error *e);

#endif
