/*
 * token_file: writes a file with an app's current token, for programs that can only read one: only
 * its owner can read it, it is replaced atomically and has one line. Its mode is 1600: the sticky
 * bit, which means nothing on a file, marks it as ours, so that a file of somebody else's (a secret
 * that was named by mistake) is never overwritten. Blocking I/O; one thread at a time for one path.
 */
#ifndef ITRIGGERD_TOKEN_FILE_H
#define ITRIGGERD_TOKEN_FILE_H

#include <stdbool.h>

#include "core/base/status.h"
#include "core/record/token.h"

/* Check that the file can be there: its directory exists, and nothing else's file is in its place.
 * ITR_CONFIG: why not, and what to do. */
enum itr_status token_file_check(const char *path, struct itr_error *e);

/* Return whether the file is there as it was written, by its mark. */
bool token_file_is_there(const char *path);

/* Write the token. ITR_STORE: why it cannot be written. The old file, if any, is whole then. */
enum itr_status token_file_write(const char *path, const struct itr_token *t, struct itr_error *e);

#endif
