#include "itriggerd/tls_files.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/secret_file.h"

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
    else if (secret)
        s = itr_secret_file_check(fileno(file), path, e);
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

int64_t tls_files_end(const struct tls_files *t)
{
    const gnutls_datum_t pem = {(unsigned char *)t->cert.data, (unsigned)t->cert.len};
    gnutls_x509_crt_t crt;
    int64_t end = 0;

    if (gnutls_x509_crt_init(&crt) != GNUTLS_E_SUCCESS)
        return 0;
    if (gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM) == GNUTLS_E_SUCCESS)
        end = (int64_t)gnutls_x509_crt_get_expiration_time(crt);
    gnutls_x509_crt_deinit(crt);
    return end > 0 ? end : 0;
}
