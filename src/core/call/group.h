/*
 * call/group: the calls that one party started on a client and takes back from it: a blocking get,
 * a batch, a coroutine of an event loop. So several parties can use one client side by side, and
 * none gets another's calls. Memory of that party, on the client's thread; in place while a call of
 * it is started.
 */
#ifndef ITR_CORE_CALL_GROUP_H
#define ITR_CORE_CALL_GROUP_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/list.h"
#include "core/call/pace.h"

struct itr_call_group {
    void *owner;          /* the party's */
    struct itr_pace pace; /* the party's, set before its first call: of all requests, repeats too */

    /* The client's from here. */
    struct itr_list
        completed;    /* calls (their `node`) that ended and were not taken, oldest first */
    size_t n_pending; /* started, neither ended nor cancelled */
    int64_t slow_until_mono_ms; /* an answer with HTTP 429 asked for no more until then; no further
                                   ahead than a call's timeout */
    struct itr_list node;       /* in the client's list of groups that have a call completed which
                                   their party does not know of */
};

/* Set up a group without calls. */
static inline void itr_call_group_init(struct itr_call_group *g, void *owner)
{
    *g = (struct itr_call_group){.owner = owner};
    itr_list_init(&g->completed);
    itr_list_init(&g->node);
}

#endif
