/*
 * call/group: the calls that one party started on a client and takes back from it: a blocking get,
 * a batch, a coroutine of an event loop. So several parties can use one client side by side, and
 * none gets another's calls. Memory of that party, on the client's thread; in place while a call of
 * it is started.
 */
#ifndef ITR_CORE_CALL_GROUP_H
#define ITR_CORE_CALL_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/call/list.h"

struct itr_call_group {
    void *owner; /* the party's */

    /* The client's from here. */
    struct itr_call_list over;           /* calls that ended and are not taken yet */
    size_t n_out;                        /* started, neither ended nor cancelled */
    int64_t slow_until_mono_ms;          /* an answer with HTTP 429 asked for no more until then; no
                                           further ahead than a call's time-out */
    struct itr_call_group *next, **prev; /* the client's list of groups that have something over
                                            which their party was not told of */
};

void itr_call_group_init(struct itr_call_group *g, void *owner);

/* Lists of groups, linked through themselves; a group is in one at most, and stays where it is when
 * it is added again. */
void itr_call_group_list_add(struct itr_call_group **list, struct itr_call_group *g);
void itr_call_group_list_remove(struct itr_call_group *g); /* nothing if it is in none */

#endif
