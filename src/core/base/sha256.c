#include "core/base/sha256.h"

#include <string.h>

#include "core/base/buf.h"
#include "core/base/hex.h"

#define BLOCK 64

/* FIPS 180-4, 4.2.2. */
static const uint32_t k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotr(uint32_t x, unsigned n)
{
    return (x >> n) | (x << (32 - n));
}

static uint32_t load_be32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void store_be32(unsigned char *p, uint32_t x)
{
    p[0] = (unsigned char)(x >> 24);
    p[1] = (unsigned char)(x >> 16);
    p[2] = (unsigned char)(x >> 8);
    p[3] = (unsigned char)x;
}

/* FIPS 180-4, 6.2.2, step 1: the message schedule. */
static void expand(uint32_t w[64], const unsigned char block[BLOCK])
{
    uint32_t s0, s1;
    int t;

    for (t = 0; t < 16; t++)
        w[t] = load_be32(block + 4 * t);
    for (t = 16; t < 64; t++) {
        s0 = rotr(w[t - 15], 7) ^ rotr(w[t - 15], 18) ^ (w[t - 15] >> 3);
        s1 = rotr(w[t - 2], 17) ^ rotr(w[t - 2], 19) ^ (w[t - 2] >> 10);
        w[t] = w[t - 16] + s0 + w[t - 7] + s1;
    }
}

/* Step 3, one round; v is a..h. */
static void mix(uint32_t v[8], uint32_t wk)
{
    uint32_t s1 = rotr(v[4], 6) ^ rotr(v[4], 11) ^ rotr(v[4], 25);
    uint32_t ch = (v[4] & v[5]) ^ (~v[4] & v[6]);
    uint32_t t1 = v[7] + s1 + ch + wk;
    uint32_t s0 = rotr(v[0], 2) ^ rotr(v[0], 13) ^ rotr(v[0], 22);
    uint32_t maj = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);

    memmove(v + 1, v, 7 * sizeof *v);
    v[4] += t1;
    v[0] = t1 + s0 + maj;
}

static void absorb(uint32_t state[8], const unsigned char block[BLOCK])
{
    uint32_t w[64], v[8];
    int t;

    expand(w, block);
    memcpy(v, state, sizeof v);
    for (t = 0; t < 64; t++)
        mix(v, w[t] + k[t]);
    for (t = 0; t < 8; t++)
        state[t] += v[t];

    /* What is hashed here may be an app secret or a token. */
    itr_wipe(w, sizeof w);
    itr_wipe(v, sizeof v);
}

void itr_sha256_init(struct itr_sha256 *h)
{
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

    memcpy(h->state, start, sizeof start);
    h->bytes = 0;
}

void itr_sha256_update(struct itr_sha256 *h, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    size_t used = (size_t)(h->bytes % BLOCK);
    size_t part;

    h->bytes += n;
    while (n > 0) {
        part = n < BLOCK - used ? n : BLOCK - used;
        memcpy(h->block + used, p, part);
        used += part;
        p += part;
        n -= part;
        if (used == BLOCK) {
            absorb(h->state, h->block);
            used = 0;
        }
    }
}

void itr_sha256_final(struct itr_sha256 *h, unsigned char digest[ITR_SHA256_LEN])
{
    static const unsigned char padding[BLOCK] = {0x80};
    uint64_t bits = h->bytes * 8;
    size_t used = (size_t)(h->bytes % BLOCK);
    unsigned char length[8];
    int i;

    /* FIPS 180-4, 5.1.1: a 1 bit, zeros, and the length in bits fill the last block. */
    store_be32(length, (uint32_t)(bits >> 32));
    store_be32(length + 4, (uint32_t)bits);
    itr_sha256_update(h, padding, used < BLOCK - 8 ? BLOCK - 8 - used : 2 * BLOCK - 8 - used);
    itr_sha256_update(h, length, sizeof length);

    for (i = 0; i < 8; i++)
        store_be32(digest + 4 * i, h->state[i]);
    itr_wipe(h, sizeof *h);
}

void itr_sha256_hex(const void *bytes, size_t n, char *out, size_t digits)
{
    unsigned char digest[ITR_SHA256_LEN];
    struct itr_sha256 h;

    itr_sha256_init(&h);
    itr_sha256_update(&h, bytes, n);
    itr_sha256_final(&h, digest);
    itr_hex_write(digest, digits / 2 < sizeof digest ? digits / 2 : sizeof digest, out);
    itr_wipe(digest, sizeof digest);
}
