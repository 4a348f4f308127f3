/*
 * source/cache: Decide what this process does about its token now (docs/design.md 4.1). Pure: no
 * clock, no lock, no I/O; the owner (source) holds the lock, gives the time, and carries out.
 *
 * One enum, assigned in one function. A fetch has a generation; whatever an older
 * generation brings is ignored. A refused token is only doubted: withheld while the fetch is in
 * flight, given out again if that fails. Nothing here ever throws a token away but for a newer one.
 */
#ifndef ITR_CORE_SOURCE_CACHE_H
#define ITR_CORE_SOURCE_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/status.h"
#include "core/record/token.h"

#define ITR_CACHE_MAX_RETRY_MS 5000 /* retry_mono_ms is never further ahead than this */

enum itr_cache_state {
    ITR_CACHE_NONE,      /* no token, no fetch in flight */
    ITR_CACHE_FETCHING,  /* a fetch is in flight, nothing is given out: no token, or one that is
                             doubted, or the first fetch after its end */
    ITR_CACHE_HELD,      /* a token to give out, no fetch in flight */
    ITR_CACHE_REFRESHING /* a token to give out, one fetch in flight */
};

/* What changed the state, for the trace and the events. */
enum itr_cache_why {
    ITR_WHY_NOTHING, /* nothing changed */
    ITR_WHY_START,   /* the first fetch */
    ITR_WHY_AHEAD,   /* due: past its refresh time */
    ITR_WHY_EXPIRED, /* past its end */
    ITR_WHY_REFUSED, /* the gateway rejected the held token */
    ITR_WHY_ASKED,   /* client:refresh(), or min_valid beyond what is left */
    ITR_WHY_FETCHED, /* a fetch brought a token */
    ITR_WHY_FAILED,  /* a fetch failed */
    ITR_WHY_STALE,   /* an expired token is given out from now on (no change of state) */
    ITR_WHY_FORKED,  /* this is the child of a fork: the fetch in flight is the parent's */
    ITR_WHY_KEPT     /* a fetch ended well with no newer token: asked too early, or none exists */
};

enum itr_cache_give {
    ITR_GIVE_NOTHING, /* an event that asked for nothing */
    ITR_GIVE_USE,     /* the caller gets cache->token */
    ITR_GIVE_WAIT,    /* the caller waits for the fetch in flight */
    ITR_GIVE_FAIL     /* the caller gets cache->error */
};

/* What the owner has to do after an event, in this order. */
struct itr_cache_step {
    enum itr_cache_why why;
    bool answer;              /* answer all who wait: with token if there is one, and error */
    enum itr_cache_give give; /* what the caller of this event gets */
    bool fetch;               /* start the fetch cache->generation */
};

struct itr_cache {
    enum itr_cache_state state;
    struct itr_token *token; /* one reference of ours; NULL if none was ever had */
    uint64_t generation;     /* of the latest fetch started */
    int64_t retry_mono_ms;   /* HELD, NONE: no fetch by want() before this */
    struct itr_error error;  /* of the last fetch, if it failed; else clear */
    bool tried;              /* a fetch ended without a newer token since this one came, or it came
                                 past its end: past its end, it is given out all the same */
    bool doubted;            /* FETCHING: the gateway rejected the token that is held */
    bool stale;              /* an expired token is being given out (event sent) */
    bool behind;             /* the fetch in flight was started by the arrival of a due token; if
                                 its own token arrives due too, the next one waits for a want() */
};

void itr_cache_init(struct itr_cache *c);
void itr_cache_clear(struct itr_cache *c);

/* Decide for a call that wants a token with at least min_valid_ms of life left (0: any). */
struct itr_cache_step itr_cache_want(struct itr_cache *c, int64_t now_mono_ms,
                                     int64_t min_valid_ms);

/* Return whether want(0) gives the held token and changes nothing: nearly always. */
bool itr_cache_is_hit(const struct itr_cache *c, int64_t now_mono_ms);

/* Ask for one fetch (client:refresh()); joins one in flight. */
struct itr_cache_step itr_cache_asked(struct itr_cache *c, int64_t now_mono_ms);

/* Note that the gateway rejected `token`. If it is the held one: WAIT for the fetch that this
 * starts or joins. If not, the refusal is old news, and the step is that of want(0): USE of the
 * token that is held by now (nothing is doubted), WAIT while a fetch is in flight and nothing is
 * given out. */
struct itr_cache_step itr_cache_refused(struct itr_cache *c, int64_t now_mono_ms,
                                        const struct itr_token *token);

/* Note the same, by who knows the refused token's fence only. One above the held one's is another
 * process's token: the step is that of asked(), for a look at what is stored. */
struct itr_cache_step itr_cache_refused_fence(struct itr_cache *c, int64_t now_mono_ms,
                                              uint64_t fence);

/* Take the token that the fetch `generation` brought; the cache takes over the caller's reference
 * (and releases it when the generation is an old one, or the fence is not above the held one's:
 * nothing newer is known, why is KEPT and want() starts no fetch for ITR_CACHE_MAX_RETRY_MS). */
struct itr_cache_step itr_cache_fetched(struct itr_cache *c, int64_t now_mono_ms,
                                        uint64_t generation, struct itr_token *token);

/* Take a token that was found in what the fleet shares, with no fetch of ours in flight; the cache
 * takes over the caller's reference. It is held from now on (why is FETCHED) if it has another
 * fence than the held one and is not older: a lower fence is a newer token's where the store was
 * lost. */
struct itr_cache_step itr_cache_found(struct itr_cache *c, int64_t now_mono_ms,
                                      struct itr_token *token);

/* Note that the fetch `generation` failed with *e (kind ITR_OK: nothing is wrong, there was just no
 * reason to fetch, as after asked within min_refresh_interval); no new one by want() before
 * retry_mono_ms, which is cut to ITR_CACHE_MAX_RETRY_MS from now (and is now when there is neither
 * a token nor an error to give meanwhile). `token`: the best that the fetch found all the same, or
 * NULL; the cache takes over the reference, and keeps it if it is newer than the one held. */
struct itr_cache_step itr_cache_failed(struct itr_cache *c, int64_t now_mono_ms,
                                       uint64_t generation, const struct itr_error *e,
                                       int64_t retry_mono_ms, struct itr_token *token);

/* Start over in the child of a fork: the fetch in flight is the parent's. A new one may start at
 * once. */
struct itr_cache_step itr_cache_forked(struct itr_cache *c, int64_t now_mono_ms);

const char *itr_cache_state_name(enum itr_cache_state s);
const char *itr_cache_why_name(enum itr_cache_why w); /* "start", "ahead", ... */

#endif
