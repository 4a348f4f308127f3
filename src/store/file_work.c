#include "store/file_work.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/bound.h"
#include "core/os/descriptors.h"
#include "store/file_dir.h"

#define LOCK_WAIT_MS 5000 /* a stopped process that holds the lock must not hold up all others */
#define LOCK_POLL_MS 20   /* the longest pause between two tries */

enum itr_status itr_file_work_fail(const struct itr_file_work *w, const char *what, const char *why)
{
    return itr_error_set(w->e, ITR_STORE,
                         "token store: directory %.160s: %s: %s" ITR_FILE_DIR_ADVICE, w->dir, what,
                         why);
}

static enum itr_status fail_errno(const struct itr_file_work *w, const char *what)
{
    char text[ITR_DESCRIPTORS_TEXT];

    if (itr_descriptors_is_lack(errno))
        return itr_error_set(w->e, ITR_STORE, "token store: directory %.160s: %s: %s", w->dir, what,
                             itr_descriptors_explain(errno, text));
    if (errno == ENOSPC)
        return itr_file_work_fail(w, what, "No space left on device: free some of it");
    if (errno == EDQUOT)
        return itr_file_work_fail(w, what, "the disk quota of this user is used up");
    return itr_file_work_fail(w, what, itr_descriptors_explain(errno, text));
}

/* ---- beginning and ending ---- */

/* Keys are made by record and safe; a file's name does not rely on it. ":" becomes ".", which no
 * key may contain, so that two keys never share a file. */
static bool set_names(struct itr_file_work *w, const char *key)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    char name[ITR_FILE_KEY_MAX + 1];
    size_t n = strlen(key), i;

    if (n == 0 || n > ITR_FILE_KEY_MAX)
        return false;
    for (i = 0; i < n; i++) {
        if (key[i] != ':' && strchr(allowed, key[i]) == NULL)
            return false;
        name[i] = key[i] == ':' ? '.' : key[i];
    }
    name[n] = '\0';
    (void)snprintf(w->value_name, sizeof w->value_name, "%s.record", name);
    (void)snprintf(w->temp_name, sizeof w->temp_name, "%s.record~", name);
    (void)snprintf(w->lock_name, sizeof w->lock_name, "%s.lock", name);
    return true;
}

void itr_file_work_init(struct itr_file_work *w, const struct itr_clock *clock, struct itr_error *e)
{
    *w = (struct itr_file_work){.dir = "", .clock = clock, .e = e};
    itr_private_fd_init(&w->dir_fd);
    itr_private_fd_init(&w->lock_fd);
}

enum itr_status itr_file_work_begin(struct itr_file_work *w, const char *dir, const char *key)
{
    w->dir = dir;
    if (!set_names(w, key))
        return itr_file_work_fail(w, "key", "it cannot be the name of a file");
    return itr_file_dir_open(dir, &w->dir_fd, w->e);
}

void itr_file_work_end(struct itr_file_work *w)
{
    /* Said, not left to close: a process that was cloned without its fork handlers may share it. */
    if (w->lock_fd.fd >= 0)
        (void)flock(w->lock_fd.fd, LOCK_UN);
    (void)itr_private_fd_close(&w->lock_fd);
    (void)itr_private_fd_close(&w->dir_fd);
}

/* ---- files ---- */

