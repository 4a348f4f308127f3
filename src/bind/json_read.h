/*
 * json_read: from a scanned answer to a Lua table (docs/design.md 2, "In"). lua-cjson makes the
 * tables, through a private instance; what its families do differently is evened out here.
 * On the Lua state's thread.
 */
#ifndef ITR_BIND_JSON_READ_H
#define ITR_BIND_JSON_READ_H

#include <stdbool.h>

#include "bind/compat.h"
#include "core/base/status.h"
#include "core/json/scan.h"

/* Called once when the module is opened: loads lua-cjson and keeps the decode function of an
 * instance of our own, so that whatever a program sets on the shared one does not matter here, and
 * the other way round. Raises when there is no lua-cjson. */
void itr_json_read_open(lua_State *L);

struct itr_json_read_options {
    bool keep_nulls; /* null members stay, as light userdata NULL */
    bool envelope;   /* top-level `code` becomes a number also when it came as a string of digits */
};

/*
 * Pushes the value of a text that itr_json_scan took: integral numbers within +-(2^53-1) as
 * integers where Lua has them, wider integers as strings of their digits; null in arrays is light
 * userdata NULL, so that the later items keep their places. ITR_DECODE: lua-cjson refused it all
 * the same; nothing is pushed then. May raise (memory): the text must have an owner that outlives a
 * longjmp.
 */
enum itr_status itr_json_read(lua_State *L, const struct itr_json_scan *scan,
                              struct itr_json_read_options options, struct itr_error *e);

#endif
