#include "core/source/key.h"

#include <inttypes.h>
#include <stdio.h>

#define NUMBERS_MAX 256

static const char *text(const char *s)
{
    return s != NULL ? s : "";
}

/* The numbers of config.h that a fetch heeds. A proxy of "" is not the same as none given. */
static void write_numbers(const struct itr_config *c, char numbers[NUMBERS_MAX])
{
    snprintf(numbers, NUMBERS_MAX,
             "%d %d %d %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64,
             (int)c->token_endpoint, (int)c->http_version, c->proxy != NULL, c->token_ttl_ms,
             c->refresh_margin_ms, c->min_refresh_interval_ms, c->daily_limit,
             c->connect_timeout_ms, c->token_timeout_ms);
}

/* What the token comes from: a store, or a central server and the key it is asked with. */
static const char *origin(const struct itr_config *c, const char *store_id)
{
    return store_id != NULL ? store_id : c->token_store;
}

void itr_source_key(const struct itr_config *c, const char *store_id, char key[ITR_REGISTRY_KEY])
{
    char numbers[NUMBERS_MAX];
    const char *const parts[] = {origin(c, store_id),
                                 c->gateway,
                                 c->app_id,
                                 text(store_id != NULL ? c->app_secret : c->token_store_key),
                                 text(c->proxy),
                                 text(c->ca_file),
                                 text(c->user_agent),
                                 numbers,
                                 NULL};

    write_numbers(c, numbers);
    itr_registry_key(parts, key);
}