/* Return why a file is refused; NULL if only this user can touch it. */
static const char *why_refused(int fd, struct stat *st)
{
    if (fstat(fd, st) != 0)
        return strerror(errno);
    if (!S_ISREG(st->st_mode))
        return "not a regular file; remove it";
    if (st->st_uid != geteuid())
        return "belongs to another user";
    if ((st->st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return "is open to group or others; chmod 600 it, or remove it";
    return NULL;
}

static enum itr_status read_all(const struct itr_file_work *w, int fd, struct itr_buf *value)
{
    size_t left;
    char *room;
    ssize_t n;

    while ((left = ITR_FILE_READ_MAX - value->len) > 0) {
        if ((room = itr_buf_room(value, left)) == NULL)
            return itr_error_set(w->e, ITR_NOMEM, "no memory");
        n = read(fd, room, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(w, w->value_name);
        if (n == 0)
            return ITR_OK;
        itr_buf_grew(value, (size_t)n);
    }
    itr_buf_reset(value);
    return ITR_OK;
}

enum itr_status itr_file_work_read(const struct itr_file_work *w, struct itr_buf *value)
{
    /* NONBLOCK: a pipe in its place must not hold us up. */
    const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    struct itr_private_fd file;
    enum itr_status s;
    struct stat st;
    const char *why;

    itr_private_fd_init(&file);
    if (!itr_private_fd_openat(&file, w->dir_fd.fd, w->value_name, flags, 0))
        return errno == ENOENT ? ITR_OK : fail_errno(w, w->value_name);
    if ((why = why_refused(file.fd, &st)) != NULL)
        s = itr_file_work_fail(w, w->value_name, why);
    else
        s = read_all(w, file.fd, value);
    (void)itr_private_fd_close(&file);
    return s;
}

static enum itr_status write_all(const struct itr_file_work *w, int fd, const char *bytes,
                                 size_t len)
{
    ssize_t n;

    /* The umask took part in the mode. */
    if (fchmod(fd, 0600) != 0)
        return fail_errno(w, "writing");
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
    struct itr_private_fd file;
    enum itr_status s;

    if (unlinkat(w->dir_fd.fd, w->temp_name, 0) != 0 && errno != ENOENT)
        return fail_errno(w, w->temp_name);
    itr_private_fd_init(&file);
    if (!itr_private_fd_openat(&file, w->dir_fd.fd, w->temp_name,
                               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600))
        return fail_errno(w, w->temp_name);
    s = write_all(w, file.fd, bytes, len);
    if (itr_private_fd_close(&file) != 0 && s == ITR_OK)
        s = fail_errno(w, "writing");
    return s;
}

enum itr_status itr_file_work_replace(const struct itr_file_work *w, const char *bytes, size_t len)
{
    enum itr_status s = write_temp(w, bytes, len);

    if (s == ITR_OK && renameat(w->dir_fd.fd, w->temp_name, w->dir_fd.fd, w->value_name) != 0)
        s = fail_errno(w, "renaming");
    if (s != ITR_OK) {
        (void)unlinkat(w->dir_fd.fd, w->temp_name, 0);
        return s;
    }
    /* Some file systems do not sync directories, and say so with EINVAL. */
    if (fsync(w->dir_fd.fd) != 0 && errno != EINVAL)
        return fail_errno(w, "syncing");
    return ITR_OK;
}

/* ---- the lock ---- */

/* Return false if the lock's file was removed since it was opened: then it excludes nobody. */
static bool is_still_there(const struct itr_file_work *w, const struct stat *opened)
{
    struct stat st;

    return fstatat(w->dir_fd.fd, w->lock_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           st.st_dev == opened->st_dev && st.st_ino == opened->st_ino;
}

/* ITR_OK and *locked set, or ITR_OK and not: somebody else has it. */
static enum itr_status lock_opened(struct itr_file_work *w, bool *locked)
{
    int fd = w->lock_fd.fd;
    struct stat st;
    const char *why = why_refused(fd, &st);

    if (why != NULL)
        return itr_file_work_fail(w, w->lock_name, why);
    if ((st.st_mode & 0600) != 0600 && fchmod(fd, 0600) != 0) /* made just now, by a umask */
        return fail_errno(w, w->lock_name);
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        *locked = is_still_there(w, &st);
    else if (errno != EWOULDBLOCK && errno != EINTR)
        return fail_errno(w, w->lock_name);
    return ITR_OK;
}

static enum itr_status try_lock(struct itr_file_work *w, bool *locked)
{
    const int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK;
    enum itr_status s;

    if (!itr_private_fd_openat(&w->lock_fd, w->dir_fd.fd, w->lock_name, flags, 0600))
        return fail_errno(w, w->lock_name);
    s = lock_opened(w, locked);
    if (!*locked)
        (void)itr_private_fd_close(&w->lock_fd);
    return s;
}

enum itr_status itr_file_work_lock(struct itr_file_work *w)
{
    const struct itr_clock *clock = w->clock;
    int64_t until_ms = itr_clock_mono_ms(clock) + LOCK_WAIT_MS, pause_ms = 1;
    bool locked = false;
    enum itr_status s;

    while ((s = try_lock(w, &locked)) == ITR_OK && !locked) {
        int64_t left_ms = until_ms - itr_clock_mono_ms(clock);

        if (left_ms <= 0)
            return itr_file_work_fail(w, w->lock_name,
                                      "another process has held it for 5 s; is that stopped?");
        itr_clock_sleep_ms(clock, itr_min64(pause_ms, left_ms));
        pause_ms = itr_min64(pause_ms * 2, LOCK_POLL_MS);
    }
    return s;
}
