#include "itriggerd/settings_env.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/secret_file.h"
#include "itriggerd/parts.h"

#define PREFIX "ITRIGGER_"
#define APP_NAME "default"

/* ---- options ---- */

static const char *variable_of(const char *option)
{
    char name[80] = PREFIX;
    size_t n = strlen(name);

    for (; *option != '\0' && n < sizeof name - 1; option++)
        name[n++] = (char)toupper((unsigned char)*option);
    name[n] = '\0';
    return getenv(name);
}

static bool take_options(struct settings *s, struct app_settings *a, struct complaint *c)
{
    const struct itr_option *o;
    struct itr_error e;

    for (o = itr_config_options(); o->name != NULL; o++) {
        const char *value = variable_of(o->name);
        if (value == NULL || strcmp(o->name, "token_store_key") == 0)
            continue;
        if (strcmp(o->name, "token_store") == 0 && !settings_set(&s->token_store, value))
            return complain(c, 0, "out of memory");
        if (itr_config_set_text(&a->config, o->name, value, &e) != ITR_OK)
            return complain(c, 0, "in the environment: %.400s", e.text);
    }
    return true;
}

/* One address or several with commas between. */
static bool take_listen(struct settings *s, struct complaint *c)
{
    const char *p = getenv("ITRIGGERD_LISTEN");
    char one[256];

    while (p != NULL && *(p += strspn(p, ", ")) != '\0') {
        size_t n = strcspn(p, ", ");
        (void)snprintf(one, sizeof one, "%.*s", n < sizeof one ? (int)n : 255, p);
        if (!settings_add_listen(s, one, 0, c))
            return false;
        p += n;
    }
    return true;
}

/* ---- the key ---- */

static bool write_key(const char *path, const char *key, struct complaint *c)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    size_t len = strlen(key);
    bool good;

    if (fd < 0)
        return complain(c, 0, "%.300s: %s", path, strerror(errno));
    good = write(fd, key, len) == (ssize_t)len && write(fd, "\n", 1) == 1 && fsync(fd) == 0;
    close(fd);
    if (!good)
        (void)unlink(path);
    return good || complain(c, 0, "%.300s: the key cannot be written", path);
}

/* The one of the last start, or a new one. */
static bool keep_key(struct settings_env *how, struct complaint *c)
{
    struct itr_buf key;
    struct itr_error e;
    bool good;

    if (access(how->key_file, F_OK) != 0)
        return key_make(how->key) ? write_key(how->key_file, how->key, c)
                                  : complain(c, 0, "the system gave no random bytes for a key");
    itr_buf_init_secret(&key, sizeof how->key - 1);
    good = itr_secret_file_read(how->key_file, &key, &e) == ITR_OK && key.len >= KEY_MIN;
    if (good)
        memcpy(how->key, itr_buf_str(&key), key.len + 1);
    itr_buf_clear(&key);
    return good || complain(c, 0, "%.300s does not contain a key that itriggerd made; remove it",
                            how->key_file);
}

static bool find_key(const struct settings *s, struct settings_env *how, struct complaint *c)
{
    char address[4096];
    struct itr_error e;

    if (s->token_store != NULL && strncmp(s->token_store, "file:", 5) == 0)
        (void)snprintf(address, sizeof address, "%s", s->token_store);
    else
        settings_own_store(address, sizeof address);
    if (parts_private_file(address, "itriggerd.key", how->key_file, sizeof how->key_file, &e) !=
        ITR_OK)
        return complain(c, 0, "cannot keep a key for the clients: %.400s", e.text);
    return keep_key(how, c);
}

static bool take_key(struct settings *s, struct settings_env *how, struct complaint *c)
{
    struct client_settings *client = settings_add_client(s, APP_NAME, 0);
    const char *key = getenv("ITRIGGER_TOKEN_STORE_KEY");
    struct key_digest digest;

    if (client == NULL || !settings_set(&client->apps, "*"))
        return complain(c, 0, "out of memory");
    if (key == NULL && !find_key(s, how, c))
        return false;
    if (key == NULL)
        key = how->key;
    if (strlen(key) < KEY_MIN || !key_is_clean(key, strlen(key)))
        return complain(c, 0,
                        "ITRIGGER_TOKEN_STORE_KEY must be %d or more printable characters without "
                        "a space",
                        KEY_MIN);
    key_digest_of(key, strlen(key), &digest);
    return settings_add_key(client, &digest, 0, c);
}

/* ---- all of it ---- */

/* A config's own words are for Lua; without a file these are the ways there are. */
static bool check_given(struct complaint *c)
{
    if (getenv("ITRIGGER_APP_ID") == NULL || getenv("ITRIGGER_GATEWAY") == NULL ||
        (getenv("ITRIGGER_APP_SECRET") == NULL && getenv("ITRIGGER_APP_SECRET_FILE") == NULL))
        return complain(c, 0,
                        "give --config FILE, or set ITRIGGER_APP_ID, ITRIGGER_APP_SECRET (or "
                        "ITRIGGER_APP_SECRET_FILE) and ITRIGGER_GATEWAY");
    return true;
}

bool settings_env_read(struct settings *s, struct settings_env *how, struct complaint *c)
{
    struct app_settings *a;

    memset(how, 0, sizeof *how);
    memset(c, 0, sizeof *c);
    if (!check_given(c))
        return false;
    if ((a = settings_add_app(s, APP_NAME, 0)) == NULL)
        return complain(c, 0, "out of memory");
    return take_options(s, a, c) && take_listen(s, c) && take_key(s, how, c) &&
           settings_finish(s, false, c);
}

void settings_env_print(const struct itr_config *config, const struct settings_env *how,
                        const char *where)
{
    bool socket = strncmp(where, "unix:", 5) == 0;

    printf("itriggerd serves the token of app %s at %s\n", config->app_id, where);
    if (how->key_file[0] == '\0')
        printf("the clients' key is that of ITRIGGER_TOKEN_STORE_KEY\n");
    else
        printf("the clients' key is in %s\n", how->key_file);
    if (how->key_file[0] != '\0' && isatty(STDOUT_FILENO))
        printf("  %s\n", how->key);
    printf(
        "\n  local client = assert(require(\"itrigger\").new { app_id = \"%s\", gateway = \"%s\",\n"
        "    token_store = \"%s%s\", token_store_key = ",
        config->app_id, config->gateway, socket ? "" : "http://", where);
    if (how->key_file[0] != '\0')
        printf("io.open(\"%s\"):read(\"*l\") })\n", how->key_file);
    else
        printf("os.getenv(\"ITRIGGER_TOKEN_STORE_KEY\") })\n");
    printf("  print(client:token())\n\n");
    (void)fflush(stdout);
}
