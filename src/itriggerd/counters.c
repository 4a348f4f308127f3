#include "itriggerd/counters.h"

#include <stdlib.h>

struct counters *counters_new(size_t n)
{
    struct counters *c = calloc(1, sizeof *c + n * sizeof c->n[0]);

    if (c != NULL)
        atomic_init(&c->refs, 1);
    return c;
}

struct counters *counters_retain(struct counters *c)
{
    atomic_fetch_add(&c->refs, 1);
    return c;
}

void counters_release(struct counters *c)
{
    if (c != NULL && atomic_fetch_sub(&c->refs, 1) == 1)
        free(c);
}

void counters_add(struct counters *c, size_t which)
{
    atomic_fetch_add_explicit(&c->n[which], 1, memory_order_relaxed);
}

void counters_read(const struct counters *c, int64_t *out, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        out[i] = (int64_t)atomic_load_explicit(&c->n[i], memory_order_relaxed);
}
