/*
 * redis_url: reads the address of a Redis store (docs/stores.md). Pure; any thread.
 *
 *   redis://[user:password@]host[:port][,host[:port]...][/db][?prefix=..&timeout_ms=..&insecure=1]
 *   redis+sentinel://[user:password@]host[:port][,...]/MASTER[/db]
 *                                   [?...&sentinel_user=..&sentinel_password=..]
 *   rediss://..., rediss+sentinel://...  the same over TLS, [?...&ca_file=..]
 *   redis+unix:/path[?db=..&user=..&password=..&prefix=..&timeout_ms=..]
 */
#ifndef ITR_STORE_REDIS_URL_H
#define ITR_STORE_REDIS_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/sha256.h"
#include "core/base/status.h"

#define ITR_REDIS_PART 256 /* bytes of each part with its NUL */
#define ITR_REDIS_HOSTS 8

/* A server. */
struct itr_redis_place {
    char host[ITR_REDIS_PART]; /* "" for the socket */
    int port;
};

struct itr_redis_login {
    bool has_password;
    char user[ITR_REDIS_PART]; /* "": the default user */
    char password[ITR_REDIS_PART];
};

struct itr_redis_url {
    bool is_tls;      /* rediss: */
    bool is_insecure; /* insecure=1 */
    bool is_sentinel; /* the hosts are Sentinels, which know the master's place */
    int db;
    int timeout_ms; /* of a connect, and of each answer */
    int n_hosts;    /* 0 for a socket */
    struct itr_redis_place hosts[ITR_REDIS_HOSTS];
    char master[ITR_REDIS_PART]; /* what the Sentinels call it */
    char path[ITR_REDIS_PART];   /* of the socket, or "" */
    struct itr_redis_login login;
    struct itr_redis_login sentinel_login;
    char prefix[ITR_REDIS_PART];  /* before each key */
    char ca_file[ITR_REDIS_PART]; /* of TLS; "": the system's roots */
};

/* Read an address. ITR_CONFIG: the text says which part is wrong, and never shows one that may be a
 * password; also if a host is another machine, the scheme does not encrypt, and insecure=1 is not
 * given. */
enum itr_status itr_redis_url_read(const char *address, struct itr_redis_url *u,
                                   struct itr_error *e);

/* Return whether u allows a connection to this host: TLS, insecure=1, a socket or loopback. */
bool itr_redis_url_allows(const struct itr_redis_url *u, const char *host);

/* Write "host:port", or "[host]:port" for an IPv6 address. */
#define ITR_REDIS_PLACE_TEXT (ITR_REDIS_PART + 10)
void itr_redis_place_text(const struct itr_redis_place *place, char *out, size_t size);

/* Write the address without users, passwords and what does not select the values; for errors. */
#define ITR_REDIS_ID 3072
void itr_redis_url_id(const struct itr_redis_url *u, char *out, size_t size);

/* Write the same and a digest of what decides whether and how the servers answer us (users,
 * passwords, ca_file, timeout_ms); for itr_store.id. Who corrects a password must not be given what
 * the wrong one opened, and one with a wrong password not the token of the right one. */
#define ITR_REDIS_IDENTITY (ITR_REDIS_ID + 2 * ITR_SHA256_LEN + 2)
void itr_redis_url_identity(const struct itr_redis_url *u, char *out, size_t size);

/* Overwrite the passwords. */
void itr_redis_url_wipe(struct itr_redis_url *u);

#endif
