#include "itriggerd/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/secret_file.h"
#include "core/http/server_address.h"
#include "itriggerd/address.h"
#include "itriggerd/credential.h"
#include "itriggerd/token_file.h"

#define PATH_MAX_BYTES 4096
#define DEFAULT_LISTEN "127.0.0.1:8700"
#define CHECK_INTERVAL_MS 60000

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

void settings_clear_sections(struct settings *s)
{
    size_t i;

    for (i = 0; i < s->n_apps; i++)
        clear_app(&s->apps[i]);
    for (i = 0; i < s->n_clients; i++)
        clear_client(&s->clients[i]);
    free(s->apps);
    free(s->clients);
    s->apps = NULL;
    s->clients = NULL;
    s->n_apps = s->n_clients = 0;
    s->unread_secret = NULL;
}

void settings_clear(struct settings *s)
{
    size_t i;

    settings_clear_sections(s);
    for (i = 0; i < s->n_listen; i++)
        free(s->listen[i]);
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

bool settings_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
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

/* ---- checks of the whole: server ---- */

/* Of a list as systemd writes it the first directory, with a place of its own in it: the file store
 * wants one that nobody else can enter. */
void settings_own_store(char *out, size_t cap)
{
    const char *state = getenv("STATE_DIRECTORY");

    if (state != NULL && *state == '/')
        (void)snprintf(out, cap, "file:%.*s/tokens", (int)strcspn(state, ":"), state);
    else
        (void)snprintf(out, cap, "file:");
}

static bool finish_store(struct settings *s, struct complaint *c)
{
    char own[PATH_MAX_BYTES];

    if (s->token_store != NULL && itr_server_address_is_named(s->token_store))
        return complain(
            c, s->token_store_line,
            "token_store names a central server, which this program is itself; expected "
            "\"file:/directory\", \"redis://host/0\" or \"memory:\"");
    if (s->token_store != NULL)
        return true;
    settings_own_store(own, sizeof own);
    return settings_set(&s->token_store, own) || no_memory(0, c);
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
    const char *where = line == 0 ? " in a configuration file (--config)" : "";

    if (s->n_clients == 0)
        return complain(
            c, line,
            "listening on TCP needs a client key: add [client NAME] with key_sha256, or "
            "listen on a Unix socket only");
    if (!a->is_loopback && s->tls_cert == NULL && !s->tls_off)
        return complain(c, line,
                        "tokens must be encrypted beyond loopback: set tls_cert and tls_key%s, or "
                        "tls = off if a TLS terminator is in front",
                        where);
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

static bool refuse_no_secret(const struct app_settings *a, const char *file, struct complaint *c)
{
    const char *given = a->config.app_secret_file;

    if (given != NULL)
        return complain(c, a->line,
                        "[app %s]: app_secret_file is \"%.200s\"; expected an absolute path, or "
                        "start this by systemd with LoadCredential=%.200s:FILE",
                        a->name, given, given);
    return complain(c, a->line,
                    "[app %s]: no app secret: set app_secret_file to an absolute path, or start "
                    "this by systemd with LoadCredential=%s:FILE",
                    a->name, file);
}

/* In the file, in a file of its own, or provided by systemd under the app's name. */
static bool find_secret(struct settings *s, struct app_settings *a, bool check_only,
                        struct complaint *c)
{
    const char *file = a->config.app_secret_file;
    char path[PATH_MAX_BYTES];

    if (a->config.app_secret != NULL && file != NULL)
        return complain(c, a->line,
                        "[app %s]: app_secret and app_secret_file are both set; remove one",
                        a->name);
    if (a->config.app_secret != NULL)
        return true;
    if (file == NULL || *file != '/') {
        file = file != NULL ? file : a->name;
        if (!credential_path(file, path, sizeof path))
            return check_only ? miss_credential(s, a, c) : refuse_no_secret(a, file, c);
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
