#include <stdlib.h>
#include <string.h>

#include "core/base/secret_file.h"
#include "core/http/server_address.h"
#include "itriggerd/address.h"
#include "itriggerd/settings.h"

/* What can be said of the settings only when all of them are there. */

#define PATH_MAX_BYTES 4096
#define DEFAULT_LISTEN "127.0.0.1:8700"

/* ---- server ---- */

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
        return complain(c, 0,
                        "token_store names a central server, and this is one: name a store, "
                        "\"file:/directory\", \"redis://host/0\" or \"memory:\"");
    if (s->token_store != NULL)
        return true;
    return (state != NULL && *state == '/' ? set_store_of_state(s, state)
                                           : settings_set(&s->token_store, "file:")) ||
           complain(c, 0, "no memory");
}

static bool check_tls_files(const struct settings *s, struct complaint *c)
{
    if ((s->tls_cert == NULL) != (s->tls_key == NULL))
        return complain(c, s->tls_line, "tls_cert and tls_key belong together: %s is missing",
                        s->tls_cert == NULL ? "tls_cert" : "tls_key");
    if (s->tls_cert != NULL && s->tls_off)
        return complain(c, s->tls_line, "tls = off, and tls_cert is given: remove one of them");
    return true;
}

/* Whoever reaches TCP may be anybody, and whoever is on the way may read along. */
static bool check_tcp(const struct settings *s, const struct address *a, int line,
                      struct complaint *c)
{
    if (s->n_clients == 0)
        return complain(c, line,
                        "TCP wants keys: add a [client NAME] with a key_file, or listen on "
                        "a Unix socket only");
    if (!a->is_loopback && s->tls_cert == NULL && !s->tls_off)
        return complain(c, line,
                        "beyond loopback the tokens must travel encrypted: give tls_cert and "
                        "tls_key, or say tls = off if a TLS terminator stands before this");
    return true;
}

static bool check_listen(struct settings *s, struct complaint *c)
{
    size_t i;

    if (s->n_listen == 0 && !settings_set(&s->listen[s->n_listen++], DEFAULT_LISTEN))
        return complain(c, 0, "no memory");
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

/* In the file, in a file of its own, or handed over by systemd under the app's name. */
static bool find_secret(struct app_settings *a, struct complaint *c)
{
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    char path[PATH_MAX_BYTES];

    if (a->config.app_secret != NULL && a->config.app_secret_file != NULL)
        return complain(c, a->line, "[app %s] has both app_secret and app_secret_file", a->name);
    if (a->config.app_secret != NULL)
        return true;
    if (a->config.app_secret_file != NULL && *a->config.app_secret_file == '/')
        return read_secret(a, a->config.app_secret_file, c);
    if (credentials == NULL && a->config.app_secret_file != NULL)
        return complain(c, a->line, "[app %s]: app_secret_file is no absolute path", a->name);
    if (credentials == NULL)
        return complain(c, a->line,
                        "[app %s] has no secret: give app_secret_file (or app_secret), or a "
                        "credential of that name in $CREDENTIALS_DIRECTORY",
                        a->name);
    (void)snprintf(path, sizeof path, "%s/%s", credentials,
                   a->config.app_secret_file != NULL ? a->config.app_secret_file : a->name);
    return read_secret(a, path, c);
}

static bool finish_app(struct settings *s, struct app_settings *a, struct complaint *c)
{
    struct itr_error e;

    if (!find_secret(a, c))
        return false;
    if (a->token_file != NULL && *a->token_file != '/')
        return complain(c, a->line, "[app %s]: token_file is no absolute path", a->name);
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
            return complain(c, a->line, "[app %s] and [app %s] have the same token_file", b->name,
                            a->name);
    }
    return true;
}

static bool finish_apps(struct settings *s, struct complaint *c)
{
    size_t i;

    if (s->n_apps == 0)
        return complain(c, 0, "there is no [app NAME]");
    for (i = 0; i < s->n_apps; i++)
        if (!finish_app(s, &s->apps[i], c) || !check_single(s, i, c))
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
        return complain(c, client->apps_line, "apps names \"%.60s\", and there is no [app %.60s]",
                        name, name);
    if ((more = realloc(client->app, (client->n_apps + 1) * sizeof *more)) == NULL)
        return complain(c, client->apps_line, "no memory");
    client->app = more;
    client->app[client->n_apps++] = i;
    return true;
}

/* "a, b" */
static bool finish_rights(const struct settings *s, struct client_settings *client,
                          struct complaint *c)
{
    const char *p = client->apps;
    char name[128];

    client->all = strcmp(p, "*") == 0;
    while (!client->all && *(p += strspn(p, ", \t")) != '\0') {
        size_t n = strcspn(p, ", \t");
        (void)snprintf(name, sizeof name, "%.*s", n < sizeof name ? (int)n : 127, p);
        p += n;
        if (!add_right(s, client, name, c))
            return false;
    }
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
            return complain(c, client->line, "[client %s] has no key: give key_file or key_sha256",
                            client->name);
        if (client->apps == NULL)
            return complain(c, client->line, "[client %s] has no apps: name them, or say apps = *",
                            client->name);
        if (!finish_rights(s, client, c) || !check_keys(s, i, c))
            return false;
    }
    return true;
}

bool settings_finish(struct settings *s, struct complaint *c)
{
    return check_tls_files(s, c) && finish_store(s, c) && finish_apps(s, c) &&
           finish_clients(s, c) && check_listen(s, c);
}
