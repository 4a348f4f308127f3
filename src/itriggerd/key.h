/*
 * key: a client's key, by which the daemon recognises it. Only digests are stored; comparing two
 * takes the same time wherever they differ. Any thread.
 */
#ifndef ITRIGGERD_KEY_H
#define ITRIGGERD_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/sha256.h"

#define KEY_MIN 16      /* bytes; a shorter one never matches */
#define KEY_TEXT_MAX 65 /* of one that we make, with its NUL */

struct key_digest {
    unsigned char bytes[ITR_SHA256_LEN];
};

void key_digest_of(const char *key, size_t len, struct key_digest *out);

/* Return whether this is the digest of an empty or one-byte key, with or without a line end: the
 * result of a shell recipe with an empty variable. */
bool key_digest_is_trivial(const struct key_digest *digest);

/* Parse a digest of 64 hex digits, in either case. False: the text is not one. */
bool key_digest_parse(const char *hex, struct key_digest *out);

bool key_digest_same(const struct key_digest *a, const struct key_digest *b);

/* Make a new key of 256 random bits, as hex. False: the system returned no random bytes. */
bool key_make(char out[KEY_TEXT_MAX]);

/* Return whether the key is printable ASCII without spaces, so that it can be sent in a header. */
bool key_is_clean(const char *key, size_t len);

#endif
