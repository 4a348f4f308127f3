#include "bind/parts.h"

#include <string.h>

#include "core/clock.h"
#include "store/stores.h"
#include "transport/curl_loop.h"

/* A store's address can hold a password, so an error shows its scheme only. */
static enum itr_status no_such_store(const char *address, struct itr_error *e)
{
    int n = (int)strcspn(address, ":");

    return itr_error_set(
        e, ITR_CONFIG,
        "option token_store: there is no store \"%.*s:\" in this version; it can be "
        "\"memory:\"",
        n < 40 ? n : 40, address);
}

enum itr_status itr_parts_init(struct itr_parts *parts, const struct itr_config *config,
                               struct itr_error *e)
{
    const char *address = config->token_store != NULL ? config->token_store : "memory:";

    *parts = (struct itr_parts){0};
    if (strcmp(address, "memory:") != 0)
        return no_such_store(address, e);
    parts->clock = itr_clock_system();
    parts->transport = itr_curl_loop_factory();
    parts->store = itr_store_memory();
    return parts->store != NULL ? ITR_OK : itr_error_set(e, ITR_NOMEM, "no memory");
}

void itr_parts_clear(struct itr_parts *parts)
{
    if (parts->store != NULL)
        parts->store->ops->release(parts->store);
    parts->store = NULL;
}

const char *itr_parts_curl_version(void)
{
    return itr_curl_version();
}
