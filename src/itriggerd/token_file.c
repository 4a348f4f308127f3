#include "itriggerd/token_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/buf.h"

#define PATH_MAX_BYTES 4096
#define MODE (S_ISVTX | 0600)

/* Of renameat2, which musl does not declare. */
#define NOREPLACE (1U << 0)
#define EXCHANGE (1U << 1)

/* ---- the mark ---- */

static bool is_ours(const struct stat *st)
{
    return S_ISREG(st->st_mode) && (st->st_mode & 07777) == MODE;
}

static enum itr_status fail_foreign(const char *path, enum itr_status st, struct itr_error *e)
{
    return itr_error_set(e, st,
                         "token_file %.200s exists, and itriggerd did not write it (mode 1600); "
                         "name another file, or remove that one",
                         path);
}

static bool is_ours_at(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && is_ours(&st);
}

static bool is_free(const char *path)
{
    struct stat st;

    return lstat(path, &st) != 0 || is_ours(&st);
}

/* The name that the file has until it takes its place. False: too long. */
static bool name_fresh(const char *path, char fresh[PATH_MAX_BYTES])
{
    return snprintf(fresh, PATH_MAX_BYTES, "%s.new", path) < PATH_MAX_BYTES;
}

/* Neither name may be somebody else's file. */
static enum itr_status check_free(const char *path, enum itr_status st, struct itr_error *e)
{
    char fresh[PATH_MAX_BYTES];

    if (!name_fresh(path, fresh))
        return itr_error_set(e, st, "token_file: the path is too long");
    if (!is_free(path))
        return fail_foreign(path, st, e);
    return is_free(fresh) ? ITR_OK : fail_foreign(fresh, st, e);
}

enum itr_status token_file_check(const char *path, struct itr_error *e)
{
    char dir[PATH_MAX_BYTES];
    struct stat st;
    size_t n = (size_t)(strrchr(path, '/') - path) + 1;

    if (n >= sizeof dir)
        return itr_error_set(e, ITR_CONFIG, "token_file: the path is too long");
    memcpy(dir, path, n);
    dir[n] = '\0';
    if (stat(dir, &st) != 0)
        return itr_error_set(e, ITR_CONFIG, "token_file %.200s: its directory: %s", path,
                             strerror(errno));
    return check_free(path, ITR_CONFIG, e);
}

bool token_file_is_there(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && is_ours(&st) && st.st_size > 0;
}

/* ---- writing ---- */

/* The file is created with the mark, so one that a killed daemon left is known as ours. What a
 * symbolic link in its place leads to is not touched. */
static bool write_new(const char *path, const struct itr_token *t)
{
    char line[ITR_TOKEN_MAX + 2];
    int len = snprintf(line, sizeof line, "%s\n", t->text), fd, failed;
    bool good;

    if (is_ours_at(path))
        (void)unlink(path);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, MODE);
    if (fd < 0)
        return false;
    errno = ENOSPC; /* a short write says nothing */
    good = write(fd, line, (size_t)len) == len && fchmod(fd, MODE) == 0 && fsync(fd) == 0;
    failed = errno;
    close(fd);
    itr_wipe(line, sizeof line);
    errno = failed;
    return good;
}

static bool move(const char *from, const char *to, unsigned how)
{
    return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, how) == 0;
}

/* Take the place of our own file, or of none. What somebody put there meanwhile is put back: false
 * with EEXIST. Not every file system can exchange two files. */
static bool take_place(const char *fresh, const char *path)
{
    if (move(fresh, path, NOREPLACE))
        return true;
    if (errno == EINVAL || errno == ENOSYS)
        return rename(fresh, path) == 0;
    if (errno != EEXIST || !move(fresh, path, EXCHANGE))
        return false;
    if (is_ours_at(fresh)) {
        (void)unlink(fresh);
        return true;
    }
    (void)move(fresh, path, EXCHANGE);
    errno = EEXIST;
    return false;
}

enum itr_status token_file_write(const char *path, const struct itr_token *t, struct itr_error *e)
{
    char fresh[PATH_MAX_BYTES];
    enum itr_status st = check_free(path, ITR_STORE, e);
    int failed;

    if (st != ITR_OK)
        return st;
    (void)name_fresh(path, fresh);
    if (write_new(fresh, t) && take_place(fresh, path))
        return ITR_OK;
    failed = errno;
    if (is_ours_at(fresh))
        (void)unlink(fresh);
    if (failed == EEXIST)
        return fail_foreign(path, ITR_STORE, e);
    return itr_error_set(e, ITR_STORE, "token_file %.200s: %s", path, strerror(failed));
}
