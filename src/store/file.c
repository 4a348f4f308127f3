#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/file_dir.h"
#include "store/file_work.h"
#include "store/stores.h"

/*
 * "file:[dir]": for each key a small file, and a lock file.
 *
 * Design notes
 * - A value is never changed in place: a temporary file is written and renamed over it. So load
 *   needs no lock; it reads the old value or the new one, whole.
 * - swap holds the key's lock around compare and rename only. The lock is flock(2) on a descriptor
 *   opened for this one swap, so it excludes threads as well as processes, and the kernel releases
 *   it when its holder dies. private_fd keeps it from children.
 * - The temporary file's name is fixed, and it is written under the lock: the next process removes
 *   what a killed one left.
 * - Nothing stays open between two operations, so a fork or a directory removed meanwhile needs no
 *   care. Names in the directory are opened relative to the one descriptor that was checked.
 */

struct file_store {
    struct itr_store head;
    atomic_uint refs;
    const struct itr_clock *clock;
    bool is_standard;  /* "file:": its directory is the effective user's */
    uid_t user;        /* the effective user when dir was found */
    struct itr_buf id; /* "file:" and dir */
    const char *dir;   /* in id */
};

static struct file_store *of(struct itr_store *s)
{
    return (struct file_store *)s;
}

/* nginx makes its workers another user after the store was made; its directory goes to `moved`. */
static enum itr_status find_dir(const struct file_store *f, struct itr_buf *moved, const char **dir,
                                struct itr_error *e)
{
    enum itr_status s;

    *dir = f->dir;
    if (!f->is_standard || geteuid() == f->user)
        return ITR_OK;
    if ((s = itr_file_dir_find("file:", moved, e)) == ITR_OK)
        *dir = itr_buf_str(moved);
    return s;
}

/* One operation, and the name of its directory if that is not the constructor's. */
struct operation {
    struct itr_file_work w;
    struct itr_buf moved;
};

static enum itr_status begin(struct operation *op, struct itr_store *s, const char *key,
                             struct itr_error *e)
{
    const char *dir;
    enum itr_status st;

    itr_file_work_init(&op->w, of(s)->clock, e);
    itr_buf_init(&op->moved, ITR_FILE_DIR_MAX);
    if ((st = find_dir(of(s), &op->moved, &dir, e)) != ITR_OK)
        return st;
    return itr_file_work_begin(&op->w, dir, key);
}

static void end(struct operation *op)
{
    itr_file_work_end(&op->w);
    itr_buf_clear(&op->moved);
}

/* ---- the interface ---- */

static enum itr_status load(struct itr_store *s, const char *key, struct itr_buf *bytes,
                            int64_t *now_wall_ms, struct itr_error *e)
{
    struct itr_buf value;
    struct operation op;
    enum itr_status st;

    itr_buf_init_secret(&value, ITR_FILE_READ_MAX);
    if ((st = begin(&op, s, key, e)) == ITR_OK)
        st = itr_file_work_read(&op.w, &value);
    if (st == ITR_OK && itr_buf_append(bytes, value.data, value.len) != ITR_OK)
        st = itr_error_set(e, ITR_NOMEM, "no memory");
    *now_wall_ms = itr_clock_wall_ms(of(s)->clock);
    itr_buf_clear(&value);
    end(&op);
    return st;
}

static bool is_same(const struct itr_buf *value, const char *bytes, size_t len)
{
    return value->len == len && (len == 0 || memcmp(value->data, bytes, len) == 0);
}

static enum itr_status swap(struct itr_store *s, const char *key, const char *old, size_t old_len,
                            const char *new_bytes, size_t new_len, int64_t keep_for_ms, bool *done,
                            struct itr_error *e)
{
    struct itr_buf value;
    struct operation op;
    enum itr_status st;

    (void)keep_for_ms; /* a file is small: nobody need remove it */
    *done = false;
    itr_buf_init_secret(&value, ITR_FILE_READ_MAX);
    if ((st = begin(&op, s, key, e)) == ITR_OK && new_len > ITR_STORE_VALUE_MAX)
        st = itr_file_work_fail(&op.w, op.w.value_name, "the value is too large");
    if (st == ITR_OK && (st = itr_file_work_lock(&op.w)) == ITR_OK)
        st = itr_file_work_read(&op.w, &value);
    if (st == ITR_OK && is_same(&value, old, old_len)) {
        st = itr_file_work_replace(&op.w, new_bytes, new_len);
        *done = st == ITR_OK;
    }
    end(&op);
    itr_buf_clear(&value);
    return st;
}

static void retain(struct itr_store *s)
{
    atomic_fetch_add(&of(s)->refs, 1);
}

static void release(struct itr_store *s)
{
    struct file_store *f = of(s);

    if (atomic_fetch_sub(&f->refs, 1) != 1)
        return;
    itr_buf_clear(&f->id);
    free(f);
}

static const struct itr_store_ops ops = {
    ITR_STORE_VERSION, ITR_FROM_FILE, load, swap, retain, release, NULL,
};

static enum itr_status append_dir(struct file_store *f, const char *address, struct itr_error *e)
{
    struct itr_buf dir;
    enum itr_status s;

    itr_buf_init(&dir, ITR_FILE_DIR_MAX);
    if ((s = itr_file_dir_find(address, &dir, e)) == ITR_OK &&
        itr_buf_append_str(&f->id, itr_buf_str(&dir)) != ITR_OK)
        s = itr_error_set(e, ITR_NOMEM, "no memory");
    itr_buf_clear(&dir);
    return s;
}

/* nginx's master, root, makes the store for workers of another user: the directory is theirs
 * already, and is checked when it is used. */
static bool is_for_another_user(const char *dir)
{
    struct stat st;

    return geteuid() == 0 && lstat(dir, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid != 0;
}

/* Find the directory and check that it can be used. */
static enum itr_status prepare(struct file_store *f, const char *address, struct itr_error *e)
{
    struct itr_private_fd d;
    enum itr_status s;

    if (itr_buf_append_str(&f->id, "file:") != ITR_OK)
        return itr_error_set(e, ITR_NOMEM, "no memory");
    f->is_standard = strcmp(address, "file:") == 0;
    f->user = geteuid();
    s = append_dir(f, address, e);
    if (s != ITR_OK)
        return s;
    f->head.id = itr_buf_str(&f->id);
    f->dir = f->head.id + strlen("file:");
    if (!f->is_standard && is_for_another_user(f->dir))
        return ITR_OK;
    itr_private_fd_init(&d);
    s = itr_file_dir_open(f->dir, &d, e);
    (void)itr_private_fd_close(&d);
    return s;
}

enum itr_status itr_store_file_new(const char *address, const struct itr_clock *clock,
                                   struct itr_store **out, struct itr_error *e)
{
    struct file_store *f = calloc(1, sizeof *f);
    enum itr_status s;

    if (f == NULL)
        return itr_error_set(e, ITR_NOMEM, "no memory");
    f->head.ops = &ops;
    atomic_init(&f->refs, 1);
    f->clock = clock;
    itr_buf_init(&f->id, ITR_FILE_DIR_MAX + strlen("file:"));
    if ((s = prepare(f, address, e)) != ITR_OK) {
        release(&f->head);
        return s;
    }
    *out = &f->head;
    return ITR_OK;
}
