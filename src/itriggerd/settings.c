#include "itriggerd/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/nearest.h"
#include "core/base/secret_file.h"

#define KEY_FILE_MAX 4096

/* ---- lifetime ---- */

void settings_init(struct settings *s)
{
    *s = (struct settings){.threads = 2};
}

static void clear_app(struct app_settings *a)
{
    itr_config_clear(&a->config);
    free(a->name);
    free(a->token_file);
}

static void clear_client(struct client_settings *c)
{
    free(c->name);
    free(c->apps);
    free(c->app);
}

void settings_clear(struct settings *s)
{
    size_t i;

    for (i = 0; i < s->n_listen; i++)
        free(s->listen[i]);
    for (i = 0; i < s->n_apps; i++)
        clear_app(&s->apps[i]);
    for (i = 0; i < s->n_clients; i++)
        clear_client(&s->clients[i]);
    free(s->apps);
    free(s->clients);
    free(s->tls_cert);
    free(s->tls_key);
    free(s->token_store);
    free(s->seen);
    settings_init(s);
}

bool settings_set(char **field, const char *value)
{
    char *copy = strdup(value);

    if (copy == NULL)
        return false;
    free(*field);
    *field = copy;
    return true;
}

struct app_settings *settings_add_app(struct settings *s, const char *name, int line)
{
    struct app_settings *more = realloc(s->apps, (s->n_apps + 1) * sizeof *more), *a;

    if (more == NULL)
        return NULL;
    s->apps = more;
    a = &more[s->n_apps];
    *a = (struct app_settings){.line = line};
    itr_config_init(&a->config);
    if (!settings_set(&a->name, name))
        return NULL;
    s->n_apps++;
    return a;
}

struct client_settings *settings_add_client(struct settings *s, const char *name, int line)
{
    struct client_settings *more = realloc(s->clients, (s->n_clients + 1) * sizeof *more), *a;

    if (more == NULL)
        return NULL;
    s->clients = more;
    a = &more[s->n_clients];
    *a = (struct client_settings){.line = line};
    if (!settings_set(&a->name, name))
        return NULL;
    s->n_clients++;
    return a;
}

/* ---- one value ---- */

static bool no_memory(int line, struct complaint *c)
{
    return complain(c, line, "no memory");
}

static bool unknown(const char *name, const char *section, const char *const *names, int line,
                    struct complaint *c)
{
    const char *near = itr_nearest(name, names);

    if (near == NULL)
        return complain(c, line, "there is no \"%s\" in [%s]", name, section);
    return complain(c, line, "there is no \"%s\" in [%s]: did you mean \"%s\"?", name, section,
                    near);
}

/* Which of two words, or a complaint. */
static bool take_word(bool *is_second, const char *first, const char *second, const char *name,
                      const char *value, int line, struct complaint *c)
{
    *is_second = strcmp(value, second) == 0;
    if (!*is_second && strcmp(value, first) != 0)
        return complain(c, line, "%s is \"%.60s\"; it can be %s or %s", name, value, first, second);
    return true;
}

static bool take_text(char **field, const char *name, const char *value, int line,
                      struct complaint *c)
{
    if (*value == '\0')
        return complain(c, line, "%s is empty", name);
    return settings_set(field, value) || no_memory(line, c);
}

static bool take_threads(struct settings *s, const char *value, int line, struct complaint *c)
{
    char *end;

    s->threads = strtol(value, &end, 10);
    if (end == value || *end != '\0' || s->threads < 1 || s->threads > SETTINGS_THREADS_MAX)
        return complain(c, line, "threads is \"%.60s\"; it can be 1 to %d", value,
                        SETTINGS_THREADS_MAX);
    return true;
}

static bool take_listen(struct settings *s, const char *value, int line, struct complaint *c)
{
    if (s->n_listen == SETTINGS_LISTEN_MAX)
        return complain(c, line, "more than %d addresses to listen on", SETTINGS_LISTEN_MAX);
    if (!take_text(&s->listen[s->n_listen], "listen", value, line, c))
        return false;
    s->listen_line[s->n_listen++] = line;
    return true;
}

static bool take_tls(struct settings *s, const char *value, int line, struct complaint *c)
{
    s->tls_off = strcmp(value, "off") == 0;
    s->tls_line = line;
    return s->tls_off ||
           complain(c, line, "tls is \"%.60s\"; it can only be off (TLS is on with tls_cert)",
                    value);
}

