/*
 * settings: the daemon's configuration, checked and with all secrets read, from one file
 * (settings_file.h) or from the environment alone (settings_env.h).
 *
 * Plain data; one owner. Errors are reported with their line (ini_reader.h).
 */
#ifndef ITRIGGERD_SETTINGS_H
#define ITRIGGERD_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/config/config.h"
#include "itriggerd/ini_reader.h"
#include "itriggerd/key.h"
#include "itriggerd/log.h"

#define SETTINGS_LISTEN_MAX 16
#define SETTINGS_THREADS_MAX 64
#define SETTINGS_KEYS 8 /* of a client: several while it goes from one to the next */

struct app_settings {
    char *name;
    int line; /* of its section */
    struct itr_config config;
    char *token_file; /* NULL: none */
    int token_file_line;
    int used_only;             /* 1: refresh=used */
    int64_t check_interval_ms; /* 0: the gateway is not asked whether the token is good */
};

struct client_settings {
    char *name;
    int line;
    struct key_digest keys[SETTINGS_KEYS];
    size_t n_keys;
    char *apps; /* as written, several lines joined by commas; NULL: missing */
    int apps_line;
    bool all;
    int monitor; /* 1: role=monitor: page and metrics, no token */
    size_t *app; /* indexes of its apps; ours */
    size_t n_apps;
};

struct settings {
    char *listen[SETTINGS_LISTEN_MAX];
    int listen_line[SETTINGS_LISTEN_MAX];
    size_t n_listen;
    char *tls_cert, *tls_key; /* files */
    bool tls_off;             /* tls=off */
    int tls_line;
    int64_t threads;
    char *token_store; /* never NULL when finished */
    int token_store_line;
    int log; /* 0: text, 1: json */
    enum log_level log_level;
    enum log_access access_log;
    int open_status; /* 1: status=open */
    struct app_settings *apps;
    size_t n_apps;
    struct client_settings *clients;
    size_t n_clients;
    /* settings_read, check_only: the first app whose secret systemd provides, and only to the
     * service itself, so that it was not read; NULL: none. Borrowed from apps. */
    const char *unread_secret;
};

void settings_init(struct settings *s);
void settings_clear(struct settings *s);
/* Remove all apps and clients. */
void settings_clear_sections(struct settings *s);

/* Check the settings that depend on each other, and read the secrets' files. Both ways of
 * reading end with it. */
bool settings_finish(struct settings *s, bool check_only, struct complaint *c);

/* Append an app, a client or a listen address. The pointer is borrowed until the next one is
 * appended; NULL: no memory. False: *c says what is wrong. */
struct app_settings *settings_add_app(struct settings *s, const char *name, int line);
struct client_settings *settings_add_client(struct settings *s, const char *name, int line);
bool settings_add_listen(struct settings *s, const char *address, int line, struct complaint *c);
/* Add a key's digest to the client's. False: *c says what is wrong with it. */
bool settings_add_key(struct client_settings *client, const struct key_digest *key, int line,
                      struct complaint *c);

/* Write the address of the store where none is set: in the directory that systemd provides for
 * state, or else the user's own. */
void settings_own_store(char *out, size_t cap);

/* Return whether two strings, of which either may be NULL, are the same. */
bool settings_same(const char *a, const char *b);
/* Replace a string that the settings own by a copy of value. False: no memory. */
bool settings_set(char **field, const char *value);

#endif
