#include "itriggerd/settings_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/hex.h"
#include "core/base/nearest.h"
#include "core/base/secret_file.h"
#include "itriggerd/ini_reader.h"

#define KEY_FILE_MAX 4096
#define NAMES_MAX (ITR_OPTIONS_MAX + 20) /* of one section */
#define DAY_S 86400

struct reading;

/* One line's value, and where a complaint goes. */
struct value {
    const char *name, *text;
    int line;
    struct complaint *c;
};

/* A setting: as its option says, or by a function of its own. */
struct setting {
    struct itr_option option;
    bool of_config; /* the field is in the app's itr_config */
    size_t line;    /* offset of the int that says where it was set; 0: none */
    bool (*take)(struct reading *r, const struct value *v);
    bool repeats;
};

/* A file while it is read. */
struct reading {
    struct settings *s;
    const struct setting *table; /* of the section that is being read; NULL: none yet */
    void *fields;                /* the section's struct */
    const char *kind;            /* "server", "app", "client" */
    bool seen[NAMES_MAX];        /* the settings of the table that were given in it */
    bool has_server;
    bool has_secrets; /* the file itself contains one: nobody else may read it */
};

static bool no_memory(int line, struct complaint *c)
{
    return complain(c, line, "out of memory");
}

/* ---- settings that are more than a value ---- */

static bool take_listen(struct reading *r, const struct value *v)
{
    return settings_add_listen(r->s, v->text, v->line, v->c);
}

static bool take_tls(struct reading *r, const struct value *v)
{
    r->s->tls_line = v->line;
    r->s->tls_off = strcmp(v->text, "off") == 0;
    return r->s->tls_off ||
           complain(v->c, v->line, "tls is \"%.60s\"; expected off (tls_cert turns TLS on)",
                    v->text);
}

static bool check_key(const struct itr_buf *key, const struct value *v)
{
    if (key->len < KEY_MIN)
        return complain(v->c, v->line, "%.300s: the key is shorter than %d characters", v->text,
                        KEY_MIN);
    return key_is_clean(key->data, key->len) ||
           complain(v->c, v->line,
                    "%.300s: the key contains a space or a character that is not printable ASCII",
                    v->text);
}

