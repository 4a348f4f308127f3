/*
 * file_dir: the directory of a file store: which one it is, and opening it.
 *
 * Others must neither read the token nor put one there, so a directory that somebody else owns, or
 * that group or others can enter, is refused, and so is a symbolic link in its place. All checks
 * are on what was opened, never on a path a second time. Any thread.
 */
#ifndef ITR_STORE_FILE_DIR_H
#define ITR_STORE_FILE_DIR_H

#include "core/base/buf.h"
#include "core/base/status.h"

#define ITR_FILE_DIR_MAX 3072 /* bytes of a directory's name; names in it stay below PATH_MAX */

/* Appends the absolute directory that an address "file:[dir]" means, without doubled or last
 * slashes. Without dir (docs/design.md 4.5): $XDG_CACHE_HOME/itrigger; else .cache/itrigger in the
 * passwd home of the effective user; else /tmp/itrigger-UID, where that home cannot hold it.
 * ITR_CONFIG: dir is not absolute, too long or has control characters; ITR_NOMEM. */
enum itr_status itr_file_dir_find(const char *address, struct itr_buf *dir, struct itr_error *e);

/* Opens it, made with mode 0700 (its parents too) where it is not there. *fd is the caller's to
 * close, close-on-exec. ITR_STORE: cannot be used; the text names it and what to do. */
enum itr_status itr_file_dir_open(const char *dir, int *fd, struct itr_error *e);

/* What an error of a file store says after its own words; the directory's name is its %s. */
#define ITR_FILE_DIR_ADVICE                                                                        \
    "; option token_store can name another directory, \"file:/...\", that only this user can "     \
    "enter"

#endif
