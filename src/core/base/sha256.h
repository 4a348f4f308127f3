/*
 * sha256: FIPS 180-4, for key names, short ids and digests of secrets. Not for passwords.
 * Pure; any thread.
 */
#ifndef ITR_CORE_BASE_SHA256_H
#define ITR_CORE_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define ITR_SHA256_LEN 32

struct itr_sha256 {
    uint32_t state[8];
    uint64_t bytes;
    unsigned char block[64];
};

void itr_sha256_init(struct itr_sha256 *h);
void itr_sha256_update(struct itr_sha256 *h, const void *bytes, size_t n);
/* Write the digest and wipe h. */
void itr_sha256_final(struct itr_sha256 *h, unsigned char digest[ITR_SHA256_LEN]);

/* Write the first `digits` (even, at most 64) lower-case hex digits of the digest of n bytes, and a
 * NUL: out has digits + 1 bytes. */
void itr_sha256_hex(const void *bytes, size_t n, char *out, size_t digits);

#endif
