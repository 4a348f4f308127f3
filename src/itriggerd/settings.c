#include "itriggerd/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/hex.h"
#include "core/base/nearest.h"
#include "core/base/secret_file.h"
#include "core/http/server_address.h"
#include "itriggerd/address.h"
#include "itriggerd/credential.h"
#include "itriggerd/token_file.h"

#define PATH_MAX_BYTES 4096
#define DEFAULT_LISTEN "127.0.0.1:8700"
#define CHECK_INTERVAL_MS 60000
#define CHECK_INTERVAL_MAX_MS ((int64_t)24 * 3600 * 1000)
#define NAMES_MAX (ITR_OPTIONS_MAX + 20) /* of one section */

/* ---- lifetime ---- */

void settings_init(struct settings *s)
{
    *s = (struct settings){
        .threads = 2, .log_level = LOG_LEVEL_INFO, .access_log = LOG_ACCESS_ERRORS};
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

static bool no_memory(int line, struct complaint *c)
{
    return complain(c, line, "out of memory");
}

struct app_settings *settings_add_app(struct settings *s, const char *name, int line)
{
    struct app_settings *more = realloc(s->apps, (s->n_apps + 1) * sizeof *more), *a;

    if (more == NULL)
        return NULL;
    s->apps = more;
    a = &more[s->n_apps];
    *a = (struct app_settings){.line = line, .check_interval_ms = CHECK_INTERVAL_MS};
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

bool settings_add_listen(struct settings *s, const char *address, int line, struct complaint *c)
{
    if (s->n_listen == SETTINGS_LISTEN_MAX)
        return complain(c, line, "more than %d listen addresses", SETTINGS_LISTEN_MAX);
    if (!settings_set(&s->listen[s->n_listen], address))
        return no_memory(line, c);
    s->listen_line[s->n_listen++] = line;
    return true;
}

bool settings_add_key(struct client_settings *client, const struct key_digest *key, int line,
                      struct complaint *c)
{
    if (key_digest_is_trivial(key))
        return complain(c, line,
                        "[client %s]: this is the SHA-256 of an empty or one-character key, which "
                        "anybody could guess; make a key with \"itriggerd --make-key\"",
                        client->name);
    if (client->n_keys == SETTINGS_KEYS)
        return complain(c, line, "[client %s]: more than %d keys", client->name, SETTINGS_KEYS);
    client->keys[client->n_keys++] = *key;
    return true;
}

/* ---- one value ---- */

/* A file while it is read. */
struct reading {
    struct settings *s;
    const struct setting *table; /* of the section that is being read; NULL: none yet */
    const char *kind;            /* "server", "app", "client" */
    bool seen[NAMES_MAX];        /* the settings of the table that were given in it */
    bool has_server;
    bool has_secrets; /* the file itself contains one: nobody else may read it */
};

/* One line's value, and where a complaint goes. */
struct value {
    const char *name, *text;
    int line;
    struct complaint *c;
};

struct setting {
    const char *name;
    bool (*take)(struct reading *r, const struct value *v);
    bool repeats;
};

static struct app_settings *app_of(struct reading *r)
{
    return &r->s->apps[r->s->n_apps - 1];
}

static struct client_settings *client_of(struct reading *r)
{
    return &r->s->clients[r->s->n_clients - 1];
}

/* The index of the word among n, or a complaint. */
static bool take_word(const struct value *v, const char *const *words, size_t n, int *which)
{
    char list[128] = "";
    size_t i;

    for (i = 0; i < n; i++) {
        if (strcmp(v->text, words[i]) == 0) {
            *which = (int)i;
            return true;
        }
        (void)snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s",
                       i == 0       ? ""
                       : i + 1 == n ? " or "
                                    : ", ",
                       words[i]);
    }
    return complain(v->c, v->line, "%s is \"%.60s\"; expected %s", v->name, v->text, list);
}

static bool take_flag(const struct value *v, const char *no, const char *yes, bool *out)
{
    const char *const words[2] = {no, yes};
    int which = 0;

    if (!take_word(v, words, 2, &which))
        return false;
    *out = which == 1;
    return true;
}

static bool take_text(const struct value *v, char **field)
{
    if (*v->text == '\0')
        return complain(v->c, v->line, "%s has no value", v->name);
    return settings_set(field, v->text) || no_memory(v->line, v->c);
}

static bool take_integer(const struct value *v, int64_t min, int64_t max, int64_t *out)
{
    char *end;
    long long value;

    errno = 0;
    value = strtoll(v->text, &end, 10);
    if (end == v->text || *end != '\0' || errno != 0 || value < min || value > max)
        return complain(v->c, v->line,
                        "%s is \"%.60s\"; expected an integer from %" PRId64 " to %" PRId64,
                        v->name, v->text, min, max);
    *out = value;
    return true;
}

/* ---- [server] ---- */

static bool take_listen(struct reading *r, const struct value *v)
{
    return settings_add_listen(r->s, v->text, v->line, v->c);
}

static bool take_tls_cert(struct reading *r, const struct value *v)
{
    r->s->tls_line = v->line;
    return take_text(v, &r->s->tls_cert);
}

static bool take_tls_key(struct reading *r, const struct value *v)
{
    r->s->tls_line = v->line;
    return take_text(v, &r->s->tls_key);
}

static bool take_tls(struct reading *r, const struct value *v)
{
    r->s->tls_line = v->line;
    r->s->tls_off = strcmp(v->text, "off") == 0;
    return r->s->tls_off ||
           complain(v->c, v->line, "tls is \"%.60s\"; expected off (tls_cert turns TLS on)",
                    v->text);
}

static bool take_threads(struct reading *r, const struct value *v)
{
    return take_integer(v, 1, SETTINGS_THREADS_MAX, &r->s->threads);
}

static bool take_token_store(struct reading *r, const struct value *v)
{
    r->s->token_store_line = v->line;
    r->has_secrets = r->has_secrets || strchr(v->text, '@') != NULL; /* a password */
    return take_text(v, &r->s->token_store);
}

static bool take_log(struct reading *r, const struct value *v)
{
    return take_flag(v, "text", "json", &r->s->json_log);
}

static bool take_log_level(struct reading *r, const struct value *v)
{
    int which = 0;
    bool good = take_word(v, log_level_names, LOG_LEVELS, &which);

    r->s->log_level = (enum log_level)which;
    return good;
}

static bool take_access_log(struct reading *r, const struct value *v)
{
    int which = 0;
    bool good = take_word(v, log_access_names, LOG_ACCESS_COUNT, &which);

    r->s->access_log = (enum log_access)which;
    return good;
}

static bool take_status(struct reading *r, const struct value *v)
{
    return take_flag(v, "key", "open", &r->s->open_status);
}

static const struct setting server_settings[] = {
    {"listen", take_listen, true},
    {"tls_cert", take_tls_cert, false},
    {"tls_key", take_tls_key, false},
    {"tls", take_tls, false},
    {"threads", take_threads, false},
    {"token_store", take_token_store, false},
    {"log", take_log, false},
    {"log_level", take_log_level, false},
    {"access_log", take_access_log, false},
    {"status", take_status, false},
    {NULL, NULL, false},
};

/* ---- [app] ---- */

static bool take_option(struct reading *r, const struct value *v)
{
    struct itr_error e;

    r->has_secrets = r->has_secrets || itr_config_option(v->name)->secret ||
                     strchr(v->text, '@') != NULL; /* a proxy's password */
    if (itr_config_set_text(&app_of(r)->config, v->name, v->text, &e) != ITR_OK)
        return complain(v->c, v->line, "%.400s", e.text);
    return true;
}

static bool take_token_file(struct reading *r, const struct value *v)
{
    app_of(r)->token_file_line = v->line;
    return take_text(v, &app_of(r)->token_file);
}

static bool take_refresh(struct reading *r, const struct value *v)
{
    return take_flag(v, "always", "used", &app_of(r)->used_only);
}

static bool take_check_interval(struct reading *r, const struct value *v)
{
    int64_t seconds = 0;
    bool good = take_integer(v, 0, CHECK_INTERVAL_MAX_MS / 1000, &seconds);

    app_of(r)->check_interval_ms = seconds * 1000;
    return good;
}

/* Beside these, the options of the table in core/config that say DAEMON. */
static const struct setting app_settings_table[] = {
    {"token_file", take_token_file, false},
    {"refresh", take_refresh, false},
    {"check_interval", take_check_interval, false},
    {NULL, NULL, false},
};

/* ---- [client] ---- */

static bool check_key(const struct itr_buf *key, const struct value *v)
{
    if (key->len < KEY_MIN)
        return complain(v->c, v->line, "%.300s: the key is shorter than %d characters", v->text,
                        KEY_MIN);
    if (!key_is_clean(key->data, key->len))
        return complain(
            v->c, v->line,
            "%.300s: the key contains a space or a character that is not printable ASCII", v->text);
    return true;
}

static bool take_key_file(struct reading *r, const struct value *v)
{
    struct itr_buf key;
    struct key_digest digest;
    struct itr_error e;
    bool taken = false;

    itr_buf_init_secret(&key, PATH_MAX_BYTES);
    if (*v->text != '/')
        (void)complain(v->c, v->line, "%s is \"%.200s\"; expected an absolute path", v->name,
                       v->text);
    else if (itr_secret_file_read(v->text, &key, &e) != ITR_OK)
        (void)complain(v->c, v->line, "%.400s", e.text);
    else
        taken = check_key(&key, v);
    if (taken) {
        key_digest_of(key.data, key.len, &digest);
        taken = settings_add_key(client_of(r), &digest, v->line, v->c);
    }
    itr_buf_clear(&key);
    return taken;
}

static bool take_key_sha256(struct reading *r, const struct value *v)
{
    struct key_digest digest;

    if (!key_digest_parse(v->text, &digest))
        return complain(
            v->c, v->line,
            "key_sha256 must be the 64 hex digits that \"itriggerd --make-key\" prints");
    return settings_add_key(client_of(r), &digest, v->line, v->c);
}

/* Several lines are one list. */
static bool take_apps(struct reading *r, const struct value *v)
{
    struct client_settings *client = client_of(r);
    size_t have = client->apps != NULL ? strlen(client->apps) : 0, more = strlen(v->text);
    char *grown = realloc(client->apps, have + more + 2);

    if (grown == NULL)
        return no_memory(v->line, v->c);
    client->apps = grown;
    grown[have] = ',';
    memcpy(grown + have + 1, v->text, more + 1);
    client->apps_line = v->line;
    return more > 0 || complain(v->c, v->line, "apps has no value");
}

static bool take_role(struct reading *r, const struct value *v)
{
    return take_flag(v, "token", "monitor", &client_of(r)->monitor);
}

static const struct setting client_settings_table[] = {
    {"key_sha256", take_key_sha256, true},
    {"key_file", take_key_file, true},
    {"next_key_file", take_key_file, true},
    {"apps", take_apps, true},
    {"role", take_role, false},
    {NULL, NULL, false},
};

/* ---- sections ---- */

/* The name behind "app " or "client ", or NULL. */
static const char *name_in(const char *section, const char *word)
{
    size_t n = strlen(word);

    if (strncmp(section, word, n) != 0 || section[n] != ' ')
        return NULL;
    section += n + strspn(section + n, " ");
    /* It appears in log lines and in lists with commas. */
    return *section != '\0' &&
                   section[strspn(section, "abcdefghijklmnopqrstuvwxyz"
                                           "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] == '\0'
               ? section
               : NULL;
}

static bool enter_app(struct settings *s, const char *name, int line, struct complaint *c)
{
    size_t i;

    for (i = 0; i < s->n_apps; i++)
        if (strcmp(s->apps[i].name, name) == 0)
            return complain(c, line, "duplicate section [app %s]; the first is in line %d", name,
                            s->apps[i].line);
    return settings_add_app(s, name, line) != NULL || no_memory(line, c);
}

static bool enter_client(struct settings *s, const char *name, int line, struct complaint *c)
{
    size_t i;

    for (i = 0; i < s->n_clients; i++)
        if (strcmp(s->clients[i].name, name) == 0)
            return complain(c, line, "duplicate section [client %s]; the first is in line %d", name,
                            s->clients[i].line);
    return settings_add_client(s, name, line) != NULL || no_memory(line, c);
}

static bool enter_section(void *ctx, const char *section, int line, struct complaint *c)
{
    struct reading *r = ctx;
    const char *app = name_in(section, "app"), *client = name_in(section, "client");

    memset(r->seen, 0, sizeof r->seen);
    if (app != NULL) {
        r->table = app_settings_table;
        r->kind = "app";
        return enter_app(r->s, app, line, c);
    }
    if (client != NULL) {
        r->table = client_settings_table;
        r->kind = "client";
        return enter_client(r->s, client, line, c);
    }
    if (strcmp(section, "server") != 0)
        return complain(c, line,
                        "unknown section [%.100s]; expected [server], [app NAME] or [client NAME] "
                        "(a NAME has letters, digits, \".\", \"_\" and \"-\")",
                        section);
    if (r->has_server)
        return complain(c, line, "duplicate section [server]");
    r->has_server = true;
    r->table = server_settings;
    r->kind = "server";
    return true;
}

/* Write the names that the section can have, ended by NULL. A name's index is the same each time.
 */
static void write_names(const struct reading *r, const char *names[NAMES_MAX + 1])
{
    const struct itr_option *o;
    size_t i, n = 0;

    for (i = 0; r->table[i].name != NULL; i++)
        names[n++] = r->table[i].name;
    for (o = itr_config_options(); r->table == app_settings_table && o->name != NULL; o++)
        if ((o->uses & ITR_USE_DAEMON) != 0)
            names[n++] = o->name;
    names[n] = NULL;
}

static bool complain_unknown(const struct reading *r, const char *name, int line,
                             struct complaint *c)
{
    const char *names[NAMES_MAX + 1], *near;

    write_names(r, names);
    near = itr_nearest(name, names);
    return complain(c, line, "unknown setting \"%.100s\" in [%s]%s%s%s", name, r->kind,
                    near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
                    near != NULL ? "\"?" : "");
}

static bool take_setting(void *ctx, const char *name, const char *text, int line,
                         struct complaint *c)
{
    struct reading *r = ctx;
    const struct value v = {name, text, line, c};
    const char *names[NAMES_MAX + 1];
    size_t i, n = 0;

    if (r->table == NULL)
        return complain(c, line, "\"%.100s\" before the first section: add a line [server]", name);
    write_names(r, names);
    for (i = 0; names[i] != NULL && strcmp(names[i], name) != 0; i++)
        ;
    if (names[i] == NULL)
        return complain_unknown(r, name, line, c);
    while (r->table[n].name != NULL)
        n++;
    if (r->seen[i] && (i >= n || !r->table[i].repeats))
        return complain(c, line, "%s is set twice in this section", name);
    r->seen[i] = true;
    return i < n ? r->table[i].take(r, &v) : take_option(r, &v);
}

/* ---- checks of the whole: server ---- */

/* The first directory of a list as systemd writes it, with a place of its own in it: the file store
 * wants one that nobody else can enter. */
static bool set_store_of_state(struct settings *s, const char *dirs)
{
    char address[PATH_MAX_BYTES];

    (void)snprintf(address, sizeof address, "file:%.*s/tokens", (int)strcspn(dirs, ":"), dirs);
    return settings_set(&s->token_store, address);
}

static bool finish_store(struct settings *s, struct complaint *c)
{
    const char *state = getenv("STATE_DIRECTORY");

    if (s->token_store != NULL && itr_server_address_is_named(s->token_store))
        return complain(
            c, s->token_store_line,
            "token_store names a central server, which this program is itself; expected "
            "\"file:/directory\", \"redis://host/0\" or \"memory:\"");
    if (s->token_store != NULL)
        return true;
    return (state != NULL && *state == '/' ? set_store_of_state(s, state)
                                           : settings_set(&s->token_store, "file:")) ||
           no_memory(0, c);
}

static bool check_tls_files(const struct settings *s, struct complaint *c)
{
    if ((s->tls_cert == NULL) != (s->tls_key == NULL))
        return complain(c, s->tls_line, "tls_cert and tls_key belong together; %s is missing",
                        s->tls_cert == NULL ? "tls_cert" : "tls_key");
    if (s->tls_cert != NULL && s->tls_off)
        return complain(c, s->tls_line, "tls = off contradicts tls_cert; remove one of them");
    return true;
}

/* Whoever reaches TCP may be anybody, and whoever is on the way may read along. */
static bool check_tcp(const struct settings *s, const struct address *a, int line,
                      struct complaint *c)
{
    if (s->n_clients == 0)
        return complain(
            c, line,
            "listening on TCP needs a client key: add [client NAME] with key_sha256, or "
            "listen on a Unix socket only");
    if (!a->is_loopback && s->tls_cert == NULL && !s->tls_off)
        return complain(c, line,
                        "tokens must be encrypted beyond loopback: set tls_cert and tls_key, or "
                        "tls = off if a TLS terminator is in front");
    return true;
}

static bool check_listen(struct settings *s, struct complaint *c)
{
    size_t i;

    if (s->n_listen == 0 && !settings_add_listen(s, DEFAULT_LISTEN, 0, c))
        return false;
    for (i = 0; i < s->n_listen; i++) {
        struct address a;
        const char *wrong = address_parse(s->listen[i], &a);
        if (wrong != NULL)
            return complain(c, s->listen_line[i], "listen is \"%.120s\": %s", s->listen[i], wrong);
        if (!a.is_unix && !check_tcp(s, &a, s->listen_line[i], c))
            return false;
    }
    return true;
}

/* ---- apps ---- */

static bool read_secret(struct app_settings *a, const char *path, struct complaint *c)
{
    struct itr_buf secret;
    struct itr_error e;
    enum itr_status s;

    itr_buf_init_secret(&secret, PATH_MAX_BYTES);
    s = itr_secret_file_read(path, &secret, &e);
    if (s == ITR_OK)
        s = itr_config_set_text(&a->config, "app_secret", itr_buf_str(&secret), &e);
    itr_buf_clear(&secret);
    return s == ITR_OK || complain(c, a->line, "[app %s]: %.400s", a->name, e.text);
}

/* It was not read, as a check without systemd's credentials may do. */
static bool miss_credential(struct settings *s, struct app_settings *a, struct complaint *c)
{
    if (s->unread_secret == NULL)
        s->unread_secret = a->name;
    return settings_set(&a->config.app_secret, "not-read") || no_memory(a->line, c);
}

/* In the file, in a file of its own, or provided by systemd under the app's name. */
static bool find_secret(struct settings *s, struct app_settings *a, bool check_only,
                        struct complaint *c)
{
    const char *file = a->config.app_secret_file;
    char path[PATH_MAX_BYTES];

    if (a->config.app_secret != NULL && file != NULL)
        return complain(c, a->line, "[app %s]: app_secret and app_secret_file are both set",
                        a->name);
    if (a->config.app_secret != NULL)
        return true;
    if (file == NULL || *file != '/') {
        file = file != NULL ? file : a->name;
        if (!credential_path(file, path, sizeof path))
            return check_only ? miss_credential(s, a, c)
                              : complain(c, a->line,
                                         "[app %s]: no app secret: set app_secret_file to an "
                                         "absolute path, or start this by systemd with "
                                         "LoadCredential=%s:FILE",
                                         a->name, file);
        file = path;
    }
    if (check_only && credential_is_hidden(file))
        return miss_credential(s, a, c);
    return read_secret(a, file, c);
}

static bool check_token_file(const struct app_settings *a, struct complaint *c)
{
    struct itr_error e;

    if (a->token_file == NULL)
        return true;
    if (*a->token_file != '/')
        return complain(c, a->token_file_line,
                        "token_file is \"%.200s\"; expected an absolute path", a->token_file);
    return token_file_check(a->token_file, &e) == ITR_OK ||
           complain(c, a->token_file_line, "%.400s", e.text);
}

static bool finish_app(struct settings *s, struct app_settings *a, bool check_only,
                       struct complaint *c)
{
    struct itr_error e;

    if (!find_secret(s, a, check_only, c) || !check_token_file(a, c))
        return false;
    if (itr_config_set_text(&a->config, "token_store", s->token_store, &e) != ITR_OK ||
        itr_config_finish(&a->config, &e) != ITR_OK)
        return complain(c, a->line, "[app %s]: %.400s", a->name, e.text);
    return true;
}

static bool check_single(const struct settings *s, size_t at, struct complaint *c)
{
    const struct app_settings *a = &s->apps[at], *b;
    size_t i;

    for (i = 0; i < at; i++) {
        b = &s->apps[i];
        if (strcmp(a->config.app_id, b->config.app_id) == 0)
            return complain(c, a->line, "[app %s] and [app %s] have the same app_id%s", b->name,
                            a->name,
                            strcmp(a->config.gateway, b->config.gateway) == 0
                                ? ""
                                : ": requests name an app by its id alone, so one id cannot be on "
                                  "two gateways; run a second itriggerd");
        if (a->token_file != NULL && b->token_file != NULL &&
            strcmp(a->token_file, b->token_file) == 0)
            return complain(c, a->token_file_line, "[app %s] and [app %s] have the same token_file",
                            b->name, a->name);
    }
    return true;
}

static bool finish_apps(struct settings *s, bool check_only, struct complaint *c)
{
    size_t i;

    if (s->n_apps == 0)
        return complain(c, 0, "no app to serve: add a section [app NAME]");
    for (i = 0; i < s->n_apps; i++)
        if (!finish_app(s, &s->apps[i], check_only, c) || !check_single(s, i, c))
            return false;
    return true;
}

/* ---- clients ---- */

static bool add_right(const struct settings *s, struct client_settings *client, const char *name,
                      struct complaint *c)
{
    size_t i, *more;

    for (i = 0; i < s->n_apps && strcmp(s->apps[i].name, name) != 0; i++)
        ;
    if (i == s->n_apps)
        return complain(c, client->apps_line,
                        "[client %s]: unknown app \"%.100s\"; there is no [app %.100s]",
                        client->name, name, name);
    if ((more = realloc(client->app, (client->n_apps + 1) * sizeof *more)) == NULL)
        return no_memory(client->apps_line, c);
    client->app = more;
    more[client->n_apps++] = i;
    return true;
}

static bool finish_rights(const struct settings *s, struct client_settings *client,
                          struct complaint *c)
{
    const char *p = client->apps;
    char name[128];

    while (*(p += strspn(p, ", \t")) != '\0') {
        size_t n = strcspn(p, ", \t");
        (void)snprintf(name, sizeof name, "%.*s", n < sizeof name ? (int)n : 127, p);
        p += n;
        if (strcmp(name, "*") == 0)
            client->all = true;
        else if (!add_right(s, client, name, c))
            return false;
    }
    if (client->all && client->n_apps > 0)
        return complain(c, client->apps_line,
                        "[client %s]: apps has \"*\" and names; keep one of them", client->name);
    return client->all || client->n_apps > 0 ||
           complain(c, client->apps_line, "[client %s]: apps names no app", client->name);
}

/* Two clients with one key could not be told apart. */
static bool check_keys(const struct settings *s, size_t at, struct complaint *c)
{
    const struct client_settings *a = &s->clients[at];
    size_t i, k, l;

    for (i = 0; i < at; i++)
        for (k = 0; k < a->n_keys; k++)
            for (l = 0; l < s->clients[i].n_keys; l++)
                if (key_digest_same(&a->keys[k], &s->clients[i].keys[l]))
                    return complain(c, a->line, "[client %s] and [client %s] have the same key",
                                    s->clients[i].name, a->name);
    return true;
}

static bool finish_clients(struct settings *s, struct complaint *c)
{
    size_t i;

    for (i = 0; i < s->n_clients; i++) {
        struct client_settings *client = &s->clients[i];
        if (client->n_keys == 0)
            return complain(c, client->line, "[client %s] has no key: add key_sha256 or key_file",
                            client->name);
        if (client->apps == NULL)
            return complain(c, client->line,
                            "[client %s] has no apps: add apps = NAME, or apps = *", client->name);
        if (!finish_rights(s, client, c) || !check_keys(s, i, c))
            return false;
    }
    return true;
}

bool settings_finish(struct settings *s, bool check_only, struct complaint *c)
{
    return check_tls_files(s, c) && finish_store(s, c) && finish_apps(s, check_only, c) &&
           finish_clients(s, c) && check_listen(s, c);
}

/* ---- the file ---- */

/* Whoever may write it can let himself in; whoever may read a secret in it has that. */
static bool check_mode(FILE *file, bool has_secrets, struct complaint *c)
{
    struct itr_error e;
    struct stat st;

    if (fstat(fileno(file), &st) != 0)
        return complain(c, 0, "%s", strerror(errno));
    if ((st.st_mode & S_IWOTH) != 0)
        return complain(c, 0, "every user can write this file: chmod o-w");
    if (has_secrets && (st.st_mode & (S_IROTH | S_IWGRP)) != 0 &&
        itr_secret_file_check(fileno(file), "", &e) != ITR_OK)
        return complain(c, 0,
                        "this file contains a secret, and other users can read or write it: "
                        "chmod 600, or use app_secret_file");
    return true;
}

bool settings_read(struct settings *s, const char *path, bool check_only, struct complaint *c)
{
    struct reading r = {.s = s};
    const struct ini_handler handler = {enter_section, take_setting, &r};
    FILE *file = fopen(path, "re");
    bool good;

    if (file == NULL)
        return complain(c, 0, "%s", strerror(errno));
    good = ini_reader_read(file, &handler, c) && check_mode(file, r.has_secrets, c) &&
           settings_finish(s, check_only, c);
    fclose(file);
    return good;
}

/* ---- show ---- */

/* An address with its password masked; the user's name stays. */
static void print_address(const char *name, const char *address, FILE *out)
{
    const char *at = strrchr(address, '@'), *from = strstr(address, "//"), *colon;

    if (at == NULL || from == NULL || from > at) {
        fprintf(out, "%s = %s\n", name, address);
        return;
    }
    from += 2;
    colon = memchr(from, ':', (size_t)(at - from));
    if (colon != NULL)
        from = colon + 1;
    fprintf(out, "%s = %.*s***%s\n", name, (int)(from - address), address, at);
}

static void print_option(const struct itr_config *config, const struct itr_option *o, FILE *out)
{
    const char *text;
    int64_t n;

    switch (o->type) {
    case ITR_OPTION_STRING:
        text = itr_config_string(config, o);
        if (text != NULL && o->secret)
            fprintf(out, "%s = ***\n", o->name);
        else if (text != NULL)
            print_address(o->name, text, out);
        break;
    case ITR_OPTION_SECONDS:
        n = itr_config_number(config, o);
        fprintf(out, n % 1000 == 0 ? "%s = %" PRId64 "\n" : "%s = %" PRId64 ".%03d\n", o->name,
                n / 1000, (int)(n % 1000));
        break;
    case ITR_OPTION_INTEGER:
        fprintf(out, "%s = %" PRId64 "\n", o->name, itr_config_number(config, o));
        break;
    case ITR_OPTION_CHOICE:
        fprintf(out, "%s = %s\n", o->name, o->choices[itr_config_number(config, o)]);
        break;
    case ITR_OPTION_CODES: /* no app of the daemon has any */
        break;
    }
}

static void print_app(const struct app_settings *a, FILE *out)
{
    const struct itr_option *o;

    fprintf(out, "\n[app %s]\n", a->name);
    for (o = itr_config_options(); o->name != NULL; o++)
        /* A secret that came from its file is not also in this one. */
        if ((o->uses & ITR_USE_DAEMON) != 0 &&
            !(strcmp(o->name, "app_secret") == 0 && a->config.app_secret_file != NULL))
            print_option(&a->config, o, out);
    if (a->token_file != NULL)
        fprintf(out, "token_file = %s\n", a->token_file);
    fprintf(out, "refresh = %s\n", a->used_only ? "used" : "always");
    fprintf(out, "check_interval = %" PRId64 "\n", a->check_interval_ms / 1000);
}

static void print_client(const struct client_settings *client, FILE *out)
{
    char hex[2 * sizeof client->keys[0].bytes + 1];
    size_t i;

    fprintf(out, "\n[client %s]\n", client->name);
    for (i = 0; i < client->n_keys; i++) {
        itr_hex_write(client->keys[i].bytes, sizeof client->keys[i].bytes, hex);
        fprintf(out, "key_sha256 = %s\n", hex);
    }
    fprintf(out, "apps = %s\n", client->apps + strspn(client->apps, ","));
    fprintf(out, "role = %s\n", client->monitor ? "monitor" : "token");
}

void settings_print(const struct settings *s, FILE *out)
{
    size_t i;

    fputs("[server]\n", out);
    for (i = 0; i < s->n_listen; i++)
        fprintf(out, "listen = %s\n", s->listen[i]);
    if (s->tls_cert != NULL)
        fprintf(out, "tls_cert = %s\ntls_key = %s\n", s->tls_cert, s->tls_key);
    if (s->tls_off)
        fputs("tls = off\n", out);
    fprintf(out, "threads = %" PRId64 "\n", s->threads);
    print_address("token_store", s->token_store, out);
    fprintf(out, "log = %s\nlog_level = %s\naccess_log = %s\nstatus = %s\n",
            s->json_log ? "json" : "text", log_level_names[s->log_level],
            log_access_names[s->access_log], s->open_status ? "open" : "key");
    for (i = 0; i < s->n_apps; i++)
        print_app(&s->apps[i], out);
    for (i = 0; i < s->n_clients; i++)
        print_client(&s->clients[i], out);
}
