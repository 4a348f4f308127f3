/*
 * token_fetch_store: a fetch from the gateway, in a fleet that shares a store: load the record,
 * decide, and if the lease is ours ask the gateway and settle. What may be done when is
 * token_record's; this file only does it. Internal to token_fetch.c; its thread.
 */
#ifndef ITR_CORE_TOKEN_FETCH_STORE_H
#define ITR_CORE_TOKEN_FETCH_STORE_H

#include "core/token_fetch.h"

/* As itr_token_fetch_run and itr_token_fetch_settle; *out is the empty result. */
void itr_token_fetch_store_run(struct itr_token_fetch *f, const struct itr_fetch_wish *wish,
                               struct itr_fetch_result *out);
bool itr_token_fetch_store_settle(struct itr_token_fetch *f, struct itr_fetch_result *r);

#endif
