#include "itriggerd/certificate.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/secret_file.h"

#define NAME_MAX_BYTES 300 /* of a setting and its file, as in an error */

/* Not one that a start would wait for, nor a key that others can read. */
static enum itr_status check_file(const char *setting, const char *path, bool secret,
                                  struct itr_error *e)
{
    enum itr_status s = ITR_OK;
    char name[NAME_MAX_BYTES];
    struct stat st;
    int fd;

    (void)snprintf(name, sizeof name, "%s: %s", setting, path);
    if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0)
        return itr_error_set(e, ITR_CONFIG, "%s: %s", name, strerror(errno));
    if (secret)
        s = itr_secret_file_check(fd, name, e);
    else if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        s = itr_error_set(e, ITR_CONFIG, "%s: not a regular file", name);
    close(fd);
    return s;
}

/* Once any certificate of the chain has expired, clients may reject the chain. */
static int64_t find_end(gnutls_certificate_credentials_t credentials)
{
    gnutls_x509_crt_t *chain;
    unsigned n, i;
    int64_t end = 0, one;

    if (gnutls_certificate_get_x509_crt(credentials, 0, &chain, &n) != GNUTLS_E_SUCCESS)
        return 0;
    for (i = 0; i < n; i++) {
        one = (int64_t)gnutls_x509_crt_get_expiration_time(chain[i]);
        if (one > 0 && (end == 0 || one < end))
            end = one;
        gnutls_x509_crt_deinit(chain[i]);
    }
    gnutls_free(chain);
    return end;
}

/* GnuTLS checks here that the two belong together. */
static enum itr_status load(struct certificate *c, const char *cert_path, const char *key_path,
                            struct itr_error *e)
{
    const char *why;
    int failed;

    if (gnutls_certificate_allocate_credentials(&c->credentials) != GNUTLS_E_SUCCESS)
        return itr_error_set(e, ITR_NOMEM, "out of memory");
    failed = gnutls_certificate_set_x509_key_file(c->credentials, cert_path, key_path,
                                                  GNUTLS_X509_FMT_PEM);
    if (failed < 0) {
        why = gnutls_strerror(failed); /* a sentence */
        return itr_error_set(
            e, ITR_CONFIG,
            "tls_cert and tls_key must be PEM files that belong together, the server's own "
            "certificate first and the key without a passphrase: %.*s",
            (int)strcspn(why, "."), why);
    }
    c->end_wall_s = find_end(c->credentials);
    return ITR_OK;
}

enum itr_status certificate_read(const char *cert_path, const char *key_path,
                                 struct certificate **out, struct itr_error *e)
{
    struct certificate *c = calloc(1, sizeof *c);
    enum itr_status s;

    *out = NULL;
    if (c == NULL)
        return itr_error_set(e, ITR_NOMEM, "out of memory");
    atomic_init(&c->refs, 1);
    if ((s = check_file("tls_cert", cert_path, false, e)) == ITR_OK &&
        (s = check_file("tls_key", key_path, true, e)) == ITR_OK)
        s = load(c, cert_path, key_path, e);
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
