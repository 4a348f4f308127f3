#include "itriggerd/outage.h"

#include <string.h>

enum outage_news outage_note(struct outage *o, const struct itr_error *reason, int64_t now_mono_ms)
{
    bool begins = o->reason.kind == ITR_OK;
    bool is_new = begins || strcmp(o->reason.text, reason->text) != 0;

    if (begins) {
        o->began_mono_ms = now_mono_ms;
        o->times = 0;
    }
    o->times++;
    if (!is_new && now_mono_ms - o->told_mono_ms < OUTAGE_REMIND_MS)
        return OUTAGE_NO_NEWS;
    o->told_mono_ms = now_mono_ms;
    o->reason = *reason;
    return is_new ? OUTAGE_REASON : OUTAGE_LASTS;
}
