/*
 * source/stats: what a source tells operators about its token, a plain copy. No token, no secret.
 */
#ifndef ITR_CORE_SOURCE_STATS_H
#define ITR_CORE_SOURCE_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"
#include "core/record/token.h"
#include "core/source/cache.h"
#include "core/source/events.h"

struct itr_stats {
    enum itr_cache_state state;
    uint64_t fence;                               /* 0: no token */
    char id[9];                                   /* short id of the token, or "" */
    int64_t age_ms, refresh_in_ms, expires_in_ms; /* of the token; may be negative */
    int64_t fetches_today;                        /* as the record said last; -1: nobody says */
    int64_t daily_limit;
    struct itr_error last_error;
    int64_t waiters;
    uint64_t fetched;  /* tokens got from the gateway by this process */
    const char *store; /* "memory", "file", ... */
    size_t n_events;
    struct itr_event events[ITR_EVENTS]; /* oldest first */
};

/* Fills in what is known of a token (NULL: none is held). */
void itr_stats_describe(struct itr_stats *s, const struct itr_token *t, int64_t now_mono_ms);

#endif
