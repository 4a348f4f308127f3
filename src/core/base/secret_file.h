/*
 * secret_file: reads a secret (an app secret, a client's key) from a file of its own. Blocking I/O;
 * any thread.
 */
#ifndef ITR_CORE_BASE_SECRET_FILE_H
#define ITR_CORE_BASE_SECRET_FILE_H

#include "core/base/buf.h"
#include "core/base/status.h"

/* Append the first line of the file to out, a secret buffer; without its line end and a byte order
 * mark. ITR_CONFIG with a text that names the file: it cannot be read, is not a regular file, is
 * longer than 4 KB, its first line is empty, has a NUL byte or does not fit into out, or others
 * than its owner and its group can read it, or others than its owner write it. (Group-readable is
 * how systemd and Docker make them.) On a read-only mount any mode is accepted. ITR_NOMEM. */
enum itr_status itr_secret_file_read(const char *path, struct itr_buf *out, struct itr_error *e);

/* Return ITR_OK if an open file may hold a secret by these rules, else ITR_CONFIG with a text that
 * names path: it is not a regular file, or is open to others. */
enum itr_status itr_secret_file_check(int fd, const char *path, struct itr_error *e);

#endif
