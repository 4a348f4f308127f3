#include "core/config/config.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/decimal.h"
#include "core/base/nearest.h"
#include "core/base/utf8.h"
#include "core/base/version.h"
#include "core/http/server_address.h"
#include "core/http/url.h"

#define TEXT_MAX 4096
#define ADDRESS_MAX 4096
#define DAY_S 86400.0

static const char *const endpoint_words[] = {"token", "refresh", NULL};
static const char *const http_words[] = {"auto", "1.1", "2", NULL};

#define FIELD(f) offsetof(struct itr_config, f)
#define OPTION(...)                                                                                \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define STRING(name, standard, uses)                                                               \
    OPTION(#name, ITR_OPTION_STRING, FIELD(name), uses, false, 0, 0, 0, NULL, standard)
#define SECRET(name, uses)                                                                         \
    OPTION(#name, ITR_OPTION_STRING, FIELD(name), uses, true, 0, 0, 0, NULL, NULL)
#define SECONDS(name, min, max, standard, uses)                                                    \
    OPTION(#name, ITR_OPTION_SECONDS, FIELD(name##_ms), uses, false, min, max, standard, NULL, NULL)
#define INTEGER(name, min, max, standard, uses)                                                    \
    OPTION(#name, ITR_OPTION_INTEGER, FIELD(name), uses, false, min, max, standard, NULL, NULL)
#define CHOICE(name, words, uses)                                                                  \
    OPTION(#name, ITR_OPTION_CHOICE, FIELD(name), uses, false, 0, 0, 0, words, NULL)
#define CODES(name, uses)                                                                          \
    OPTION(#name, ITR_OPTION_CODES, FIELD(name), uses, false, 0, 0, 0, NULL, NULL)

#define CALLS ITR_USE_CALLS
#define FETCH ITR_USE_FETCH
#define TRANSPORT ITR_USE_TRANSPORT
#define DAEMON ITR_USE_DAEMON

static const struct itr_option options[] = {
    STRING(app_id, NULL, FETCH | DAEMON),
    SECRET(app_secret, FETCH | DAEMON),
    STRING(app_secret_file, NULL, DAEMON), /* becomes app_secret */
    STRING(gateway, NULL, FETCH | DAEMON),
    STRING(token_store, "file:", CALLS), /* the source's key has the store's own id */
    SECRET(token_store_key, FETCH),
    CHOICE(token_endpoint, endpoint_words, FETCH | DAEMON),
    SECONDS(token_ttl, 0.05, 30 * DAY_S, 7200, FETCH | DAEMON),
    SECONDS(refresh_margin, 0, 30 * DAY_S, 1800, FETCH | DAEMON),
    SECONDS(min_refresh_interval, 0, DAY_S, 30, FETCH | DAEMON),
    INTEGER(daily_limit, 0, 1e9, 0, FETCH | DAEMON),
    CODES(token_error_codes, CALLS),
    CODES(permission_error_codes, CALLS),
    SECONDS(timeout, 0.001, DAY_S, 30, CALLS),
    SECONDS(connect_timeout, 0.001, DAY_S, 5, TRANSPORT | FETCH | DAEMON),
    SECONDS(token_timeout, 0.001, 600, 10, FETCH | DAEMON),
    INTEGER(retries, 0, 100, 2, CALLS),
    INTEGER(concurrency, 1, 1024, 32, CALLS),
    INTEGER(max_host_connections, 1, 1024, 256, TRANSPORT),
    INTEGER(max_response_bytes, 1, 1 << 30, 64 << 20, CALLS),
    STRING(ca_file, NULL, TRANSPORT | FETCH | DAEMON),
    STRING(proxy, NULL, TRANSPORT | FETCH | DAEMON),
    STRING(user_agent, "itrigger/" ITR_VERSION, TRANSPORT | FETCH),
    CHOICE(http_version, http_words, TRANSPORT | FETCH),
    INTEGER(trace, 0, 1, 0, CALLS),
    {NULL, ITR_OPTION_STRING, 0, CALLS, false, 0, 0, 0, NULL, NULL},
};

_Static_assert(sizeof options / sizeof *options <= ITR_OPTIONS_MAX, "more options than that");

const struct itr_option *itr_config_options(void)
{
    return options;
}

const struct itr_option *itr_config_option(const char *name)
{
    const struct itr_option *o = options;

    while (o->name != NULL && strcmp(o->name, name) != 0)
        o++;
    return o->name != NULL ? o : NULL;
}

const char *itr_config_nearest(const char *name)
{
    const char *names[sizeof options / sizeof *options];
    size_t i;

    for (i = 0; i < sizeof options / sizeof *options; i++)
        names[i] = options[i].name; /* the last is NULL */
    return itr_nearest(name, names);
}

/* ---- fields ---- */

static void *field(void *fields, const struct itr_option *o)
{
    return (char *)fields + o->offset;
}

static const void *field_of(const struct itr_config *c, const struct itr_option *o)
{
    return (const char *)c + o->offset;
}

const char *itr_config_string(const struct itr_config *c, const struct itr_option *o)
{
    return *(char *const *)field_of(c, o);
}

int64_t itr_config_number(const struct itr_config *c, const struct itr_option *o)
{
    return o->type == ITR_OPTION_CHOICE ? *(const int *)field_of(c, o)
                                        : *(const int64_t *)field_of(c, o);
}

static bool same_string(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_codes(const struct itr_codes *a, const struct itr_codes *b)
{
    return a->n == b->n && memcmp(a->code, b->code, a->n * sizeof *a->code) == 0;
}

static bool same_value(const struct itr_config *a, const struct itr_config *b,
                       const struct itr_option *o)
{
    switch (o->type) {
    case ITR_OPTION_STRING:
        return same_string(itr_config_string(a, o), itr_config_string(b, o));
    case ITR_OPTION_CODES:
        return same_codes(field_of(a, o), field_of(b, o));
    default:
        return itr_config_number(a, o) == itr_config_number(b, o);
    }
}

bool itr_config_same(const struct itr_config *a, const struct itr_config *b,
                     enum itr_option_use use)
{
    const struct itr_option *o;

    for (o = options; o->name != NULL; o++)
        if ((o->uses & use) != 0 && !same_value(a, b, o))
            return false;
    return true;
}

/* ---- lifetime ---- */

void itr_config_init(struct itr_config *c)
{
    const struct itr_option *o;

    *c = (struct itr_config){0};
    for (o = options; o->name != NULL; o++) {
        if (o->type == ITR_OPTION_SECONDS)
            *(int64_t *)field(c, o) = (int64_t)(o->standard * 1000);
        else if (o->type == ITR_OPTION_INTEGER)
            *(int64_t *)field(c, o) = (int64_t)o->standard;
    }
}

static enum itr_status set_string(void *c, const struct itr_option *o, const char *text,
                                  struct itr_error *e);

static void drop_string(char **s)
{
    if (*s != NULL)
        itr_wipe(*s, strlen(*s));
    free(*s);
    *s = NULL;
}

void itr_config_clear(struct itr_config *c)
{
    const struct itr_option *o;

    for (o = options; o->name != NULL; o++)
        if (o->type == ITR_OPTION_STRING)
            drop_string(field(c, o));
    itr_config_init(c);
}

enum itr_status itr_config_copy(struct itr_config *to, const struct itr_config *from)
{
    const struct itr_option *o;
    enum itr_status s = ITR_OK;

    *to = *from;
    for (o = options; o->name != NULL; o++)
        if (o->type == ITR_OPTION_STRING)
            *(char **)field(to, o) = NULL;
    for (o = options; o->name != NULL && s == ITR_OK; o++) {
        if (o->type == ITR_OPTION_STRING && itr_config_string(from, o) != NULL)
            s = set_string(to, o, itr_config_string(from, o), NULL);
    }
    if (s != ITR_OK)
        itr_config_clear(to);
    return s;
}

/* ---- setting ---- */

static enum itr_status unknown(const char *name, struct itr_error *e)
{
    const char *near = itr_config_nearest(name);

    if (near == NULL)
        return itr_error_set(e, ITR_CONFIG, "unknown option \"%.60s\"", name);
    return itr_error_set(e, ITR_CONFIG, "unknown option \"%.60s\": did you mean \"%s\"?", name,
                         near);
}

static enum itr_status set_string(void *c, const struct itr_option *o, const char *text,
                                  struct itr_error *e)
{
    size_t len = strlen(text);
    char *copy;

    if (len > TEXT_MAX)
        return itr_error_set(e, ITR_CONFIG, "option %s: longer than %d bytes", o->name, TEXT_MAX);
    if ((copy = malloc(len + 1)) == NULL)
        return itr_error_set(e, ITR_NOMEM, "no memory");
    memcpy(copy, text, len + 1);
    drop_string(field(c, o));
    *(char **)field(c, o) = copy;
    return ITR_OK;
}

static enum itr_status set_choice(void *c, const struct itr_option *o, const char *text,
                                  struct itr_error *e)
{
    int i;
    char allowed[120] = "";
    size_t used = 0;

    for (i = 0; o->choices[i] != NULL; i++)
        if (strcmp(o->choices[i], text) == 0) {
            *(int *)field(c, o) = i; /* the enums of CHOICE fields are int */
            return ITR_OK;
        }
    for (i = 0; o->choices[i] != NULL && used < sizeof allowed - 20; i++) {
        size_t n = strlen(o->choices[i]);
        allowed[used++] = ' ';
        memcpy(allowed + used, o->choices[i], n + 1);
        used += n;
    }
    return itr_error_set(e, ITR_CONFIG, "option %s is \"%.60s\"; it can be one of:%s", o->name,
                         text, allowed);
}

enum itr_status itr_config_add_code(struct itr_config *c, const char *name, int64_t code,
                                    struct itr_error *e)
{
    const struct itr_option *o = itr_config_option(name);
    struct itr_codes *codes;

    if (o == NULL)
        return unknown(name, e);
    if (o->type != ITR_OPTION_CODES)
        return itr_error_set(e, ITR_CONFIG, "option %s is not a list of codes", name);
    codes = field(c, o);
    if (codes->n == ITR_CODES_MAX)
        return itr_error_set(e, ITR_CONFIG, "option %s: more than %d codes", name, ITR_CODES_MAX);
    codes->code[codes->n++] = code;
    return ITR_OK;
}

/* "40101, 40102" */
static enum itr_status set_codes(void *c, const struct itr_option *o, const char *text,
                                 struct itr_error *e)
{
    enum itr_status s = ITR_OK;

    ((struct itr_codes *)field(c, o))->n = 0;
    while (s == ITR_OK) {
        char *end;
        long long code;
        text += strspn(text, ", \t");
        if (*text == '\0')
            break;
        errno = 0;
        code = strtoll(text, &end, 10);
        if (errno != 0 || end == text || (*end != '\0' && strchr(", \t", *end) == NULL))
            return itr_error_set(e, ITR_CONFIG, "option %s: \"%.60s\" is not an integer code",
                                 o->name, text);
        text = end;
        s = itr_config_add_code(c, o->name, code, e);
    }
    return s;
}

/* As somebody would write it: 0.05, whatever the locale. */
static const char *number_text(double value, char text[ITR_DECIMAL_TEXT])
{
    if (itr_decimal_write(value, text) == 0) /* nan, inf */
        (void)snprintf(text, ITR_DECIMAL_TEXT, "%g", value);
    return text;
}

static enum itr_status set_number(void *c, const struct itr_option *o, double value,
                                  struct itr_error *e)
{
    char given[ITR_DECIMAL_TEXT], min[ITR_DECIMAL_TEXT], max[ITR_DECIMAL_TEXT];

    if (isnan(value) || value < o->min || value > o->max)
        return itr_error_set(e, ITR_CONFIG, "option %s is %s; it can be %s to %s%s", o->name,
                             number_text(value, given), number_text(o->min, min),
                             number_text(o->max, max),
                             o->type == ITR_OPTION_SECONDS ? " seconds" : "");
    if (o->type == ITR_OPTION_INTEGER && value != floor(value))
        return itr_error_set(e, ITR_CONFIG, "option %s is %s; it must be an integer", o->name,
                             number_text(value, given));
    if (o->type == ITR_OPTION_SECONDS)
        value = ceil(value * 1000 - 1e-6);
    *(int64_t *)field(c, o) = (int64_t)value;
    return ITR_OK;
}

static enum itr_status set_number_text(void *c, const struct itr_option *o, const char *text,
                                       struct itr_error *e)
{
    double value;

    if (!itr_decimal_read(text, strlen(text), &value))
        return itr_error_set(e, ITR_CONFIG, "option %s is \"%.60s\"; it must be a number", o->name,
                             text);
    return set_number(c, o, value, e);
}

enum itr_status itr_option_set_text(void *fields, const struct itr_option *o, const char *text,
                                    struct itr_error *e)
{
    switch (o->type) {
    case ITR_OPTION_STRING:
        return set_string(fields, o, text, e);
    case ITR_OPTION_CHOICE:
        return set_choice(fields, o, text, e);
    case ITR_OPTION_CODES:
        return set_codes(fields, o, text, e);
    default:
        return set_number_text(fields, o, text, e);
    }
}

enum itr_status itr_config_set_text(struct itr_config *c, const char *name, const char *text,
                                    struct itr_error *e)
{
    const struct itr_option *o = itr_config_option(name);

    return o != NULL ? itr_option_set_text(c, o, text, e) : unknown(name, e);
}

enum itr_status itr_config_set_number(struct itr_config *c, const char *name, double value,
                                      struct itr_error *e)
{
    const struct itr_option *o = itr_config_option(name);

    if (o == NULL)
        return unknown(name, e);
    if (o->type != ITR_OPTION_SECONDS && o->type != ITR_OPTION_INTEGER)
        return itr_error_set(e, ITR_CONFIG, "option %s must be a %s, not a number", name,
                             o->type == ITR_OPTION_CODES ? "list of codes" : "string");
    return set_number(c, o, value, e);
}

/* ---- what belongs together ---- */

/* How it is given, the program says that asks for it: options.lua, or itriggerd's file. */
static enum itr_status refuse_absent(const char *name, const char *text, const char *what,
                                     struct itr_error *e)
{
    return itr_error_set(e, ITR_CONFIG, "option %s is %s%s", name,
                         text == NULL ? "missing" : "empty", what);
}

static enum itr_status check_credential(const char *name, const char *what, const char *text,
                                        struct itr_error *e)
{
    if (text == NULL || *text == '\0')
        return refuse_absent(name, text, what, e);
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
        if (o->type != ITR_OPTION_STRING || (text = itr_config_string(c, o)) == NULL)
            continue;
        for (; *text != '\0'; text++)
            if ((unsigned char)*text < 0x20 || *text == 0x7f)
                return itr_error_set(e, ITR_CONFIG, "option %s contains a control character",
                                     o->name);
    }
    return ITR_OK;
}

static enum itr_status check_proxy_scheme(const char *proxy, const char *end, struct itr_error *e)
{
    static const char *const schemes[] = {"http",    "https",  "socks4",
                                          "socks4a", "socks5", "socks5h"};
    size_t i;

    for (i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strlen(schemes[i]) == (size_t)(end - proxy) &&
            strncasecmp(proxy, schemes[i], (size_t)(end - proxy)) == 0)
            return ITR_OK;
    return itr_error_set(e, ITR_CONFIG,
                         "option proxy: unknown scheme; it can be http://, https://, socks4://, "
                         "socks4a://, socks5:// or socks5h://");
}

/* What libcurl would say at the first call only. The proxy may have a password in it: it is not
 * shown. Nor may libcurl take a piece of it for the host, which errors name. */
static enum itr_status check_proxy(const struct itr_config *c, struct itr_error *e)
{
    const char *scheme_end, *user, *at;
    enum itr_status s;

    if (c->proxy == NULL || c->proxy[0] == '\0')
        return ITR_OK;
    scheme_end = strstr(c->proxy, "://"); /* "host:port" is an http proxy */
    if (scheme_end != NULL && (s = check_proxy_scheme(c->proxy, scheme_end, e)) != ITR_OK)
        return s;
    user = scheme_end != NULL ? scheme_end + 3 : c->proxy;
    at = strrchr(user, '@');
    if (at != NULL && strcspn(user, "@/?#\\") < (size_t)(at - user))
        return itr_error_set(e, ITR_CONFIG,
                             "option proxy: percent-encode the user and the password (\"@\" is "
                             "%%40, \"/\" is %%2F)");
    if (strncmp(c->gateway, "http://", 7) == 0)
        return itr_error_set(e, ITR_CONFIG,
                             "option proxy: the gateway is http on this machine; a proxy would be "
                             "sent the app secret in clear. Leave the proxy out, or use https");
    return ITR_OK;
}

static enum itr_status normalise_gateway(struct itr_config *c, struct itr_error *e)
{
    struct itr_buf normal;
    enum itr_status s;

    if (c->gateway == NULL || *c->gateway == '\0')
        return refuse_absent("gateway", c->gateway,
                             " (the base URL of your environment, https://host)", e);
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

/* The server is there so that no client holds the secret. */
static enum itr_status refuse_secret(const struct itr_config *c, struct itr_error *e)
{
    const char *name = c->app_secret_file != NULL ? "app_secret_file" : "app_secret";

    if (c->app_secret_file == NULL && c->app_secret == NULL)
        return ITR_OK;
    return itr_error_set(e, ITR_CONFIG,
                         "option %s is set, but token_store names a central server, which alone "
                         "holds the app secret; remove %s, or choose another token_store",
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
        return refuse_absent("token_store_key", key,
                             " (this client's key at the token server that token_store names)", e);
    if (!is_clean_key(key))
        return itr_error_set(e, ITR_CONFIG,
                             "option token_store_key: only printable ASCII characters are allowed, "
                             "and no spaces");
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
               : check_credential("app_secret", " (app_secret_file can name a file with it)",
                                  c->app_secret, e);
}

static enum itr_status set_standards(struct itr_config *c, struct itr_error *e)
{
    const struct itr_option *o;
    enum itr_status s = ITR_OK;

    for (o = itr_config_options(); o->name != NULL && s == ITR_OK; o++)
        if (o->type == ITR_OPTION_STRING && o->text != NULL && itr_config_string(c, o) == NULL)
            s = itr_config_set_text(c, o->name, o->text, e);
    return s;
}

enum itr_status itr_config_finish(struct itr_config *c, struct itr_error *e)
{
    enum itr_status s;

    if ((s = normalise_gateway(c, e)) != ITR_OK)
        return s;
    if ((s = check_credential("app_id", "", c->app_id, e)) != ITR_OK)
        return s;
    if ((s = check_secret(c, e)) != ITR_OK)
        return s;
    if ((s = check_strings(c, e)) != ITR_OK)
        return s;
    if ((s = check_proxy(c, e)) != ITR_OK)
        return s;
    return set_standards(c, e);
}

/* ---- for others ---- */

void itr_config_transport(const struct itr_config *c, struct itr_transport_options *out)
{
    *out = (struct itr_transport_options){0};
    out->ca_file = c->ca_file;
    out->proxy = c->proxy;
    out->user_agent = c->user_agent;
    out->http_version = c->http_version;
    out->connect_timeout_ms = c->connect_timeout_ms;
    out->max_host_connections = (long)c->max_host_connections;
}
