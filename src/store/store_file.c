#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "store/store_file_dir.h"
#include "store/stores.h"

/*
 * "file:[dir]": one small file a key, and one lock file for all.
 *
 * Design notes
 * - A value is never changed in place: a temporary file is written and renamed over it. So load
 *   needs no lock; it reads the old value or the new one, whole.
 * - swap holds the lock around compare and rename only. The lock is flock(2) on a descriptor opened
 *   for this one swap, so it excludes threads as well as processes, and the kernel gives it back
 *   when its holder dies. A child that was forked in between shares the descriptor: hence the
 *   unlock that is said, not left to close.
 * - The temporary file's name is fixed, and it is written under the lock: what a killed process
 *   left there is removed by the next one.
 * - Nothing is kept open between two operations: a fork, or a directory removed meanwhile, needs no
 *   care. Names in the directory are opened relative to the one descriptor that was checked.
 */

#define VALUE_MAX 4096    /* a longer file is no record of ours, and counts as none */
#define NAME_BYTES 200    /* of a key; a file's name may have 255 */
#define LOCK_WAIT_MS 5000 /* a stopped process that holds the lock must not hold up all */
#define LOCK_LOOK_MS 20   /* how often the lock is tried at least */
#define SUFFIX ".record"

struct file_store {
    struct itr_store head;
    atomic_uint refs;
    const struct itr_clock *clock;
    bool is_standard;  /* "file:": its directory is the effective user's */
    uid_t user;        /* the effective user when dir was found */
    struct itr_buf id; /* "file:" and dir */
    const char *dir;   /* in id */
};

/* One operation. */
struct work {
    const struct file_store *store;
    const char *dir;      /* for errors */
    struct itr_buf moved; /* dir lies here when the user is not the one of the constructor */
    int dir_fd;           /* -1: not open */
    int lock_fd;          /* -1: not locked */
    char name[NAME_BYTES + sizeof SUFFIX + 1]; /* of the value's file */
    char temp[NAME_BYTES + sizeof SUFFIX + 1]; /* the same and "~": no key is mapped to that */
    struct itr_error *e;
};

static struct file_store *of(struct itr_store *s)
{
    return (struct file_store *)s;
}

static enum itr_status fail(const struct work *w, const char *what, const char *why)
{
    return itr_error_set(w->e, ITR_STORE,
                         "token store: directory %.160s: %s: %s" ITR_STORE_DIR_ADVICE, w->dir, what,
                         why);
}

static enum itr_status fail_errno(const struct work *w, const char *what)
{
    return fail(w, what, strerror(errno));
}

/* ---- beginning and ending an operation ---- */

/* Keys are made by token_record and safe; a file's name does not rely on it. ":" becomes ".", which
 * no key may have, so that two keys never share a file. */
