#include "core/fetch/fetch.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/sha256.h"
#include "core/fetch/from_gateway.h"
#include "core/fetch/from_server.h"

#define LEASE_EXTRA_MS 5000

static bool is_central(const struct itr_fetch *f)
{
    return f->parts.store == NULL;
}

/* What of the options the fleet's rules need. A lease lives longer than the request it is for may
 * take. */
static void read_rules(const struct itr_config *c, struct itr_record_rules *rules)
{
    rules->token_ttl_ms = c->token_ttl_ms;
    rules->refresh_margin_ms = c->refresh_margin_ms;
    rules->min_refresh_interval_ms = c->min_refresh_interval_ms;
    rules->lease_ms = c->token_timeout_ms + LEASE_EXTRA_MS;
    rules->daily_limit = c->daily_limit;
    rules->secret_digest[0] = '\0';
    if (c->app_secret != NULL)
        itr_sha256_hex(c->app_secret, strlen(c->app_secret), rules->secret_digest, ITR_DIGEST_MAX);
}

void itr_fetch_init(struct itr_fetch *f, const struct itr_config *config,
                    const struct itr_parts *parts)
{
    *f = (struct itr_fetch){0};
    f->config = config;
    f->parts = *parts;
    f->seed = itr_clock_random(parts->clock);
    read_rules(config, &f->rules);
    itr_record_key(config->gateway, config->app_id, f->key);
}

void itr_fetch_renew(struct itr_fetch *f)
{
    struct itr_parts parts = f->parts;
    char orphan[sizeof f->orphan];

    memcpy(orphan, f->owner, sizeof orphan);
    itr_fetch_init(f, f->config, &parts);
    memcpy(f->orphan, orphan, sizeof orphan);
}

enum itr_token_origin itr_fetch_origin(const struct itr_fetch *f)
{
    return is_central(f) ? ITR_FROM_SERVER : f->parts.store->ops->origin;
}

void itr_fetch_run(struct itr_fetch *f, const struct itr_fetch_wish *wish,
                   struct itr_fetch_result *out)
{
    *out = (struct itr_fetch_result){0};
    out->fetches_today = -1;
    if (is_central(f))
        itr_fetch_from_server(f, wish, out);
    else
        itr_fetch_from_gateway(f, wish, out);
}

bool itr_fetch_settle(struct itr_fetch *f, struct itr_fetch_result *r)
{
    return is_central(f) || itr_fetch_from_gateway_settle(f, r);
}

void itr_fetch_result_clear(struct itr_fetch_result *r)
{
    itr_token_release(r->token);
    free(r->refused);
    *r = (struct itr_fetch_result){0};
}
