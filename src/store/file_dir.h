/*
 * file_dir: finds and opens the directory of a file store.
 *
 * Nobody else may read the token or plant one, so a directory that somebody else owns, or that
 * group or others can enter, is refused, and so is a symbolic link in its place. What was opened is
 * checked, never the path a second time. Any thread.
 */
#ifndef ITR_STORE_FILE_DIR_H
#define ITR_STORE_FILE_DIR_H

#include "core/base/buf.h"
#include "core/base/status.h"
#include "store/private_fd.h"

#define ITR_FILE_DIR_MAX 3072 /* bytes of a directory's name: with a name in it below PATH_MAX */

/* Append the absolute directory that an address "file:[dir]" means, without doubled or trailing
 * slashes, to an empty buffer for ITR_FILE_DIR_MAX bytes. Without dir: $XDG_CACHE_HOME/itrigger,
 * else .cache/itrigger in the home that the password database has for the effective user.
 * ITR_CONFIG: dir is not absolute, too long or has control characters; ITR_STORE: that user has no
 * home; ITR_NOMEM. */
enum itr_status itr_file_dir_find(const char *address, struct itr_buf *dir, struct itr_error *e);

/* Open such a directory into d, which the caller closes; make it with mode 0700 (its parents too)
 * if it does not exist. ITR_STORE: it cannot be used; the text names it and what to do. */
enum itr_status itr_file_dir_open(const char *dir, struct itr_private_fd *d, struct itr_error *e);

/* What an error of a file store ends with. */
#define ITR_FILE_DIR_ADVICE                                                                        \
    "; option token_store can name another directory, \"file:/...\", that only this user can "     \
    "enter"

#endif
