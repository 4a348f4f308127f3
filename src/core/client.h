/*
 * client: drives calls over a transport on the caller's thread: one or many. A blocking get is a
 * batch of one. Belongs to one Lua state, so to one thread at a time; its token source is shared by
 * the whole process.
 */
#ifndef ITR_CORE_CLIENT_H
#define ITR_CORE_CLIENT_H

#include "core/call.h"
#include "core/config.h"
#include "core/token_source.h"

struct itr_client;

struct itr_client_counters {
    uint64_t calls;    /* begun */
    uint64_t refused;  /* answers in which the gateway refused the token */
    uint64_t repeated; /* requests sent again, for whatever reason */
};

/* A client; config is taken over (moved) on success and is then constant. */
enum itr_status itr_client_new(struct itr_config *config, const struct itr_parts *parts,
                               struct itr_client **out, struct itr_error *e);
/* Cancels what is out; never waits for a fetch. NULL is allowed. */
void itr_client_free(struct itr_client *c);

const struct itr_config *itr_client_config(const struct itr_client *c);
const struct itr_client_counters *itr_client_counters(const struct itr_client *c);
struct itr_token_source *itr_client_source(const struct itr_client *c);

/* Puts a call (IDLE, its arguments in, made with itr_client_config) to work; it stays in place
 * until itr_client_next returned it or itr_client_cancel was called. */
enum itr_status itr_client_start(struct itr_client *c, struct itr_call *call, struct itr_error *e);

/* Carries all that were started until one is DONE or FAILED, and returns it; NULL when none is
 * left. In the child of a fork, calls that the parent had sent are FAILED. */
struct itr_call *itr_client_next(struct itr_client *c);

void itr_client_cancel(struct itr_client *c, struct itr_call *call);

/* start + next for one call: afterwards it is DONE or FAILED. Others that were started are carried
 * meanwhile, and come out of itr_client_next. */
enum itr_status itr_client_run(struct itr_client *c, struct itr_call *call, struct itr_error *e);

/* client:token() and client:refresh(): waits until the source answers or timeout_ms passed.
 * *token: one reference for the caller, or NULL; *e: why the last fetch failed, beside a token only
 * if that is expired or a refresh was asked for. Returns e->kind when there is no token, else ITR_OK. */
enum itr_status itr_client_token(struct itr_client *c, const struct itr_token_ask *ask,
                                 int64_t timeout_ms, struct itr_token **token,
                                 enum itr_token_origin *origin, struct itr_error *e);

#endif
