/*
 * json_write: the small JSON writer (docs/reference.md, "Numbers, null and arrays"). A Lua value
 * goes in, bytes come out, or an error that names the member at fault, such as `items[3].name`.
 *
 * Raw access only: no metamethod is called, no Lua code runs. Members are written in the order of
 * lua_next. On the Lua state's thread.
 */
#ifndef ITR_BIND_JSON_WRITE_H
#define ITR_BIND_JSON_WRITE_H

#include "bind/compat.h"
#include "core/base/buf.h"
#include "core/base/status.h"

#define ITR_JSON_WRITE_DEPTH 100 /* tables within tables */

struct itr_json_write_options {
    const char *what;      /* how errors call the value: "body"; never NULL */
    const char *forbidden; /* a top-level member that is refused, or NULL */
};

/* Push the metatable that marks arrays: a table that has it is written as an array even when it is
 * empty. The first call makes it. */
void itr_json_write_push_array_metatable(lua_State *L);

/*
 * Append the value at index i. nil is null. A table whose keys are 1..n is an array, one whose
 * keys are non-empty strings an object, an empty one `{}`; NULL as light userdata is null.
 * ITR_USAGE: what JSON or the gateway does not take; more than out's maximum. ITR_NOMEM. The stack
 * is left as it was. out's content is undefined after an error. May raise (memory): out must have
 * an owner that outlives a longjmp.
 */
enum itr_status itr_json_write(lua_State *L, int i, const struct itr_json_write_options *options,
                               struct itr_buf *out, struct itr_error *e);

#endif
