/*
 * token_file: a file with an app's current token, for programs that can only read one: mode 0600,
 * replaced atomically, one line. Blocking I/O; one thread at a time for one path.
 */
#ifndef ITRIGGERD_TOKEN_FILE_H
#define ITRIGGERD_TOKEN_FILE_H

#include "core/base/status.h"
#include "core/record/token.h"

/* ITR_STORE: why it cannot be written. The old file, if any, is whole then. */
enum itr_status token_file_write(const char *path, const struct itr_token *t, struct itr_error *e);

#endif
