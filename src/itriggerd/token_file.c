#include "itriggerd/token_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH_MAX_BYTES 4096

static bool write_all(int fd, const char *text, size_t len)
{
    ssize_t n;

    for (; len > 0; text += n, len -= (size_t)n) {
        n = write(fd, text, len);
        if (n < 0 && errno == EINTR)
            n = 0;
        if (n < 0)
            return false;
    }
    return true;
}

/* The file's name is made anew each time: what a symbolic link in its place leads to is not
 * touched. */
static bool write_new(const char *path, const struct itr_token *t)
{
    int fd, failed;
    bool good;

    (void)unlink(path);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    good = write_all(fd, t->text, t->len) && write_all(fd, "\n", 1) && fsync(fd) == 0;
    failed = errno;
    close(fd);
    errno = failed;
    return good;
}

enum itr_status token_file_write(const char *path, const struct itr_token *t, struct itr_error *e)
{
    char fresh[PATH_MAX_BYTES];
    int failed;

    if (snprintf(fresh, sizeof fresh, "%s.new", path) >= (int)sizeof fresh)
        return itr_error_set(e, ITR_STORE, "token_file: its name is too long");
    if (write_new(fresh, t) && rename(fresh, path) == 0)
        return ITR_OK;
    failed = errno;
    (void)unlink(fresh);
    return itr_error_set(e, ITR_STORE, "token_file %.200s: %s", path, strerror(failed));
}
