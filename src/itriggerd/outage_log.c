#include "itriggerd/outage_log.h"

#include <inttypes.h>

#include "itriggerd/log.h"

void outage_log_failure(struct outage *o, const char *event, const char *app,
                        const struct itr_error *e, const char *effect, int64_t now_mono_ms)
{
    switch (outage_note(o, e, now_mono_ms)) {
    case OUTAGE_NO_NEWS:
        break;
    case OUTAGE_REASON:
        log_warning(event, app, "%s%s", e->text, effect);
        break;
    case OUTAGE_LASTS:
        log_warning(event, app, "has failed for %" PRId64 " s (%" PRIu64 " failed attempt(s)): %s",
                    (now_mono_ms - o->began_mono_ms) / 1000, o->times, e->text);
        break;
    }
}
