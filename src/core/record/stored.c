#include "core/record/stored.h"

#include <string.h>

#include "core/base/bound.h"

#define KEEP_MS ((int64_t)36 * 3600 * 1000) /* the day's count outlives a token */

void itr_stored_init(struct itr_stored *s, struct itr_store *store, const struct itr_clock *clock,
                     const char *key, const char *orphan)
{
    *s = (struct itr_stored){0};
    s->store = store;
    s->clock = clock;
    s->key = key;
    s->orphan = orphan;
    itr_buf_init_secret(&s->bytes, (size_t)ITR_RECORD_MAX * 2);
}

void itr_stored_clear(struct itr_stored *s)
{
    itr_buf_clear(&s->bytes);
    itr_wipe(&s->record, sizeof s->record);
}

/* Nobody will settle an orphan's lease in this memory: the parent settles it in its own. */
static void drop_orphan(struct itr_stored *s)
{
    if (s->store->ops->origin == ITR_FROM_MEMORY && s->orphan[0] != '\0' &&
        strcmp(s->record.owner, s->orphan) == 0)
        s->record.owner[0] = '\0';
}

enum itr_status itr_stored_load(struct itr_stored *s, struct itr_error *e)
{
    enum itr_status st;

    itr_buf_reset(&s->bytes);
    st = s->store->ops->load(s->store, s->key, &s->bytes, &s->now_wall_ms, e);
    s->now_mono_ms = itr_clock_mono_ms(s->clock);
    if (st != ITR_OK)
        return st;
    st = itr_record_decode(itr_buf_str(&s->bytes), s->bytes.len, &s->record, e);
    if (st == ITR_OK)
        drop_orphan(s);
    return st;
}

enum itr_status itr_stored_swap(struct itr_stored *s, const struct itr_record *next,
                                int64_t token_ttl_ms, bool *done, struct itr_error *e)
{
    struct itr_buf text;
    enum itr_status st;

    *done = false;
    itr_buf_init_secret(&text, ITR_RECORD_MAX);
    st = itr_record_encode(next, &text);
    if (st == ITR_OK)
        st = s->store->ops->swap(s->store, s->key, s->bytes.data, s->bytes.len, text.data, text.len,
                                 token_ttl_ms > KEEP_MS ? token_ttl_ms : KEEP_MS, done, e);
    else
        (void)itr_error_set(e, st, "the token record is too large");
    itr_buf_clear(&text);
    return st;
}

struct itr_token *itr_stored_token(const struct itr_stored *s, const struct itr_record *r,
                                   int64_t token_ttl_ms, uint64_t seed,
                                   enum itr_token_origin origin)
{
    int64_t jitter = itr_record_jitter_ms(r, seed);
    int64_t age = s->now_wall_ms - r->born_ms;
    int64_t refresh = itr_min64(r->refresh_ms - jitter - s->now_wall_ms, token_ttl_ms);
    int64_t end = itr_min64(r->end_ms - s->now_wall_ms, token_ttl_ms);
    struct itr_token_times times;

    times.born_mono_ms = s->now_mono_ms - (age > 0 ? age : 0);
    times.refresh_mono_ms = s->now_mono_ms + itr_min64(refresh, end);
    times.end_mono_ms = s->now_mono_ms + end;
    return itr_token_new(r->text, strlen(r->text), r->fence, times, origin);
}
