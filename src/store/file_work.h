/*
 * file_work: one operation of a file store: a directory that is open, perhaps a lock, and the file
 * of one value. On the stack of its thread; nothing of it outlives the operation.
 */
#ifndef ITR_STORE_FILE_WORK_H
#define ITR_STORE_FILE_WORK_H

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/status.h"
#include "core/record/store.h"
#include "store/private_fd.h"

#define ITR_FILE_READ_MAX (ITR_STORE_VALUE_MAX + 1) /* read; the last byte tells a longer file */
#define ITR_FILE_KEY_MAX 200                        /* bytes of a key; a file's name may have 255 */
#define ITR_FILE_NAME (ITR_FILE_KEY_MAX + sizeof ".record~")

struct itr_file_work {
    const char *dir;               /* the caller's; for errors */
    const struct itr_clock *clock; /* mono and sleep, for the lock */
    struct itr_error *e;           /* the caller's */
    struct itr_private_fd dir_fd;
    struct itr_private_fd lock_fd;  /* open: we hold the lock of the key */
    char value_name[ITR_FILE_NAME]; /* KEY.record */
    char temp_name[ITR_FILE_NAME];  /* KEY.record~ */
    char lock_name[ITR_FILE_NAME];  /* KEY.lock */
};

/* Set every field. itr_file_work_end may be called from then on. */
void itr_file_work_init(struct itr_file_work *w, const struct itr_clock *clock,
                        struct itr_error *e);

/* Open the directory dir (which must outlive w) for the value of key. This function and those
 * below return ITR_STORE with a text that names the directory, or ITR_NOMEM. */
enum itr_status itr_file_work_begin(struct itr_file_work *w, const char *dir, const char *key);

/* Unlock and close what is open. */
void itr_file_work_end(struct itr_file_work *w);

/* Wait for the lock of the key, for 5 s at most. */
enum itr_status itr_file_work_lock(struct itr_file_work *w);

/* Append the present value to a buffer for ITR_FILE_READ_MAX; nothing if there is no file, or one
 * that is too long to be ours. */
enum itr_status itr_file_work_read(const struct itr_file_work *w, struct itr_buf *value);

/* Replace the value; needs the lock. The new value is on the disk when this returns ITR_OK. */
enum itr_status itr_file_work_replace(const struct itr_file_work *w, const char *bytes, size_t len);

/* Set the error "token store: directory D: what: why" and what to do about it; return ITR_STORE. */
enum itr_status itr_file_work_fail(const struct itr_file_work *w, const char *what,
                                   const char *why);

#endif