static bool take_key_file(struct reading *r, const struct value *v)
{
    struct itr_buf key;
    struct key_digest digest;
    struct itr_error e;
    bool taken = false;

    if (*v->text != '/')
        return complain(v->c, v->line, "%s is \"%.200s\"; expected an absolute path", v->name,
                        v->text);
    itr_buf_init_secret(&key, KEY_FILE_MAX);
    if (itr_secret_file_read(v->text, &key, &e) != ITR_OK) {
        (void)complain(v->c, v->line, "%.400s", e.text);
    } else if (check_key(&key, v)) {
        key_digest_of(key.data, key.len, &digest);
        taken = settings_add_key(r->fields, &digest, v->line, v->c);
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
    return settings_add_key(r->fields, &digest, v->line, v->c);
}

/* Several lines are one list. */
static bool take_apps(struct reading *r, const struct value *v)
{
    struct client_settings *client = r->fields;
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

/* ---- the tables ---- */

static const char *const log_words[] = {"text", "json", NULL};
static const char *const status_words[] = {"key", "open", NULL};
static const char *const refresh_words[] = {"always", "used", NULL};
static const char *const role_words[] = {"token", "monitor", NULL};

#define OPTION(name, type, in, field, min, max, words)                                             \
    .option = {#name, type, offsetof(struct in, field), 0, false, min, max, 0, words, NULL}
#define TEXT(name, in) OPTION(name, ITR_OPTION_STRING, in, name, 0, 0, NULL)
#define WORD(name, in, field, words) OPTION(name, ITR_OPTION_CHOICE, in, field, 0, 0, words)
#define SPECIAL(text, function) .option = {.name = (text)}, .take = (function)
#define LINE(in, field) .line = offsetof(struct in, field)

static const struct setting server_settings[] = {
    {SPECIAL("listen", take_listen), .repeats = true},
    {TEXT(tls_cert, settings), LINE(settings, tls_line)},
    {TEXT(tls_key, settings), LINE(settings, tls_line)},
    {SPECIAL("tls", take_tls)},
    {OPTION(threads, ITR_OPTION_INTEGER, settings, threads, 1, SETTINGS_THREADS_MAX, NULL)},
    {TEXT(token_store, settings), LINE(settings, token_store_line)},
    {WORD(log, settings, log, log_words)},
    {WORD(log_level, settings, log_level, log_level_names)},
    {WORD(access_log, settings, access_log, log_access_names)},
    {WORD(status, settings, open_status, status_words)},
    {.option = {.name = NULL}},
};

/* Beside the options of the table in core/config that say DAEMON. */
static const struct setting app_settings_table[] = {
    {TEXT(token_file, app_settings), LINE(app_settings, token_file_line)},
    {WORD(refresh, app_settings, used_only, refresh_words)},
    {OPTION(check_interval, ITR_OPTION_SECONDS, app_settings, check_interval_ms, 0, DAY_S, NULL)},
    {.option = {.name = NULL}},
};

static const struct setting client_settings_table[] = {
    {SPECIAL("key_sha256", take_key_sha256), .repeats = true},
    {SPECIAL("key_file", take_key_file), .repeats = true},
    {SPECIAL("apps", take_apps), .repeats = true},
    {WORD(role, client_settings, monitor, role_words)},
    {.option = {.name = NULL}},
};

/* Write the section's setting of that index. False: it has no more. */
static bool setting_at(const struct setting *table, size_t i, struct setting *out)
{
    const struct itr_option *o = itr_config_options();

    for (; table == app_settings_table && o->name != NULL; o++)
        if ((o->uses & ITR_USE_DAEMON) != 0 && i-- == 0) {
            *out = (struct setting){.option = *o, .of_config = true};
            return true;
        }
    while (i-- > 0)
        table++;
    *out = *table;
    return out->option.name != NULL;
}

/* The struct that has the setting's field. */
static void *fields_of(const struct setting *t, void *section)
{
    return t->of_config ? &((struct app_settings *)section)->config : section;
}

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

static bool enter_app(struct reading *r, const char *name, int line, struct complaint *c)
{
    const struct settings *s = r->s;
    size_t i;

    for (i = 0; i < s->n_apps; i++)
        if (strcmp(s->apps[i].name, name) == 0)
            return complain(c, line, "duplicate section [app %s]; the first is in line %d", name,
                            s->apps[i].line);
    r->table = app_settings_table;
    r->kind = "app";
    r->fields = settings_add_app(r->s, name, line);
    return r->fields != NULL || no_memory(line, c);
}

static bool enter_client(struct reading *r, const char *name, int line, struct complaint *c)
{
    const struct settings *s = r->s;
    size_t i;

    for (i = 0; i < s->n_clients; i++)
        if (strcmp(s->clients[i].name, name) == 0)
            return complain(c, line, "duplicate section [client %s]; the first is in line %d", name,
                            s->clients[i].line);
    r->table = client_settings_table;
    r->kind = "client";
    r->fields = settings_add_client(r->s, name, line);
    return r->fields != NULL || no_memory(line, c);
}

static bool enter_section(void *ctx, const char *section, int line, struct complaint *c)
{
    struct reading *r = ctx;
    const char *app = name_in(section, "app"), *client = name_in(section, "client");

    memset(r->seen, 0, sizeof r->seen);
    if (app != NULL)
        return enter_app(r, app, line, c);
    if (client != NULL)
        return enter_client(r, client, line, c);
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
    r->fields = r->s;
    return true;
}

/* ---- one value ---- */

static bool complain_unknown(const struct reading *r, const char *name, int line,
                             struct complaint *c)
{
    const char *names[NAMES_MAX + 1] = {NULL}, *near;
    struct setting t;
    size_t i;

    for (i = 0; setting_at(r->table, i, &t); i++)
        names[i] = t.option.name;
    near = itr_nearest(name, names);
    return complain(c, line, "unknown setting \"%.100s\" in [%s]%s%s%s", name, r->kind,
                    near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
                    near != NULL ? "\"?" : "");
}

static bool take_option(struct reading *r, const struct setting *t, const struct value *v)
{
    struct itr_error e;

    if (*v->text == '\0' && !t->of_config)
        return complain(v->c, v->line, "%s has no value", v->name);
    if (t->line != 0)
        *(int *)(void *)((char *)r->fields + t->line) = v->line;
    /* An address may have a password in it. */
    r->has_secrets = r->has_secrets || t->option.secret || strchr(v->text, '@') != NULL;
    return itr_option_set_text(fields_of(t, r->fields), &t->option, v->text, &e) == ITR_OK ||
           complain(v->c, v->line, "%.400s", e.text);
}

static bool take_setting(void *ctx, const char *name, const char *text, int line,
                         struct complaint *c)
{
    struct reading *r = ctx;
    const struct value v = {name, text, line, c};
    struct setting t;
    size_t i;

    if (r->table == NULL)
        return complain(c, line, "\"%.100s\" before the first section: add a line [server]", name);
    for (i = 0; setting_at(r->table, i, &t) && strcmp(t.option.name, name) != 0; i++)
        ;
    if (t.option.name == NULL)
        return complain_unknown(r, name, line, c);
    if (r->seen[i] && !t.repeats)
        return complain(c, line, "%s is set twice in this section", name);
    r->seen[i] = true;
    return t.take != NULL ? t.take(r, &v) : take_option(r, &t, &v);
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
static void print_text(const char *name, const char *text, FILE *out)
{
    const char *at = strrchr(text, '@'), *from = strstr(text, "//"), *colon;

    if (at == NULL || from == NULL || from > at) {
        fprintf(out, "%s = %s\n", name, text);
        return;
    }
    from += 2;
    colon = memchr(from, ':', (size_t)(at - from));
    if (colon != NULL)
        from = colon + 1;
    fprintf(out, "%s = %.*s***%s\n", name, (int)(from - text), text, at);
}

static void print_option(const void *fields, const struct itr_option *o, FILE *out)
{
    const void *field = (const char *)fields + o->offset;
    const char *text;
    int64_t n;

    if (o->type == ITR_OPTION_STRING) {
        if ((text = *(char *const *)field) != NULL)
            print_text(o->name, o->secret ? "***" : text, out);
    } else if (o->type == ITR_OPTION_CHOICE) {
        fprintf(out, "%s = %s\n", o->name, o->choices[*(const int *)field]);
    } else {
        n = *(const int64_t *)field;
        if (o->type == ITR_OPTION_INTEGER)
            fprintf(out, "%s = %" PRId64 "\n", o->name, n);
        else
            fprintf(out, n % 1000 == 0 ? "%s = %" PRId64 "\n" : "%s = %" PRId64 ".%03d\n", o->name,
                    n / 1000, (int)(n % 1000));
    }
}

static void print_section(const struct setting *table, void *section, FILE *out)
{
    struct setting t;
    size_t i;

    for (i = 0; setting_at(table, i, &t); i++)
        if (t.take == NULL)
            print_option(fields_of(&t, section), &t.option, out);
}

/* A secret that came from its file is not also in this one. */
static void print_app(struct app_settings *a, FILE *out)
{
    struct app_settings shown = *a;

    if (a->config.app_secret_file != NULL)
        shown.config.app_secret = NULL;
    fprintf(out, "\n[app %s]\n", a->name);
    print_section(app_settings_table, &shown, out);
}

static void print_client(struct client_settings *client, FILE *out)
{
    char hex[2 * sizeof client->keys[0].bytes + 1];
    size_t i;

    fprintf(out, "\n[client %s]\n", client->name);
    for (i = 0; i < client->n_keys; i++) {
        itr_hex_write(client->keys[i].bytes, sizeof client->keys[i].bytes, hex);
        fprintf(out, "key_sha256 = %s\n", hex);
    }
    fprintf(out, "apps = %s\n", client->apps + strspn(client->apps, ","));
    print_section(client_settings_table, client, out);
}

void settings_print(struct settings *s, FILE *out)
{
    size_t i;

    fputs("[server]\n", out);
    for (i = 0; i < s->n_listen; i++)
        fprintf(out, "listen = %s\n", s->listen[i]);
    if (s->tls_off)
        fputs("tls = off\n", out);
    print_section(server_settings, s, out);
    for (i = 0; i < s->n_apps; i++)
        print_app(&s->apps[i], out);
    for (i = 0; i < s->n_clients; i++)
        print_client(&s->clients[i], out);
}
