/*
 * fetch/from_server: a fetch from a central token server: one GET, or one POST that says which
 * token was refused, by its fence. No record, no lease, no app secret. Internal to fetch.c; its
 * thread.
 */
#ifndef ITR_CORE_FETCH_FROM_SERVER_H
#define ITR_CORE_FETCH_FROM_SERVER_H

#include "core/fetch/fetch.h"

/* As itr_fetch_run; *out is the empty result. A token that is not newer than the one held comes
 * as it is: the cache sees that it is the same. */
void itr_fetch_from_server(struct itr_fetch *f, const struct itr_fetch_wish *wish,
                           struct itr_fetch_result *out);

#endif
