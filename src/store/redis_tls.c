#include "store/redis_tls.h"

#ifdef ITR_REDIS_TLS

#include <arpa/inet.h>
#include <errno.h>
#include <hiredis/hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

bool itr_redis_tls_is_here(void)
{
    return true;
}

void itr_redis_tls_prepare(void)
{
#ifdef OPENSSL_INIT_NO_ATEXIT
    (void)OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, NULL);
#else
    (void)OPENSSL_init_ssl(0, NULL);
#endif
}

/* Nothing of another connection of this thread may stand in its queue when we look for a reason. */
static const char *reason(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());

    return text != NULL ? text : "the connection broke";
}

static bool trust(SSL_CTX *ctx, const struct itr_redis_url *u)
{
    if (u->ca_file[0] == '\0')
        return SSL_CTX_set_default_verify_paths(ctx) == 1;
    return SSL_CTX_load_verify_locations(ctx, u->ca_file, NULL) == 1;
}

/* *what: why there is none. */
static SSL_CTX *make_context(const struct itr_redis_url *u, char *what, size_t size)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    if (ctx == NULL)
        return NULL;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    (void)SSL_CTX_set_mode(ctx, SSL_MODE_AUTO_RETRY);
    if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 && trust(ctx, u))
        return ctx;
    (void)snprintf(what, size, "the certificates to trust cannot be read: %.120s (%.60s)",
                   u->ca_file[0] != '\0' ? u->ca_file : "the system's", reason());
    SSL_CTX_free(ctx);
    return NULL;
}

/* Whose certificate it must be: an address by itself, a name also in the greeting (SNI), for a
 * server that has several. */
static bool expect_host(SSL *ssl, const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];

    if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

static void explain(const SSL *ssl, const struct itr_redis_url *u, int error, char *what,
                    size_t size)
{
    long verdict = SSL_get_verify_result(ssl);

    if (verdict != X509_V_OK)
        (void)snprintf(what, size, "its certificate proves nothing: %s",
                       X509_verify_cert_error_string(verdict));
    else if (error == EAGAIN || error == EWOULDBLOCK)
        (void)snprintf(what, size, "no TLS within %d ms", u->timeout_ms);
    else
        (void)snprintf(what, size, "it speaks no TLS with us: %.100s", reason());
}

enum itr_status itr_redis_tls_start(redisContext *c, const struct itr_redis_url *u, char *what,
                                    size_t size)
{
    SSL_CTX *ctx;
    SSL *ssl = NULL;

    what[0] = '\0';
    ERR_clear_error();
    if ((ctx = make_context(u, what, size)) == NULL)
        return what[0] != '\0' ? ITR_STORE : ITR_NOMEM;
    if ((ssl = SSL_new(ctx)) == NULL || !expect_host(ssl, u->host))
        goto err1;
    errno = 0;
    if (redisInitiateSSL(c, ssl) != REDIS_OK) {
        explain(ssl, u, errno, what, size);
        goto err1;
    }

    /* c now owns ssl, and that keeps ctx. */
    SSL_CTX_free(ctx);
    return ITR_OK;

err1:
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    return what[0] != '\0' ? ITR_STORE : ITR_NOMEM;
}

#else

bool itr_redis_tls_is_here(void)
{
    return false;
}

void itr_redis_tls_prepare(void)
{
}

enum itr_status itr_redis_tls_start(redisContext *c, const struct itr_redis_url *u, char *what,
                                    size_t size)
{
    (void)c, (void)u;
    if (size > 0)
        what[0] = '\0';
    return ITR_STORE;
}

#endif
