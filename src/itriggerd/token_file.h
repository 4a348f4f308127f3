/*
 * token_file: writes an app's current token to a file, for programs that can only read one. The
 * file has one line, only its owner can read it, and it is replaced atomically. Its mode is 1600:
 * the sticky bit, which has no meaning on a file, marks it as ours, so that another file (a secret
 * that was named by mistake) is never overwritten, nor is one called like it with ".new", the name
 * under which it is written. Blocking I/O; one thread at a time for one path.
 */
#ifndef ITRIGGERD_TOKEN_FILE_H
#define ITRIGGERD_TOKEN_FILE_H

#include <stdbool.h>

#include "core/base/status.h"
#include "core/record/token.h"

/* Check that the file can be written: its directory exists, and the path is not a file that
 * itriggerd did not write. ITR_CONFIG: why not, and what to do. */
enum itr_status token_file_check(const char *path, struct itr_error *e);

/* Return whether the file exists, is not empty, and has our mark. */
bool token_file_is_there(const char *path);

/* Write the token. ITR_STORE: why it cannot be written; the old file, if any, is unchanged. */
enum itr_status token_file_write(const char *path, const struct itr_token *t, struct itr_error *e);

#endif
