/*
 * tls_files: the certificate and key files, read into memory and wiped when freed. One owner.
 */
#ifndef ITRIGGERD_TLS_FILES_H
#define ITRIGGERD_TLS_FILES_H

#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/status.h"

struct tls_files {
    struct itr_buf cert, key; /* PEM */
};

/* Read the certificate and key files. ITR_CONFIG: one cannot be read, or others can read the
 * key. */
enum itr_status tls_files_read(struct tls_files *t, const char *cert, const char *key,
                               struct itr_error *e);
void tls_files_clear(struct tls_files *t);

/* Return when the certificate (the first of the chain) expires, in seconds since 1970; 0: it cannot
 * be parsed. */
int64_t tls_files_end(const struct tls_files *t);

#endif
