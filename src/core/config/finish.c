#include "core/config/config.h"

#include <string.h>
#include <strings.h>

#include "core/base/utf8.h"
#include "core/http/server_address.h"
#include "core/http/url.h"

/* What can be said of a config only when all of it is there. */

#define ADDRESS_MAX 4096

static const char *string_of(const struct itr_config *c, const struct itr_option *o)
{
    return *(char *const *)(const void *)((const char *)c + o->offset);
}

static enum itr_status check_credential(const char *name, const char *variable, const char *text,
                                        struct itr_error *e)
{
    if (text == NULL || *text == '\0')
        return itr_error_set(e, ITR_CONFIG,
                             "option %s is %s: give it to new or configure, or set %s", name,
                             text == NULL ? "missing" : "empty", variable);
    if (!itr_utf8_valid(text, strlen(text)))
        return itr_error_set(e, ITR_CONFIG, "option %s is not valid UTF-8", name);
    return ITR_OK;
}

/* Of every string: a line end in user_agent, say, would begin a header of its own. */
static enum itr_status check_strings(const struct itr_config *c, struct itr_error *e)
{
    const struct itr_option *o;
    const char *text;

    for (o = itr_config_options(); o->name != NULL; o++) {
        if (o->type != ITR_OPTION_STRING || (text = string_of(c, o)) == NULL)
            continue;
        for (; *text != '\0'; text++)
            if ((unsigned char)*text < 0x20 || *text == 0x7f)
                return itr_error_set(e, ITR_CONFIG, "option %s has a control character in it",
                                     o->name);
    }
    return ITR_OK;
}

/* What libcurl would say at the first call only. The proxy may have a password in it: it is not
 * shown. */
static enum itr_status check_proxy(const struct itr_config *c, struct itr_error *e)
{
    static const char *const schemes[] = {"http",    "https",  "socks4",
                                          "socks4a", "socks5", "socks5h"};
    const char *end = c->proxy != NULL ? strstr(c->proxy, "://") : NULL;
    size_t i;

    if (end == NULL) /* "host:port" is an http proxy */
        return ITR_OK;
    for (i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strlen(schemes[i]) == (size_t)(end - c->proxy) &&
            strncasecmp(c->proxy, schemes[i], (size_t)(end - c->proxy)) == 0)
            return ITR_OK;
    return itr_error_set(e, ITR_CONFIG,
                         "option proxy begins with a scheme that is none of http://, https://, "
                         "socks4://, socks4a://, socks5://, socks5h://");
}

static enum itr_status normalise_gateway(struct itr_config *c, struct itr_error *e)
{
    struct itr_buf normal;
    enum itr_status s;

    if (c->gateway == NULL || *c->gateway == '\0')
        return itr_error_set(e, ITR_CONFIG,
                             "option gateway is %s: give the base URL of your environment, "
                             "https://..., to new or configure, or set ITRIGGER_GATEWAY",
                             c->gateway == NULL ? "missing" : "empty");
    itr_buf_init(&normal, ADDRESS_MAX);
    if ((s = itr_base_url(c->gateway, &normal, e)) == ITR_OK)
        s = itr_config_set_text(c, "gateway", itr_buf_str(&normal), e);
    itr_buf_clear(&normal);
    return s;
}

/* ---- a central token server ---- */

bool itr_config_is_central(const struct itr_config *c)
{
    return itr_server_address_is_named(c->token_store);
}

static enum itr_status normalise_server(struct itr_config *c, struct itr_error *e)
{
    struct itr_buf normal;
    enum itr_status s;

    itr_buf_init(&normal, ADDRESS_MAX);
    if ((s = itr_server_address_normal(c->token_store, &normal, e)) == ITR_OK)
        s = itr_config_set_text(c, "token_store", itr_buf_str(&normal), e);
    itr_buf_clear(&normal);
    return s;
}

/* That no client can lose the secret is what the server is for. */
static enum itr_status refuse_secret(const struct itr_config *c, struct itr_error *e)
{
    const char *name = c->app_secret_file != NULL ? "app_secret_file" : "app_secret";

    if (c->app_secret_file == NULL && c->app_secret == NULL)
        return ITR_OK;
    return itr_error_set(e, ITR_CONFIG,
                         "option %s is given, and token_store names a central server: only that "
                         "server may have the app secret; remove %s, or name another store",
                         name, name);
}

/* It becomes a header. */
static bool is_clean_key(const char *key)
{
    for (; *key > 0x20 && *key < 0x7f; key++)
        ;
    return *key == '\0';
}

static enum itr_status check_key(const struct itr_config *c, struct itr_error *e)
{
    const char *key = c->token_store_key;

    if (key == NULL && itr_server_address_is_socket(c->token_store))
        return ITR_OK;
    if (key == NULL || *key == '\0')
        return itr_error_set(e, ITR_CONFIG,
                             "option token_store_key is %s: give the key that the token server at "
                             "token_store has for this client, or set ITRIGGER_TOKEN_STORE_KEY",
                             key == NULL ? "missing" : "empty");
    if (!is_clean_key(key))
        return itr_error_set(e, ITR_CONFIG,
                             "option token_store_key has a space or a character in it that is not "
                             "printable ASCII");
    return ITR_OK;
}

static enum itr_status check_central(struct itr_config *c, struct itr_error *e)
{
    enum itr_status s;

    if ((s = refuse_secret(c, e)) != ITR_OK)
        return s;
    if ((s = normalise_server(c, e)) != ITR_OK)
        return s;
    return check_key(c, e);
}

/* ---- all of it ---- */

static enum itr_status check_secret(struct itr_config *c, struct itr_error *e)
{
    return itr_config_is_central(c)
               ? check_central(c, e)
               : check_credential("app_secret", "ITRIGGER_APP_SECRET", c->app_secret, e);
}

static enum itr_status set_standards(struct itr_config *c, struct itr_error *e)
{
    const struct itr_option *o;
    enum itr_status s = ITR_OK;

    for (o = itr_config_options(); o->name != NULL && s == ITR_OK; o++)
        if (o->type == ITR_OPTION_STRING && o->text != NULL && string_of(c, o) == NULL)
            s = itr_config_set_text(c, o->name, o->text, e);
    return s;
}

enum itr_status itr_config_finish(struct itr_config *c, struct itr_error *e)
{
    enum itr_status s;

    if ((s = normalise_gateway(c, e)) != ITR_OK)
        return s;
    if ((s = check_credential("app_id", "ITRIGGER_APP_ID", c->app_id, e)) != ITR_OK)
        return s;
    if ((s = check_secret(c, e)) != ITR_OK)
        return s;
    if ((s = check_strings(c, e)) != ITR_OK)
        return s;
    if ((s = check_proxy(c, e)) != ITR_OK)
        return s;
    return set_standards(c, e);
}
