#include "core/source/stats.h"

#include <string.h>

void itr_stats_describe(struct itr_stats *s, const struct itr_token *t, int64_t now_mono_ms)
{
    if (t == NULL)
        return;
    s->fence = t->fence;
    memcpy(s->id, t->id, sizeof s->id);
    s->age_ms = now_mono_ms - t->born_mono_ms;
    s->refresh_in_ms = t->refresh_mono_ms - now_mono_ms;
    s->expires_in_ms = t->end_mono_ms - now_mono_ms;
}
