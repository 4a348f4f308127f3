#include "itriggerd/key.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "core/base/buf.h"
#include "core/base/hex.h"

#define RANDOM_BYTES 32

void key_digest_of(const char *key, size_t len, struct key_digest *out)
{
    struct itr_sha256 h;

    itr_sha256_init(&h);
    itr_sha256_update(&h, key, len);
    itr_sha256_final(&h, out->bytes);
}

bool key_digest_parse(const char *hex, struct key_digest *out)
{
    size_t i;

    if (strlen(hex) != sizeof out->bytes * 2)
        return false;
    for (i = 0; i < sizeof out->bytes; i++) {
        int high = itr_hex_value(hex[2 * i]), low = itr_hex_value(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out->bytes[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

bool key_digest_is_trivial(const struct key_digest *digest)
{
    static const char *const ends[] = {"", "\n", "\r\n"};
    struct key_digest trivial;
    char key[4];
    size_t i, n, len;
    int c;

    for (i = 0; i < sizeof ends / sizeof *ends; i++)
        for (c = 0; c < 256; c++)
            for (n = 0; n < 2; n++) {
                len = n + strlen(ends[i]);
                key[0] = (char)c;
                memcpy(key + n, ends[i], strlen(ends[i]));
                key_digest_of(key, len, &trivial);
                if (key_digest_same(&trivial, digest))
                    return true;
            }
    return false;
}

bool key_digest_same(const struct key_digest *a, const struct key_digest *b)
{
    unsigned char differ = 0;
    size_t i;

    for (i = 0; i < sizeof a->bytes; i++)
        differ = (unsigned char)(differ | (a->bytes[i] ^ b->bytes[i]));
    return differ == 0;
}

bool key_make(char out[KEY_TEXT_MAX])
{
    unsigned char bytes[RANDOM_BYTES];

    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return false;
    itr_hex_write(bytes, sizeof bytes, out);
    itr_wipe(bytes, sizeof bytes);
    return true;
}

bool key_is_clean(const char *key, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++)
        if (key[i] <= 0x20 || key[i] >= 0x7f)
            return false;
    return true;
}
