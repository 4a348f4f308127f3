/*
 * fetch/machine: Decide every step of a token fetch of one source. Pure: no clock, no lock, no I/O;
 * the time, randomness and the results of I/O are arguments, so a simulator can play many processes
 * in one thread.
 *
 * Outline
 * - One enum, assigned in one function (enter, in machine.c). The state says what the driver does
 *   next, and nothing else does:
 *
 *     state         what the driver does                          then posts to itr_machine_on
 *     IDLE          nothing                                       -
 *     LOAD          load the record                               LOADED or LOAD_FAILED
 *     PAUSE         sleep until pause_until_mono_ms               PAUSED
 *     ACQUIRE       swap `next` for the record loaded last        SWAPPED, CONFLICT, SWAP_FAILED
 *     CONNECT       connect to the gateway                        CONNECTED, or ANSWERED (not sent)
 *     LOOK          load the record; nothing has been sent yet    LOADED or LOAD_FAILED
 *     SEND          send, wait for the answer                     ANSWERED, or CONNECTED once more
 *     SETTLE_LOAD   load the record                               LOADED or LOAD_FAILED
 *     SETTLE_SWAP   swap `next` for the record loaded last        SWAPPED, CONFLICT, SWAP_FAILED
 *     SETTLE_PAUSE  sleep until pause_until_mono_ms               PAUSED
 *     ASK           ask the central token server                  SERVED
 *
 * - After LOOK the state is SEND, or the request must be dropped without a byte sent; then no
 *   ANSWERED is posted for it.
 * - In CONNECT, SEND and ASK the driver cancels the request as soon as itr_machine_cancels() says
 *   so, and posts what came of it. That is when its deadline passed or the process ends.
 * - Events are begin, end, fork and on(what the driver did). begin() and end() never change what
 *   the driver is doing: they only shorten a pause (pause_until_mono_ms; the driver reads it
 *   again). fork() is called in the child, where no driver runs: it starts again from IDLE.
 * - After each event the owner calls itr_machine_take_result(): true at most once for each begin.
 *   The machine may go on behind a result: then the result is final, and what follows only settles
 *   what was begun. A begin() in that time is served after it.
 * - The owner serialises the events by its own lock; the driver's I/O is done outside it. `next`,
 *   `state` and `deadline_mono_ms` change in on() alone, so the thread that posts may read them
 *   without the lock.
 * - A process that ends calls end() and waits while itr_machine_is_owed().
 *
 * What a record says about fetching is record/record.h's; docs/design.md 4.3 has the table of
 * edges.
 */
#ifndef ITR_CORE_FETCH_MACHINE_H
#define ITR_CORE_FETCH_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/fetch/server_answer.h"
#include "core/record/record.h"
#include "core/record/token.h"

enum itr_machine_state {
    ITR_MACHINE_IDLE,         /* nothing to do */
    ITR_MACHINE_LOAD,         /* a fetch is wanted; the record is being loaded to decide on it */
    ITR_MACHINE_PAUSE,        /* a fetch is wanted; look again later */
    ITR_MACHINE_ACQUIRE,      /* our lease is being swapped in; it may stand from here on */
    ITR_MACHINE_CONNECT,      /* the lease is ours; nothing has been sent */
    ITR_MACHINE_LOOK,         /* connected; is the lease still ours? */
    ITR_MACHINE_SEND,         /* the request is in flight */
    ITR_MACHINE_SETTLE_LOAD,  /* an outcome is pending; the record is being loaded to store it */
    ITR_MACHINE_SETTLE_SWAP,  /* an outcome is pending; it is being swapped in */
    ITR_MACHINE_SETTLE_PAUSE, /* an outcome is pending; the store failed, try again later */
    ITR_MACHINE_ASK           /* the request to the central server is in flight */
};

/* What stays the same while a source lives. Copied by itr_machine_init. */
struct itr_machine_setup {
    enum itr_token_origin origin; /* of the store; ITR_FROM_SERVER: a central server, no store;
                                     ITR_FROM_MEMORY: leases die with the process */
    struct itr_record_rules rules;
    int64_t token_timeout_ms; /* of the request */
    const char *server;       /* central server: its address, for errors; borrowed */
};

/* What the driver did. */
enum itr_machine_done_is {
    ITR_DONE_LOADED,      /* record, bytes_id, store_now_ms, called_mono_ms */
    ITR_DONE_LOAD_FAILED, /* error */
    ITR_DONE_SWAPPED,
    ITR_DONE_CONFLICT,    /* another value stood there: nothing was changed */
    ITR_DONE_SWAP_FAILED, /* error; it may be stored all the same, now or later */
    ITR_DONE_PAUSED,      /* the pause is over */
    ITR_DONE_CONNECTED,   /* the next byte would be the request's first */
    ITR_DONE_ANSWERED,    /* outcome (text, error, is) */
    ITR_DONE_NO_DRIVER,   /* error: nobody can drive the machine that was just begun */
    ITR_DONE_SERVED       /* grant and text, or error; server_wait_ms */
};

struct itr_machine_done { /* pointers are borrowed for the call */
    enum itr_machine_done_is is;
    const struct itr_error *error;
    const struct itr_record *record;
    uint64_t bytes_id;      /* of the bytes loaded: equal for equal bytes, else different */
    int64_t store_now_ms;   /* by the store's clock, sampled during the load */
    int64_t called_mono_ms; /* when the load was called, by ours */
    const struct itr_record_outcome *outcome;
    const struct itr_server_grant *grant; /* NULL: see error */
    const char *text;                     /* of the grant */
    int64_t server_wait_ms;               /* Retry-After; -1: none */
};

