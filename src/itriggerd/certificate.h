/*
 * certificate: a TLS certificate with its key, read from two files. Immutable; counted, because
 * each connection keeps the one that it began with over a reload. Any thread.
 */
#ifndef ITRIGGERD_CERTIFICATE_H
#define ITRIGGERD_CERTIFICATE_H

#include <gnutls/gnutls.h>
#include <stdatomic.h>
#include <stdint.h>

#include "core/base/status.h"

struct certificate {
    atomic_uint refs;
    gnutls_certificate_credentials_t credentials;
    int64_t end_wall_s; /* when the first certificate of the chain expires; 0: unknown */
};

/* Read the two PEM files; *out has one reference for the caller. ITR_CONFIG: a file cannot be read,
 * others can read the key, or the two do not belong together; ITR_NOMEM. */
enum itr_status certificate_read(const char *cert_path, const char *key_path,
                                 struct certificate **out, struct itr_error *e);

struct certificate *certificate_retain(struct certificate *c);
void certificate_release(struct certificate *c); /* NULL is allowed */

#endif
