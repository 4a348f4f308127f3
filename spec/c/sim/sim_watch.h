/*
 * sim_watch: the promises of docs/design.md 7 that a fleet makes about tokens, checked while it
 * runs, by their numbers there:
 *
 * - 1: no two token requests are out at once, unless the earlier one's lease ended, was forgotten,
 *   or the clock was stepped; and none without a reason.
 *
 * - 2: a refusal is a reason only if it was of the latest token.
 *
 * - 3: a token that is good is not thrown away, not by a process, not in the record; an older one
 *   never overwrites a newer one; a call does not fail while there is one.
 *
 * - 4: not more requests on a day than daily_limit.
 *
 * - 6: no lease outlives its end, no wait its rule; after the last fault all comes right again.
 *
 * One thread.
 */
#ifndef SIM_WATCH_H
#define SIM_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/record/record.h"

struct sim_world;
struct sim_process;
struct sim_call;
struct sim_bytes;

/* One token request. It outlives the process that made it. */
struct sim_request {
    struct sim_request *next; /* all that ever were */
    struct sim_process *process;
    uint64_t life; /* the process's, when it was made */
    uint64_t lease_fence;
    int64_t lease_end_ms; /* by the store's clock */
    int32_t day;          /* on which it was counted */
    int forgets, steps;   /* the store's, when the lease was got */
    bool sent;
    bool over;                         /* its holder has settled it, or the lease has ended */
    enum itr_record_outcome_is answer; /* the gateway's */
    size_t serial;                     /* the token's that it gave */
};

struct sim_watch {                /* zero it before use */
    struct sim_request *requests; /* the latest first */
    int64_t quiet_until_ms;       /* until then nothing is a reason to fetch; 0: something was */
    int32_t day;                  /* of the count below */
    int sent_today;
    int upsets;         /* how often the store had forgotten or been stepped as that day began */
    int64_t trouble_ms; /* of the last fault */

    /* The result. */
    long sent;          /* token requests that reached the gateway */
    long calls, failed; /* calls that ended, and of these failed */
    long refused;       /* answers that refused a token */
    long lapsed;        /* of these, how many were out when the next one was sent */
    long told;          /* calls that failed with kind "token", naming the causes */
    char last_error[ITR_ERROR_TEXT];
    char broken[256]; /* the promise that was broken, or "" */
};

void sim_watch_clear(struct sim_watch *watch);

void sim_watch_break(struct sim_world *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Something that may undo what is known: a fault. A reason to fetch, too. */
void sim_watch_fault(struct sim_world *w);

/* A reason to fetch: the gateway refused this token, somebody asked, a fetch failed. */
void sim_watch_refused(struct sim_world *w, const struct sim_call *c);
void sim_watch_reason(struct sim_world *w);

struct sim_request *sim_watch_acquired(struct sim_process *p);
void sim_watch_sent(struct sim_world *w, struct sim_request *r);
void sim_watch_swapped(struct sim_world *w, const struct sim_bytes *old);
/* What the record told p: to wait for a lease, or that no fetch may be, for so long at the most. */
void sim_watch_waits(struct sim_process *p, int64_t ms);
void sim_watch_held(struct sim_process *p, int64_t ms);

void sim_watch_call_over(struct sim_process *p, const struct sim_call *c,
                         const struct itr_error *e); /* e NULL: it succeeded */
void sim_watch_process(struct sim_process *p);       /* after every event of it */

#endif
