/*
 * json_read: from a scanned answer to a Lua value (docs/reference.md, "Numbers, null, arrays"). The
 * scan (core/json/scan.h) found the text to be right, so this only builds tables.
 * On the Lua state's thread.
 */
#ifndef ITR_BIND_JSON_READ_H
#define ITR_BIND_JSON_READ_H

#include <stdbool.h>

#include "bind/compat.h"
#include "core/json/scan.h"

struct itr_json_read_options {
    bool keep_nulls; /* null members stay, as light userdata NULL */
    bool envelope;   /* top-level `code` becomes a number also when it came as a string of digits */
};

/*
 * Push the value of a text that itr_json_scan took. A number that is an integer within +-(2^53-1)
 * is an integer where Lua has them; what a double cannot hold (wider integers, 1e400) is a string
 * of its digits. Arrays get the metatable of json_write.h, so that an empty one is written as one.
 * null in arrays is light userdata NULL, so that later items keep their places. Of members with one
 * name the last counts. May raise (memory, a hook, a finalizer): the text must have an owner that
 * Lua cannot reach meanwhile and that outlives a longjmp.
 */
void itr_json_read(lua_State *L, const struct itr_json_scan *scan,
                   struct itr_json_read_options options);

#endif
