#include "bind/parts.h"

#include <string.h>

#include "core/base/clock.h"
#include "store/stores.h"
#include "transport/curl_engine.h"
#include "transport/curl_global.h"
#include "transport/curl_loop.h"

static const char stores[] =
    "\"file:\", \"file:/directory\", \"redis://host/0\", \"memory:\", or a central server: "
    "\"http://127.0.0.1:8700\", \"https://host:8700\", \"unix:/path\"";

static enum itr_status open_store(const char *address, const struct itr_clock *clock,
                                  struct itr_store **out, struct itr_error *e)
{
    if (strncmp(address, "file:", strlen("file:")) == 0)
        return itr_store_file_new(address, clock, out, e);
    if (strcmp(address, "memory:") != 0)
        return itr_store_unknown(address, stores, e);
    *out = itr_store_memory();
    return *out != NULL ? ITR_OK : itr_error_set(e, ITR_NOMEM, "no memory");
}

/* Made by a module of another release it may have other functions. */
static enum itr_status take_given(const struct itr_store_box *box, struct itr_store **out,
                                  struct itr_error *e)
{
    if (box->version != ITR_STORE_VERSION || box->store->ops->version != ITR_STORE_VERSION)
        return itr_error_set(e, ITR_CONFIG,
                             "option token_store: itrigger and itrigger-redis are of different "
                             "releases; install the same of both");
    *out = box->store;
    (*out)->ops->retain(*out);
    return ITR_OK;
}

enum itr_status itr_parts_init(struct itr_parts *parts, const struct itr_config *config,
                               const struct itr_store_box *given, struct itr_error *e)
{
    *parts = (struct itr_parts){0};
    parts->clock = itr_clock_system();
    parts->transport = itr_curl_loop_factory();
    if (given != NULL && given->store != NULL)
        return take_given(given, &parts->store, e);
    if (itr_config_is_central(config))
        return ITR_OK;
    return open_store(config->token_store, parts->clock, &parts->store, e);
}

void itr_parts_clear(struct itr_parts *parts)
{
    if (parts->store != NULL)
        parts->store->ops->release(parts->store);
    parts->store = NULL;
}

enum itr_status itr_parts_open_engine(const struct itr_transport_options *options,
                                      struct itr_notifier *notifier, struct itr_transport **out,
                                      struct itr_error *e)
{
    return itr_curl_engine_open(options, notifier, out, e);
}

const char *itr_parts_curl_version(void)
{
    return itr_curl_version();
}
