/*
 * query: collects the parameters of one GET, and writes them sorted by name; pairs of one name keep
 * their order (docs/reference.md, client:get). Pure; one owner, one thread.
 */
#ifndef ITR_CORE_HTTP_QUERY_H
#define ITR_CORE_HTTP_QUERY_H

#include <stddef.h>

#include "core/base/buf.h"
#include "core/base/status.h"

#define ITR_QUERY_MAX_PAIRS 1024
#define ITR_QUERY_MAX_BYTES ((size_t)1 << 20) /* of all names and values, before encoding */

struct itr_query_pair {
    size_t at; /* where the name begins in bytes; the value follows it */
    size_t name_len, value_len;
};

struct itr_query {
    struct itr_buf bytes;         /* names and values, back to back */
    struct itr_query_pair *pairs; /* ours, always sorted; NULL while nothing was ever added */
    size_t n, cap;
};

void itr_query_init(struct itr_query *q);
void itr_query_clear(struct itr_query *q); /* as after init */
void itr_query_reset(struct itr_query *q); /* forgets the pairs and keeps the memory */

/* Add one pair, bytes as they are (copied). Refused (ITR_USAGE): an empty name, the name
 * "accessToken", invalid UTF-8 in name or value, too many. ITR_NOMEM. Then q is unchanged. */
enum itr_status itr_query_add(struct itr_query *q, const char *name, size_t name_len,
                              const char *value, size_t value_len, struct itr_error *e);

/* Append "&name=value" for each pair, sorted by the bytes of the names, percent-encoded: ITR_OK,
 * ITR_FULL, ITR_NOMEM (out may then hold some of the pairs). */
enum itr_status itr_query_write(const struct itr_query *q, struct itr_buf *out);

#endif
