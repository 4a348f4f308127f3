/*
 * fetch: one fetch of a token, plain blocking C (docs/design.md 4.3): from the gateway through
 * a store (fetch/from_gateway), or, when the parts name no store, from a central token server
 * (fetch/from_server).
 *
 * Belongs to one thread at a time: source sees to it that one fetch is out.
 */
#ifndef ITR_CORE_FETCH_FETCH_H
#define ITR_CORE_FETCH_FETCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/config/config.h"
#include "core/record/parts.h"
#include "core/record/record.h"
#include "core/record/token.h"

#define ITR_FETCH_SHORT_HOLD_MS 5000 /* a hold after a failure that is shorter is waited out */

/* What stays the same from one fetch of a source to the next. */
struct itr_fetch {
    const struct itr_config *config; /* borrowed; outlives this */
    struct itr_parts parts;          /* borrowed likewise */
    char key[ITR_RECORD_KEY];
    struct itr_record_rules rules;
    uint64_t seed;                 /* of this source in this process: owner name and jitter */
    uint64_t count;                /* fetches begun: the other half of the owner name */
    char owner[ITR_OWNER_MAX + 1]; /* the name of the latest; "" before the first */
    /* Of a fetch that was the parent's when this process was forked. Where the store is a process's
     * own memory, its lease came into ours with the fork and is nobody's; or "". */
    char orphan[ITR_OWNER_MAX + 1];
    /* This machine's own trouble: fetches in a row of which nothing was sent; with a central server
     * all that brought no token. */
    int local_failures;
    int64_t local_retry_mono_ms;
    struct itr_error local_error;
    /* Set by the process's end: do not begin, come back soon. May be set from any thread. */
    atomic_bool stop;
    /* True while the process's end has to wait for the fetch: a lease of ours stands in a store
     * that others read, or a request is out to a central server. */
    atomic_bool leased;
};

void itr_fetch_init(struct itr_fetch *f, const struct itr_config *config,
                    const struct itr_parts *parts);

/* In the child of a fork: no fetch is out, and nothing of this machine's trouble is known. */
void itr_fetch_renew(struct itr_fetch *f);

/* Where its tokens come from when it is not the gateway. */
enum itr_token_origin itr_fetch_origin(const struct itr_fetch *f);

/* What the fetch is for. Tokens are borrowed while it runs. */
struct itr_fetch_wish {
    const struct itr_token *held;    /* or NULL */
    const struct itr_token *refused; /* the one that was refused, or NULL */
    bool asked;
};

struct itr_fetch_result {
    struct itr_token *token; /* one reference for the caller; NULL: see error */
    struct itr_error error;  /* kind ITR_OK without a token: there was no reason to fetch */
    int64_t retry_after_ms;  /* without a token: no new fetch before */
    int64_t fetches_today;   /* as the record says; -1: no record was seen, or there is none */
    bool unsettled;          /* the token could not be stored: see itr_fetch_settle */
    /* What is still to be settled; internal. */
    char owner[ITR_OWNER_MAX + 1];
    uint64_t lease_fence;
    uint64_t held_fence;
    char *refused; /* ours, or NULL */
};

/* Blocks until there is a token or a reason why there is none: within token_timeout for the
 * request, and as long as another's lease stands, or a short hold. Writes *out; the caller clears
 * it. */
void itr_fetch_run(struct itr_fetch *f, const struct itr_fetch_wish *wish,
                   struct itr_fetch_result *out);

/* Tries once more to store the token of an unsettled result. True: no need to try again. */
bool itr_fetch_settle(struct itr_fetch *f, struct itr_fetch_result *r);

void itr_fetch_result_clear(struct itr_fetch_result *r);

#endif
