#include "core/call/pace.h"

#include "core/base/bound.h"

#define NS_IN_S 1e9
#define NS_IN_MS INT64_C(1000000)

void itr_pace_init(struct itr_pace *p, double per_second)
{
    *p = (struct itr_pace){.interval_ns = (int64_t)(NS_IN_S / per_second)};
}

bool itr_pace_is_set(const struct itr_pace *p)
{
    return p->interval_ns > 0;
}

bool itr_pace_take(struct itr_pace *p, int64_t now_mono_ms)
{
    int64_t now_ns = now_mono_ms * NS_IN_MS;

    if (!itr_pace_is_set(p))
        return true;
    if (now_ns < p->next_ns)
        return false;
    if (now_ns - p->next_ns > ITR_PACE_CATCH_UP_MS * NS_IN_MS)
        p->next_ns = now_ns;
    p->next_ns += p->interval_ns;
    return true;
}

int64_t itr_pace_turn_mono_ms(const struct itr_pace *p, int64_t now_mono_ms, size_t n_before)
{
    int64_t at_ns = p->next_ns;

    if (n_before > 0)
        at_ns = itr_max64(at_ns, now_mono_ms * NS_IN_MS) + (int64_t)n_before * p->interval_ns;
    return (at_ns + NS_IN_MS - 1) / NS_IN_MS;
}