static bool take_server(struct settings *s, const char *name, const char *value, int line,
                        struct complaint *c)
{
    static const char *const names[] = {"listen",      "tls_cert", "tls_key", "tls", "threads",
                                        "token_store", "log",      "status",  NULL};

    if (strcmp(name, "listen") == 0)
        return take_listen(s, value, line, c);
    if (strcmp(name, "tls_cert") == 0)
        return take_text(&s->tls_cert, name, value, s->tls_line = line, c);
    if (strcmp(name, "tls_key") == 0)
        return take_text(&s->tls_key, name, value, s->tls_line = line, c);
    if (strcmp(name, "tls") == 0)
        return take_tls(s, value, line, c);
    if (strcmp(name, "threads") == 0)
        return take_threads(s, value, line, c);
    if (strcmp(name, "token_store") == 0) {
        s->has_secrets = s->has_secrets || strchr(value, '@') != NULL; /* a password */
        return take_text(&s->token_store, name, value, line, c);
    }
    if (strcmp(name, "log") == 0)
        return take_word(&s->json_log, "text", "json", name, value, line, c);
    if (strcmp(name, "status") == 0)
        return take_word(&s->open_status, "key", "open", name, value, line, c);
    return unknown(name, "server", names, line, c);
}

static bool is_one_of(const char *name, const char *const *names)
{
    while (*names != NULL && strcmp(name, *names) != 0)
        names++;
    return *names != NULL;
}

static bool take_app(struct settings *s, const char *name, const char *value, int line,
                     struct complaint *c)
{
    static const char *const names[] = {
        "app_id",         "app_secret",    "app_secret_file", "gateway",
        "token_endpoint", "token_ttl",     "refresh_margin",  "daily_limit",
        "ca_file",        "token_timeout", "connect_timeout", "min_refresh_interval",
        "proxy",          "token_file",    "refresh",         NULL};
    struct app_settings *a = &s->apps[s->n_apps - 1];
    struct itr_error e;

    if (strcmp(name, "token_file") == 0)
        return take_text(&a->token_file, name, value, line, c);
    if (strcmp(name, "refresh") == 0)
        return take_word(&a->used_only, "always", "used", name, value, line, c);
    if (!is_one_of(name, names))
        return unknown(name, "app", names, line, c);
    if (strcmp(name, "app_secret") == 0 || strcmp(name, "proxy") == 0)
        s->has_secrets = true;
    if (itr_config_set_text(&a->config, name, value, &e) != ITR_OK)
        return complain(c, line, "%.400s", e.text);
    return true;
}

/* ---- clients ---- */

bool settings_add_key(struct client_settings *client, const struct key_digest *key, int line,
                      struct complaint *c)
{
    if (client->n_keys == SETTINGS_KEYS)
        return complain(c, line, "client %s has more than %d keys", client->name, SETTINGS_KEYS);
    client->keys[client->n_keys++] = *key;
    return true;
}

static bool check_key(const struct itr_buf *key, const char *path, int line, struct complaint *c)
{
    if (key->len < KEY_MIN)
        return complain(c, line, "%.300s: a key of less than %d characters", path, KEY_MIN);
    if (!key_is_clean(key->data, key->len))
        return complain(
            c, line, "%.300s: a space or a character that is not printable ASCII in the key", path);
    return true;
}

static bool take_key_file(struct client_settings *client, const char *path, int line,
                          struct complaint *c)
{
    struct itr_buf key;
    struct key_digest digest;
    struct itr_error e;
    bool taken = false;

    itr_buf_init_secret(&key, KEY_FILE_MAX);
    if (*path != '/')
        (void)complain(c, line, "\"%.200s\" is no absolute path of a file", path);
    else if (itr_secret_file_read(path, &key, &e) != ITR_OK)
        (void)complain(c, line, "%.400s", e.text);
    else
        taken = check_key(&key, path, line, c);
    if (taken) {
        key_digest_of(key.data, key.len, &digest);
        taken = settings_add_key(client, &digest, line, c);
    }
    itr_buf_clear(&key);
    return taken;
}

static bool take_client(struct settings *s, const char *name, const char *value, int line,
                        struct complaint *c)
{
    static const char *const names[] = {"key_file", "key_sha256", "next_key_file", "apps", NULL};
    struct client_settings *client = &s->clients[s->n_clients - 1];
    struct key_digest digest;

