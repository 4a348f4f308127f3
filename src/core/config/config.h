/*
 * config: the options of one client, by the names that Lua, the environment and itriggerd's file
 * share. One table in config.c says of each option its type, unit, bounds and default; nothing else
 * in the project knows them. Pure; a config belongs to one thread until it is handed over.
 */
#ifndef ITR_CORE_CONFIG_CONFIG_H
#define ITR_CORE_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/status.h"
#include "core/http/transport.h"

#define ITR_CODES_MAX 32

enum itr_token_endpoint {
    ITR_ENDPOINT_TOKEN,  /* .../accessTokenOpen/token */
    ITR_ENDPOINT_REFRESH /* .../accessTokenOpen/token/refresh */
};

/* A set of envelope codes (token_error_codes, permission_error_codes). */
struct itr_codes {
    int64_t code[ITR_CODES_MAX];
    size_t n;
};

struct itr_config {
    /* Strings are ours; NULL: not given. */
    char *app_id;
    char *app_secret;      /* wiped when freed; NULL with a central server */
    char *app_secret_file; /* read by secret_file.c before itr_config_finish */
    char *gateway;         /* normal form after itr_config_finish */
    char *token_store;
    char *token_store_key; /* of a central server; wiped when freed */
    char *ca_file;
    char *proxy;
    char *user_agent;
    enum itr_token_endpoint token_endpoint;
    enum itr_http_version http_version;
    struct itr_codes token_error_codes;
    struct itr_codes permission_error_codes;
    int64_t token_ttl_ms;
    int64_t refresh_margin_ms;
    int64_t min_refresh_interval_ms;
    int64_t daily_limit; /* fetches a day; 0: none, only counted */
    int64_t timeout_ms;
    int64_t connect_timeout_ms;
    int64_t token_timeout_ms;
    int64_t retries;
    int64_t concurrency;
    int64_t max_host_connections;
    int64_t max_response_bytes;
    int64_t trace; /* 1: one redacted line a request to stderr */
};

enum itr_option_type {
    ITR_OPTION_STRING,
    ITR_OPTION_SECONDS, /* a number of seconds, stored in milliseconds */
    ITR_OPTION_INTEGER, /* a count */
    ITR_OPTION_CHOICE,  /* one of a few words */
    ITR_OPTION_CODES    /* a list of integers; as text: separated by commas or spaces */
};

/* What uses an option besides the calls of its client; a set of bits. */
enum itr_option_use {
    ITR_USE_CALLS = 0,     /* nothing else */
    ITR_USE_FETCH = 1,     /* a token fetch: clients that differ in it share no token source */
    ITR_USE_TRANSPORT = 2, /* the transport: itr_config_transport hands it over */
    ITR_USE_DAEMON = 4     /* a section [app NAME] of itriggerd's file can have it */
};

#define ITR_OPTIONS_MAX 40 /* rows of the table */

/* One row of the table. */
struct itr_option {
    const char *name;
    enum itr_option_type type;
    size_t offset;   /* of the field in struct itr_config, or in another table's struct */
    unsigned uses;   /* of enum itr_option_use */
    bool secret;     /* never shown */
    double min, max; /* SECONDS, INTEGER */
    double standard; /* default of SECONDS, INTEGER */
    const char *const *choices; /* CHOICE: the words, NULL-terminated, in the order of the enum */
    const char *text;           /* default of STRING, or NULL */
};

/* Return the table, ended by a row whose name is NULL. Static memory. */
const struct itr_option *itr_config_options(void);
/* Return the option of that name, or NULL. */
const struct itr_option *itr_config_option(const char *name);
/* Return the known name nearest to a misspelt one, or NULL when none is near. */
const char *itr_config_nearest(const char *name);

/* Return the value of a STRING option, NULL if it was not given; it stays the config's. */
const char *itr_config_string(const struct itr_config *c, const struct itr_option *o);
/* Return the value of a SECONDS (in milliseconds), INTEGER or CHOICE (its index) option. */
int64_t itr_config_number(const struct itr_config *c, const struct itr_option *o);
/* Return whether all options with that use have equal values in both. */
bool itr_config_same(const struct itr_config *a, const struct itr_config *b,
                     enum itr_option_use use);

/* Set all options to their defaults; nothing is owned yet. */
void itr_config_init(struct itr_config *c);
/* Free the strings; as after init then. */
void itr_config_clear(struct itr_config *c);
/* Copy into *to, which was not initialised, with strings of its own. ITR_NOMEM: *to is empty. */
enum itr_status itr_config_copy(struct itr_config *to, const struct itr_config *from);

/* Set one option; kind ITR_CONFIG and a text that names it, the value (unless secret) and what is
 * allowed. set_text serves strings, and any type as written in an environment or a file. */
enum itr_status itr_config_set_text(struct itr_config *c, const char *name, const char *text,
                                    struct itr_error *e);
enum itr_status itr_config_set_number(struct itr_config *c, const char *name, double value,
                                      struct itr_error *e);
enum itr_status itr_config_add_code(struct itr_config *c, const char *name, int64_t code,
                                    struct itr_error *e);

/* Set the field of o in the struct at fields, for which o's table was made; of type CODES in a
 * struct itr_config only. As itr_config_set_text. */
enum itr_status itr_option_set_text(void *fields, const struct itr_option *o, const char *text,
                                    struct itr_error *e);

/* Return whether token_store names a central token server (http/server_address.h): the app secret
 * is its alone. */
bool itr_config_is_central(const struct itr_config *c);

/* Check what belongs together once all are set: gateway's normal form, credentials present and
 * clean. With a central server: its normal form, its key, and that there is no app secret. A config
 * is complete and constant after this. */
enum itr_status itr_config_finish(struct itr_config *c, struct itr_error *e);

/* Write what a transport to the gateway needs; strings stay borrowed from c. */
void itr_config_transport(const struct itr_config *c, struct itr_transport_options *out);

#endif
