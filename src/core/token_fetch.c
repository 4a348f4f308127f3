#include "core/token_fetch.h"

#include <stdlib.h>
#include <string.h>

#include "core/token_fetch_server.h"
#include "core/token_fetch_store.h"

static bool is_central(const struct itr_token_fetch *f)
{
    return f->parts.store == NULL;
}

void itr_token_fetch_init(struct itr_token_fetch *f, const struct itr_config *config,
                          const struct itr_parts *parts)
{
    *f = (struct itr_token_fetch){0};
    f->config = config;
    f->parts = *parts;
    f->seed = itr_clock_random(parts->clock);
    itr_config_rules(config, &f->rules);
    itr_token_record_key(config->gateway, config->app_id, f->key);
}

void itr_token_fetch_renew(struct itr_token_fetch *f)
{
    struct itr_parts parts = f->parts;
    char orphan[sizeof f->orphan];

    memcpy(orphan, f->owner, sizeof orphan);
    itr_token_fetch_init(f, f->config, &parts);
    memcpy(f->orphan, orphan, sizeof orphan);
}

enum itr_token_origin itr_token_fetch_origin(const struct itr_token_fetch *f)
{
    return is_central(f) ? ITR_FROM_SERVER : f->parts.store->ops->origin;
}

void itr_token_fetch_run(struct itr_token_fetch *f, const struct itr_fetch_wish *wish,
                         struct itr_fetch_result *out)
{
    *out = (struct itr_fetch_result){0};
    out->fetches_today = -1;
    if (is_central(f))
        itr_token_fetch_server_run(f, wish, out);
    else
        itr_token_fetch_store_run(f, wish, out);
}

bool itr_token_fetch_settle(struct itr_token_fetch *f, struct itr_fetch_result *r)
{
    return is_central(f) || itr_token_fetch_store_settle(f, r);
}

void itr_fetch_result_clear(struct itr_fetch_result *r)
{
    itr_token_release(r->token);
    free(r->refused);
    *r = (struct itr_fetch_result){0};
}
