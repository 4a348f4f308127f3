/*
 * tls_files: certificate and key as they are on the disk, in memory, wiped when freed. One owner.
 */
#ifndef ITRIGGERD_TLS_FILES_H
#define ITRIGGERD_TLS_FILES_H

#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/status.h"

struct tls_files {
    struct itr_buf cert, key; /* PEM */
};

/* ITR_CONFIG: cannot be read, or the key is readable by others. */
enum itr_status tls_files_read(struct tls_files *t, const char *cert, const char *key,
                               struct itr_error *e);
void tls_files_clear(struct tls_files *t);

/* Return when the certificate (the first of the chain) expires, in seconds since 1970; 0: it cannot
 * be read. */
int64_t tls_files_end(const struct tls_files *t);

#endif
