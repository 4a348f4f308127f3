#include "itriggerd/certificate.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/buf.h"
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

/* As read_file; the error says which setting names the file. */
static enum itr_status read_setting(const char *setting, const char *path, bool secret,
                                    struct itr_buf *out, struct itr_error *e)
{
    enum itr_status s = read_file(path, secret, out, e);
    struct itr_error why;

    if (s == ITR_OK)
        return s;
    why = *e;
    return itr_error_set(e, why.kind, "%s: %s", setting, why.text);
}

static gnutls_datum_t datum(const struct itr_buf *b)
{
    return (gnutls_datum_t){(unsigned char *)b->data, (unsigned)b->len};
}

static int64_t find_end(gnutls_certificate_credentials_t credentials)
{
    gnutls_x509_crt_t *chain;
    unsigned n, i;
    int64_t end = 0;

    if (gnutls_certificate_get_x509_crt(credentials, 0, &chain, &n) != GNUTLS_E_SUCCESS)
        return 0;
    if (n > 0)
        end = (int64_t)gnutls_x509_crt_get_expiration_time(chain[0]);
    for (i = 0; i < n; i++)
        gnutls_x509_crt_deinit(chain[i]);
    gnutls_free(chain);
    return end > 0 ? end : 0;
}

/* GnuTLS checks here that the two belong together. */
static enum itr_status load(struct certificate *c, const struct itr_buf *cert,
                            const struct itr_buf *key, struct itr_error *e)
{
    const gnutls_datum_t cert_pem = datum(cert), key_pem = datum(key);
    int failed;

    if (gnutls_certificate_allocate_credentials(&c->credentials) != GNUTLS_E_SUCCESS)
        return itr_error_set(e, ITR_NOMEM, "out of memory");
    failed = gnutls_certificate_set_x509_key_mem(c->credentials, &cert_pem, &key_pem,
                                                 GNUTLS_X509_FMT_PEM);
    if (failed < 0)
        return itr_error_set(e, ITR_CONFIG,
                             "tls_cert and tls_key must be PEM files that belong together: %s",
                             gnutls_strerror(failed));
    c->end_wall_s = find_end(c->credentials);
    return ITR_OK;
}

enum itr_status certificate_read(const char *cert_path, const char *key_path,
                                 struct certificate **out, struct itr_error *e)
{
    struct certificate *c = calloc(1, sizeof *c);
    struct itr_buf cert, key;
    enum itr_status s;

    *out = NULL;
    if (c == NULL)
        return itr_error_set(e, ITR_NOMEM, "out of memory");
    atomic_init(&c->refs, 1);
    itr_buf_init(&cert, FILE_MAX);
    itr_buf_init_secret(&key, FILE_MAX);
    if ((s = read_setting("tls_cert", cert_path, false, &cert, e)) == ITR_OK &&
        (s = read_setting("tls_key", key_path, true, &key, e)) == ITR_OK)
        s = load(c, &cert, &key, e);
    itr_buf_clear(&cert);
    itr_buf_clear(&key);
    if (s == ITR_OK)
        *out = c;
    else
        certificate_release(c);
    return s;
}

struct certificate *certificate_retain(struct certificate *c)
{
    atomic_fetch_add(&c->refs, 1);
    return c;
}

void certificate_release(struct certificate *c)
{
    if (c == NULL || atomic_fetch_sub(&c->refs, 1) != 1)
        return;
    if (c->credentials != NULL)
        gnutls_certificate_free_credentials(c->credentials);
    free(c);
}
