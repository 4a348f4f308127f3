/*
 * client: drives calls over a transport on the caller's thread: one or many. A blocking get is a
 * batch of one; an event loop looks instead of waiting, over a transport that another thread
 * carries. Belongs to one Lua state, so to one thread at a time; its token source is shared by the
 * whole process.
 *
 * Whoever starts calls brings a group and takes his calls back from it (call/group.h). While one
 * party is waited for, the calls of all others are carried too.
 */
#ifndef ITR_CORE_CALL_CLIENT_H
#define ITR_CORE_CALL_CLIENT_H

#include "core/call/call.h"
#include "core/call/group.h"
#include "core/config/config.h"
#include "core/source/source.h"

struct itr_client;

struct itr_client_counters {
    uint64_t calls;    /* begun */
    uint64_t refused;  /* answers in which the gateway refused the token */
    uint64_t repeated; /* requests sent again, for whatever reason */
};

/* A client; config is taken over (moved) on success and is then constant. */
enum itr_status itr_client_new(struct itr_config *config, const struct itr_parts *parts,
                               struct itr_client **out, struct itr_error *e);

/* What carries a client's calls where that is not its parts' transport. open: as in
 * itr_transport_factory; called again in the child of a fork. */
struct itr_carrier {
    enum itr_status (*open)(void *ctx, const struct itr_transport_options *options,
                            struct itr_transport **out, struct itr_error *e);
    void *ctx; /* the caller's; must outlive the client */
};

/* A second client beside c, of the same app, with the same config and token source, whose calls
 * another transport carries: of an event loop, or of the program's own. Its token fetches go where
 * c's go. Must be freed before c is. */
enum itr_status itr_client_beside(const struct itr_client *c, const struct itr_carrier *carrier,
                                  struct itr_client **out, struct itr_error *e);

/* Cancels what is out; never waits for a fetch. NULL is allowed. */
void itr_client_free(struct itr_client *c);

const struct itr_config *itr_client_config(const struct itr_client *c);
const struct itr_client_counters *itr_client_counters(const struct itr_client *c);
struct itr_source *itr_client_source(const struct itr_client *c);

/* Puts a call (IDLE, its arguments in, made with itr_client_config) to work for the group, as far
 * as it goes now; it stays in place until it was taken back or itr_client_cancel was called. */
enum itr_status itr_client_start(struct itr_client *c, struct itr_call_group *g,
                                 struct itr_call *call, struct itr_error *e);

/* Waits: carries all that were started until one of the group's is DONE or FAILED, and returns it;
 * NULL when none of them is left, or at until_mono_ms (INT64_MAX: no such time; with a time it
 * waits for that even if none is left). In the child of a fork, calls that the parent had sent are
 * FAILED. */
struct itr_call *itr_client_next(struct itr_client *c, struct itr_call_group *g,
                                 int64_t until_mono_ms);

/* Does not wait: carries all that were started as far as they go now, and returns one of the
 * group's that is over. NULL: none yet; the group's calls want another look when the transport's
 * notifier rings, and after *wait_ms at the latest (-1: there is no such time). */
struct itr_call *itr_client_look(struct itr_client *c, struct itr_call_group *g, int64_t *wait_ms);

/* Carries all that were started as far as they go now. */
void itr_client_pump(struct itr_client *c);
/* A group that has something over and was not told yet, or whose next look is due at another time
 * than it was told; each once, until that happens again. NULL: none. For the loop that wakes its
 * parties after a pump, and after a look, which may end calls of others. */
struct itr_call_group *itr_client_ready(struct itr_client *c);

/* Ends a call that was started and not taken back, at once. */
void itr_client_cancel(struct itr_client *c, struct itr_call *call);

/* A group is about to go: its party has taken back or cancelled every call. */
void itr_client_forget(struct itr_client *c, struct itr_call_group *g);

/* start + next for one call: afterwards it is DONE or FAILED. */
enum itr_status itr_client_run(struct itr_client *c, struct itr_call *call, struct itr_error *e);

/* client:token() and client:refresh(): waits until the source answers or timeout_ms passed.
 * *token: one reference for the caller, or NULL; *e: why the last fetch failed, beside a token only
 * if that is expired or a refresh was asked for. Returns e->kind when there is no token, else
 * ITR_OK. */
enum itr_status itr_client_token(struct itr_client *c, const struct itr_token_ask *ask,
                                 int64_t timeout_ms, struct itr_token **token,
                                 enum itr_token_origin *origin, struct itr_error *e);

/* The same in two parts, for who looks at a wait instead of waiting: a check of what is asked
 * (ITR_USAGE), and the answer out of a wait that is ready, or (ITR_TIMEOUT) is not; the token's
 * reference goes to the caller. Returns and *e as itr_client_token. */
enum itr_status itr_client_check_ask(const struct itr_client *c, const struct itr_token_ask *ask,
                                     struct itr_error *e);
enum itr_status itr_client_ask_answer(const struct itr_token_ask *ask, struct itr_wait *w,
                                      int64_t now_mono_ms, int64_t timeout_ms,
                                      struct itr_token **token, struct itr_error *e);

#endif