static bool name_of(const char *key, char *name, char *temp)
{
    static const char kept[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    size_t n = strlen(key), i;

    if (n == 0 || n > NAME_BYTES)
        return false;
    for (i = 0; i < n; i++) {
        if (key[i] != ':' && strchr(kept, key[i]) == NULL)
            return false;
        name[i] = key[i] == ':' ? '.' : key[i];
    }
    memcpy(name + n, SUFFIX, sizeof SUFFIX);
    n += sizeof SUFFIX - 1;
    memcpy(temp, name, n);
    memcpy(temp + n, "~", 2);
    return true;
}

/* nginx makes its workers another user after the store was made. */
static enum itr_status find_dir(struct work *w)
{
    w->dir = w->store->dir;
    if (!w->store->is_standard || geteuid() == w->store->user)
        return ITR_OK;
    if (itr_store_dir_find("file:", &w->moved, w->e) != ITR_OK)
        return w->e != NULL ? w->e->kind : ITR_STORE;
    w->dir = itr_buf_str(&w->moved);
    return ITR_OK;
}

static enum itr_status begin(struct work *w, struct itr_store *s, const char *key,
                             struct itr_error *e)
{
    enum itr_status st;

    *w = (struct work){.store = of(s), .dir_fd = -1, .lock_fd = -1, .e = e};
    itr_buf_init(&w->moved, ITR_STORE_DIR_MAX);
    if ((st = find_dir(w)) != ITR_OK)
        return st;
    if (!name_of(key, w->name, w->temp))
        return fail(w, "key", "cannot be a file's name");
    return itr_store_dir_open(w->dir, &w->dir_fd, e);
}

static void end(struct work *w)
{
    if (w->lock_fd >= 0) {
        (void)flock(w->lock_fd, LOCK_UN);
        close(w->lock_fd);
    }
    if (w->dir_fd >= 0)
        close(w->dir_fd);
    itr_buf_clear(&w->moved);
}

/* ---- files ---- */

/* NULL: a file that only this user can touch. */
static const char *why_not(int fd, struct stat *st)
{
    if (fstat(fd, st) != 0)
        return strerror(errno);
    if (!S_ISREG(st->st_mode))
        return "is no regular file";
    if (st->st_uid != geteuid())
        return "belongs to another user";
    if ((st->st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return "is open to group or others (chmod 600 it, or remove it)";
    return NULL;
}

static enum itr_status read_all(const struct work *w, int fd, struct itr_buf *value)
{
    char *room;
    ssize_t n;

    /* One byte more than a value may have shows that it is longer. */
    while (value->len <= VALUE_MAX) {
        if ((room = itr_buf_room(value, VALUE_MAX + 1 - value->len)) == NULL)
            return itr_error_set(w->e, ITR_NOMEM, "no memory");
        n = read(fd, room, VALUE_MAX + 1 - value->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(w, w->name);
        if (n == 0)
            return ITR_OK;
        itr_buf_grew(value, (size_t)n);
    }
    itr_buf_reset(value);
    return ITR_OK;
}

/* The present value; nothing where there is no file. */
static enum itr_status read_value(const struct work *w, struct itr_buf *value)
{
    /* NONBLOCK: a pipe in its place must not hold us. */
    int fd = openat(w->dir_fd, w->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    enum itr_status s;
    struct stat st;
    const char *why;

    if (fd < 0)
        return errno == ENOENT ? ITR_OK : fail_errno(w, w->name);
    if ((why = why_not(fd, &st)) != NULL)
        s = fail(w, w->name, why);
    else
        s = read_all(w, fd, value);
    close(fd);
    return s;
}

static enum itr_status write_all(const struct work *w, int fd, const char *bytes, size_t len)
{
    ssize_t n;

    while (len > 0) {
        n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? fail_errno(w, "writing") : fail(w, "writing", "nothing was written");
        bytes += n;
        len -= (size_t)n;
    }
    return fsync(fd) == 0 ? ITR_OK : fail_errno(w, "writing");
}

static enum itr_status write_temp(const struct work *w, const char *bytes, size_t len)
{
    enum itr_status s;
    int fd;

    if (unlinkat(w->dir_fd, w->temp, 0) != 0 && errno != ENOENT)
        return fail_errno(w, w->temp);
    fd = openat(w->dir_fd, w->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fail_errno(w, w->temp);
    s = write_all(w, fd, bytes, len);
    if (close(fd) != 0 && s == ITR_OK)
        s = fail_errno(w, "writing");
    return s;
}

static enum itr_status replace(const struct work *w, const char *bytes, size_t len)
{
    enum itr_status s = write_temp(w, bytes, len);

    if (s == ITR_OK && renameat(w->dir_fd, w->temp, w->dir_fd, w->name) != 0)
        s = fail_errno(w, "renaming");
    if (s != ITR_OK) {
        (void)unlinkat(w->dir_fd, w->temp, 0);
        return s;
    }
    /* Some file systems do not sync directories, and say so with EINVAL. */
    if (fsync(w->dir_fd) != 0 && errno != EINVAL)
        return fail_errno(w, "syncing");
    return ITR_OK;
}

/* ---- the lock ---- */

/* False where the lock's file was removed since it was opened: then it excludes nobody. */
static bool is_still_there(const struct work *w, const struct stat *opened)
{
    struct stat st;

    return fstatat(w->dir_fd, "lock", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           st.st_dev == opened->st_dev && st.st_ino == opened->st_ino;
}

/* ITR_OK and lock_fd >= 0: locked; ITR_OK and -1: not now. */
static enum itr_status try_lock(struct work *w)
{
    int fd =
        openat(w->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    enum itr_status s = ITR_OK;
    struct stat st;
    const char *why;

    if (fd < 0)
        return fail_errno(w, "lock");
    if ((why = why_not(fd, &st)) != NULL) {
        s = fail(w, "lock", why);
    } else if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        if (is_still_there(w, &st)) {
            w->lock_fd = fd;
            return ITR_OK;
        }
    } else if (errno != EWOULDBLOCK && errno != EINTR) {
        s = fail_errno(w, "lock");
    }
    close(fd);
    return s;
}

static enum itr_status lock(struct work *w)
{
    const struct itr_clock *clock = w->store->clock;
    int64_t until_ms = itr_clock_mono_ms(clock) + LOCK_WAIT_MS, pause_ms = 1;
    enum itr_status s;

    while ((s = try_lock(w)) == ITR_OK && w->lock_fd < 0) {
        if (itr_clock_mono_ms(clock) >= until_ms)
            return fail(w, "lock", "another process has held it for 5 s; is it stopped?");
        itr_clock_sleep_ms(clock, pause_ms);
        if (pause_ms < LOCK_LOOK_MS)
            pause_ms *= 2;
    }
    return s;
}

/* ---- the interface ---- */

static enum itr_status load(struct itr_store *s, const char *key, struct itr_buf *bytes,
                            int64_t *now_wall_ms, struct itr_error *e)
{
    struct itr_buf value;
    struct work w;
    enum itr_status st;

    itr_buf_init_secret(&value, VALUE_MAX + 1);
    if ((st = begin(&w, s, key, e)) == ITR_OK)
        st = read_value(&w, &value);
    if (st == ITR_OK && itr_buf_append(bytes, value.data, value.len) != ITR_OK)
        st = itr_error_set(e, ITR_NOMEM, "no memory");
    *now_wall_ms = itr_clock_wall_ms(of(s)->clock);
    itr_buf_clear(&value);
    end(&w);
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
    struct work w;
    enum itr_status st;

    (void)keep_for_ms; /* a file is small: nobody need remove it */
    *done = false;
    itr_buf_init_secret(&value, VALUE_MAX + 1);
    if ((st = begin(&w, s, key, e)) == ITR_OK && new_len > VALUE_MAX)
        st = fail(&w, w.name, "the value is too large");
    if (st == ITR_OK && (st = lock(&w)) == ITR_OK)
        st = read_value(&w, &value);
    if (st == ITR_OK && is_same(&value, old, old_len)) {
        st = replace(&w, new_bytes, new_len);
        *done = st == ITR_OK;
    }
    end(&w);
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
    ITR_STORE_VERSION, ITR_FROM_FILE, load, swap, retain, release,
};

static enum itr_status append_dir(struct file_store *f, const char *address, struct itr_error *e)
{
    struct itr_buf dir;
    enum itr_status s;

    itr_buf_init(&dir, ITR_STORE_DIR_MAX);
    if ((s = itr_store_dir_find(address, &dir, e)) == ITR_OK &&
        itr_buf_append_str(&f->id, itr_buf_str(&dir)) != ITR_OK)
        s = itr_error_set(e, ITR_NOMEM, "no memory");
    itr_buf_clear(&dir);
    return s;
}

/* Finds the directory and sees whether it can be used. */
static enum itr_status prepare(struct file_store *f, const char *address, struct itr_error *e)
{
    enum itr_status s;
    int fd;

    if (itr_buf_append_str(&f->id, "file:") != ITR_OK)
        return itr_error_set(e, ITR_NOMEM, "no memory");
    f->is_standard = strcmp(address, "file:") == 0;
    f->user = geteuid();
    s = append_dir(f, address, e);
    if (s != ITR_OK)
        return s;
    f->head.id = itr_buf_str(&f->id);
    f->dir = f->head.id + strlen("file:");
    if ((s = itr_store_dir_open(f->dir, &fd, e)) == ITR_OK)
        close(fd);
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
    itr_buf_init(&f->id, ITR_STORE_DIR_MAX + 8);
    if ((s = prepare(f, address, e)) != ITR_OK) {
        release(&f->head);
        return s;
    }
    *out = &f->head;
    return ITR_OK;
}
