#include "itriggerd/tls_files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX ((size_t)1 << 20)

static enum itr_status read_file(const char *path, bool secret, struct itr_buf *out,
                                 struct itr_error *e)
{
    char block[4096];
    struct stat st;
    size_t n;
    enum itr_status s = ITR_OK;
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return itr_error_set(e, ITR_CONFIG, "%s: %s", path, strerror(errno));
    if (fstat(fileno(file), &st) != 0 || !S_ISREG(st.st_mode))
        s = itr_error_set(e, ITR_CONFIG, "%s: not a regular file", path);
    else if (secret && (st.st_mode & (S_IROTH | S_IWOTH | S_IWGRP)) != 0)
        s = itr_error_set(e, ITR_CONFIG,
                          "%s: a key must not be readable or writable by others: chmod 600", path);
    while (s == ITR_OK && (n = fread(block, 1, sizeof block, file)) > 0)
        if (itr_buf_append(out, block, n) != ITR_OK)
            s = itr_error_set(e, ITR_CONFIG, "%s: larger than 1 MB", path);
    itr_wipe(block, sizeof block);
    fclose(file);
    return s;
}

enum itr_status tls_files_read(struct tls_files *t, const char *cert, const char *key,
                               struct itr_error *e)
{
    enum itr_status s;

    itr_buf_init(&t->cert, FILE_MAX);
    itr_buf_init_secret(&t->key, FILE_MAX);
    if ((s = read_file(cert, false, &t->cert, e)) == ITR_OK)
        s = read_file(key, true, &t->key, e);
    if (s != ITR_OK)
        tls_files_clear(t);
    return s;
}

void tls_files_clear(struct tls_files *t)
{
    itr_buf_clear(&t->cert);
    itr_buf_clear(&t->key);
}
