#include "itriggerd/parts.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "store/file_dir.h"
#include "store/stores.h"
#include "transport/curl_loop.h"

static bool begins(const char *text, const char *word)
{
    return strncmp(text, word, strlen(word)) == 0;
}

static enum itr_status open_redis(const char *address, struct itr_store **out, struct itr_error *e)
{
#ifdef ITRIGGERD_REDIS
    return itr_store_redis_new(address, out, e);
#else
    (void)address;
    (void)out;
    return itr_error_set(e, ITR_CONFIG,
                         "token_store: this itriggerd was built without hiredis, and so without "
                         "redis:// stores");
#endif
}

static enum itr_status open_store(const char *address, struct itr_store **out, struct itr_error *e)
{
    if (begins(address, "file:"))
        return itr_store_file_new(address, itr_clock_system(), out, e);
    if (begins(address, "redis"))
        return open_redis(address, out, e);
    if (strcmp(address, "memory:") != 0)
        return itr_store_unknown(
            address, "\"file:\", \"file:/directory\", \"redis://host/0\" or \"memory:\"", e);
    *out = itr_store_memory();
    return *out != NULL ? ITR_OK : itr_error_set(e, ITR_NOMEM, "no memory");
}

enum itr_status parts_init(struct itr_parts *parts, const char *token_store, struct itr_error *e)
{
    *parts = (struct itr_parts){0};
    parts->clock = itr_clock_system();
    parts->transport = itr_curl_loop_factory();
    return open_store(token_store, &parts->store, e);
}

enum itr_status parts_check(const char *token_store, struct itr_error *e)
{
    struct itr_store *store = NULL;
    struct itr_buf dir;
    enum itr_status s;

    if (begins(token_store, "file:")) {
        itr_buf_init(&dir, ITR_FILE_DIR_MAX);
        s = itr_file_dir_find(token_store, &dir, e);
        itr_buf_clear(&dir);
        return s;
    }
    /* A Redis store connects when it is first used. */
    s = open_store(token_store, &store, e);
    if (store != NULL)
        store->ops->release(store);
    return s;
}

void parts_clear(struct itr_parts *parts)
{
    if (parts->store != NULL)
        parts->store->ops->release(parts->store);
    parts->store = NULL;
}

enum itr_status parts_private_file(const char *address, const char *name, char *out, size_t cap,
                                   struct itr_error *e)
{
    struct itr_buf dir;
    struct itr_private_fd d;
    enum itr_status s;

    itr_buf_init(&dir, ITR_FILE_DIR_MAX);
    itr_private_fd_init(&d);
    if ((s = itr_file_dir_find(address, &dir, e)) == ITR_OK &&
        (s = itr_file_dir_open(itr_buf_str(&dir), &d, e)) == ITR_OK)
        (void)itr_private_fd_close(&d);
    if (s == ITR_OK && snprintf(out, cap, "%s/%s", itr_buf_str(&dir), name) >= (int)cap)
        s = itr_error_set(e, ITR_CONFIG, "%s: too long", itr_buf_str(&dir));
    itr_buf_clear(&dir);
    return s;
}
