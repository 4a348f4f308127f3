/*
 * settings: the daemon's configuration as it is written, checked, with all secrets read. From one
 * file (settings_read), or from the environment alone (settings_env.h).
 *
 * Plain data; one owner. What is wrong is told with its line (ini_reader.h).
 */
#ifndef ITRIGGERD_SETTINGS_H
#define ITRIGGERD_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/config/config.h"
#include "itriggerd/ini_reader.h"
#include "itriggerd/key.h"

#define SETTINGS_LISTEN_MAX 16
#define SETTINGS_THREADS_MAX 64
#define SETTINGS_KEYS 2 /* of a client: the present one and the next */

struct app_settings {
    char *name;
    int line; /* of its section */
    struct itr_config config;
    char *token_file; /* NULL: none */
    bool used_only;   /* refresh=used */
};

struct client_settings {
    char *name;
    int line;
    struct key_digest keys[SETTINGS_KEYS];
    size_t n_keys;
    char *apps; /* as written; NULL: missing */
    int apps_line;
    bool all;
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
    long threads;
    char *token_store; /* never NULL when finished */
    bool json_log;
    bool open_status; /* status=open */
    bool has_secrets; /* the file itself holds one: nobody else may read it */
    struct app_settings *apps;
    size_t n_apps;
    struct client_settings *clients;
    size_t n_clients;
    char *seen;  /* names given in the section at hand, to find doubles */
    bool enters; /* the name at hand is its section's first */
};

void settings_init(struct settings *s);
void settings_clear(struct settings *s);

/* Reads, checks and finishes. False: *c says what is wrong. */
bool settings_read(struct settings *s, const char *path, struct complaint *c);

/* One "name = value"; an ini_reader_take with the settings as ctx. */
bool settings_take(void *settings, const char *section, const char *name, const char *value,
                   int line, struct complaint *c);

/* Checks what belongs together, reads the secrets' files (settings_finish.c). */
bool settings_finish(struct settings *s, struct complaint *c);

/* Grows the lists by one; NULL: no memory. */
struct app_settings *settings_add_app(struct settings *s, const char *name, int line);
struct client_settings *settings_add_client(struct settings *s, const char *name, int line);

/* Replaces a string of ours. False: no memory. */
bool settings_set(char **field, const char *value);

/* A key's digest becomes one of the client's. */
bool settings_add_key(struct client_settings *client, const struct key_digest *key, int line,
                      struct complaint *c);

#endif
