#include "core/fetch/fetch.h"

#include <stdlib.h>
#include <string.h>

#include "core/fetch/from_gateway.h"
#include "core/fetch/from_server.h"

static bool is_central(const struct itr_fetch *f)
{
    return f->parts.store == NULL;
}

void itr_fetch_init(struct itr_fetch *f, const struct itr_config *config,
                    const struct itr_parts *parts)
{
    *f = (struct itr_fetch){0};
    f->config = config;
    f->parts = *parts;
    f->seed = itr_clock_random(parts->clock);
    itr_config_rules(config, &f->rules);
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
