#include "store/file_dir.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/os/descriptors.h"

#define PASSWD_MAX 16384

/* ---- which one ---- */

static bool has_control(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    return false;
}

/* Doubled and last slashes are left out, so that one directory has one name. */
static enum itr_status append_path(struct itr_buf *dir, const char *path)
{
    enum itr_status s = ITR_OK;

    for (; *path != '\0' && s == ITR_OK; path++)
        if (*path != '/' || (path[1] != '/' && path[1] != '\0'))
            s = itr_buf_append_char(dir, *path);
    return s;
}

static enum itr_status append_below(struct itr_buf *dir, const char *path, const char *name)
{
    enum itr_status s = append_path(dir, path);

    return s == ITR_OK ? itr_buf_append_str(dir, name) : s;
}

/* Jobs of one user with and without a writable home, or with a /tmp of their own, must not end up
 * with two stores without a word: there is no place to fall back to. */
static enum itr_status find_standard(struct itr_buf *dir, struct itr_error *e)
{
    const char *cache = getenv("XDG_CACHE_HOME");
    char text[PASSWD_MAX];
    struct passwd entry, *found = NULL;

    /* The XDG specification: a relative one must be ignored. */
    if (cache != NULL && cache[0] == '/')
        return append_below(dir, cache, "/itrigger");
    /* Not $HOME: it is another one under cron, sudo and nginx. */
    (void)getpwuid_r(geteuid(), &entry, text, sizeof text, &found);
    if (found == NULL || found->pw_dir == NULL || found->pw_dir[0] != '/' ||
        found->pw_dir[1] == '\0')
        return itr_error_set(e, ITR_STORE,
                             "token store: user %lu has no home directory in the password "
                             "database; name a directory that only this user can enter: option "
                             "token_store = \"file:/directory\"",
                             (unsigned long)geteuid());
    return append_below(dir, found->pw_dir, "/.cache/itrigger");
}

enum itr_status itr_file_dir_find(const char *address, struct itr_buf *dir, struct itr_error *e)
{
    const char *given = address + strlen("file:");
    enum itr_status s;

    if (*given == '\0')
        s = find_standard(dir, e);
    else if (*given != '/')
        return itr_error_set(e, ITR_CONFIG,
                             "option token_store: \"file:%.200s\" must name an absolute path, "
                             "\"file:/directory\"",
                             given);
    else
        s = append_path(dir, given);
    if (s == ITR_STORE)
        return s;
    if (s == ITR_NOMEM)
        return itr_error_set(e, ITR_NOMEM, "no memory");
    if (s == ITR_FULL)
        return itr_error_set(e, ITR_CONFIG,
                             "option token_store: the directory's name is longer than %d bytes",
                             ITR_FILE_DIR_MAX);
    if (dir->len == 0 || has_control(itr_buf_str(dir)))
        return itr_error_set(e, ITR_CONFIG,
                             "option token_store: \"file:\" cannot use the root directory "
                             "or a name with control characters");
    return ITR_OK;
}

/* ---- opening ---- */

static enum itr_status cannot(const char *dir, const char *what, struct itr_error *e)
{
    return itr_error_set(e, ITR_STORE, "token store: directory %.160s: %s" ITR_FILE_DIR_ADVICE, dir,
                         what);
}

/* Of what errno says. Another directory would not help where no file descriptor is left. */
static enum itr_status cannot_by_errno(const char *dir, struct itr_error *e)
{
    char text[ITR_DESCRIPTORS_TEXT];
    bool advice = !itr_descriptors_is_lack(errno);

    return itr_error_set(e, ITR_STORE, "token store: directory %.160s: %s%s", dir,
                         itr_descriptors_explain(errno, text), advice ? ITR_FILE_DIR_ADVICE : "");
}

/* Make a directory of mode 0700, whatever the umask takes away from it. */
static int make_one(const char *path)
{
    return mkdir(path, 0700) == 0 ? chmod(path, 0700) : -1;
}

/* Keeps errno. */
static bool is_there(const char *path)
{
    int before = errno;
    bool there = access(path, F_OK) == 0;

    errno = before;
    return there;
}

/* mkdir -p, each with mode 0700. Return 0, or -1 with errno set. */
static int make_all(const char *dir)
{
    char path[ITR_FILE_DIR_MAX + 1];
    size_t n = strlen(dir), i;

    assert(n < sizeof path);
    memcpy(path, dir, n);
    for (i = 1; i <= n; i++) {
        if (dir[i] != '/' && dir[i] != '\0')
            continue;
        path[i] = '\0';
        if (make_one(path) != 0 && errno != EEXIST && (i == n || !is_there(path)))
            return -1;
        path[i] = dir[i];
    }
    return 0;
}

static const char *why_refused(int fd)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return strerror(errno);
    if (st.st_uid != geteuid())
        return "belongs to another user";
    if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return "is open to group or others; chmod 700 it";
    if ((st.st_mode & S_IRWXU) != S_IRWXU)
        return "its mode keeps its own user out; chmod 700 it";
    return NULL;
}

/* NULL: errno says it. */
static const char *why_not_opened(const char *dir)
{
    struct stat st;

    if (errno == ENOTDIR || errno == ELOOP)
        return "is a symbolic link or not a directory";
    if (errno == EACCES && lstat(dir, &st) == 0 && st.st_uid == geteuid())
        return "its mode keeps its own user out; chmod 700 it";
    return NULL;
}

enum itr_status itr_file_dir_open(const char *dir, struct itr_private_fd *d, struct itr_error *e)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    const char *why;

    if (!itr_private_fd_openat(d, AT_FDCWD, dir, flags, 0)) {
        if (errno == ENOENT && make_all(dir) != 0)
            return cannot_by_errno(dir, e);
        if (!itr_private_fd_openat(d, AT_FDCWD, dir, flags, 0))
            return (why = why_not_opened(dir)) != NULL ? cannot(dir, why, e)
                                                       : cannot_by_errno(dir, e);
    }
    if ((why = why_refused(d->fd)) == NULL)
        return ITR_OK;
    (void)itr_private_fd_close(d);
    return cannot(dir, why, e);
}