    if (strcmp(name, "key_file") == 0 || strcmp(name, "next_key_file") == 0)
        return take_key_file(client, value, line, c);
    if (strcmp(name, "apps") == 0) {
        client->apps_line = line;
        return take_text(&client->apps, name, value, line, c);
    }
    if (strcmp(name, "key_sha256") != 0)
        return unknown(name, "client", names, line, c);
    if (!key_digest_parse(value, &digest))
        return complain(c, line, "key_sha256 is not the 64 hex digits of a SHA-256");
    return settings_add_key(client, &digest, line, c);
}

/* ---- sections ---- */

/* The name behind "app " or "client ", or NULL. */
static const char *name_in(const char *section, const char *word)
{
    size_t n = strlen(word);

    if (strncmp(section, word, n) != 0 || section[n] != ' ')
        return NULL;
    section += n + strspn(section + n, " ");
    return *section != '\0' ? section : NULL;
}

/* It stands in log lines and in lists with commas. */
static bool is_good_name(const char *name)
{
    return name[strspn(
               name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] == '\0';
}

/* The section of this name becomes the last of the list; one that comes back is an error. */
static bool enter_app(struct settings *s, const char *name, int line, struct complaint *c)
{
    size_t i;

    if (!s->enters)
        return true;
    for (i = 0; i < s->n_apps; i++)
        if (strcmp(s->apps[i].name, name) == 0)
            return complain(c, line, "a second [app %s]", name);
    return settings_add_app(s, name, line) != NULL || no_memory(line, c);
}

static bool enter_client(struct settings *s, const char *name, int line, struct complaint *c)
{
    size_t i;

    if (!s->enters)
        return true;
    for (i = 0; i < s->n_clients; i++)
        if (strcmp(s->clients[i].name, name) == 0)
            return complain(c, line, "a second [client %s]", name);
    return settings_add_client(s, name, line) != NULL || no_memory(line, c);
}

/* A name that is given twice in one section: the second would win without a word. */
static bool note_name(struct settings *s, const char *section, const char *name, int line,
                      struct complaint *c)
{
    size_t have = s->seen != NULL ? strlen(s->seen) : 0;
    size_t more = strlen(section) + strlen(name) + 4;
    char entry[128], *grown;

    if (strcmp(section, "server") == 0 && strcmp(name, "listen") == 0)
        return true; /* several are right */
    (void)snprintf(entry, sizeof entry, "\n%s\t", section);
    if (have > 0 && strncmp(s->seen, entry, strlen(entry)) != 0)
        have = 0; /* another section begins */
    s->enters = have == 0;
    (void)snprintf(entry, sizeof entry, "\n%s\t%s\n", section, name);
    if (have > 0 && strstr(s->seen, entry) != NULL)
        return complain(c, line, "%s is given twice in [%s]", name, section);
    if ((grown = realloc(s->seen, have + more)) == NULL)
        return no_memory(line, c);
    memcpy(grown + have, entry, strlen(entry) + 1);
    s->seen = grown;
    return true;
}

bool settings_take(void *settings, const char *section, const char *name, const char *value,
                   int line, struct complaint *c)
{
    struct settings *s = settings;
    const char *own;

    if (!note_name(s, section, name, line, c))
        return false;
    if (strcmp(section, "server") == 0)
        return take_server(s, name, value, line, c);
    own = name_in(section, "app");
    if (own != NULL && is_good_name(own))
        return enter_app(s, own, line, c) && take_app(s, name, value, line, c);
    own = name_in(section, "client");
    if (own != NULL && is_good_name(own))
        return enter_client(s, own, line, c) && take_client(s, name, value, line, c);
    return complain(c, line,
                    "[%s] is not [server], [app NAME] or [client NAME] (names of letters, digits, "
                    "\".\", \"_\", \"-\")",
                    section);
}

/* ---- the file ---- */

static bool check_mode(FILE *file, struct complaint *c)
{
    struct stat st;

    if (fstat(fileno(file), &st) != 0)
        return complain(c, 0, "%s", strerror(errno));
    if ((st.st_mode & (S_IROTH | S_IWOTH | S_IWGRP)) != 0)
        return complain(c, 0,
                        "a secret stands in this file, and others can read or write it: "
                        "chmod 600, or use app_secret_file");
    return true;
}

bool settings_read(struct settings *s, const char *path, struct complaint *c)
{
    FILE *file = fopen(path, "re");
    bool good;

    if (file == NULL)
        return complain(c, 0, "%s", strerror(errno));
    good = ini_reader_read(file, settings_take, s, c) && (!s->has_secrets || check_mode(file, c)) &&
           settings_finish(s, c);
    fclose(file);
    return good;
}
