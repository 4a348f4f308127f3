/*
 * redis_url: the address of a Redis store, taken apart (docs/stores.md). Pure; any thread.
 *
 *   redis://[user:password@]host[:port][/db][?prefix=..&timeout_ms=..&insecure=1]
 *   rediss://[user:password@]host[:port][/db][?prefix=..&timeout_ms=..&ca_file=..]
 *   redis+unix:/path[?db=..&user=..&password=..&prefix=..&timeout_ms=..]
 */
#ifndef ITR_STORE_REDIS_URL_H
#define ITR_STORE_REDIS_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/sha256.h"
#include "core/base/status.h"

#define ITR_REDIS_PART 256 /* bytes of each part with its NUL */

struct itr_redis_url {
    bool is_tls;      /* rediss: */
    bool is_insecure; /* insecure=1 */
    bool has_password;
    int port;
    int db;
    int timeout_ms;            /* of a connect, and of each command */
    char host[ITR_REDIS_PART]; /* "" for a socket */
    char path[ITR_REDIS_PART]; /* of the socket, or "" */
    char user[ITR_REDIS_PART]; /* "": the default user */
    char password[ITR_REDIS_PART];
    char prefix[ITR_REDIS_PART];  /* before each key */
    char ca_file[ITR_REDIS_PART]; /* of TLS; "": the system's roots */
};

/* Takes address apart. ITR_CONFIG: a text that says which part is wrong, and never shows one that
 * may be a password. Also when it is neither loopback nor TLS and insecure=1 is not said. */
enum itr_status itr_redis_url_read(const char *address, struct itr_redis_url *u,
                                   struct itr_error *e);
/* The address without user, password and what does not choose the values. */
#define ITR_REDIS_ID (3 * ITR_REDIS_PART)
void itr_redis_url_id(const struct itr_redis_url *u, char *out, size_t size);

/* For itr_store.id: the same, and a digest of what decides whether and how the server answers us
 * (user, password, ca_file, timeout_ms). One who mends a password must not be given what the wrong
 * one has opened, nor one with a wrong password the token of the right one. */
#define ITR_REDIS_IDENTITY (ITR_REDIS_ID + 2 * ITR_SHA256_LEN + 2)
void itr_redis_url_identity(const struct itr_redis_url *u, char *out, size_t size);

/* Overwrites the password. */
void itr_redis_url_wipe(struct itr_redis_url *u);

#endif
