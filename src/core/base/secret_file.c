#include "core/base/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define SECRET_MAX 4096

/* Docker, compose and Kubernetes mount secrets with mode 0444 or 0644, read-only: nobody there can
 * change that mode, and whom the container lets in has been decided outside it. */
static bool is_on_read_only_mount(int fd)
{
    struct statvfs v;

    return fstatvfs(fd, &v) == 0 && (v.f_flag & ST_RDONLY) != 0;
}

enum itr_status itr_secret_file_check(int fd, const char *path, struct itr_error *e)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return itr_error_set(e, ITR_CONFIG, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return itr_error_set(e, ITR_CONFIG, "%s: not a regular file", path);
    if ((st.st_mode & (S_IROTH | S_IWOTH | S_IWGRP)) != 0 && !is_on_read_only_mount(fd))
        return itr_error_set(e, ITR_CONFIG,
                             "%s: other users can read or write this secret (mode %03o); chmod 600 "
                             "it, or mount it read-only",
                             path, (unsigned)st.st_mode & 0777);
    return ITR_OK;
}

static enum itr_status read_all(int fd, const char *path, char *text, size_t *len,
                                struct itr_error *e)
{
    ssize_t n;

    *len = 0;
    while (*len <= SECRET_MAX && (n = read(fd, text + *len, SECRET_MAX + 1 - *len)) != 0) {
        if (n < 0 && errno != EINTR)
            return itr_error_set(e, ITR_CONFIG, "%s: %s", path, strerror(errno));
        if (n > 0)
            *len += (size_t)n;
    }
    if (*len > SECRET_MAX)
        return itr_error_set(e, ITR_CONFIG, "%s: longer than %d bytes", path, SECRET_MAX);
    return ITR_OK;
}

/* Bytes of the mark that Windows editors put before UTF-8. */
static size_t mark_length(const char *text, size_t len)
{
    return len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
}

/* The first line, without "\n" or "\r\n". */
static size_t first_line(const char *text, size_t len)
{
    const char *end = memchr(text, '\n', len);

    if (end != NULL)
        len = (size_t)(end - text);
    if (len > 0 && text[len - 1] == '\r')
        len--;
    return len;
}

enum itr_status itr_secret_file_read(const char *path, struct itr_buf *out, struct itr_error *e)
{
    char text[SECRET_MAX + 1];
    const char *line = text;
    size_t len = 0;
    enum itr_status s;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0)
        return itr_error_set(e, ITR_CONFIG, "%s: %s", path, strerror(errno));
    if ((s = itr_secret_file_check(fd, path, e)) == ITR_OK)
        s = read_all(fd, path, text, &len, e);
    close(fd);
    line += mark_length(text, len);
    len = first_line(line, len - (size_t)(line - text));
    if (s == ITR_OK && len == 0)
        s = itr_error_set(e, ITR_CONFIG, "%s: its first line is empty", path);
    if (s == ITR_OK && memchr(line, '\0', len) != NULL)
        s = itr_error_set(e, ITR_CONFIG, "%s: its first line contains a NUL byte", path);
    if (s == ITR_OK && (s = itr_buf_append(out, line, len)) == ITR_FULL)
        s = itr_error_set(e, ITR_CONFIG, "%s: its first line is longer than %zu bytes", path,
                          out->max);
    if (s == ITR_NOMEM)
        (void)itr_error_set(e, ITR_NOMEM, "no memory");
    itr_wipe(text, sizeof text);
    return s;
}
