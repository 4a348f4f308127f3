/*
 * key: what a client shows to be let in. Only digests are kept; they are compared in a time that
 * does not depend on where they differ. Any thread.
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

/* Return whether this is the digest of an empty or one-byte key, with or without a line end: what a
 * shell recipe gives whose variable was empty. */
bool key_digest_is_trivial(const struct key_digest *digest);

/* 64 hex digits, in either case. False: they are not. */
bool key_digest_parse(const char *hex, struct key_digest *out);

bool key_digest_same(const struct key_digest *a, const struct key_digest *b);

/* A new key of 256 random bits, as hex. False: the system has no randomness. */
bool key_make(char out[KEY_TEXT_MAX]);

/* Printable ASCII without spaces: it becomes a header. */
bool key_is_clean(const char *key, size_t len);

#endif
