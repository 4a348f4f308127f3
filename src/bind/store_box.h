/*
 * store_box: how a store that lives in another Lua module (itrigger.redis) reaches the core: in a
 * userdata, told by its metatable's name in the Lua registry. The version is looked at before
 * anything else, since the two modules may be of different releases.
 */
#ifndef ITR_BIND_STORE_BOX_H
#define ITR_BIND_STORE_BOX_H

#include "core/record/store.h"

#define ITR_STORE_BOX "itrigger.store"

struct itr_store_box {
    unsigned version;        /* ITR_STORE_VERSION of the module that made it */
    struct itr_store *store; /* the box's reference; NULL once given back */
};

#endif
