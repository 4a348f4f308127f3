/*
 * key_path: where in nested tables a value lies, and how that is written: `items[3].name`.
 * Plain memory, borrowed keys; no Lua.
 */
#ifndef ITR_BIND_KEY_PATH_H
#define ITR_BIND_KEY_PATH_H

#include <stddef.h>

#define ITR_KEY_PATH_DEPTH 100
#define ITR_KEY_PATH_TEXT 200 /* bytes of text, NUL included; longer paths end in "..." */

struct itr_key {
    const char *name; /* borrowed; NULL: an array's item */
    size_t name_len;
    size_t index; /* of the item, from 1; 0: none yet */
};

struct itr_key_path {
    size_t depth;
    struct itr_key keys[ITR_KEY_PATH_DEPTH]; /* outermost first */
};

/* Write a path: identifiers after a point, other names as ["..."] with everything that is no
 * printable ASCII as \ddd, so that the text is valid UTF-8 and stays on one line. */
void itr_key_path_text(const struct itr_key_path *path, char text[ITR_KEY_PATH_TEXT]);

/* Write one name of n bytes likewise. */
void itr_key_path_text_of(const char *name, size_t n, char text[ITR_KEY_PATH_TEXT]);

#endif
