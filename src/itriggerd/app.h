/*
 * app: one app that the daemon serves: its token source, what was counted, and what the timer
 * (timer.h) keeps of it. Counted; lives as long as a snapshot or a request has it.
 */
#ifndef ITRIGGERD_APP_H
#define ITRIGGERD_APP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/source/source.h"
#include "itriggerd/request_metrics.h"
#include "itriggerd/settings.h"

/* Any thread. They go on over a reload, also where the app's options change. */
struct app_counters {
    atomic_uint refs;
    atomic_uint_fast64_t tokens;                /* answers with a token */
    atomic_uint_fast64_t refusals;              /* reports of a refused token */
    atomic_uint_fast64_t asked;                 /* refreshes that were asked for */
    atomic_uint_fast64_t failures;              /* answers without a token */
    atomic_uint_fast64_t errors[REQUEST_CODES]; /* the same, by code */
};

struct app {
    atomic_uint refs;
    char *name, *app_id, *gateway; /* ours; constant */
    char *token_file;              /* NULL: none */
    bool used_only;                /* refresh=used */
    struct itr_source *source;
    struct app_counters *counters;            /* ours, or handed on to the next */
    atomic_bool used;                         /* somebody asked since the present token came */
    atomic_int pollers;                       /* requests that wait for a newer token */
    atomic_int_fast64_t usable_until_mono_ms; /* end of the newest token that was seen */

    /* The timer's own. */
    struct itr_wait due, news;
    bool due_out, news_out;
    int64_t look_mono_ms;  /* when it is looked at next */
    uint64_t fence;        /* of the newest token that was noted */
    struct itr_error told; /* the last failure that was logged */
};

/* ITR_NOMEM, and what itr_source_open says. One reference for the caller. */
enum itr_status app_new(const struct app_settings *settings, const struct itr_parts *parts,
                        struct app **out, struct itr_error *e);
struct app *app_retain(struct app *a);
void app_release(struct app *a); /* NULL is allowed */

/* True when `a` is what `b` is too, so that b need not replace it. */
bool app_same(const struct app *a, const struct app *b);
/* What was counted goes over to the successor; a counts on into it. */
void app_hand_on(struct app *a, struct app *successor);

/* Somebody uses its token. */
void app_note_use(struct app *a);

/* False: it should have a token that lives, and has none. */
bool app_is_ready(const struct app *a, int64_t now_mono_ms);

#endif
