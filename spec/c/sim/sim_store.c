#include "sim/sim_store.h"

#include <stdlib.h>
#include <string.h>

int64_t sim_store_now(const struct sim_store *s, int64_t now_ms)
{
    return now_ms + s->stepped_ms;
}

bool sim_store_load(const struct sim_store *s, int64_t now_ms, struct sim_bytes *out)
{
    if (now_ms < s->fails_until_ms)
        return false;
    *out = s->value;
    return true;
}

static void write_value(const struct itr_record *r, struct sim_bytes *out)
{
    struct itr_buf text;

    itr_buf_init_secret(&text, ITR_RECORD_MAX);
    if (itr_record_encode(r, &text) != ITR_OK || text.len > sizeof out->data)
        abort();
    memcpy(out->data, text.data, text.len);
    out->len = text.len;
    itr_buf_clear(&text);
}

enum sim_swapped sim_store_swap(struct sim_store *s, int64_t now_ms, const struct sim_bytes *old,
                                const struct itr_record *next)
{
    if (now_ms < s->fails_until_ms)
        return SIM_SWAP_FAILED;
    if (old->len != s->value.len || memcmp(old->data, s->value.data, old->len) != 0)
        return SIM_SWAP_CONFLICT;
    write_value(next, &s->value);
    return SIM_SWAP_DONE;
}

void sim_store_forget(struct sim_store *s)
{
    s->value.len = 0;
    s->forgets++;
}

void sim_store_step(struct sim_store *s, int64_t by_ms)
{
    s->stepped_ms += by_ms;
    s->steps++;
}

void sim_store_read(const struct sim_bytes *bytes, struct itr_record *out)
{
    struct itr_error e;

    if (itr_record_decode(bytes->data, bytes->len, out, &e) != ITR_OK)
        abort();
    if (bytes->len > 0 && out->lease_fence == 0)
        abort(); /* counted as corrupt: no record of ours has no fence */
}
