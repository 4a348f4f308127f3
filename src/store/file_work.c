#include "store/file_work.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/file_dir.h"

#define LOCK_WAIT_MS 5000 /* a stopped process that holds the lock must not hold up all */
#define LOCK_LOOK_MS 20   /* how seldom the lock is tried at most */

enum itr_status itr_file_work_fail(const struct itr_file_work *w, const char *what, const char *why)
{
    return itr_error_set(w->e, ITR_STORE,
                         "token store: directory %.160s: %s: %s" ITR_FILE_DIR_ADVICE, w->dir, what,
                         why);
}

static enum itr_status fail_errno(const struct itr_file_work *w, const char *what)
{
    return itr_file_work_fail(w, what, strerror(errno));
}

/* ---- beginning and ending ---- */

/* Keys are made by record and safe; a file's name does not rely on it. ":" becomes ".", which
 * no key may have, so that two keys never share a file. */
static bool name_of(const char *key, char *name, char *temp)
{
    static const char kept[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    size_t n = strlen(key), i;

    if (n == 0 || n > ITR_FILE_KEY_MAX)
        return false;
    for (i = 0; i < n; i++) {
        if (key[i] != ':' && strchr(kept, key[i]) == NULL)
            return false;
        name[i] = key[i] == ':' ? '.' : key[i];
    }
    name[n] = '\0';
    (void)snprintf(temp, ITR_FILE_NAME, "%.200s" ITR_FILE_SUFFIX "~", name);
    (void)snprintf(name + n, ITR_FILE_NAME - n, ITR_FILE_SUFFIX);
    return true;
}

enum itr_status itr_file_work_begin(struct itr_file_work *w, const char *dir, const char *key,
                                    const struct itr_clock *clock, struct itr_error *e)
{
    *w = (struct itr_file_work){.dir = dir, .clock = clock, .dir_fd = -1, .lock_fd = -1, .e = e};
    if (!name_of(key, w->name, w->temp))
        return itr_file_work_fail(w, "key", "cannot be a file's name");
    return itr_file_dir_open(dir, &w->dir_fd, e);
}

void itr_file_work_end(struct itr_file_work *w)
{
    if (w->lock_fd >= 0) {
        (void)flock(w->lock_fd, LOCK_UN);
        close(w->lock_fd);
    }
    if (w->dir_fd >= 0)
        close(w->dir_fd);
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

static enum itr_status read_all(const struct itr_file_work *w, int fd, struct itr_buf *value)
{
    char *room;
    ssize_t n;

    /* One byte more than a value may have shows that it is longer. */
    while (value->len <= ITR_FILE_VALUE_MAX) {
        if ((room = itr_buf_room(value, ITR_FILE_VALUE_MAX + 1 - value->len)) == NULL)
            return itr_error_set(w->e, ITR_NOMEM, "no memory");
        n = read(fd, room, ITR_FILE_VALUE_MAX + 1 - value->len);
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

enum itr_status itr_file_work_read(const struct itr_file_work *w, struct itr_buf *value)
{
    /* NONBLOCK: a pipe in its place must not hold us. */
    int fd = openat(w->dir_fd, w->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    enum itr_status s;
    struct stat st;
    const char *why;

    if (fd < 0)
        return errno == ENOENT ? ITR_OK : fail_errno(w, w->name);
    if ((why = why_not(fd, &st)) != NULL)
        s = itr_file_work_fail(w, w->name, why);
    else
        s = read_all(w, fd, value);
    close(fd);
    return s;
}

static enum itr_status write_all(const struct itr_file_work *w, int fd, const char *bytes,
                                 size_t len)
{
    ssize_t n;

    while (len > 0) {
        n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? fail_errno(w, "writing")
                         : itr_file_work_fail(w, "writing", "nothing was written");
        bytes += n;
        len -= (size_t)n;
    }
    return fsync(fd) == 0 ? ITR_OK : fail_errno(w, "writing");
}

static enum itr_status write_temp(const struct itr_file_work *w, const char *bytes, size_t len)
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

enum itr_status itr_file_work_replace(const struct itr_file_work *w, const char *bytes, size_t len)
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
static bool is_still_there(const struct itr_file_work *w, const struct stat *opened)
{
    struct stat st;

    return fstatat(w->dir_fd, "lock", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           st.st_dev == opened->st_dev && st.st_ino == opened->st_ino;
}

/* ITR_OK and lock_fd >= 0: locked; ITR_OK and -1: not now. */
static enum itr_status try_lock(struct itr_file_work *w)
{
    int fd =
        openat(w->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    enum itr_status s = ITR_OK;
    struct stat st;
    const char *why;

    if (fd < 0)
        return fail_errno(w, "lock");
    if ((why = why_not(fd, &st)) != NULL) {
        s = itr_file_work_fail(w, "lock", why);
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

enum itr_status itr_file_work_lock(struct itr_file_work *w)
{
    const struct itr_clock *clock = w->clock;
    int64_t until_ms = itr_clock_mono_ms(clock) + LOCK_WAIT_MS, pause_ms = 1;
    enum itr_status s;

    while ((s = try_lock(w)) == ITR_OK && w->lock_fd < 0) {
        if (itr_clock_mono_ms(clock) >= until_ms)
            return itr_file_work_fail(w, "lock",
                                      "another process has held it for 5 s; is it stopped?");
        itr_clock_sleep_ms(clock, pause_ms);
        if (pause_ms < LOCK_LOOK_MS)
            pause_ms *= 2;
    }
    return s;
}
