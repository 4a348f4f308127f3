/*
 * own_transport: a transport whose bytes a Lua function of the program carries (docs/design.md 6,
 * option transport = { send, sleep }). What is started waits here until the party that it belongs
 * to takes it, and is finished when that party brings the answer, or its deadline passes without
 * one. Carries API calls only.
 *
 * No thread, no lock, no I/O; on the Lua state's thread, but for wake.
 */
#ifndef ITR_BIND_OWN_TRANSPORT_H
#define ITR_BIND_OWN_TRANSPORT_H

#include <stdint.h>

#include "core/call/group.h"
#include "core/http/transport.h"

/* Open one, as the open of an itr_transport_maker (client.h). ctx is a struct itr_transport **: it
 * says from then on where the transport is (NULL: there is none any more). ITR_NOMEM. */
enum itr_status itr_own_transport_open(void *ctx, const struct itr_transport_options *options,
                                       struct itr_transport **out, struct itr_error *e);

/* Return the oldest exchange of a call of the group that is to be sent, or NULL. t may be NULL. */
struct itr_exchange *itr_own_transport_next(struct itr_transport *t,
                                            const struct itr_call_group *g);
/* Hand that one to its party: it may be executed from now on. Return the number under which it is
 * found again: another request of the group may be out by the time of its answer. */
uintptr_t itr_own_transport_take(struct itr_transport *t, struct itr_exchange *x);
/* Return the one that the group's party took and has not answered; NULL: none, it was cancelled, or
 * its deadline passed. t may be NULL. */
struct itr_exchange *itr_own_transport_taken(struct itr_transport *t,
                                             const struct itr_call_group *g);
/* The same, if it is that one. */
struct itr_exchange *itr_own_transport_find(struct itr_transport *t, const struct itr_call_group *g,
                                            uintptr_t number);
/* Finish the taken one, whose response is filled in but for elapsed_us. */
void itr_own_transport_finish(struct itr_transport *t, struct itr_exchange *x);

#endif
