/*
 * scratch: a byte buffer that Lua's garbage collector owns, so that it is freed when an error jumps
 * over our end. On the Lua state's thread.
 */
#ifndef ITR_BIND_SCRATCH_H
#define ITR_BIND_SCRATCH_H

#include "bind/compat.h"
#include "core/base/buf.h"

/* Set up; once, when the module is opened. */
void itr_scratch_open(lua_State *L);

/* Push an empty buffer that takes max bytes, and is overwritten when it is freed if it is to hold a
 * secret. Clear it (itr_buf_clear) when it is done with. */
struct itr_buf *itr_scratch_push(lua_State *L, size_t max, bool secret);

#endif
