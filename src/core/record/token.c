#include "core/record/token.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/sha256.h"

struct itr_token *itr_token_new(const char *text, size_t len, uint64_t fence,
                                struct itr_token_times times, enum itr_token_origin origin)
{
    struct itr_token *t;

    if ((t = malloc(sizeof *t + len + 1)) == NULL)
        return NULL;
    atomic_init(&t->refs, 1);
    t->fence = fence;
    t->born_mono_ms = times.born_mono_ms;
    t->refresh_mono_ms = times.refresh_mono_ms;
    t->end_mono_ms = times.end_mono_ms;
    t->origin = origin;
    itr_sha256_hex(text, len, t->id, sizeof t->id - 1);
    t->len = len;
    if (len > 0)
        memcpy(t->text, text, len);
    t->text[len] = '\0';
    return t;
}

struct itr_token *itr_token_retain(struct itr_token *t)
{
    /* Who retains holds a reference already, so nothing has to be ordered. */
    if (t != NULL)
        atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

void itr_token_release(struct itr_token *t)
{
    if (t == NULL)
        return;
    /* The last one must see all that the others did with it before it wipes. */
    if (atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
        return;
    itr_wipe(t, sizeof *t + t->len + 1);
    free(t);
}

bool itr_token_same(const struct itr_token *a, const struct itr_token *b)
{
    if (a == b)
        return true;
    if (a == NULL || b == NULL || a->len != b->len)
        return false;
    return memcmp(a->text, b->text, a->len) == 0;
}

const char *itr_token_origin_name(enum itr_token_origin o)
{
    switch (o) {
    case ITR_FROM_GATEWAY:
        return "gateway";
    case ITR_FROM_MEMORY:
        return "memory";
    case ITR_FROM_FILE:
        return "file";
    case ITR_FROM_REDIS:
        return "redis";
    case ITR_FROM_SERVER:
        return "server";
    }
    return "unknown";
}