/* How a fetch ended. A token and an error may come together: the token is the best that is known,
 * the error says why there is no better one. Holds a token: wipe it (itr_wipe). */
struct itr_machine_result {
    bool has_token;
    char text[ITR_TOKEN_MAX + 1];
    uint64_t fence;
    struct itr_token_times times;
    enum itr_token_origin origin;
    struct itr_error error; /* kind ITR_OK without a token: there was no reason to fetch */
    int64_t retry_after_ms; /* with an error, or without a token: no new fetch before */
};

/* What follows when the pending outcome is settled. */
enum itr_machine_then {
    ITR_MACHINE_GIVE,   /* the result is given */
    ITR_MACHINE_DECIDE, /* a fetch is wanted: decide on it */
    ITR_MACHINE_REST    /* nothing: the result was given already */
};

struct itr_machine {
    enum itr_machine_state state;
    struct itr_machine_setup setup;
    char name[ITR_OWNER_MAX + 1]; /* ours as a lease's owner; one per source and process */
    int64_t pid;
    uint64_t seed; /* of the refresh jitter */
    bool ending;   /* the process ends */

    /* Why a fetch is wanted; merged until the result is given. */
    uint64_t held_fence;
    char held[ITR_TOKEN_MAX + 1];
    char refused[ITR_TOKEN_MAX + 1]; /* or "": none, or only its fence is known */
    uint64_t refused_fence;          /* or 0 */
    bool asked;
    int64_t began_mono_ms;

    /* The record as loaded last in this fetch (empty: not yet), and the one to be swapped in. */
    struct itr_record record;
    struct itr_record next;
    uint64_t bytes_id;
    int64_t store_now_ms;   /* when it was loaded, by the store's clock */
    int64_t loaded_mono_ms; /* the same moment by ours, or a little later */

    /* Our lease that may stand. */
    bool has_lease;
    bool lease_is_unsure; /* the answer of its swap was lost: it may stand, or come, or neither */
    uint64_t lease_fence;
    uint64_t lease_bytes_id; /* what its swap compared with */
    int64_t lease_end_mono_ms;
    int64_t acquire_mono_ms;               /* when the swap began */
    char lease_refused[ITR_TOKEN_MAX + 1]; /* the refusal that caused it, or "" */
    bool lease_asked;                      /* it was asked for */
    int64_t deadline_mono_ms;              /* of the request in flight */
    uint64_t last_fence;                   /* the highest that we have used */
    uint64_t sent_fence;                   /* of the last request that may have been sent */
    int64_t extra_ms;                      /* leases are longer by this: the store is slow */

    /* The outcome that is to be stored. */
    bool has_pending;
    enum itr_record_outcome_is pending;
    char pending_text[ITR_TOKEN_MAX + 1];
    struct itr_error pending_error;
    int64_t answered_mono_ms;
    enum itr_machine_then then;

    /* Bounds of this fetch. */
    int tries;        /* leases acquired */
    int conflicts;    /* swaps lost in a row */
    int64_t pause_ms; /* the latest; doubles */
    bool took_longer; /* a slow store: the lease was taken twice already */
    int64_t pause_until_mono_ms;

    /* This machine's own trouble: nothing was sent; with a central server any failure. */
    int local_failures;
    int64_t local_until_mono_ms;
    bool ask_tells_refused; /* ASK: the server was told of the refused token */
    struct itr_error local_error;

    /* For stats: the day's count, as the record said last. */
    bool has_count;
    int32_t count, count_day;
    int64_t count_store_ms, count_mono_ms;

    bool has_result;
    struct itr_machine_result result;
};

/* Set up a machine in IDLE. `random` (64 bits) and `pid` make its owner name. */
void itr_machine_init(struct itr_machine *m, const struct itr_machine_setup *setup, uint64_t random,
                      int64_t pid);

/* Wipe what it holds. */
void itr_machine_clear(struct itr_machine *m);

/* Ask for a fetch, or add a reason to the one that runs. In IDLE: leaves it. While an earlier
 * outcome is still being settled: that goes first. */
void itr_machine_begin(struct itr_machine *m, int64_t now_mono_ms, const struct itr_reason *why);

/* Note the day's count of a record (a view) that was loaded by somebody else. */
void itr_machine_note_count(struct itr_machine *m, const struct itr_record *view,
                            int64_t store_now_ms, int64_t now_mono_ms);

/* Note that the process ends: nothing new is begun. Any number of times. */
void itr_machine_end(struct itr_machine *m, int64_t now_mono_ms);

/* Restart in the child of a fork, under a new name: what was in progress is the parent's. */
void itr_machine_fork(struct itr_machine *m, uint64_t random, int64_t pid);

/* Take in what the driver did. `random`: 64 bits. */
void itr_machine_on(struct itr_machine *m, int64_t now_mono_ms, uint64_t random,
                    const struct itr_machine_done *done);

/* Move the result to *out and return true; false: there is none. */
bool itr_machine_take_result(struct itr_machine *m, struct itr_machine_result *out);

/* Return whether the request in flight is to be cancelled now. */
bool itr_machine_cancels(const struct itr_machine *m, int64_t now_mono_ms);

/* Return whether the end of the process must still wait: a lease of ours may stand in a store that
 * others read. False once the lease has ended. */
bool itr_machine_is_owed(const struct itr_machine *m, int64_t now_mono_ms);

/* Return today's count of fetches as the record said last; 0 on a day of which it has not spoken
 * yet; -1 where there is no record: a central server. */
int64_t itr_machine_fetches_today(const struct itr_machine *m, int64_t now_mono_ms);

/* Return the state's name: "idle", "load" and so on. Static memory. */
const char *itr_machine_state_name(enum itr_machine_state s);

#endif
