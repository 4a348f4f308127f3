#include "sim/sim_store.h"

#include <stdlib.h>
#include <string.h>

int64_t sim_store_now(const struct sim_store *s, int64_t now_ms)
{
    return now_ms + s->stepped_ms;
}

void sim_bytes_copy(struct sim_bytes *to, const struct sim_bytes *from)
{
    to->id = from->id;
    to->len = from->len;
    memcpy(to->data, from->data, from->len);
}

void sim_store_load(const struct sim_store *s, int64_t now_ms, struct sim_bytes *out)
{
    if (now_ms < s->past_until_ms && s->n_past > 0)
        sim_bytes_copy(
            out,
            &s->past[(size_t)now_ms % (s->n_past < SIM_STORE_PAST ? s->n_past : SIM_STORE_PAST)]);
    else
        sim_bytes_copy(out, &s->value);
}

enum sim_swapped sim_store_swap(struct sim_store *s, const struct sim_bytes *old,
                                const struct sim_bytes *next)
{
    if (old->id != s->value.id)
        return SIM_SWAP_CONFLICT;
    sim_bytes_copy(&s->past[s->n_past++ % SIM_STORE_PAST], &s->value);
    sim_bytes_copy(&s->value, next);
    return SIM_SWAP_DONE;
}

void sim_store_empty(struct sim_store *s, int64_t now_ms)
{
    s->emptied_ms = now_ms;
    s->value.len = 0;
    s->value.id = 0;
    s->n_past = 0;
    s->upsets++;
    s->troubles++;
}

void sim_store_step(struct sim_store *s, int64_t by_ms)
{
    s->stepped_ms += by_ms;
    s->upsets++;
    s->troubles++;
}

/* FNV-1a. */
static uint64_t id_of(const char *data, size_t len)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    size_t i;

    for (i = 0; i < len; i++)
        h = (h ^ (unsigned char)data[i]) * UINT64_C(0x100000001b3);
    return h;
}

void sim_store_write(const struct itr_record *r, struct sim_bytes *out)
{
    struct itr_buf text;

    itr_buf_init_secret(&text, ITR_RECORD_MAX);
    if (itr_record_encode(r, &text) != ITR_OK || text.len > sizeof out->data)
        abort();
    memcpy(out->data, text.data, text.len);
    out->len = text.len;
    out->id = id_of(text.data, text.len);
    itr_buf_clear(&text);
}

const struct itr_record *sim_store_read(struct sim_store *s, const struct sim_bytes *bytes)
{
    struct itr_error e;

    if (bytes->id != s->record_id || bytes->id == 0) {
        if (itr_record_decode(bytes->data, bytes->len, &s->record, &e) != ITR_OK)
            abort();
        s->record_id = bytes->id;
    }
    return &s->record;
}
