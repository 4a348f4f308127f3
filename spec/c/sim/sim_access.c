#include "sim/sim_access.h"

#include "sim/sim_world.h"

void sim_access_soon(struct sim_process *p, int64_t in_ms,
                     void (*happen)(struct sim_world *, const struct sim_event *))
{
    sim_world_soon(p->world, p, in_ms, happen, NULL);
}

int64_t sim_access_hop_ms(struct sim_process *p)
{
    return sim_world_delay(p->world, 0, 3);
}

bool sim_access_load(struct sim_process *p)
{
    struct sim_fetch *f = &p->fetch;
    struct sim_world *w = p->world;

    if (!sim_store_load(&w->store, w->now_ms, &f->bytes))
        return false;
    sim_store_read(&f->bytes, &f->record);
    f->store_now_ms = sim_store_now(&w->store, w->now_ms);
    f->mono_ms = w->now_ms;
    return true;
}

enum sim_swapped sim_access_swap(struct sim_process *p)
{
    struct sim_fetch *f = &p->fetch;
    struct sim_world *w = p->world;
    enum sim_swapped s = sim_store_swap(&w->store, w->now_ms, &f->bytes, &f->next);

    if (s != SIM_SWAP_DONE)
        return s;
    sim_watch_swapped(w, &f->bytes);
    if (!sim_world_is_chaotic(w, SIM_STORE_FAILS) || !sim_random_chance(&w->random, 20))
        return s;
    /* Done, and nobody knows: an error, or a repeat that finds another value there. */
    SIM_TRACE(w, "%d: the answer of this swap is lost", p->id);
    sim_watch_fault(w);
    return sim_random_chance(&w->random, 500) ? SIM_SWAP_FAILED : SIM_SWAP_CONFLICT;
}

void sim_access_local_hold(struct sim_fetch *f)
{
    int64_t left = f->local_retry_mono_ms - f->mono_ms;

    f->wish.local_error = left > 0 ? &f->local_error : NULL;
    f->wish.local_retry_ms = left > 0 ? f->store_now_ms + left : 0;
}
