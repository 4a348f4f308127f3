/*
 * sim_watch: the properties of docs/design.md 4.3, checked while a fleet runs:
 *
 * - P1   no token request while another's lease stands; P1b none awaited past its own lease by a
 *        holder that was never stopped; P1c no lease replaced before its end but by its owner;
 *        P1d no request beside a token of its process that is still to be stored; P1e none without
 *        a reason.
 * - P2   the record's count = requests sent + leases that lapsed unsent, and such a lease has a
 *        cause; no fence is used twice.
 * - P3   no older token over a newer one, no fence back, no token lost, no call failed beside a
 *        good token.
 * - P4   not more requests a day than daily_limit; P4b a gateway that fails never uses it up.
 * - P5   a lease has a living holder that owes it, or a cause why not.
 * - P6   nobody waits longer than its rule: who waits for a token has a fetch in flight; a call
 *        ends by its deadline, and after half of its time if a good token is held; a pause of a
 *        fetch is short; the request ends by its deadline; and where nothing goes wrong, a fetch
 *        ends when the longest lease and the longest request are over.
 * - P7   a token is born when its answer came.
 * - P8   no more than 60 accesses of a process in a second.
 * - P9   a token past its end, of which a fetch brought no newer one, is given at once.
 * - P10  some time after the last fault no call fails.
 * - P11  the end of a process waits no longer than its lease.
 *
 * A store that lost its value or whose clock was stepped excuses what it makes impossible. The
 * checks go by what really happened (bytes in the store, requests sent), never by what a machine
 * believes; only P5 asks the machine what it owes. One thread.
 */
#ifndef SIM_WATCH_H
#define SIM_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/record/record.h"
#include "core/source/state.h"
#include "sim/sim_gateway.h"

struct sim_call;
struct sim_process;
struct sim_store;
struct sim_world;

struct sim_lease {          /* a lease that stood in a store, and its request */
    struct sim_lease *next; /* of the same store: the one before */
    struct sim_process *process;
    uint64_t life, step; /* the process's: when it was acquired; of the request */
    uint64_t fence;
    int64_t end_ms; /* by the store's clock */
    int32_t day;    /* on which it was counted */
    int upsets, troubles;
    bool hit;     /* its process was killed or stopped, or the store slow: it may lapse unsent */
    bool late;    /* its swap failed, and was done later */
    bool in_past; /* ... while loads gave earlier values: who looks for it does not find it; or in a
                     store that had been changed, and then forgot: nobody looks for it any more */
    bool sent;
    bool over;              /* settled, or replaced */
    struct sim_grant grant; /* the gateway's */
    int64_t answered_ms;    /* when the answer came, true time; 0: it has not */
};

struct sim_book {                       /* what is known of one store */
    struct sim_lease *leases, *current; /* current: that which stands in it, or NULL */
    uint64_t highest;                   /* fence used */
    int64_t quiet_until_ms;             /* until then nothing is a reason to fetch */
    int32_t day;                        /* of the two below */
    int sent_today, upsets;
};

struct sim_watch {      /* zero it before use */
    int64_t trouble_ms; /* of the last fault */
    long sent;          /* token requests */
    long wasted;        /* leases that lapsed unsent */
    long calls, failed; /* calls that ended, and of these failed */
    long refused;       /* answers that refused a token */
    long told;          /* calls that failed with the causes of refusals named */
    long longest_ms;    /* a call took */
    char last_error[ITR_ERROR_TEXT];
    char broken[256]; /* the property that was broken first, or "" */
};

/* Free what the book of a store holds. */
void sim_book_clear(struct sim_book *b);

void sim_watch_break(struct sim_world *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Note a fault: it delays P10, and is a reason to fetch (P1e) in every store. */
void sim_watch_fault(struct sim_world *w);
void sim_watch_reason(struct sim_store *s);

/* Note that the process was killed or stopped. */
void sim_watch_hit(struct sim_process *p);

/* Check what happened: a swap of p (in that life; late: it
 * was told that it failed) at this instant; a request that leaves p, with the
 * lease it goes by (NULL: none is known, and a property is broken); its end; what a caller was
 * given; a fetch's begin and end; a call's end, e NULL: it succeeded; an access of the store; any
 * event of p; the end of p. */
void sim_watch_swapped(struct sim_world *w, struct sim_store *s, struct sim_process *p,
                       uint64_t life, bool late, const char *owner, const struct itr_record *old,
                       const struct itr_record *next);
struct sim_lease *sim_watch_sends(struct sim_process *p);
void sim_watch_answered(struct sim_process *p, struct sim_lease *l);
void sim_watch_given(struct sim_process *p, const struct itr_token_ask *ask,
                     struct itr_cache_step step);
void sim_watch_fetch_begins(struct sim_process *p);
void sim_watch_fetch_ended(struct sim_process *p);
void sim_watch_refused(struct sim_process *p, const struct sim_call *c);
void sim_watch_call_over(struct sim_process *p, const struct sim_call *c,
                         const struct itr_error *e);
void sim_watch_accesses(struct sim_process *p);
void sim_watch_process(struct sim_process *p);
void sim_watch_ended(struct sim_process *p);

#endif
