#include "core/record/stored.h"

#include <string.h>

#include "core/base/bound.h"
#include "core/base/sha256.h"

#define KEEP_MS ((int64_t)36 * 3600 * 1000) /* the day's count outlives a token */

void itr_stored_init(struct itr_stored *s, struct itr_store *store, const char *key)
{
    *s = (struct itr_stored){0};
    s->store = store;
    s->key = key;
    itr_buf_init_secret(&s->bytes, ITR_STORE_VALUE_MAX);
}

void itr_stored_clear(struct itr_stored *s)
{
    itr_buf_clear(&s->bytes);
    itr_wipe(&s->record, sizeof s->record);
}

static uint64_t id_of(const struct itr_buf *bytes)
{
    unsigned char digest[ITR_SHA256_LEN];
    struct itr_sha256 h;
    uint64_t id;

    itr_sha256_init(&h);
    itr_sha256_update(&h, itr_buf_str(bytes), bytes->len);
    itr_sha256_final(&h, digest);
    memcpy(&id, digest, sizeof id);
    return id;
}

enum itr_status itr_stored_load(struct itr_stored *s, struct itr_error *e)
{
    enum itr_status st;

    itr_buf_reset(&s->bytes);
    st = s->store->ops->load(s->store, s->key, &s->bytes, &s->now_wall_ms, e);
    if (st != ITR_OK)
        return st;
    s->bytes_id = id_of(&s->bytes);
    return itr_record_decode(itr_buf_str(&s->bytes), s->bytes.len, &s->record, e);
}

enum itr_status itr_stored_swap(struct itr_stored *s, const struct itr_record *next,
                                int64_t token_ttl_ms, bool *done, struct itr_error *e)
{
    struct itr_buf text;
    enum itr_status st;

    itr_buf_init_secret(&text, ITR_RECORD_MAX);
    if ((st = itr_record_encode(next, &text)) != ITR_OK)
        (void)itr_error_set(e, st, "no memory");
    else
        st = s->store->ops->swap(s->store, s->key, s->bytes.data, s->bytes.len, text.data, text.len,
                                 itr_max64(token_ttl_ms, KEEP_MS), done, e);
    itr_buf_clear(&text);
    return st;
}
