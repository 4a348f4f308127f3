/*
 * file_work: one operation of a file store: a directory open, perhaps locked, and one value's
 * file in it. On the stack of its thread; nothing of it outlives the operation.
 */
#ifndef ITR_STORE_FILE_WORK_H
#define ITR_STORE_FILE_WORK_H

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/status.h"

#define ITR_FILE_VALUE_MAX 4096 /* a longer file is no record of ours, and counts as none */
#define ITR_FILE_KEY_MAX 200    /* bytes of a key; a file's name may have 255 */
#define ITR_FILE_SUFFIX ".record"
#define ITR_FILE_NAME (ITR_FILE_KEY_MAX + sizeof ITR_FILE_SUFFIX + 1)

struct itr_file_work {
    const char *dir;               /* the caller's; for errors */
    const struct itr_clock *clock; /* mono and sleep, for the lock */
    int dir_fd;                    /* -1: not open */
    int lock_fd;                   /* -1: not locked */
    struct itr_error *e;           /* the caller's */
    char name[ITR_FILE_NAME];      /* of the value's file */
    char temp[ITR_FILE_NAME];      /* that and "~", which no key has */
};

/* Opens dir. Whatever it answers, itr_file_work_end gives back what was taken. All: ITR_STORE with
 * a text that names the directory, or ITR_NOMEM. */
enum itr_status itr_file_work_begin(struct itr_file_work *w, const char *dir, const char *key,
                                    const struct itr_clock *clock, struct itr_error *e);
void itr_file_work_end(struct itr_file_work *w);

/* Waits for the lock of the directory, 5 s at most. */
enum itr_status itr_file_work_lock(struct itr_file_work *w);

/* Appends the present value; nothing where there is no file, or one too long to be ours. */
enum itr_status itr_file_work_read(const struct itr_file_work *w, struct itr_buf *value);

/* With the lock held: puts the value in place, on the disk when this returns ITR_OK. */
enum itr_status itr_file_work_replace(const struct itr_file_work *w, const char *bytes, size_t len);

/* ITR_STORE: "token store: directory D: what: why", and what to do about it. */
enum itr_status itr_file_work_fail(const struct itr_file_work *w, const char *what,
                                   const char *why);

#endif
