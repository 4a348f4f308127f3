/*
 * secret_file: reads a secret (an app secret, a client's key) from a file of its own. Blocking I/O;
 * any thread.
 */
#ifndef ITR_CORE_BASE_SECRET_FILE_H
#define ITR_CORE_BASE_SECRET_FILE_H

#include "core/base/buf.h"
#include "core/base/status.h"

/* Appends the first line of the file, without its line end and a byte order mark, to out (a
 * secret buffer). Kind
 * ITR_CONFIG naming the file: it cannot be read, is no regular file, may be read or written by
 * others than its owner (group readable is allowed, as systemd and Docker make them), is longer
 * than 4 KB, has a NUL in that line, or nothing. */
enum itr_status itr_secret_file_read(const char *path, struct itr_buf *out, struct itr_error *e);

#endif
