/*
 * source/stats: Tell operators of a source: a plain copy of its state. No token, no secret. Pure;
 * guarded by its owner. Its last changes are in source/events.
 */
#ifndef ITR_CORE_SOURCE_STATS_H
#define ITR_CORE_SOURCE_STATS_H

#include <stdint.h>

#include "core/base/status.h"
#include "core/record/token.h"
#include "core/source/cache.h"

/* How this process's fetches ended, whatever they were for and wherever the token came from. */
struct itr_fetch_counts {
    uint64_t ended;
    int64_t sum_ms;                /* how long all of them took */
    int64_t last_ms;               /* how long the last one took */
    int64_t good_wall_ms;          /* when one brought a token last; 0: never */
    uint64_t failed[ITR_FULL + 1]; /* by the error's kind */
};

struct itr_stats {
    enum itr_cache_state state;
    uint64_t fence;                               /* 0: no token */
    char id[9];                                   /* short id of the token, or "" */
    int64_t age_ms, refresh_in_ms, expires_in_ms; /* of the token; may be negative */
    int64_t fetches_today;                        /* as the record said last; -1: nobody says */
    int64_t daily_limit;
    struct itr_error last_error;
    int64_t waiters;
    uint64_t fetched; /* tokens got from the gateway by this process */
    struct itr_fetch_counts fetches;
    const char *store; /* "memory", "file", ... */
};

/* Fill in what is known of a token (NULL: none is held). */
void itr_stats_describe(struct itr_stats *s, const struct itr_token *t, int64_t now_mono_ms);

#endif
