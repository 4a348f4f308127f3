/*
 * source: Keep one app's token in this process: source/state, the fetch thread, and who waits.
 * One per process for all clients and Lua states with the same app, store and options of fetching
 * (source/key.h), found in a registry; counted.
 *
 * Design notes
 * - Any thread may call any function. One mutex per source; it is never held over I/O.
 * - A caller never blocks here: it gets an answer at once, or leaves an itr_wait and is woken.
 * - A fetch runs on a short-lived detached thread that holds a reference; close never waits for it.
 * - wake() of a wait is called under the source's lock, so that after itr_source_forget() no
 *   thread touches the wait any more. It must not block nor call back.
 * - fork: see source.c.
 */
#ifndef ITR_CORE_SOURCE_SOURCE_H
#define ITR_CORE_SOURCE_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/status.h"
#include "core/config/config.h"
#include "core/record/parts.h"
#include "core/source/events.h"
#include "core/source/stats.h"
#include "core/source/wait.h"

struct itr_source;

/* Return the source for this config, new or found, retained for the caller. ITR_NOMEM. */
enum itr_status itr_source_open(const struct itr_config *config, const struct itr_parts *parts,
                                struct itr_source **out, struct itr_error *e);
/* Take another reference, for a caller that has one, and return s; release one (NULL: nothing). */
struct itr_source *itr_source_retain(struct itr_source *s);
void itr_source_release(struct itr_source *s);

/* Ask. w->wake and w->ctx are set by the caller, the rest is ours. Return true when w is ready at
 * once; false: it will be, and wake is called then. */
bool itr_source_ask(struct itr_source *s, const struct itr_token_ask *ask, struct itr_wait *w);

/* Settle for the token that is held, if it can be given out (it is not doubted) and w still waits:
 * w is ready then, and its error says why there is no newer one. Return whether w is ready. */
bool itr_source_take_held(struct itr_source *s, struct itr_wait *w);

/* Leave the queue, and drop an answer's token. Right in any state of w after ask. */
void itr_source_forget(struct itr_source *s, struct itr_wait *w);

/* Return when every wake of those that are ready by now has returned: for whoever is about to free
 * a ctx. (A wait is ready a moment before its wake is called.) */
void itr_source_await_wakes(struct itr_source *s);

/* Return the token that an ask for any would give at once, with a reference for the caller; NULL:
 * ask. It starts nothing. */
struct itr_token *itr_source_hit(struct itr_source *s);

/* Return the token that is held and not doubted, with a reference for the caller, or NULL. */
struct itr_token *itr_source_held(struct itr_source *s);

/*
 * Begin to look for a token that another process put into the store, for a caller that reads the
 * store for many sources at once (itriggerd). Return false if a fetch is in flight, which looks for
 * itself; else *ticket is for itr_source_found. The caller loads the record in between, without a
 * lock. A token found this way is held from then on, and those who wait for a newer one are
 * answered.
 */
bool itr_source_look(struct itr_source *s, uint64_t *ticket);
/* Take what was loaded: `len` bytes, at now_wall_ms by the store's clock. Ignored: no token, one
 * that has expired or is held already or is older than the held one, and anything loaded before a
 * fetch. Return whether the token is a new one here. */
bool itr_source_found(struct itr_source *s, uint64_t ticket, const char *bytes, size_t len,
                      int64_t now_wall_ms);
/* Return the config that it was opened with. Constant while the source lives. (Options that a token
 * fetch does not heed are those of whoever opened it first.) */
const struct itr_config *itr_source_config(const struct itr_source *s);
/* Return the key of its record in the store. Constant while the source lives. */
const char *itr_source_record_key(const struct itr_source *s);

/* Return how many fetches have ended without a token, and write why the last one did (why NULL: not
 * wanted; its kind is ITR_OK where one brought a token since). */
uint64_t itr_source_failures(struct itr_source *s, struct itr_error *why);

/* Fill in a copy of the state for operators, and of the last changes at the same moment (NULL: not
 * wanted). */
void itr_source_stats(struct itr_source *s, struct itr_stats *out, struct itr_event_list *events);

#endif
