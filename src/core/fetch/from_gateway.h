/*
 * fetch/from_gateway: a fetch from the gateway, in a fleet that shares a store: load the record,
 * decide, and if the lease is ours ask the gateway and settle. What may be done when is
 * record's; this file only does it. Internal to fetch.c; its thread.
 */
#ifndef ITR_CORE_FETCH_FROM_GATEWAY_H
#define ITR_CORE_FETCH_FROM_GATEWAY_H

#include "core/fetch/fetch.h"

/* As itr_fetch_run and itr_fetch_settle; *out is the empty result. */
void itr_fetch_from_gateway(struct itr_fetch *f, const struct itr_fetch_wish *wish,
                            struct itr_fetch_result *out);
bool itr_fetch_from_gateway_settle(struct itr_fetch *f, struct itr_fetch_result *r);

#endif
