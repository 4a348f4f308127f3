/*
 * app: an app that the daemon serves: its token source, its counters, and the state that the
 * daemon's threads (timer.h, store_watch.h, token_check.h) record for it. Counted: snapshots and
 * requests hold references.
 */
#ifndef ITRIGGERD_APP_H
#define ITRIGGERD_APP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/source/source.h"
#include "itriggerd/counters.h"
#include "itriggerd/outage.h"
#include "itriggerd/settings.h"

#define APP_RECENT 16   /* drop-in clients that are remembered */
#define APP_SPENDERS 32 /* budgets: 0 is for callers without a key, the rest for clients */

/* Behind those of enum app_count, by the client's budget: the vendor's day in the upper half,
 * fetches asked for in it. */
#define APP_SPENT APP_COUNTS

/* A drop-in client, and the token it was given last. */
struct app_recent {
    uint64_t who, fence;
    int64_t at_mono_ms;
};

struct app {
    atomic_uint refs;
    char *name;       /* ours; constant */
    char *token_file; /* NULL: none */
    bool used_only;   /* refresh=used */
    int64_t check_interval_ms;
    struct itr_source *source;
    const struct itr_config *config; /* the source's */
    struct counters *counters;       /* a reference: ours, or those of our predecessor */
    atomic_bool used;                /* somebody asked since the present token came */
    atomic_int pollers;              /* requests that wait for a newer token */

    /* Noted by the timer thread. */
    atomic_uint_fast64_t fence;               /* of the token that was noted last; 0: none */
    atomic_int_fast64_t usable_until_mono_ms; /* its end */
    atomic_bool file_failed;                  /* token_file is not as it should be */

    /* Noted by the check thread. */
    atomic_uint_fast64_t refused_fence;  /* the token that the gateway rejected; 0: none */
    atomic_int_fast64_t checked_mono_ms; /* when a check began last; 0: never */
    atomic_int_fast64_t check_mono_ms;   /* when one is due; 0: not known yet */
    atomic_bool check_wanted;            /* now, please */

    pthread_mutex_t recent_lock;
    struct app_recent recent[APP_RECENT];

    /* The timer thread's own. */
    struct itr_wait due;
    bool due_pending;
    int64_t look_mono_ms;      /* when it is looked at next */
    struct itr_token *token;   /* the one that was noted last; a reference */
    struct outage outage;      /* of fetches */
    uint64_t failures;         /* of the source's fetches that failed: those that were noted */
    struct outage file_outage; /* of token_file */
    int64_t file_mono_ms;      /* when token_file is looked at next */
};

/* Create an app with one reference for the caller. ITR_NOMEM, and what itr_source_open returns. */
enum itr_status app_new(const struct app_settings *settings, const struct itr_parts *parts,
                        struct app **out, struct itr_error *e);
struct app *app_retain(struct app *a);
void app_release(struct app *a); /* NULL is allowed */

/* Return whether a works in all respects as b would, so that b need not replace it. */
bool app_same(const struct app *a, const struct app *b);
/* Share a's counters with its successor: both count in them from now on. */
void app_hand_on(const struct app *a, struct app *successor);

/* Note that a client uses the app's token. */
void app_note_use(struct app *a);

/* Return whether the app has an unexpired token that the gateway has not refused, and its
 * token_file is written, if there should be one. With refresh=used, an app that no client has used
 * yet is ready. */
bool app_is_ready(const struct app *a, int64_t now_mono_ms);

/* Note that a drop-in client (who: a hash) receives the token of this fence. Return true if it
 * received the same token a few seconds ago, so the gateway may have refused it. */
bool app_note_drop_in(struct app *a, uint64_t who, uint64_t fence, int64_t now_mono_ms);

/* Return whether a client may cause a fetch by asking for one, and count it in its budget. False:
 * the day's limit would not last until the day ends for the timer's own fetches and a few refusals,
 * or the client has used its share. */
bool app_may_spend(struct app *a, size_t budget, int64_t now_wall_ms);

#endif
