/*
 * client: drives calls over a transport on the caller's thread: one or many. A blocking get is a
 * batch of one; an event loop looks instead of waiting, over a transport whose requests another
 * thread carries. Belongs to one Lua state, so to one thread at a time; its token source is shared
 * by the whole process.
 *
 * Whoever starts calls brings a group and takes the calls back from it (call/group.h). While one
 * party waits, the calls of all others are driven too.
 */
#ifndef ITR_CORE_CALL_CLIENT_H
#define ITR_CORE_CALL_CLIENT_H

#include "core/call/call.h"
#include "core/call/group.h"
#include "core/config/config.h"
#include "core/source/source.h"

struct itr_client;

struct itr_client_counters {
    uint64_t calls;    /* started */
    uint64_t refused;  /* answers in which the gateway rejected the token */
    uint64_t repeated; /* requests sent again, for whatever reason */
};

/* Create a client. On success *config is moved into it, and is then constant. ITR_NETWORK: no
 * descriptors; ITR_CONFIG; ITR_NOMEM. */
enum itr_status itr_client_new(struct itr_config *config, const struct itr_parts *parts,
                               struct itr_client **out, struct itr_error *e);

/* What opens a sibling's transport: as in itr_transport_factory, with a context. Called again in
 * the child of a fork. */
struct itr_transport_maker {
    enum itr_status (*open)(void *ctx, const struct itr_transport_options *options,
                            struct itr_transport **out, struct itr_error *e);
    void *ctx; /* the caller's; must outlive the client */
};

/* Create a second client of the same app, with c's config and token source, whose calls go over
 * another transport: of an event loop, or of the program's own. Its token fetches go where c's go.
 * Must be freed before c. */
enum itr_status itr_client_sibling(const struct itr_client *c,
                                   const struct itr_transport_maker *maker, struct itr_client **out,
                                   struct itr_error *e);

/* Cancel what is in flight and free the client; never waits for a fetch. NULL is allowed. */
void itr_client_free(struct itr_client *c);

const struct itr_config *itr_client_config(const struct itr_client *c);
const struct itr_client_counters *itr_client_counters(const struct itr_client *c);
struct itr_source *itr_client_source(const struct itr_client *c);

/* Start a call (IDLE, its arguments in, made with itr_client_config) for the group, and drive it as
 * far as it goes now. It must stay in place until it was taken or itr_client_cancel was called. */
enum itr_status itr_client_start(struct itr_client *c, struct itr_call_group *g,
                                 struct itr_call *call, struct itr_error *e);

/* Start a call of the group once more that FAILED and was taken: itr_call_restart. */
enum itr_status itr_client_restart(struct itr_client *c, struct itr_call_group *g,
                                   struct itr_call *call, struct itr_error *e);

/* Wait until one of the group's calls is DONE or FAILED, driving all that were started, and take
 * it. NULL: none is left, or it is until_mono_ms (INT64_MAX: no such time; with a time it waits for
 * that even if none is left). In the child of a fork, calls that the parent had sent are FAILED. */
struct itr_call *itr_client_next(struct itr_client *c, struct itr_call_group *g,
                                 int64_t until_mono_ms);

/* Drive all that were started as far as they go now, and take one of the group's that is DONE or
 * FAILED. NULL: none yet; look again when the transport's notifier rings, and after *wait_ms at the
 * latest (-1: there is no such time). */
struct itr_call *itr_client_look(struct itr_client *c, struct itr_call_group *g, int64_t *wait_ms);

/* Return how long the party should wait before it starts another call: the gateway asked for a
 * pause (HTTP 429), or the next turns (pace.h) are taken by calls that wait already. 0: it may
 * start one now. */
int64_t itr_client_pause_ms(const struct itr_client *c, const struct itr_call_group *g);

/* Give back a call that was taken of the group but not used: the next look or wait takes it. */
void itr_client_put_back(struct itr_client *c, struct itr_call_group *g, struct itr_call *call);

/* Drive all that were started as far as they go now. */
void itr_client_pump(struct itr_client *c);
/* Take a group that has a call completed and was not returned yet, or whose next look is due at
 * another time than it was told; each once, until that happens again. NULL: none. For the loop that
 * wakes its parties after a pump, and after a look, which may complete calls of others. */
struct itr_call_group *itr_client_ready(struct itr_client *c);

/* End a call that was started and not taken, at once. */
void itr_client_cancel(struct itr_client *c, struct itr_call *call);

/* Forget a group whose calls were all taken or cancelled: its memory is about to go. */
void itr_client_forget(struct itr_client *c, struct itr_call_group *g);

/* Start one call and wait for it: afterwards it is DONE or FAILED. */
enum itr_status itr_client_run(struct itr_client *c, struct itr_call *call, struct itr_error *e);

/* ---- the token alone: client:token() and client:refresh() ---- */

/* Check what is asked for: ITR_USAGE. */
enum itr_status itr_client_check_ask(const struct itr_client *c, const struct itr_token_ask *ask,
                                     struct itr_error *e);

/* Ask the source; the caller's wait is then waited for with itr_client_await, and must be given to
 * itr_source_forget before it or the client goes. ITR_USAGE: see itr_client_check_ask; ITR_NETWORK:
 * no descriptors. */
enum itr_status itr_client_ask(struct itr_client *c, const struct itr_token_ask *ask,
                               struct itr_wait *w, struct itr_error *e);

/* Wait until the wait is ready or it is until_mono_ms, driving all that were started. */
void itr_client_await(struct itr_client *c, struct itr_wait *w, int64_t until_mono_ms);

/* Take the answer out of a wait; if it is not ready, its time is up: the token that is held, and
 * why there is no newer one, or ITR_TIMEOUT. *token: one reference for the caller, or NULL; *e: why
 * the last fetch failed, with a token only if that is expired or a refresh was asked for. Returns
 * e->kind when there is no token, else ITR_OK. */
enum itr_status itr_client_ask_answer(struct itr_source *source, const struct itr_token_ask *ask,
                                      struct itr_wait *w, int64_t now_mono_ms, int64_t timeout_ms,
                                      struct itr_token **token, struct itr_error *e);

/* All of it at once, for at most timeout_ms. */
enum itr_status itr_client_token(struct itr_client *c, const struct itr_token_ask *ask,
                                 int64_t timeout_ms, struct itr_token **token,
                                 enum itr_token_origin *origin, struct itr_error *e);

#endif
