/*
 * bound_call: a call of the core together with what Lua's arguments leave in C memory.
 *
 * A Lua function may leave by longjmp at any step, so nothing of a call lies on the C stack: bound
 * calls belong to the client's userdata, which frees them when it is closed or collected.
 * call_args fills one, call_result reads it. On the Lua state's thread.
 */
#ifndef ITR_BIND_BOUND_CALL_H
#define ITR_BIND_BOUND_CALL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"
#include "core/base/list.h"
#include "core/call/call.h"
#include "core/call/group.h"

#define ITR_HEADERS_MAX 64 /* extra headers of one call */
#define ITR_HEADERS_BYTES ((size_t)65536)

struct itr_bound_call {
    struct itr_list all;         /* node of the owner's list of all */
    struct itr_list node;        /* of the owner's spare ones, or of the group that started it; in
                                    none while a C function holds it */
    struct itr_call_group alone; /* of a call that is waited for where it is started */
    struct itr_call call;
    int slot;                    /* the group's name for it; greater than 0 */
    bool keep_nulls;             /* the option null = "keep" */
    bool collected;              /* garbage was collected for want of file descriptors */
    bool noted;                  /* it was counted and on_call was called */
    struct itr_buf header_bytes; /* "Name: value" lines, NUL after each */
    size_t n_headers;
    const char *headers[ITR_HEADERS_MAX + 1]; /* into header_bytes; ended by NULL */
};

/* Create one; NULL without memory. config is borrowed and must outlive it. */
struct itr_bound_call *itr_bound_call_new(const struct itr_config *config);
void itr_bound_call_free(struct itr_bound_call *b);

/* Prepare for the next call; usual amounts of memory are kept. keep_nulls is the client's option.
 */
void itr_bound_call_reset(struct itr_bound_call *b, bool keep_nulls);

/* Add one header that itr_url_header took. ITR_FULL, ITR_NOMEM. */
enum itr_status itr_bound_call_add_header(struct itr_bound_call *b, const char *name,
                                          const char *value, size_t value_len);
/* Hand the headers to the call, once all are added. */
void itr_bound_call_set_headers(struct itr_bound_call *b);

#endif
