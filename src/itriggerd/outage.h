/*
 * outage: attempts that fail one after the other (fetches of an app, readings of the store,
 * writings of a token_file), and when the log says so: when it begins, when its reason changes, and
 * each ten minutes while it lasts. Pure; one owner.
 */
#ifndef ITRIGGERD_OUTAGE_H
#define ITRIGGERD_OUTAGE_H

#include <stdint.h>

#include "core/base/status.h"

#define OUTAGE_REMIND_MS ((int64_t)600 * 1000)

enum outage_news { OUTAGE_NO_NEWS, OUTAGE_REASON, OUTAGE_LASTS };

struct outage {              /* zeroed: there is none */
    struct itr_error reason; /* kind ITR_OK: there is none */
    int64_t began_mono_ms, told_mono_ms;
    uint64_t times;
};

/* Note a failure. Return what is to be logged: a reason that is new, or that it lasts. */
enum outage_news outage_note(struct outage *o, const struct itr_error *reason, int64_t now_mono_ms);

#endif
