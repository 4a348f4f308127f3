/*
 * call_list: calls in a list, linked through themselves (call->next, call->prev); a call is in one
 * list at most. Belongs to its owner's thread.
 */
#ifndef ITR_CORE_CALL_LIST_H
#define ITR_CORE_CALL_LIST_H

#include "core/call.h"

/* Puts a call that is in no list at the front. */
void itr_call_list_push(struct itr_call **list, struct itr_call *call);
/* Takes a call out of its list; nothing if it is in none. */
void itr_call_list_remove(struct itr_call *call);

#endif
