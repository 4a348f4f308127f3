/*
 * number: numbers between Lua and the wire, by one rule (docs/reference.md): no integer changes its
 * value. For JSON bodies, query parameters and header values alike. On the Lua state's thread.
 */
#ifndef ITR_BIND_NUMBER_H
#define ITR_BIND_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bind/compat.h"
#include "core/base/decimal.h"

#define ITR_NUMBER_TEXT ITR_DECIMAL_TEXT
#define ITR_NUMBER_EXACT                                                                           \
    ((int64_t)9007199254740991) /* 2^53 - 1: a double holds each up to here                        \
                                 */

/* Set up; once, when the module is opened: on LuaJIT keeps what tells 64-bit cdata from others. */
void itr_number_open(lua_State *L);

/*
 * Write the number at index i, or LuaJIT's int64_t or uint64_t cdata, as text and return its
 * length: integers in full; floats in the shortest form that reads back equal, integral ones below
 * 2^63 as integers, whatever the locale says of decimal points. Returns 0 for NaN, an infinity,
 * and a cdata of another type. i is absolute, of type number or cdata. Runs no Lua code but hooks;
 * may raise for a cdata (memory, a hook).
 */
size_t itr_number_text(lua_State *L, int i, char text[ITR_NUMBER_TEXT]);

/* Push an integer: a number (an integer where Lua has them) within +-ITR_NUMBER_EXACT, beyond it
 * a string of its digits, on every Lua. */
void itr_number_push(lua_State *L, int64_t value);

#endif
